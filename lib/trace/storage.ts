/** What holds a concrete tensor's elements, and the interface through which lib/trace runs things. */
import type { DType, TypedArray } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { Location } from "./location.ts";
import type { Params, Primitive } from "./primitive.ts";
import type { Aval } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import type { WholeArgument, WholeBody, WholeResult } from "./whole.ts";

/** Where tensors live and programs run. */
export type Device = "wasm" | "webgpu";

/** Who took a donated buffer, and where. */
export interface Donation {
  readonly functionName: string;
  readonly argument: string;
  readonly location: Location;
}

/** The elements of a tensor on a device. Implemented by lib/jit for each device. */
export interface Storage {
  readonly device: Device;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /** Set when the buffer was given away to a compiled call. */
  donation: Donation | null;
  disposed: boolean;
  /** How many shared variables hold it as their value. */
  holders: number;
  /** A copy of the elements, row-major. */
  read(): TypedArray;
  readAsync(): Promise<TypedArray>;
  /** Gives the memory back now. */
  dispose(): void;
}

/** Runs operations outside a trace. lib/jit installs one when it is loaded. */
export interface Executor {
  /** The device new tensors are made on. */
  defaultDevice(): Device;
  /** Runs one primitive as a one-node graph. Literal tensors enter as run-time scalars. */
  apply(
    primitive: Primitive,
    inputs: readonly Tensor[],
    params: Params,
    outputs: readonly Aval[],
  ): readonly Tensor[];
  /** Compiles (or finds) and runs a whole graph. */
  run(graph: Graph, inputs: readonly Tensor[]): readonly Tensor[];
  /** Runs a composed function as one program, or gives null where it has to run operation by operation. */
  whole?(operation: string, body: WholeBody, args: readonly WholeArgument[]): WholeResult | null;
  upload(data: TypedArray, dtype: DType, device: Device): Storage;
}

let installed: Executor | null = null;

export function installExecutor(executor: Executor): void {
  installed = executor;
}

export function executor(): Executor {
  if (!installed) throw new Error("No executor is installed: import Damo through mod.ts.");
  return installed;
}

/** Runs `body` with `value` as the executor: tests of the reference use it. */
export function withExecutor<T>(value: Executor, body: () => T): T {
  const previous = installed;
  installed = value;
  try {
    return body();
  } finally {
    installed = previous;
  }
}
