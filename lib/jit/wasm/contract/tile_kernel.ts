/**
 * The innermost function of a product: one tile of C from a strip of A and a strip of B.
 *
 * It is a function of its own, called once per tile, so that the engine soon optimises it. Each element of A
 * is loaded into all lanes from an address computed by an addition rather than from a constant offset: V8
 * then shares one bounds check among them (47 to 53 GFLOP/s).
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import type { Element } from "./element.ts";
import type { Epilogue } from "./spec.ts";

/** Bits of the kernel's `flags` argument: whether this block of depth is the first, the last. */
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
  readonly cRow: number;
  readonly accumulate: boolean;
  /** Whether all of the depth comes in one call, so that `flags` says nothing. */
  readonly whole: boolean;
  readonly unroll: number;
  readonly epilogue?: Epilogue;
  readonly extra: readonly ValueType[];
}

/** Emits `tile(a, b, c, depth, flags, row, column, ...extra)` and returns its index. */
export function emitTile(module: ModuleBuilder, options: TileOptions): number {
  const { element, rows, vectors, aRow, aDepth, bDepth, extra } = options;
  const vectorBytes = 16;
  const f = module.addFunction({
    params: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", ...extra],
    results: [],
  });
  const [a, b, c, depth, flags, row, column] = [0, 1, 2, 3, 4, 5, 6];
  const sums = Array.from({ length: rows * vectors }, () => f.local("v128"));
  const right = Array.from({ length: vectors }, () => f.local("v128"));
  const left = f.local("v128");

  function step(offset: number): void {
    for (let v = 0; v < vectors; v++) {
      f.localGet(b).v128Load(offset * bDepth + v * vectorBytes).localSet(right[v]);
    }
    for (let r = 0; r < rows; r++) {
      f.localGet(a);
      const distance = offset * aDepth + r * aRow;
      if (distance !== 0) f.i32Const(distance).i32Add();
      element.loadSplat(f);
      f.localSet(left);
      for (let v = 0; v < vectors; v++) element.multiplyAdd(f, sums[r * vectors + v], left, right[v]);
    }
  }
  function advance(steps: number): void {
    f.localGet(a).i32Const(steps * aDepth).i32Add().localSet(a);
    f.localGet(b).i32Const(steps * bDepth).i32Add().localSet(b);
    f.localGet(depth).i32Const(steps).i32Sub().localTee(depth);
  }

  const unroll = options.unroll;
  if (unroll > 1) {
    f.localGet(depth).i32Const(unroll).i32GeU().if();
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

  emitStore(f, options, { c, flags, row, column }, sums, left);
  return f.index;
}

/** Adds what C holds where there were earlier blocks, applies the epilogue after the last one, and stores. */
function emitStore(
  f: FunctionBuilder,
  options: TileOptions,
  params: { c: number; flags: number; row: number; column: number },
  sums: readonly number[],
  spare: number,
): void {
  const { element, rows, vectors, cRow, accumulate, whole, epilogue } = options;
  const { c, flags } = params;
  function each(body: (sum: number, offset: number, lanes: number, r: number, v: number) => void): void {
    for (let r = 0; r < rows; r++) {
      for (let v = 0; v < vectors; v++) {
        const lanes = v === vectors - 1 ? options.tailLanes : element.lanes;
        body(sums[r * vectors + v], r * cRow + v * 16, lanes, r, v);
      }
    }
  }
  if (accumulate || !whole) {
    if (!accumulate) f.localGet(flags).i32Const(firstBlock).i32And().i32Eqz().if();
    each((sum, offset, lanes) => {
      emitLoadPart(f, element, c, offset, lanes, spare);
      f.localGet(sum);
      element.add(f);
      f.localSet(sum);
    });
    if (!accumulate) f.end();
  }
  if (epilogue !== undefined) {
    if (!whole) f.localGet(flags).i32Const(lastBlock).i32And().if();
    const row = f.local("i32");
    const column = f.local("i32");
    const extra = options.extra.map((_, i) => 7 + i);
    each((sum, _offset, lanes, r, v) => {
      if (v === 0) f.localGet(params.row).i32Const(r).i32Add().localSet(row);
      f.localGet(params.column).i32Const(v * element.lanes).i32Add().localSet(column);
      epilogue(f, { value: sum, lanes, row, column, extra });
      f.localSet(sum);
    });
    if (!whole) f.end();
  }
  each((sum, offset, lanes) => emitStorePart(f, element, c, offset, lanes, sum));
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
