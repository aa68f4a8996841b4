/** A program: steps over planned buffers, ready for a device. */
import type { DType } from "../../trace/dtype.ts";
import type { Graph, Node } from "../../trace/graph.ts";
import type { Kernel } from "./kernel.ts";

/** A buffer of a program. */
export interface BufferPlan {
  readonly id: number;
  readonly dtype: DType;
  /** Elements; for a tape, elements per step. */
  readonly length: number;
  readonly bytes: number;
  /**
   * input: given by the caller, read only unless donated; output: a block of its own, handed to the caller;
   * temporary: lives at `offset` of the arena while the call runs; tape: grows by one record per loop step.
   */
  readonly kind: "input" | "output" | "temporary" | "tape";
  /** Position among the program's inputs or outputs. */
  readonly position: number;
  /** Bytes from the start of the arena, for temporaries. Disjoint lifetimes share places. */
  offset: number;
  /** For an output written over a donated input or an updated shared variable: that input's position, else -1. */
  readonly reuses: number;
}

/**
 * A buffer bound to an operand: base plus a constant and a multiple of each enclosing loop's position: the step
 * number, or in a reverse loop the trip count (for a tape: its records) less one less the step number.
 */
export interface Binding {
  readonly buffer: number;
  /** Elements. */
  readonly offset: number;
  /** Elements per step of an enclosing loop (slices of scanned sequences and stacked results). */
  readonly steps: readonly { readonly loop: number; readonly stride: number }[];
}

export interface KernelStep {
  readonly kind: "kernel";
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  /** The nodes it computes, for names, profiles and errors. */
  readonly nodes: readonly Node[];
  /** Operands that only bring one buffer into another: nothing to do when both are at the same address. */
  readonly copies?: readonly [from: number, to: number];
}

/**
 * A loop. Before it starts, `init` steps have put the carries into their buffers. Each iteration runs `body`; the
 * new carries are in the buffers that `exchange` names, and are moved (or swapped, where both are temporaries of
 * the same size) into the carry's place when the iteration ends. For while loops `condition` runs before each
 * iteration and leaves a bool in `conditionBuffer`; for `until` the body leaves a bool in `stopBuffer`.
 */
export interface LoopStep {
  readonly kind: "loop";
  /** Number of the loop, referred to by bindings. */
  readonly loop: number;
  /** Static trip count, or -1. */
  readonly length: number;
  /** An int32 scalar with the trip count, when it is known only at run time. */
  readonly count: Binding | null;
  readonly reverse: boolean;
  readonly condition: { readonly steps: readonly Step[]; readonly result: Binding } | null;
  readonly body: readonly Step[];
  readonly stop: Binding | null;
  /** Where the body finds the step number as an int32 scalar, if it asks. */
  readonly stepNumber: Binding | null;
  readonly exchange: readonly { readonly carry: Binding; readonly next: Binding; readonly bytes: number }[];
  /** Where the number of steps taken is put, if asked. */
  readonly taken: Binding | null;
  /** Tapes that get a record per step, or give one (backwards). */
  readonly tapes: readonly number[];
  readonly node: Node;
}

/** Runs one of several lists of steps, by an int32 (clamped) index. */
export interface SwitchStep {
  readonly kind: "switch";
  readonly index: Binding;
  readonly branches: readonly (readonly Step[])[];
  readonly node: Node;
}

/** Calls the host with the values of its inputs. */
export interface HostStep {
  readonly kind: "host";
  readonly node: Node;
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
}

export type Step = KernelStep | LoopStep | SwitchStep | HostStep;

export interface Program {
  readonly graph: Graph;
  readonly buffers: readonly BufferPlan[];
  /** Buffer id of each graph input (-1 when it is not used). */
  readonly inputs: readonly number[];
  /** Of each graph output: a buffer, or an input passed through. */
  readonly outputs: readonly { readonly buffer: number; readonly input: number }[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  /** Largest number of bytes in use at once beyond the inputs: arena and outputs. */
  readonly peakBytes: number;
  /** Bytes that donation and in-place updates saved. */
  readonly donatedBytes: number;
}
