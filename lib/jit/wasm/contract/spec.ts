/** What a caller says about a matrix product C[row, column] = sum over depth of A[row, depth] * B[depth, column]. */

import type { FunctionBuilder, ValueType } from "../assembler/mod.ts";
import type { ContractDType } from "./element.ts";

/** Where the elements of an operand lie, in elements; 0 repeats. */
export interface OperandLayout {
  /** From one row of A, or column of B, to the next. */
  readonly outer: number;
  /** From one depth to the next. */
  readonly depth: number;
}

/** The locals that code computing an operand may read. */
export interface OperandContext {
  /** The operand's pointer as given to the product. */
  readonly pointer: number;
  /** The first row of A, or column of B, of the panel. */
  readonly index: number;
  /** `index` is a multiple of this, which is known when the code is emitted. */
  readonly indexStep: number;
  /** The depth of the step; in `begin` the first one. */
  readonly depth: number;
  /** The extra arguments of the product. */
  readonly extra: readonly number[];
}

/**
 * Code that computes an operand while it is packed, instead of loading it: casts, elementwise producers, the
 * windows of a convolution. It is emitted into a function of its own that packs one panel, so `begin` may keep
 * what it needs in new locals. Elements beyond the matrix are never asked for.
 */
export interface OperandHook {
  /** Emitted once per panel. */
  begin?(f: FunctionBuilder, context: OperandContext, count: number): void;
  /** Emitted once per depth, before its elements. */
  step?(f: FunctionBuilder, context: OperandContext): void;
  /** Emitted once per depth, after its elements. */
  next?(f: FunctionBuilder, context: OperandContext): void;
  /** Leaves the element at (index + lane, depth) on the stack, as a scalar. */
  element(f: FunctionBuilder, context: OperandContext, lane: number): void;
  /** Leaves the elements at index + lane, + lane + 1, ... on the stack, as a vector. */
  vector?(f: FunctionBuilder, context: OperandContext, lane: number): void;
}

/** The locals that an epilogue may read. */
export interface EpilogueContext {
  /** The finished sums. */
  readonly value: number;
  /** How many lanes of it count: they are neighbours in a row. Loads beyond them must be harmless. */
  readonly lanes: number;
  readonly row: number;
  /** The column of lane 0. */
  readonly column: number;
  /** The extra arguments of the product. */
  readonly extra: readonly number[];
}

/** Code applied to every element before it is stored: leaves the vector to store on the stack. */
export type Epilogue = (f: FunctionBuilder, context: EpilogueContext) => void;

/** A matrix product of known sizes. */
export interface ContractSpec {
  readonly dtype: ContractDType;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly a: OperandLayout;
  readonly b: OperandLayout;
  /** From one row of C to the next, in elements; its columns lie side by side. */
  readonly rowStride: number;
  /** Add to C instead of replacing it. */
  readonly accumulate?: boolean;
  readonly epilogue?: Epilogue;
  readonly loadA?: OperandHook;
  readonly loadB?: OperandHook;
  /** Types of the arguments that are handed on to the hooks. */
  readonly extra?: readonly ValueType[];
}
