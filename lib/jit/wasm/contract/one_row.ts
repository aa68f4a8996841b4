/**
 * Products with a single row (or, transposed, a single column). They read the matrix once, so that the speed of
 * memory is all that counts, and packing would double the work.
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import { type Element, elements } from "./element.ts";
import type { ContractPlan } from "./plan.ts";
import type { ContractSpec } from "./spec.ts";
import { emitLoadPart, emitStorePart } from "./tile_kernel.ts";

/** Elements of C that one call of an inner function works on: they stay in the first cache. */
const stripColumns = 4096;
/** Rows of the matrix that are added at a time. */
const rowsTogether = 8;

/** The product y[column] = sum over depth of x[depth] * m[depth, column]; strides are in bytes. */
interface RowProduct {
  readonly element: Element;
  readonly depth: number;
  readonly vectorDepth: number;
  readonly matrixDepth: number;
  readonly matrixColumn: number;
  readonly accumulate: boolean;
  readonly swapped: boolean;
  readonly spec: ContractSpec;
}

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
    f.call(inner);
  });
  return f.index;
}

function innerParams(product: RowProduct): ValueType[] {
  return ["i32", "i32", "i32", "i32", "i32", ...(product.spec.extra ?? [])];
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

/** Applies the caller's epilogue to `lanes` elements in a local. */
function emitEpilogue(
  f: FunctionBuilder,
  product: RowProduct,
  value: number,
  lanes: number,
  at: number,
): void {
  const { element, swapped, spec } = product;
  if (spec.epilogue === undefined) return;
  const extra = (spec.extra ?? []).map((_, i) => 5 + i);
  const zero = f.local("i32");
  f.i32Const(0).localSet(zero);
  if (!swapped) {
    spec.epilogue(f, { value, lanes, row: zero, column: at, extra });
    f.localSet(value);
    f.release(zero);
    return;
  }
  // The lanes are rows here, and epilogues are written for lanes of one row: one lane at a time.
  const single = f.local("v128");
  const result = f.local("v128");
  const row = f.local("i32");
  f.localGet(value).localSet(result);
  for (let lane = 0; lane < lanes; lane++) {
    f.localGet(value);
    element.broadcastLane(f, lane);
    f.localSet(single);
    f.localGet(at).i32Const(lane).i32Add().localSet(row);
    spec.epilogue(f, { value: single, lanes: 1, row, column: zero, extra });
    f.localSet(single);
    const bytes = Array.from(
      { length: 16 },
      (_, i) => Math.floor(i / element.bytes) === lane ? 16 + i % element.bytes : i,
    );
    f.localGet(result).localGet(single).i8x16Shuffle(bytes).localSet(result);
  }
  f.localGet(result).localSet(value);
  f.release(zero, row, single, result);
}

/** Emits a loop over whole vectors of columns and one over the columns that are left. */
function eachPart(
  f: FunctionBuilder,
  element: Element,
  count: number,
  left: number,
  body: (lanes: number) => void,
  next: (lanes: number) => void,
): void {
  f.localGet(count).localSet(left);
  for (const lanes of [element.lanes, 1]) {
    f.localGet(left).i32Const(lanes).i32GeU().if().loop();
    body(lanes);
    next(lanes);
    f.localGet(left).i32Const(lanes).i32Sub().localTee(left).i32Const(lanes).i32GeU().brIf(0).end().end();
  }
}

/**
 * Emits `sums(x, matrix, c, count, column, ...extra)` for a matrix with contiguous rows: C += x[k] * row k, some
 * rows at a time, in the order of the depth.
 */
function emitRowSums(module: ModuleBuilder, product: RowProduct): number {
  const { element, depth, vectorDepth, matrixDepth, accumulate } = product;
  const { bytes } = element;
  const add = emitAddRows(module, product, rowsTogether);
  const addOne = depth % rowsTogether === 0 ? -1 : emitAddRows(module, product, 1);
  const f = module.addFunction({ params: innerParams(product), results: [] });
  const [x, m, c, count, column] = [0, 1, 2, 3, 4];
  const k = f.local("i32");
  const end = f.local("i32");
  if (!accumulate) f.localGet(c).i32Const(0).localGet(count).i32Const(bytes).i32Mul().memoryFill();
  const full = depth - depth % rowsTogether;
  for (const [rows, stop, callee] of [[rowsTogether, full, add], [1, depth, addOne]]) {
    if (callee < 0) continue;
    f.i32Const(stop).localSet(end);
    f.forLoop(k, end, rows, () => {
      f.localGet(x).localGet(m).localGet(c).localGet(count).call(callee);
      f.localGet(x).i32Const(rows * vectorDepth).i32Add().localSet(x);
      f.localGet(m).i32Const(rows * matrixDepth).i32Add().localSet(m);
    });
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

/**
 * Emits `dots(x, matrix, c, count, column, ...extra)` for a matrix with contiguous columns. As many columns as a
 * vector has lanes are taken together, each with the same accumulators as if it were alone.
 */
function emitDots(module: ModuleBuilder, product: RowProduct): number {
  const { element, matrixColumn, accumulate } = product;
  const { lanes, bytes } = element;
  const group = emitDotGroup(module, product, lanes);
  const single = emitDotGroup(module, product, 1);
  const f = module.addFunction({ params: innerParams(product), results: [] });
  const [x, m, c, count, column] = [0, 1, 2, 3, 4];
  const left = f.local("i32");
  const value = f.local("v128");
  const old = f.local("v128");
  eachPart(f, element, count, left, (part) => {
    f.localGet(x).localGet(m).call(part === lanes ? group : single).localSet(value);
    if (accumulate) {
      emitLoadPart(f, element, c, 0, part, old);
      f.localGet(value);
      element.add(f);
      f.localSet(value);
    }
    emitEpilogue(f, product, value, part, column);
    emitStorePart(f, element, c, 0, part, value);
  }, (part) => {
    f.localGet(m).i32Const(part * matrixColumn).i32Add().localSet(m);
    f.localGet(c).i32Const(part * bytes).i32Add().localSet(c);
    f.localGet(column).i32Const(part).i32Add().localSet(column);
  });
  return f.index;
}

/** Emits `group(x, columns)`: the dot products of x with `columns` columns, one in each lane. */
function emitDotGroup(module: ModuleBuilder, product: RowProduct, columns: number): number {
  const { element, depth, matrixColumn } = product;
  const { lanes, bytes } = element;
  const f = module.addFunction({ params: ["i32", "i32"], results: ["v128"] });
  const [x, m] = [0, 1];
  const chains = 8 / lanes;
  const sums = Array.from({ length: columns * chains }, () => f.local("v128"));
  const left = f.local("v128");
  const right = f.local("v128");
  const count = f.local("i32");
  const step = (chain: number, zeroed: boolean): void => {
    const offset = zeroed ? 0 : chain * 16;
    f.localGet(x);
    if (zeroed) element.loadZero(f);
    else f.v128Load(offset);
    f.localSet(left);
    for (let column = 0; column < columns; column++) {
      f.localGet(m);
      if (zeroed) element.loadZero(f, column * matrixColumn);
      else f.v128Load(offset + column * matrixColumn);
      f.localSet(right);
      element.multiplyAdd(f, sums[column * chains + chain], left, right);
    }
  };
  const loop = (rounds: number, elementsOfRound: number, body: () => void): void => {
    if (rounds === 0) return;
    f.i32Const(rounds).localSet(count).loop();
    body();
    f.localGet(x).i32Const(elementsOfRound * bytes).i32Add().localSet(x);
    f.localGet(m).i32Const(elementsOfRound * bytes).i32Add().localSet(m);
    f.localGet(count).i32Const(1).i32Sub().localTee(count).brIf(0).end();
  };
  const perRound = chains * lanes;
  loop(Math.floor(depth / perRound), perRound, () => {
    for (let chain = 0; chain < chains; chain++) step(chain, false);
  });
  loop(depth % perRound, 1, () => step(0, true));

  for (let column = 0; column < columns; column++) {
    for (let width = chains / 2; width >= 1; width /= 2) {
      for (let i = 0; i < width; i++) {
        f.localGet(sums[column * chains + i]).localGet(sums[column * chains + i + width]);
        element.add(f);
        f.localSet(sums[column * chains + i]);
      }
    }
  }
  emitLaneSums(f, element, Array.from({ length: columns }, (_, column) => sums[column * chains]));
  return f.index;
}

/** Leaves a vector on the stack whose lane i is the sum of the lanes of local i, always added in the same order. */
function emitLaneSums(f: FunctionBuilder, element: Element, vectors: readonly number[]): void {
  const { lanes, bytes } = element;
  const all = Array.from({ length: lanes }, (_, i) => vectors[Math.min(i, vectors.length - 1)]);
  const halve = (a: number, b: number): void => {
    // [a0 + a1, a2 + a3, b0 + b1, b2 + b3], or [a0 + a1, b0 + b1].
    for (const odd of [0, 1]) {
      const bytesOf = (lane: number): number[] => Array.from({ length: bytes }, (_, i) => lane * bytes + i);
      const picked: number[] = [];
      for (let lane = 0; lane < lanes; lane++) picked.push(...bytesOf(lane * 2 + odd));
      f.localGet(a).localGet(b).i8x16Shuffle(picked);
    }
    element.add(f);
  };
  if (lanes === 2) {
    halve(all[0], all[1]);
    return;
  }
  const low = f.local("v128");
  const high = f.local("v128");
  halve(all[0], all[1]);
  f.localSet(low);
  halve(all[2], all[3]);
  f.localSet(high);
  halve(low, high);
}
