/** What the two ways to compute a product with a single row share. */

import type { FunctionBuilder, ValueType } from "../assembler/mod.ts";
import type { Element } from "./element.ts";
import type { ContractSpec } from "./spec.ts";

/** The product y[column] = sum over depth of x[depth] * m[depth, column]; strides are in bytes. */
export interface RowProduct {
  readonly element: Element;
  readonly depth: number;
  readonly vectorDepth: number;
  readonly matrixDepth: number;
  readonly matrixColumn: number;
  readonly accumulate: boolean;
  readonly swapped: boolean;
  readonly spec: ContractSpec;
}

/** Parameters of a function of a strip: x, matrix, c, count, column, and the extra ones. */
export function innerParams(product: RowProduct): ValueType[] {
  return ["i32", "i32", "i32", "i32", "i32", ...(product.spec.extra ?? [])];
}

/** Applies the caller's epilogue to `lanes` elements in a local. */
export function emitEpilogue(
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
export function eachPart(
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
