/**
 * Products with a single row (or, transposed, a single column). They read the matrix once, so that the speed of
 * memory is all that counts, and packing would double the work.
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import { emitDots } from "./dots.ts";
import { elements } from "./element.ts";
import type { ContractPlan } from "./plan.ts";
import type { RowProduct } from "./row_product.ts";
import { emitRowSums, stripColumns } from "./row_sums.ts";
import type { ContractSpec } from "./spec.ts";

/** Emits the same function as `emitPanels` for a product of one row or column. */
export function emitOneRow(module: ModuleBuilder, spec: ContractSpec, plan: ContractPlan): number {
  const element = elements[spec.dtype];
  const [vector, matrix] = plan.swapped ? [spec.b, spec.a] : [spec.a, spec.b];
  const product: RowProduct = {
    element,
    depth: spec.depth,
    vectorDepth: vector.depth * element.bytes,
    matrixDepth: matrix.depth * element.bytes,
    matrixColumn: matrix.outer * element.bytes,
    accumulate: spec.accumulate ?? false,
    swapped: plan.swapped,
    spec,
  };
  const inner = plan.method === "dots" ? emitDots(module, product) : emitRowSums(module, product);
  const extra = spec.extra ?? [];
  const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", ...extra];
  const f = module.addFunction({ params, results: [] });
  const [x, m] = plan.swapped ? [1, 0] : [0, 1];
  const c = 2;
  const [start, end] = plan.swapped ? [4, 5] : [6, 7];
  const at = f.local("i32");
  const count = f.local("i32");
  // Nothing to do either when the range of the single row is empty.
  const [otherStart, otherEnd] = plan.swapped ? [6, 7] : [4, 5];
  f.localGet(otherStart).localGet(otherEnd).i32GeU().if().return().end();
  let pointer = x;
  if (plan.method === "dots" && product.vectorDepth !== element.bytes) {
    emitGatherVector(f, product, x, 3);
    pointer = 3;
  }
  f.localGet(start).localSet(at);
  f.forLoop(at, end, stripColumns, () => {
    f.localGet(end).localGet(at).i32Sub().localTee(count).i32Const(stripColumns);
    f.localGet(count).i32Const(stripColumns).i32LtU().select().localSet(count);
    f.localGet(pointer);
    f.localGet(m).localGet(at).i32Const(product.matrixColumn).i32Mul().i32Add();
    f.localGet(c).localGet(at).i32Const(element.bytes).i32Mul().i32Add();
    f.localGet(count).localGet(at);
    extra.forEach((_, i) => void f.localGet(8 + i));
    if (plan.method === "rowSums") f.localGet(3);
    f.call(inner);
  });
  return f.index;
}

/** Copies the vector to the scratch memory, so that it is contiguous. */
function emitGatherVector(f: FunctionBuilder, product: RowProduct, x: number, scratch: number): void {
  const { element, depth, vectorDepth } = product;
  const from = f.local("i32");
  const to = f.local("i32");
  const end = f.local("i32");
  f.localGet(x).localSet(from).localGet(scratch).localTee(to).i32Const(depth * element.bytes).i32Add()
    .localSet(end);
  f.forLoop(to, end, element.bytes, () => {
    f.localGet(to).localGet(from);
    element.loadBits(f);
    element.storeBits(f);
    f.localGet(from).i32Const(vectorDepth).i32Add().localSet(from);
  });
}
