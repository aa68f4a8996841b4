/**
 * Copying a strip of an operand into the order in which tiles read it: for each depth the elements of the strip
 * side by side. It makes every layout equal to the tile, and a strip of B fit the first cache.
 */

import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import type { Element } from "./element.ts";

/** One kind of strip. Strides are in bytes. */
export interface PackOptions {
  readonly element: Element;
  /** Elements per depth in the packed strip. */
  readonly width: number;
  /** How many of them belong to the matrix. What the others hold never reaches C. */
  readonly count: number;
  readonly outer: number;
  readonly depth: number;
}

/** Emits `pack(source, target, depths)` and returns it. */
export function emitPack(module: ModuleBuilder, options: PackOptions): IdleCall {
  const { element } = options;
  const f = module.addFunction({ params: ["i32", "i32", "i32"], results: [] });
  if (options.outer === element.bytes) emitRows(f, options);
  else if (options.depth === element.bytes) emitTransposed(f, options);
  else emitGather(f, options);
  return { callee: f };
}

const [source, target, depths] = [0, 1, 2];

function advance(f: FunctionBuilder, options: PackOptions, steps: number): void {
  f.localGet(source).i32Const(steps * options.depth).i32Add().localSet(source);
  f.localGet(target).i32Const(steps * options.width * options.element.bytes).i32Add().localSet(target);
  f.localGet(depths).i32Const(steps).i32Sub().localTee(depths);
}

/** Emits a loop over the depths that are left. */
function eachDepth(f: FunctionBuilder, options: PackOptions, body: () => void): void {
  f.localGet(depths).if().loop();
  body();
  advance(f, options, 1);
  f.brIf(0).end().end();
}

/** Neighbours in the strip are neighbours in memory. A vector at the edge of B may read up to 12 bytes more. */
function emitRows(f: FunctionBuilder, options: PackOptions): void {
  const { element, width, depth } = options;
  const size = width * element.bytes;
  function copy(from: number, to: number): void {
    let at = 0;
    for (; at + 16 <= size; at += 16) {
      f.localGet(target).localGet(source).v128Load(from + at).v128Store(to + at);
    }
    if (at + 8 <= size) {
      f.localGet(target).localGet(source).i64Load(from + at).i64Store(to + at);
      at += 8;
    }
    if (at < size) f.localGet(target).localGet(source).i32Load(from + at).i32Store(to + at);
  }
  f.localGet(depths).i32Const(4).i32GeU().if().loop();
  for (let k = 0; k < 4; k++) copy(k * depth, k * size);
  advance(f, options, 4);
  f.i32Const(4).i32GeU().brIf(0).end().end();
  eachDepth(f, options, () => copy(0, 0));
}

/** The vectors of two locals, interleaved by pieces of `bytes`: the lower halves, or the upper ones. */
export function interleave(
  f: FunctionBuilder,
  a: number,
  b: number,
  bytes: number,
  upper: boolean,
): FunctionBuilder {
  const lanes: number[] = [];
  for (let piece = 0; piece < 8 / bytes; piece++) {
    for (const base of [0, 16]) {
      for (let i = 0; i < bytes; i++) lanes.push(base + (upper ? 8 : 0) + piece * bytes + i);
    }
  }
  return f.localGet(a).localGet(b).i8x16Shuffle(lanes);
}

/** Depths are neighbours in memory: squares of vectors are transposed by shuffles. */
function emitTransposed(f: FunctionBuilder, options: PackOptions): void {
  const { element, width, count, outer } = options;
  const { lanes, bytes } = element;
  const size = width * bytes;
  const rows = Array.from({ length: lanes }, () => f.local("v128"));
  const mixed = Array.from({ length: lanes }, () => f.local("v128"));
  const offsetOf = (index: number): number => Math.min(index, count - 1) * outer;
  f.localGet(depths).i32Const(lanes).i32GeU().if().loop();
  let at = 0;
  for (; at + lanes <= width; at += lanes) {
    for (let i = 0; i < lanes; i++) f.localGet(source).v128Load(offsetOf(at + i)).localSet(rows[i]);
    if (lanes === 4) {
      interleave(f, rows[0], rows[1], 4, false).localSet(mixed[0]);
      interleave(f, rows[0], rows[1], 4, true).localSet(mixed[1]);
      interleave(f, rows[2], rows[3], 4, false).localSet(mixed[2]);
      interleave(f, rows[2], rows[3], 4, true).localSet(mixed[3]);
    }
    for (let k = 0; k < lanes; k++) {
      f.localGet(target);
      if (lanes === 4) interleave(f, mixed[k >> 1], mixed[2 + (k >> 1)], 8, (k & 1) === 1);
      else interleave(f, rows[0], rows[1], 8, k === 1);
      f.v128Store(k * size + at * bytes);
    }
  }
  for (; at < width; at++) {
    f.localGet(source).v128Load(offsetOf(at)).localSet(rows[0]);
    for (let k = 0; k < lanes; k++) {
      f.localGet(target).localGet(rows[0]);
      element.storeLane(f, k, k * size + at * bytes);
    }
  }
  advance(f, options, lanes);
  f.i32Const(lanes).i32GeU().brIf(0).end().end();
  emitGather(f, options);
}

/** Any strides: element by element. */
function emitGather(f: FunctionBuilder, options: PackOptions): void {
  const { element, width, count, outer } = options;
  eachDepth(f, options, () => {
    for (let i = 0; i < width; i++) {
      f.localGet(target).localGet(source);
      element.loadBits(f, Math.min(i, count - 1) * outer);
      element.storeBits(f, i * element.bytes);
    }
  });
}
