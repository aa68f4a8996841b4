/**
 * The innermost function of a product: one tile of C from a strip of A and a strip of B.
 *
 * It is a function of its own, called once per tile, so that the engine soon optimises it.
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import type { Element } from "./element.ts";
import type { Epilogue } from "./spec.ts";
import { pushSum, StripProducts } from "./strip_products.ts";

const VECTOR_BYTES = 16;

/** Bits of the kernel's `flags` argument: whether nothing was added up before, whether nothing comes after. */
export const firstBlock = 1;
export const lastBlock = 2;

/** One tile. Strides are in bytes. */
export interface TileOptions {
  readonly element: Element;
  readonly rows: number;
  readonly vectors: number;
  /** Columns that count in the last vector. */
  readonly tailLanes: number;
  readonly aRow: number;
  readonly aDepth: number;
  readonly bDepth: number;
  readonly unroll: number;
}

/**
 * Emits `tile(a, b, c, cRow, depth, flags, target, targetRow)` and returns it. What `c` holds is added unless this is
 * the first block; the sums go to `target`. Rows are `cRow` and `targetRow` bytes apart, so that products with packed
 * operands share their tiles: one function is optimised for all of them. With a depth of 0 it only writes zeros.
 */
export function emitTile(module: ModuleBuilder, options: TileOptions): IdleCall {
  const { element, rows, vectors, aRow, aDepth, bDepth } = options;
  const f = module.addFunction({ params: new Array(8).fill("i32"), results: [] });
  const [a, b, c, cRow, depth, flags, target, targetRow] = [0, 1, 2, 3, 4, 5, 6, 7];
  const sums = Array.from({ length: rows * vectors }, () => f.local("v128"));
  const right = Array.from({ length: vectors }, () => f.local("v128"));
  const left = f.local("v128");

  const products = new StripProducts(f, { element, pointer: a, rows, rowStep: aRow, depthStep: aDepth });
  function step(offset: number): void {
    for (let v = 0; v < vectors; v++) {
      pushSum(f, b, offset * bDepth).v128Load(v * VECTOR_BYTES).localSet(right[v]);
    }
    products.add(sums, right, offset);
  }
  function advance(steps: number): void {
    f.localGet(a).i32Const(steps * aDepth).i32Add().localSet(a);
    f.localGet(b).i32Const(steps * bDepth).i32Add().localSet(b);
    f.localGet(depth).i32Const(steps).i32Sub().localTee(depth);
  }

  const unroll = options.unroll;
  if (unroll > 1) {
    f.localGet(depth).i32Const(unroll).i32GeU().if();
    for (let v = 0; v < vectors; v++) f.localGet(b).v128Load(v * VECTOR_BYTES).drop();
    products.prepare();
    f.loop();
    for (let u = 0; u < unroll; u++) step(u);
    advance(unroll);
    f.i32Const(unroll).i32GeU().brIf(0).end().end();
  }
  f.localGet(depth).if();
  f.loop();
  step(0);
  advance(1);
  f.brIf(0).end().end();
  products.separate(sums);

  emitTileStores(f, options, { sums, spare: left, c, cRow, flags, target, targetRow });
  return { callee: f, arguments: { [flags]: firstBlock, [target]: "scratch" } };
}

/** Locals of a tile whose products are added up. */
export interface TileSums {
  readonly sums: readonly number[];
  /** A vector that nobody needs any more. */
  readonly spare: number;
  readonly c: number;
  readonly cRow: number;
  readonly flags: number;
  readonly target: number;
  readonly targetRow: number;
}

/** The sizes of a tile. */
export type TileSize = Pick<TileOptions, "element" | "rows" | "vectors" | "tailLanes">;

/** Adds what `c` holds to the sums unless this is the first block, and stores them at `target`; changes both pointers. */
export function emitTileStores(
  f: FunctionBuilder,
  { element, rows, vectors, tailLanes }: TileSize,
  { sums, spare, c, cRow, flags, target, targetRow }: TileSums,
): void {
  const lanesOf = (v: number): number => v === vectors - 1 ? tailLanes : element.lanes;
  const eachRow = (pointer: number, step: number, body: (sum: number, v: number) => void): void => {
    for (let r = 0; r < rows; r++) {
      for (let v = 0; v < vectors; v++) body(sums[r * vectors + v], v);
      if (r + 1 < rows) f.localGet(pointer).localGet(step).i32Add().localSet(pointer);
    }
  };
  f.localGet(flags).i32Const(firstBlock).i32And().i32Eqz().if();
  eachRow(c, cRow, (sum, v) => {
    emitLoadPart(f, element, c, v * VECTOR_BYTES, lanesOf(v), spare);
    f.localGet(sum);
    element.add(f);
    f.localSet(sum);
  });
  f.end();
  eachRow(
    target,
    targetRow,
    (sum, v) => emitStorePart(f, element, target, v * VECTOR_BYTES, lanesOf(v), sum),
  );
}

/** The elementwise work on a tile's sums. */
export interface TileEpilogue {
  readonly element: Element;
  readonly vectors: number;
  readonly tailLanes: number;
  /** Bytes from row to row of C. */
  readonly cRow: number;
  readonly epilogue: Epilogue;
  readonly extra: readonly ValueType[];
}

/**
 * Emits `finish(sums, c, row, column, rows, ...extra)`, which applies the epilogue to a tile whose sums lie in rows of
 * `vectors` vectors, and stores what comes of them.
 */
export function emitTileEpilogue(module: ModuleBuilder, options: TileEpilogue): FunctionBuilder {
  const { element, vectors, tailLanes, cRow, epilogue } = options;
  const f = module.addFunction({
    params: ["i32", "i32", "i32", "i32", "i32", ...options.extra],
    results: [],
  });
  const [sums, c, row, column, rows] = [0, 1, 2, 3, 4];
  const extra = options.extra.map((_, i) => 5 + i);
  const value = f.local("v128"), place = f.local("i32");
  f.loop();
  for (let v = 0; v < vectors; v++) {
    const lanes = v === vectors - 1 ? tailLanes : element.lanes;
    f.localGet(sums).v128Load(16 * v).localSet(value);
    f.localGet(column).i32Const(v * element.lanes).i32Add().localSet(place);
    epilogue(f, { value, lanes, row, column: place, extra });
    f.localSet(value);
    emitStorePart(f, element, c, 16 * v, lanes, value);
  }
  f.localGet(sums).i32Const(16 * vectors).i32Add().localSet(sums);
  f.localGet(c).i32Const(cRow).i32Add().localSet(c);
  f.localGet(row).i32Const(1).i32Add().localSet(row);
  f.localGet(rows).i32Const(1).i32Sub().localTee(rows).brIf(0).end();
  return f;
}

/** Leaves the first `lanes` elements at the pointer plus offset on the stack; never reads beyond them. */
export function emitLoadPart(
  f: FunctionBuilder,
  element: Element,
  pointer: number,
  offset: number,
  lanes: number,
  spare: number,
): void {
  // Offsets in instructions are unsigned; rows in reversed order have negative ones.
  const positive = Math.max(0, offset);
  const address = (): FunctionBuilder => {
    f.localGet(pointer);
    return offset < 0 ? f.i32Const(offset).i32Add() : f;
  };
  address();
  if (lanes === element.lanes) {
    f.v128Load(positive);
    return;
  }
  element.loadZero(f, positive);
  for (let lane = 1; lane < lanes; lane++) {
    f.localSet(spare);
    address().localGet(spare);
    element.loadLane(f, lane, positive + lane * element.bytes);
  }
}

/** Stores the first `lanes` elements of the vector in a local. */
export function emitStorePart(
  f: FunctionBuilder,
  element: Element,
  pointer: number,
  offset: number,
  lanes: number,
  value: number,
): void {
  if (lanes === element.lanes) {
    f.localGet(pointer).localGet(value).v128Store(offset);
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    f.localGet(pointer).localGet(value);
    element.storeLane(f, lane, offset + lane * element.bytes);
  }
}
