/** Products with a single row as sums of the rows of a matrix. */

import type { ModuleBuilder } from "../assembler/mod.ts";
import { eachPart, emitEpilogue, innerParams, type RowProduct } from "./row_product.ts";
import { emitLoadPart, emitStorePart } from "./tile_kernel.ts";

/** Elements of C that one call of an inner function works on: they stay in the first cache. */
export const stripColumns = 4096;
/** Rows of the matrix that are added at a time. */
const rowsTogether = 8;
/** Rows whose sum is taken apart before it joins the sum of all, so that rounding errors stay small at any depth. */
const rowsOfBlock = 512;

/** Scratch memory of products by sums of rows: the sums of one block. */
export function rowSumsScratch(depth: number, columns: number, bytes: number): number {
  return depth <= rowsOfBlock ? 0 : Math.min(columns, stripColumns) * bytes;
}

/**
 * Emits `sums(x, matrix, c, count, column, ...extra, scratch)` for a matrix with contiguous rows: C += x[k] * row k,
 * some rows at a time, in the order of the depth, and long depths in blocks.
 */
export function emitRowSums(module: ModuleBuilder, product: RowProduct): number {
  const { element, depth, vectorDepth, matrixDepth, accumulate } = product;
  const { bytes } = element;
  const add = emitAddRows(module, product, rowsTogether);
  const addOne = depth % rowsTogether === 0 ? -1 : emitAddRows(module, product, 1);
  const f = module.addFunction({ params: [...innerParams(product), "i32"], results: [] });
  const [x, m, c, count, column] = [0, 1, 2, 3, 4];
  const scratch = 5 + (product.spec.extra ?? []).length;
  const k = f.local("i32");
  const end = f.local("i32");
  const clear = (target: number): void => {
    f.localGet(target).i32Const(0).localGet(count).i32Const(bytes).i32Mul().memoryFill();
  };
  const addAll = (rows: number, callee: number, target: number): void => {
    f.forLoop(k, end, rows, () => {
      f.localGet(x).localGet(m).localGet(target).localGet(count).call(callee);
      f.localGet(x).i32Const(rows * vectorDepth).i32Add().localSet(x);
      f.localGet(m).i32Const(rows * matrixDepth).i32Add().localSet(m);
    });
  };
  if (!accumulate) clear(c);
  const full = depth - depth % rowsTogether;
  if (depth <= rowsOfBlock) {
    f.i32Const(full).localSet(end);
    addAll(rowsTogether, add, c);
  } else {
    const sum = emitAddStrip(module, product);
    const stop = f.local("i32");
    f.i32Const(full).localSet(stop);
    f.i32Const(0).localSet(k).loop();
    clear(scratch);
    f.localGet(k).i32Const(rowsOfBlock).i32Add().localTee(end).localGet(stop);
    f.localGet(end).localGet(stop).i32LtU().select().localSet(end);
    addAll(rowsTogether, add, scratch);
    f.localGet(c).localGet(scratch).localGet(count).call(sum);
    f.localGet(k).localGet(stop).i32LtU().brIf(0).end();
  }
  if (addOne >= 0) {
    f.i32Const(depth).localSet(end);
    addAll(1, addOne, c);
  }
  if (product.spec.epilogue !== undefined) {
    const value = f.local("v128");
    const left = f.local("i32");
    eachPart(f, element, count, left, (lanes) => {
      emitLoadPart(f, element, c, 0, lanes, value);
      f.localSet(value);
      emitEpilogue(f, product, value, lanes, column);
      emitStorePart(f, element, c, 0, lanes, value);
    }, (lanes) => {
      f.localGet(c).i32Const(lanes * bytes).i32Add().localSet(c);
      f.localGet(column).i32Const(lanes).i32Add().localSet(column);
    });
  }
  return f.index;
}

/** Emits `add(x, rows, c, count)`. */
function emitAddRows(module: ModuleBuilder, product: RowProduct, rows: number): number {
  const { element, vectorDepth, matrixDepth } = product;
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] });
  const [x, m, c, count] = [0, 1, 2, 3];
  const factors = Array.from({ length: rows }, () => f.local("v128"));
  const sum = f.local("v128");
  const part = f.local("v128");
  const left = f.local("i32");
  for (let r = 0; r < rows; r++) {
    f.localGet(x);
    element.loadSplat(f, r * vectorDepth);
    f.localSet(factors[r]);
  }
  eachPart(f, element, count, left, (lanes) => {
    emitLoadPart(f, element, c, 0, lanes, part);
    f.localSet(sum);
    for (let r = 0; r < rows; r++) {
      emitLoadPart(f, element, m, r * matrixDepth, lanes, part);
      f.localSet(part);
      element.multiplyAdd(f, sum, factors[r], part);
    }
    emitStorePart(f, element, c, 0, lanes, sum);
  }, (lanes) => {
    f.localGet(m).i32Const(lanes * element.bytes).i32Add().localSet(m);
    f.localGet(c).i32Const(lanes * element.bytes).i32Add().localSet(c);
  });
  return f.index;
}

/** Emits `add(c, part, count)`: C += part. */
function emitAddStrip(module: ModuleBuilder, { element }: RowProduct): number {
  const f = module.addFunction({ params: ["i32", "i32", "i32"], results: [] });
  const [c, part, count] = [0, 1, 2];
  const sum = f.local("v128");
  const more = f.local("v128");
  const left = f.local("i32");
  eachPart(f, element, count, left, (lanes) => {
    emitLoadPart(f, element, c, 0, lanes, sum);
    f.localSet(sum);
    emitLoadPart(f, element, part, 0, lanes, more);
    f.localGet(sum);
    element.add(f);
    f.localSet(sum);
    emitStorePart(f, element, c, 0, lanes, sum);
  }, (lanes) => {
    for (const pointer of [c, part]) {
      f.localGet(pointer).i32Const(lanes * element.bytes).i32Add().localSet(pointer);
    }
  });
  return f.index;
}
