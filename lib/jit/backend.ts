/** The one interface behind which devices differ: compile a program, upload, run, read back. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import type { Graph } from "../trace/graph.ts";
import type { Device, Storage } from "../trace/storage.ts";
import type { HostStep, KernelStep, Program } from "./kernel/program.ts";

/** What may happen to the block of an input during one run. */
export const KEEP = 0;
/** Donated: afterwards the input has no block; an output of the same size took it over, or it was freed. */
export const TAKE = 1;
/** Updated state: the paired output may be written over it, and is then returned as the same storage object. */
export const IN_PLACE = 2;

/** An input of a program at run time: scalars listed in `CompileOptions.scalars` come as numbers without a buffer. */
export type RunInput = Storage | number;

export interface CompileOptions {
  readonly name: string;
  /** Positions of the inputs (of shape []) that are given as JS numbers at run time. */
  readonly scalars: readonly number[];
  /** Positions of the inputs that every run gives away (`TAKE`). */
  readonly donated: readonly number[];
  /** Pairs of input and output of one type: the output may overwrite the input in runs that say `IN_PLACE`. */
  readonly inPlace: readonly (readonly [input: number, output: number])[];
  /** The graph comes from the passes that know nothing of devices. */
  readonly optimised?: boolean;
  /** Measure each kernel, for `timings`. */
  readonly profile?: boolean;
  /** Fill memory with NaN patterns before each run, so that what is read before it was written shows. */
  readonly poison?: boolean;
  /** Called after each measured kernel, with its number, when it started (as `performance.now()`) and how long it took. */
  readonly onKernel?: (executable: Executable, kernel: number, start: number, duration: number) => void;
  /** Names of passes that the graph does not go through. */
  readonly exclude?: readonly string[];
  /** Called with the milliseconds that each part of compiling took. */
  readonly onPhase?: (phase: string, milliseconds: number) => void;
}

/** One kernel of a compiled program, as `f.lower` and the profile show it. */
export interface KernelInfo {
  /** What it is called in the generated program. */
  readonly name: string;
  /** What sort of kernel it is: map, reduce, contraction, host ... */
  readonly kind: string;
  /** The printed names of the primitives fused into it. */
  readonly operations: readonly string[];
  /** The user's lines they were written on, as `file.ts:line`. */
  readonly locations: readonly string[];
  /**
   * What it was made from; the interpreter has none.
   *
   * @internal
   */
  readonly step?: KernelStep | HostStep;
}

/** How often a kernel ran and how long in all. */
export interface KernelTiming {
  /** How often it ran. */
  readonly calls: number;
  /** How long in all. */
  readonly milliseconds: number;
}

/** A compiled graph. Its outputs are distinct variables, none of them an input: the caller sees to both. */
export interface Executable {
  /**
   * Runs once. `inputs` stands in the order of the graph's inputs; `reuse` has KEEP, TAKE or IN_PLACE per input, null
   * for KEEP throughout. Gives one storage per output: fresh, or for IN_PLACE possibly the very input. Storages of
   * another backend for the same device are accepted and copied. Throws only before anything was overwritten in place.
   */
  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[];
  /** Bytes: the most that temporaries and outputs take at once, and of outputs that lie in donated blocks. */
  readonly memory: { readonly peak: number; readonly donated: number };
  readonly kernels: readonly KernelInfo[];
  /** The plan it runs by; the interpreter has none. */
  readonly program?: Program;
  /** One per kernel, or null when the program was compiled without `profile`. */
  timings(): readonly KernelTiming[] | null;
  /** The generated program as text: WAT of a WebAssembly program, WGSL of a WebGPU program. */
  text(): string;
  dispose(): void;
}

/** Bytes in use on a device. */
export interface MemoryUse {
  /** Held by tensors and running programs. */
  readonly live: number;
  /** Taken from the system: live blocks and those kept for reuse. */
  readonly pool: number;
  /** The largest `live` so far. */
  readonly peak: number;
}

/** What `init` was asked for. */
export interface BackendSettings {
  /** Threads of the WebAssembly device. */
  threads?: number;
  /** Bytes that tensors may take on the device. */
  memory?: number;
}

/** A device as the rest of lib/jit sees it. */
export interface Backend {
  readonly device: Device;
  compile(graph: Graph, options: CompileOptions): Executable;
  /** A storage with a copy of `data`, which has the elements of `dtype`. */
  upload(data: TypedArray, dtype: DType): Storage;
  /** A new storage that takes the block of `storage` over, which is left without one. */
  transfer(storage: Storage): Storage;
  memory(): MemoryUse;
  /** Takes new settings over after it was made. */
  configure?(settings: BackendSettings): void;
  /** Resolves when everything submitted so far is done. */
  synchronize(): Promise<void>;
}
