/** What a caller says about a matrix product C[row, column] = sum over depth of A[row, depth] * B[depth, column]. */

import type { FunctionBuilder, ValueType } from "../assembler/mod.ts";
import type { ContractDType } from "./element.ts";
import type { StructTiles } from "./struct_tiles.ts";

/** Where the elements of an operand lie, in elements; 0 repeats. */
export interface OperandLayout {
  /** From one row of A, or column of B, to the next. */
  readonly outer: number;
  /** From one depth to the next. */
  readonly depth: number;
}

/** Which operand of a product is in panels. */
export type PanelOperand = "a" | "b";

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
  /** The pointer of this operand is that of its panels, which a function of `emitAllPanels` made: the bits are the same. */
  readonly panels?: PanelOperand;
  /** From one row of C to the next, in elements; its columns lie side by side. */
  readonly rowStride: number;
  /** Add to C instead of replacing it. */
  readonly accumulate?: boolean;
  /** The functions for left operands in structs, where the module imports them. */
  readonly structTiles?: StructTiles | null;
  readonly epilogue?: Epilogue;
  /** Types of the arguments that are handed on to the epilogue. */
  readonly extra?: readonly ValueType[];
}
