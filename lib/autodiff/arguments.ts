/** The arguments of a differentiated function: which leaves of which trees, under which names. */
import { defaultFloat, type DType, isFloat, type TypedArray } from "../trace/dtype.ts";
import { GradientError } from "../trace/errors.ts";
import { checkNotAsync } from "../trace/ops/options.ts";
import { functionName, parameterName } from "../trace/parameter_names.ts";
import { type Aval, describe, sameAval } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { toTensor } from "../trace/ops/convert.ts";
import type { TracedFunction } from "../trace/trace.ts";
import { flatten, leafPaths, type TreeSpec, unflatten } from "../trace/tree.ts";
import type { AnyFunction } from "./types.ts";

/** A leaf of a differentiated argument. A Shared is handed to the function as it is, and read there. */
export interface Leaf {
  readonly path: string;
  readonly source: Tensor | Shared;
  readonly aval: Aval;
}

export interface Differentiated {
  readonly leaves: readonly Leaf[];
  /** The leaves that become inputs of the trace: all but the Shared. */
  readonly tensors: readonly Tensor[];
  readonly names: readonly string[];
  /** The arguments with the leaves replaced by traced tensors. */
  rebuild(inputs: readonly Tensor[]): unknown[];
  /** The structure of each chosen argument. */
  readonly specs: readonly TreeSpec[];
  /** One value per leaf as one tree per chosen argument. */
  mirror(values: readonly unknown[]): unknown[];
}

type RawLeaf = Tensor | Shared | number | TypedArray;

function isRawLeaf(value: unknown): value is RawLeaf {
  return value instanceof Tensor || value instanceof Shared || typeof value === "number" ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** A number of the user's, also a traced one, as a tensor of the default float; everything else as toTensor has it. */
export function floatTensor(value: RawLeaf): Tensor {
  if (typeof value === "number") return Tensor.literal(value, defaultFloat());
  const tensor = value instanceof Tensor ? value : toTensor(value);
  return tensor.aval.weak ? tensor.convertWeak(defaultFloat()) : tensor;
}

/** Takes the arguments at `positions` apart; `context` begins every error, for example `grad of loss`. */
export function differentiate(
  fn: AnyFunction,
  args: readonly unknown[],
  positions: readonly number[],
  context: string,
  check: (path: string, aval: Aval) => void = (path, aval) => checkFloat(path, aval, context),
): Differentiated {
  const leaves: Leaf[] = [];
  const specs: TreeSpec[] = [];
  for (const position of positions) {
    const name = parameterName(fn, position);
    const { leaves: raw, spec } = flatten(args[position], isRawLeaf);
    if (raw.length === 0) throw noTensors(fn, args, position, context);
    const paths = leafPaths(spec, name);
    raw.forEach((value, i) => {
      const source = value instanceof Shared ? value : floatTensor(value);
      const aval = source instanceof Shared ? { shape: source.shape, dtype: source.dtype } : source.aval;
      check(paths[i], aval);
      leaves.push({ path: paths[i], source, aval });
    });
    specs.push(spec);
  }
  const tensorLeaves = leaves.filter((leaf) => leaf.source instanceof Tensor);
  return {
    leaves,
    tensors: tensorLeaves.map((leaf) => leaf.source as Tensor),
    names: tensorLeaves.map((leaf) => leaf.path),
    rebuild(inputs) {
      let next = 0;
      const values = leaves.map(({ source }) => source instanceof Shared ? source : inputs[next++]);
      const full = [...args];
      placeTrees(specs, values).forEach((tree, i) => full[positions[i]] = tree);
      return full;
    },
    specs,
    mirror: (values) => placeTrees(specs, values),
  };
}

/** The leaf values of `tree`, which must have the structure `spec`; undefined and null count as leaves. */
export function matchLeaves(spec: TreeSpec, tree: unknown, path: string, context: string): MatchedLeaf[] {
  if (spec.kind === "static") return [];
  if (spec.kind === "leaf") return [{ path, value: tree }];
  const isArray = spec.kind === "array";
  const fits = isArray
    ? Array.isArray(tree) && tree.length === spec.children.length
    : typeof tree === "object" && tree !== null && !(tree instanceof Tensor) && !Array.isArray(tree);
  if (!fits) {
    const wanted = isArray ? `an array of ${spec.children.length}` : `an object with ${spec.keys.join(", ")}`;
    throw new GradientError(`${context}: ${path} must be ${wanted}, got ${describeTree(tree)}.`, {
      operation: context,
      arguments: [{ name: path, value: tree }],
      remedy: "It must have the structure of what it belongs to.",
    });
  }
  if (!isArray) checkKeys(spec.keys, spec.children, tree as object, path, context);
  return spec.children.flatMap((child, i) => {
    const key = isArray ? i : spec.keys[i];
    const name = isArray ? `${path}[${i}]` : `${path}.${key}`;
    return matchLeaves(child, (tree as Readonly<Record<string | number, unknown>>)[key], name, context);
  });
}

/** A forgotten or misspelt key is no zero: that is written as null. */
function checkKeys(
  keys: readonly string[],
  children: readonly TreeSpec[],
  tree: object,
  path: string,
  context: string,
): void {
  const unknown = Object.keys(tree).find((key) => !keys.includes(key));
  const missing = keys.find((key, i) => children[i].kind !== "static" && !(key in tree));
  if (unknown === undefined && missing === undefined) return;
  throw new GradientError(
    unknown !== undefined
      ? `${context}: ${path} has ${JSON.stringify(unknown)}, and what it belongs to has not.`
      : `${context}: ${path} has no ${JSON.stringify(missing)}.`,
    {
      operation: context,
      arguments: [{ name: path, value: Object.keys(tree) }],
      remedy: "It must have the structure of what it belongs to; null stands for zero.",
    },
  );
}

export interface MatchedLeaf {
  readonly path: string;
  readonly value: unknown;
}

/** A tangent or cotangent that a user gave for a value of type `aval`; null is zero. */
export function directionFor(
  { path, value }: MatchedLeaf,
  aval: Aval,
  what: string,
  context: string,
): Tensor | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") {
    if (!isFloat(aval.dtype)) return null;
    if (aval.shape.length === 0) return Tensor.literal(value, aval.dtype);
  }
  if (isRawLeaf(value)) {
    const tensor = floatTensor(value instanceof Shared ? value.value : value);
    if (sameAval(tensor.aval, aval)) return isFloat(aval.dtype) ? tensor : null;
    throw new GradientError(
      `${context}: ${path} is ${describe(tensor.aval)}, and the ${what} it belongs to is ${describe(aval)}.`,
      {
        operation: context,
        arguments: [{ name: path, shape: tensor.shape, dtype: tensor.dtype }],
        remedy: `Give it the shape and dtype of the ${what}.`,
      },
    );
  }
  throw new GradientError(
    `${context}: ${path} must be a tensor ${describe(aval)}, got ${describeTree(value)}.`,
    {
      operation: context,
      arguments: [{ name: path, value }],
      remedy: `Give it the structure of the ${what}.`,
    },
  );
}

function describeTree(value: unknown): string {
  if (value instanceof Tensor) return `a tensor ${describe(value.aval)}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function placeTrees(specs: readonly TreeSpec[], values: readonly unknown[]): unknown[] {
  const tree = unflatten({ kind: "array", children: specs }, values);
  return tree as unknown[];
}

export function checkFloat(path: string, { shape, dtype }: Aval, context: string): void {
  if (isFloat(dtype)) return;
  const remedy =
    `Write ${path}.cast("${defaultFloat()}") before the call, or differentiate with respect to ` +
    "other arguments.";
  throw new GradientError(
    `${context}: ${path} is ${describe({ shape, dtype })}, and derivatives exist for floats only.`,
    { operation: context, arguments: [{ name: path, shape, dtype }], remedy },
  );
}

function noTensors(
  fn: AnyFunction,
  args: readonly unknown[],
  position: number,
  context: string,
): GradientError {
  const name = parameterName(fn, position);
  const missing = position >= args.length;
  return new GradientError(
    missing
      ? `${context}: argument ${position} (${name}) was not given; ${
        functionName(fn)
      } was called with ${args.length}.`
      : `${context}: argument ${position} (${name}) holds no tensor.`,
    {
      operation: context,
      arguments: [{ name, value: args[position] }],
      remedy:
        "A differentiated argument is a tensor, a Shared, a number, or arrays and plain objects of them; " +
        "{ argnums } chooses which arguments these are.",
    },
  );
}

/** Where the leaves are among the inputs of a traced function; -1 for a Shared that it never read. */
export function leafPositions(leaves: readonly Leaf[], traced: TracedFunction): number[] {
  let next = 0;
  const start = traced.inputCount + traced.captured.length;
  const reads = new Map(traced.reads.map((shared, i) => [shared, start + i]));
  return leaves.map(({ source }) => source instanceof Tensor ? next++ : reads.get(source) ?? -1);
}

/** The distinct places, and for each leaf which of them is its own, or -1. */
export function distinctPlaces(places: readonly number[]): { active: number[]; slots: number[] } {
  const active = [...new Set(places.filter((place) => place >= 0))];
  const slotOf = new Map(active.map((place, slot) => [place, slot]));
  return { active, slots: places.map((place) => slotOf.get(place) ?? -1) };
}

/** What a function returned, as tensors and the structure around them; numbers and the like stay in the structure. */
export function flattenResult(result: unknown): { tensors: Tensor[]; spec: TreeSpec } {
  const isLeaf = (value: unknown): value is Tensor | Shared =>
    value instanceof Tensor || value instanceof Shared;
  checkNotAsync("The function", result);
  const { leaves, spec } = flatten(result, isLeaf);
  const tensors = leaves.map((leaf) => {
    const tensor = leaf instanceof Shared ? leaf.value : leaf;
    return tensor.aval.weak ? tensor.convertWeak(weakDType(tensor)) : tensor;
  });
  return { tensors, spec };
}

function weakDType(tensor: Tensor): DType {
  return isFloat(tensor.aval.dtype) ? defaultFloat() : tensor.aval.dtype;
}
