/** Products as nests, for types and sizes that a device has nothing better for. */
import type { Contraction, ContractOperand, Index, Nest, Statement, Store } from "./kernel.ts";

/** The same as a nest with the summed index as its only column: for types that products are not generated for. */
export function contractionNest(kernel: Contraction): Nest {
  const { batch, m, n, k, epilogue } = kernel;
  const statements: Statement[] = [];
  const shifted = (statement: Statement, shift: number, index: (index: Index) => Index): Statement => {
    switch (statement.kind) {
      case "load":
        return {
          ...statement,
          index: index(statement.index),
          mask: statement.mask === undefined ? undefined : statement.mask + shift,
        };
      case "op":
        return { ...statement, args: statement.args.map((arg) => arg + shift) };
      case "cast":
      case "bitcast":
        return { ...statement, arg: statement.arg + shift };
      case "threefry": {
        const [a, b, c, d] = statement.args;
        return { ...statement, args: [a + shift, b + shift, c + shift, d + shift] };
      }
      case "part":
        return { ...statement, of: statement.of + shift };
      default:
        return statement;
    }
  };
  const read = (side: ContractOperand, strides: readonly number[]): number => {
    const shift = statements.length;
    statements.push({
      kind: "load",
      dtype: kernel.operands[side.operand].dtype,
      operand: side.operand,
      index: { offset: side.offset, strides, dynamic: [...side.dynamic] },
    });
    for (const s of side.prologue.slice(1)) statements.push(shifted(s, shift, (index) => index));
    return statements.length - 1;
  };
  const a = read(kernel.a, [...kernel.a.batchStrides, kernel.a.freeStride, 0, kernel.a.sumStride]);
  const b = read(kernel.b, [...kernel.b.batchStrides, 0, kernel.b.freeStride, kernel.b.sumStride]);
  const value = statements.push({ kind: "op", op: "mul", dtype: kernel.dtype, args: [a, b] }) - 1;
  const shift = statements.length;
  const extend = (index: Index): Index => ({
    ...index,
    strides: [...index.strides, 0],
    dynamic: index.dynamic.map((term) => ({ ...term, statement: term.statement + shift })),
  });
  for (const s of epilogue.statements) statements.push(shifted(s, shift, extend));
  const stores = epilogue.stores.map((store): Store => ({
    ...store,
    index: extend(store.index),
    value: store.value + shift,
    mask: store.mask === undefined ? undefined : store.mask + shift,
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
