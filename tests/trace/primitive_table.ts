/**
 * Every primitive at several shapes, dtypes and parameters. Tests of the interpreter, of the devices, of the
 * derivatives and of batching run over it. Rows are added in the files `primitive_rows_*.ts`.
 */
import type { Primitive } from "../../lib/trace/primitive.ts";
import type { PrimitiveCase } from "./primitive_case.ts";
import { AUTODIFF_ROWS } from "./primitive_rows_autodiff.ts";
import { COMPOSED_ROWS } from "./primitive_rows_composed.ts";
import { CONTRACT_ROWS } from "./primitive_rows_contract.ts";
import { ELEMENTWISE_ROWS } from "./primitive_rows_elementwise.ts";
import { INDEX_ROWS } from "./primitive_rows_index.ts";
import { FFT_ROWS, LINALG_ROWS } from "./primitive_rows_linalg.ts";
import { LOOP_ROWS } from "./primitive_rows_loop.ts";
import { MOVE_ROWS } from "./primitive_rows_move.ts";
import { REDUCE_ROWS } from "./primitive_rows_reduce.ts";

export const PRIMITIVE_TABLE: readonly PrimitiveCase[] = [
  ...ELEMENTWISE_ROWS,
  ...COMPOSED_ROWS,
  ...REDUCE_ROWS,
  ...MOVE_ROWS,
  ...INDEX_ROWS,
  ...CONTRACT_ROWS,
  ...LINALG_ROWS,
  ...FFT_ROWS,
  ...AUTODIFF_ROWS,
  ...LOOP_ROWS,
];

/** The names of primitives that no row is about. */
export function primitivesWithoutRow(primitives: readonly Primitive[]): string[] {
  const present = new Set(PRIMITIVE_TABLE.map((row) => row.primitive.name));
  return primitives.map((primitive) => primitive.name).filter((name) => !present.has(name));
}
