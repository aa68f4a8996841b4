/** The parameters of the loop primitive: for loops, scans and while loops are one node with sub-graphs. */
import type { Graph } from "../trace/graph.ts";

/**
 * A leading size that is known only when the program runs: that of a tape, which a loop of unknown length records
 * and another reads back. Only loops make and take such values.
 */
export const DYNAMIC: number = -1;

/**
 * Inputs of the node: [count], ...constants, ...initial carries, ...sequences. Outputs: ...final carries,
 * ...stacked results, [steps taken].
 */
export interface LoopParams {
  /** Inputs: ...constants, ...carries, [step], ...slices. Outputs: ...carries, ...rows, [stop after this step]. */
  readonly body: Graph;
  /** For while loops, before each step. Inputs: ...constants, ...carries. Output: one bool scalar. */
  readonly condition: Graph | null;
  readonly constants: number;
  readonly carries: number;
  readonly sequences: number;
  readonly results: number;
  /** Static trip count (an upper bound where there is a condition or a stop), or DYNAMIC. */
  readonly length: number;
  /** The first input is the trip count, an int32 scalar. */
  readonly counted: boolean;
  /** The body takes the number of the step, an int32 scalar: 0, 1, ... also when reversed. */
  readonly step: boolean;
  /** The body's last output is a bool: stop after this step. Rows that are not reached are 0. */
  readonly stops: boolean;
  /** Slices are taken, and rows put, from the last to the first. */
  readonly reverse: boolean;
  /** The last output is the number of steps taken, int32. */
  readonly taken: boolean;
}

/** Inputs: an int32 scalar, then operands; each branch is a graph of the operands, all with the same outputs. */
export interface SwitchParams {
  readonly branches: readonly Graph[];
}
