/** importFunction: a compiled function from bytes. */
import { customJvp } from "../autodiff/custom_jvp.ts";
import type { RunInput } from "../jit/backend.ts";
import { backendFor, defaultDevice, withDevice } from "../jit/devices.ts";
import { Entry } from "../jit/entry.ts";
import { prepareNamed } from "../jit/prepare.ts";
import {
  type Arguments,
  argumentsKey,
  buildGuards,
  describeSignature,
  firstChange,
  flattenArguments,
  signatureParts,
} from "../jit/signature.ts";
import type { TypedArray } from "../trace/dtype.ts";
import { DamoError, DTypeError, GradientError, ShapeError } from "../trace/errors.ts";
import { toTensor, upload } from "../trace/ops/convert.ts";
import { type Aval, describe, sameAval, sameShape } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import {
  commitWrites,
  currentTrace,
  evaluateGraph,
  type TracedFunction,
  withoutTrace,
} from "../trace/trace.ts";
import { leafPaths, unflatten } from "../trace/tree.ts";
import { type FileArray, givenBytes, type NamedArrays } from "./file_array.ts";
import { readFunctionFile } from "./function_file.ts";
import { type FunctionDescription, readHeader } from "./function_header.ts";

/** A function that {@link importFunction} gave. */
export type ImportedFunction<F> = F & {
  /** The arguments it takes, in words. */
  readonly signature: string;
  /** Its own shared variables. */
  readonly state: readonly Shared[];
};

/**
 * A function from the bytes of {@link exportFunction}, with state of its own. It takes arguments of the structure, shapes
 * and dtypes it was exported for, and is compiled at its first call. Inside a trace it is inlined, so that it can be
 * differentiated and vectorised, unless it holds operations with derivative rules of the user's own, which are not in
 * the file. The bytes may come from anywhere: they are checked completely, and can hold no code.
 *
 * @param bytes What {@link exportFunction} gave.
 * @returns The function; its parameter types are those you claim.
 * @throws {FormatError} if the bytes are no exported function, damaged, truncated, hostile, or of another version.
 * @example
 * ```ts
 * import { exportFunction, importFunction, type Tensor, tensor } from "@damo/damo";
 * const bytes = exportFunction((x: Tensor, k: number) => x.mul(k).sum(), tensor([0, 0]), 1);
 * const f = importFunction<(x: Tensor, k: number) => Tensor>(bytes);
 * console.assert(f(tensor([1, 2]), 3).itemSync() === 9 && f.signature === "x: float32[2], k: number");
 * ```
 */
// deno-lint-ignore no-explicit-any -- as with JSON.parse, only the bytes know the types
export function importFunction<F extends (...args: never[]) => unknown = (...args: any[]) => any>(
  bytes: Uint8Array | ArrayBuffer,
): ImportedFunction<F> {
  const file = readFunctionFile(givenBytes("importFunction", bytes));
  const description = readHeader(file.header, file.arrays);
  const imported = withoutTrace(() => new Imported(description, file.arrays, defaultDevice()));
  const call = (...args: unknown[]): unknown => imported.call(args);
  Object.defineProperties(call, {
    name: { value: description.name, configurable: true },
    length: { value: description.arguments.length, configurable: true },
    signature: { value: imported.signature },
    state: { value: imported.state },
  });
  return call as unknown as ImportedFunction<F>;
}

class Imported {
  readonly state: readonly Shared[];
  readonly signature: string;
  readonly #description: FunctionDescription;
  readonly #entry: Entry;
  readonly #arguments: Arguments;
  readonly #device: Device;

  constructor(description: FunctionDescription, arrays: NamedArrays, device: Device) {
    const { graph, captured, reads, writes, leaves, result } = description;
    this.#description = description;
    this.#device = device;
    this.state = description.state.map((name, i) => new Shared(load(arrays.get(`state.${i}`)!), name));
    const traced: TracedFunction = {
      graph,
      captured: Array.from({ length: captured }, (_, i) => load(arrays.get(`captured.${i}`)!)),
      reads: reads.map((i) => this.state[i]),
      writes: writes.map((i) => this.state[i]),
      inputCount: leaves.length,
      outputCount: graph.outputs.length - writes.length,
    };
    this.#arguments = argumentsOf(description);
    const { paths } = this.#arguments;
    const integral = leaves.map((leaf) => leaf.kind === "number" ? leaf.integral : null);
    // The file does not say what its numbers met: one that does not fit becomes the nearest that does.
    const unlimited = leaves.map(() => null);
    const parts = signatureParts(
      this.#arguments,
      description.arguments.map(({ name }) => name),
      integral,
    );
    this.signature = describeSignature(parts);
    this.#entry = new Entry({
      name: description.name,
      traced,
      result,
      guards: buildGuards(this.#arguments, integral, unlimited),
      parts,
      conditions: new Map(),
      integral,
      limits: unlimited,
      scalars: leaves.flatMap(({ kind }, i) => kind === "number" ? [i] : []),
      donated: description.donated,
      inputNames: paths.map((path) => `argument ${path}`),
      updates: true,
      deviceFixed: true,
      profile: null,
      passes: "all",
      exclude: [],
    }, backendFor(device));
  }

  call(args: readonly unknown[]): unknown {
    if (currentTrace() !== null) return this.#inline(args);
    return this.#entry.run(this.#entry.match(args) ?? this.#inputs(args));
  }

  /** The slow way to the inputs of a call: literals and typed arrays get buffers, and what does not fit is named. */
  #inputs(args: readonly unknown[]): RunInput[] {
    const options = { name: this.#description.name, static: this.#statics, device: this.#device };
    const { flat } = prepareNamed(this.#namesOf(args), args, options);
    const integral = this.#entry.call.integral;
    const fits = argumentsKey(flat, this.#device) === argumentsKey(this.#arguments, this.#device) &&
      flat.leaves.every((leaf, i) => integral[i] === null || Number.isInteger(leaf) === integral[i]);
    if (!fits) throw this.#mismatch(flat);
    return flat.leaves.map((leaf) => typeof leaf === "number" ? leaf : leaf.storage());
  }

  get #statics(): number[] {
    return this.#arguments.specs.flatMap((spec, i) => spec.kind === "static" ? [i] : []);
  }

  #namesOf(args: readonly unknown[]): string[] {
    return args.map((_, i) => this.#description.arguments[i]?.name ?? `args[${i}]`);
  }

  #mismatch(flat: Arguments): DamoError {
    const integral = this.#entry.call.integral;
    const watched = flat.leaves.map((leaf, i) =>
      typeof leaf === "number" && typeof integral[i] === "boolean" ? Number.isInteger(leaf) : null
    );
    const given = signatureParts(flat, this.#namesOf(flat.specs), watched);
    const change = firstChange(this.#entry.call.parts, given);
    const difference = change ? `${change.path} is ${change.after} instead of ${change.before}` : null;
    const classes = flat.leaves.map((leaf, i) => classOf(leaf, this.#arguments.leaves[i]));
    return this.#refusal(difference, classes.find((Kind) => Kind !== DamoError));
  }

  #refusal(difference: string | null, Kind: typeof DamoError = DamoError): DamoError {
    const { name } = this.#description;
    const exported = `${name} was exported for (${this.signature})`;
    return new Kind(difference === null ? `${exported}.` : `${exported}, and ${difference}.`, {
      operation: name,
      remedy: "Export the function once for each signature it is needed for.",
    });
  }

  #inline(args: readonly unknown[]): unknown {
    const upload = (data: TypedArray) => withDevice(this.#device, () => toTensor(data));
    const flat = flattenArguments(args.map(withoutShared), this.#namesOf(args), this.#statics, upload);
    const structure = (specs: Arguments) => argumentsKey({ ...specs, leaves: [] }, this.#device);
    if (structure(flat) !== structure(this.#arguments)) throw this.#mismatch(flat);
    const inputs = flat.leaves.map((leaf, i) => this.#inlineLeaf(leaf, i, flat.paths[i]));
    const { traced } = this.#entry.call;
    const run = (...given: Tensor[]): Tensor[] => [
      ...evaluateGraph(traced.graph, [
        ...given,
        ...traced.captured,
        ...traced.reads.map(({ value }) => value),
      ]),
    ];
    const outputs = this.#description.ownRules ? this.#withoutDerivative(run)(...inputs) : run(...inputs);
    return unflatten(this.#description.result, commitWrites(traced, outputs));
  }

  /** The tensor that enters the graph of an enclosing trace for a leaf. */
  #inlineLeaf(leaf: Tensor | number, i: number, path: string): Tensor {
    const { aval } = this.#entry.graph.inputs[i];
    const integral = this.#entry.call.integral[i];
    if (aval.weak) {
      const integer = typeof leaf === "number" ? Number.isInteger(leaf) : leaf.origin?.integral;
      const known = integral === null || integral === integer;
      if (known && typeof leaf === "number") return Tensor.literal(leaf, aval.dtype, true);
      if (known && typeof leaf !== "number" && leaf.aval.weak) {
        if (integral !== null) leaf.origin?.observe();
        return leaf;
      }
    } else if (typeof leaf !== "number" && !leaf.aval.weak && sameAval(leaf.aval, aval)) return leaf;
    const wanted = !aval.weak
      ? describe(aval)
      : integral === null
      ? "a number"
      : integral
      ? "an integral number"
      : "a fractional number";
    throw this.#refusal(
      `${path} is ${typeof leaf === "number" ? "a number" : describe(leaf.aval)} instead of ${wanted}`,
      typeof leaf === "number" || aval.weak ? DamoError : errorClass(leaf.aval, aval),
    );
  }

  /** A function with derivative rules of its own, which stayed in the program that exported it. */
  #withoutDerivative(run: (...inputs: Tensor[]) => Tensor[]): (...inputs: Tensor[]) => Tensor[] {
    const { name } = this.#description;
    return customJvp(run, () => {
      throw new GradientError(`The imported function ${name} has no derivative.`, {
        operation: name,
        remedy: "It has derivative rules of its own, which no file holds: differentiate before the export.",
      });
    });
  }
}

function load({ data, dtype, shape }: FileArray): Tensor {
  return upload(data, dtype, shape);
}

/** The arguments that a file describes, without values. */
function argumentsOf(description: FunctionDescription): Arguments {
  const paths: string[] = [];
  const positions: number[] = [];
  description.arguments.forEach(({ name, spec }, i) => {
    for (const path of leafPaths(spec, name)) {
      paths.push(path);
      positions.push(i);
    }
  });
  return {
    specs: description.arguments.map(({ spec }) => spec),
    leaves: description.leaves.map((leaf) => leaf.kind === "number" ? 0 : new Tensor(leaf.aval, null)),
    paths,
    positions,
  };
}

function withoutShared(value: unknown): unknown {
  return value instanceof Shared ? value.value : value;
}

/** The class of the error for a leaf of another type than the function was exported for. */
function classOf(leaf: Tensor | number, expected: Tensor | number | undefined): typeof DamoError {
  if (typeof leaf === "number" || expected === undefined || typeof expected === "number") return DamoError;
  return errorClass(leaf.aval, expected.aval);
}

function errorClass(aval: Aval, expected: Aval): typeof DamoError {
  if (aval.dtype !== expected.dtype) return DTypeError;
  return sameShape(aval.shape, expected.shape) ? DamoError : ShapeError;
}
