/** Copies as elementwise kernels. */
import type { Copy, Nest } from "../../kernel/kernel.ts";

export function copyNest(kernel: Copy): Nest {
  const index = { offset: 0, strides: [1], dynamic: [] };
  return {
    kind: "nest",
    domain: [kernel.length],
    rowRank: 1,
    operands: kernel.operands,
    statements: [{ kind: "load", dtype: kernel.dtype, operand: 0, index }],
    reductions: [],
    stores: [{ operand: 1, index, value: 0, mode: "set", perRow: false, pass: 0 }],
    passes: 1,
  };
}
