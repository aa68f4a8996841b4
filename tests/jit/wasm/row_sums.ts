import type { DType } from "../../../lib/trace/dtype.ts";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";

/** out[r] = sum over c of x[r, c]. */
export function rowSums(rows: number, columns: number, dtype: DType): Nest {
  return {
    kind: "nest",
    domain: [rows, columns],
    rowRank: 1,
    operands: [{ dtype, access: "read" }, { dtype, access: "write" }],
    statements: [
      { kind: "load", dtype, operand: 0, index: { offset: 0, strides: [columns, 1], dynamic: [] } },
      { kind: "reduced", dtype, reduction: 0 },
    ],
    reductions: [{ combiner: "sum", value: 0, dtype, pass: 0 }],
    stores: [{
      operand: 1,
      index: { offset: 0, strides: [1, 0], dynamic: [] },
      value: 1,
      mode: "set",
      perRow: true,
      pass: 0,
    }],
    passes: 1,
  };
}
