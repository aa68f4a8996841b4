/** vmap: a function of single examples applied to batches. */
import type { TypedArray } from "../trace/dtype.ts";
import { ShapeError } from "../trace/errors.ts";
import { checkFunction, checkOptions } from "../trace/ops/options.ts";
import { adoptNames, functionName, parameterName } from "../trace/parameter_names.ts";
import { transposeTo } from "../trace/primitives/move.ts";
import { broadcastFront } from "../trace/primitives/zeros.ts";
import { describe, normalizeAxis } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { capturedInputs, traceFunction } from "../trace/trace.ts";
import { countLeaves, flatten, leafPaths, type TreeSpec, unflatten } from "../trace/tree.ts";
import { toTensor } from "../trace/ops/convert.ts";
import { flattenResult } from "./arguments.ts";
import { batchGraph } from "./batch_graph.ts";
import { recorded } from "./replay.ts";
import type { AnyArguments, AnyFunction, ArgumentTrees } from "./types.ts";

/** An axis, or null for what is the same for all examples; trees give axes to the parts of a tree. */
export type Axes = number | null | undefined | readonly Axes[] | { readonly [key: string]: Axes };

/** Options of {@link vmap}. */
export interface VmapOptions {
  /**
   * The batch axis of each argument: one number for all of them (0 when absent), or an array with one entry per
   * argument: a number, null for an argument that is not batched, or a tree of these like the argument.
   */
  readonly inAxes?: number | readonly Axes[];
  /** Where the batch axis goes in the result: a number, or a tree of numbers like the result. 0 when absent. */
  readonly outAxes?: Axes;
}

/**
 * Turns a function of one example into a function of a batch, by vectorising every operation; nothing loops. What
 * does not depend on the batch is computed once. JS numbers and other plain arguments are the same for all examples.
 * Random numbers drawn from a key that is not batched are the same for all examples: split the key and map over the
 * keys. `print` shows the whole batch. Assigning a Shared inside is an error: its value would depend on the example.
 *
 * @throws {ShapeError} when the batch sizes disagree, an axis is out of range or nothing is batched.
 * @example
 * ```ts
 * import { tensor, vmap } from "@damo/damo";
 * const norms = vmap((row) => row.mul(row).sum());
 * console.assert(String(norms(tensor([[1, 2], [3, 4]])).arraySync()) === "5,25");
 * ```
 */
export function vmap<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  options: VmapOptions = {},
): (...args: ArgumentTrees<A>) => R {
  checkFunction("vmap", fn);
  const name = functionName(fn);
  checkOptions(`vmap of ${name}`, options, ["inAxes", "outAxes"]);
  const mapped = (...args: ArgumentTrees<A>): R => mapOver(fn, args, options, `vmap of ${name}`, name) as R;
  return adoptNames(mapped, fn, "vmap");
}

interface BatchedLeaf {
  readonly tensor: Tensor;
  readonly axis: number | null;
  readonly path: string;
}

function mapOver(
  fn: AnyFunction,
  args: readonly unknown[],
  options: VmapOptions,
  context: string,
  name: string,
): unknown {
  const { leaves, rebuild } = splitBatch(fn, args, options.inAxes, context);
  const size = batchSize(leaves, context);
  let spec: TreeSpec | undefined;
  let outAxes: (number | null)[] = [];
  const results = recorded(context, leaves.map((leaf) => leaf.tensor), (inputs) => {
    const fronted = inputs.map((input, i) => moveAxis(input, leaves[i].axis, 0));
    const avals = fronted.map(({ aval }, i) =>
      leaves[i].axis === null ? aval : { shape: aval.shape.slice(1), dtype: aval.dtype }
    );
    const traced = traceFunction(
      (own) => {
        const flat = flattenResult(fn(...rebuild(own)));
        spec = flat.spec;
        return flat.tensors;
      },
      avals,
      { name, inputNames: leaves.map((leaf) => leaf.path) },
    );
    if (traced.writes.length > 0) throw sharedWrite(traced.writes[0], context);
    outAxes = axesOfTree(options.outAxes === undefined ? 0 : options.outAxes, spec!, "outAxes", context);
    const captured = capturedInputs(traced);
    const mask = [...leaves.map((leaf) => leaf.axis !== null), ...captured.map(() => false)];
    const { outputs, batched } = batchGraph(traced.graph, [...fronted, ...captured], mask, size);
    return outputs.map((output, i) => {
      const axis = outAxes[i];
      if (axis === null) {
        if (!batched[i]) return output;
        throw new ShapeError(
          `${context}: result ${i} depends on the example, and its entry in outAxes is null.`,
          {
            operation: context,
            remedy:
              "Give it an axis, or reduce it inside the function to something that is the same for all.",
          },
        );
      }
      const full = batched[i] ? output : broadcastFront(output, size);
      return moveAxis(full, 0, normalizeAxis(context, axis, full.aval, "outAxes"));
    });
  });
  return unflatten(spec!, results);
}

function splitBatch(
  fn: AnyFunction,
  args: readonly unknown[],
  inAxes: VmapOptions["inAxes"],
  context: string,
): { leaves: BatchedLeaf[]; rebuild(inputs: readonly Tensor[]): unknown[] } {
  if (Array.isArray(inAxes) && inAxes.length !== args.length) {
    throw new ShapeError(`${context}: inAxes has ${inAxes.length} entries for ${args.length} arguments.`, {
      operation: context,
      remedy: "Give one entry per argument, or one number for all of them.",
    });
  }
  const isLeaf = (value: unknown): value is Tensor | Shared | TypedArray =>
    value instanceof Tensor || value instanceof Shared ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView));
  const leaves: BatchedLeaf[] = [];
  const specs = args.map((arg, i) => {
    const { leaves: raw, spec } = flatten(arg, isLeaf);
    const axes = axesOfTree(Array.isArray(inAxes) ? inAxes[i] : inAxes ?? 0, spec, `inAxes[${i}]`, context);
    const paths = leafPaths(spec, parameterName(fn, i));
    raw.forEach((leaf, k) => {
      const tensor = leaf instanceof Shared ? leaf.value : leaf instanceof Tensor ? leaf : toTensor(leaf);
      // A traced JS number is a scalar: the same for all examples unless the user says otherwise.
      const axis = tensor.aval.weak ? null : axes[k];
      leaves.push({
        tensor,
        path: paths[k],
        axis: axis === null ? null : batchAxis(axis, tensor, paths[k], context),
      });
    });
    return spec;
  });
  return {
    leaves,
    rebuild: (inputs) => unflatten({ kind: "array", children: specs }, inputs) as unknown[],
  };
}

function batchAxis(axis: number, tensor: Tensor, path: string, context: string): number {
  if (tensor.ndim > 0) return normalizeAxis(context, axis, tensor.aval, `axis of ${path}`);
  throw new ShapeError(
    `${context}: ${path} is a scalar ${describe(tensor.aval)} and has no axis ${axis} to map over.`,
    {
      operation: context,
      arguments: [{ name: path, shape: tensor.shape, dtype: tensor.dtype }],
      remedy: "Give it null in inAxes: then it is the same for all examples.",
    },
  );
}

/** One axis per leaf; a number or null counts for a whole subtree. */
function axesOfTree(axes: Axes, spec: TreeSpec, where: string, context: string): (number | null)[] {
  if (axes === null || axes === undefined || typeof axes === "number") {
    return new Array<number | null>(countLeaves(spec)).fill(axes ?? null);
  }
  const keys = spec.kind === "object" ? spec.keys : null;
  const isArray = Array.isArray(axes);
  if (
    (spec.kind !== "array" && spec.kind !== "object") || isArray !== (spec.kind === "array") ||
    (isArray && axes.length !== spec.children.length)
  ) {
    throw new ShapeError(`${context}: ${where} does not have the structure of what it describes.`, {
      operation: context,
      remedy: "Write a number or null in the place of a tensor or of a whole tree.",
    });
  }
  return spec.children.flatMap((child, i) => {
    const key = keys ? keys[i] : i;
    const own = (axes as Readonly<Record<string | number, Axes>>)[key];
    return axesOfTree(own, child, keys ? `${where}.${key}` : `${where}[${key}]`, context);
  });
}

function batchSize(leaves: readonly BatchedLeaf[], context: string): number {
  const mapped = leaves.filter((leaf) => leaf.axis !== null);
  if (mapped.length === 0) {
    throw new ShapeError(`${context}: no argument is batched.`, {
      operation: context,
      remedy: "Pass a tensor to map over, or give one of them an axis in inAxes.",
    });
  }
  const sizeOf = ({ tensor, axis }: BatchedLeaf) => tensor.shape[axis!];
  const size = sizeOf(mapped[0]);
  const other = mapped.find((leaf) => sizeOf(leaf) !== size);
  if (!other) return size;
  const show = (leaf: BatchedLeaf) =>
    `${leaf.path} ${describe(leaf.tensor.aval)} has ${sizeOf(leaf)} along axis ${leaf.axis}`;
  throw new ShapeError(`${context}: batch sizes disagree: ${show(mapped[0])}, ${show(other)}.`, {
    operation: context,
    arguments: mapped.map(({ path, tensor }) => ({ name: path, shape: tensor.shape, dtype: tensor.dtype })),
    remedy: "All mapped axes must have one size; give null in inAxes to what is not batched.",
  });
}

function sharedWrite(shared: Shared, context: string): ShapeError {
  return new ShapeError(
    `${context}: shared variable "${shared.name}" is assigned inside the mapped function.`,
    {
      operation: context,
      arguments: [{ name: shared.name, shape: shared.shape, dtype: shared.dtype }],
      remedy:
        "Its new value would differ for each example: return it, reduce it outside, and assign it there.",
    },
  );
}

/** The axis `from` moved to position `to`, the others in order; null leaves everything in place. */
export function moveAxis(x: Tensor, from: number | null, to: number): Tensor {
  if (from === null || from === to) return x;
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transposeTo(x, order);
}
