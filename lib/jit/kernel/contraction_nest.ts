/** Products as nests, for types and sizes that a device has nothing better for. */
import type { Contraction, ContractOperand, Nest, Statement, Store } from "./kernel.ts";
import { placedStatement, placedStore, type Placement } from "./statements.ts";

/** The same as a nest with the summed index as its only column: for types that products are not generated for. */
export function contractionNest(kernel: Contraction): Nest {
  const { batch, m, n, k, epilogue } = kernel;
  const statements: Statement[] = [];
  const read = (side: ContractOperand, strides: readonly number[]): number => {
    const shift = statements.length;
    statements.push({
      kind: "load",
      dtype: kernel.operands[side.operand].dtype,
      operand: side.operand,
      index: { offset: side.offset, strides, dynamic: [...side.dynamic] },
    });
    const placement: Placement = { place: (statement) => statement + shift };
    for (const s of side.prologue.slice(1)) statements.push(placedStatement(s, placement));
    return statements.length - 1;
  };
  const a = read(kernel.a, [...kernel.a.batchStrides, kernel.a.freeStride, 0, kernel.a.sumStride]);
  const b = read(kernel.b, [...kernel.b.batchStrides, 0, kernel.b.freeStride, kernel.b.sumStride]);
  const value = statements.push({ kind: "op", op: "mul", dtype: kernel.dtype, args: [a, b] }) - 1;
  const shift = statements.length;
  const placement: Placement = {
    place: (statement) => statement + shift,
    move: (index) => ({ ...index, strides: [...index.strides, 0] }),
  };
  for (const s of epilogue.statements) statements.push(placedStatement(s, placement));
  const stores = epilogue.stores.map((store): Store => ({
    ...placedStore(store, placement),
    perRow: true,
    pass: 0,
  }));
  return {
    kind: "nest",
    domain: [...batch, m, n, k],
    rowRank: batch.length + 2,
    operands: kernel.operands,
    statements,
    reductions: [{ combiner: "sum", value, dtype: kernel.dtype, pass: 0 }],
    stores,
    passes: 1,
  };
}
