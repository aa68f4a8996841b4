/** The instructions of a matrix product for each type of elements. */

import type { FunctionBuilder } from "../assembler/mod.ts";

/** Types whose products are generated; float16 and the narrow integers are widened while packing. */
export type ContractDType = "float32" | "float64" | "int32" | "uint32";

/** How to emit what depends on the type. Values are on the stack unless said otherwise. */
export interface Element {
  readonly bytes: number;
  /** Elements in a vector. */
  readonly lanes: number;
  /** Address -> a vector with the element in every lane. */
  loadSplat(f: FunctionBuilder, offset?: number): void;
  /** Address -> a vector that repeats the element there and the next one: [a0, a1, a0, a1]. */
  loadPair(f: FunctionBuilder, offset?: number): void;
  /** Vector -> the same with each two neighbours swapped: [v1, v0, v3, v2]. */
  swapNeighbours(f: FunctionBuilder): void;
  /** Vectors v, w -> the lanes of v and w in turn: [v0, w1, v2, w3]. */
  takeAlternately(f: FunctionBuilder): void;
  /** Address -> a vector with the element in lane 0 and zeros elsewhere. */
  loadZero(f: FunctionBuilder, offset?: number): void;
  /** Address, vector -> vector with one lane replaced. */
  loadLane(f: FunctionBuilder, lane: number, offset?: number): void;
  /** Address, vector -> stores one lane. */
  storeLane(f: FunctionBuilder, lane: number, offset?: number): void;
  /** Address -> scalar as an integer of the same width, to be copied. */
  loadBits(f: FunctionBuilder, offset?: number): void;
  /** Address, integer -> stores it. */
  storeBits(f: FunctionBuilder, offset?: number): void;
  /** Address -> scalar. */
  load(f: FunctionBuilder, offset?: number): void;
  /** Address, scalar -> stores it. */
  store(f: FunctionBuilder, offset?: number): void;
  /** Vector -> a vector with the lane everywhere. */
  broadcastLane(f: FunctionBuilder, lane: number): void;
  /** Vector, vector -> their sum. */
  add(f: FunctionBuilder): void;
  /** Locals: accumulator += a * b, rounded once where the machine can. */
  multiplyAdd(f: FunctionBuilder, accumulator: number, a: number, b: number): void;
}

function broadcast(f: FunctionBuilder, lane: number, bytes: number): void {
  const copy = f.local("v128");
  f.localTee(copy).localGet(copy).i8x16Shuffle(
    Array.from({ length: 16 }, (_, i) => lane * bytes + i % bytes),
  );
  f.release(copy);
}

/** Leaves a vector of lanes picked from two vectors on the stack; lanes of the second count on from the first's. */
function pickLanes(f: FunctionBuilder, lanes: readonly number[], bytes: number): void {
  f.i8x16Shuffle(lanes.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i)));
}

function swapNeighbours(f: FunctionBuilder, bytes: number): void {
  const copy = f.local("v128");
  f.localTee(copy).localGet(copy);
  pickLanes(f, Array.from({ length: 16 / bytes }, (_, lane) => lane ^ 1), bytes);
  f.release(copy);
}

function takeAlternately(f: FunctionBuilder, bytes: number): void {
  const lanes = 16 / bytes;
  pickLanes(f, Array.from({ length: lanes }, (_, lane) => lane % 2 === 0 ? lane : lanes + lane), bytes);
}

const word = {
  bytes: 4,
  lanes: 4,
  loadSplat: (f: FunctionBuilder, offset = 0): void => void f.v128Load32Splat(offset),
  loadPair: (f: FunctionBuilder, offset = 0): void => void f.v128Load64Splat(offset),
  swapNeighbours: (f: FunctionBuilder): void => swapNeighbours(f, 4),
  takeAlternately: (f: FunctionBuilder): void => takeAlternately(f, 4),
  loadZero: (f: FunctionBuilder, offset = 0): void => void f.v128Load32Zero(offset),
  loadLane: (f: FunctionBuilder, lane: number, offset = 0): void => void f.v128Load32Lane(lane, offset),
  storeLane: (f: FunctionBuilder, lane: number, offset = 0): void => void f.v128Store32Lane(lane, offset),
  loadBits: (f: FunctionBuilder, offset = 0): void => void f.i32Load(offset),
  storeBits: (f: FunctionBuilder, offset = 0): void => void f.i32Store(offset),
  broadcastLane: (f: FunctionBuilder, lane: number): void => broadcast(f, lane, 4),
};

const float32: Element = {
  ...word,
  load: (f, offset = 0) => void f.f32Load(offset),
  store: (f, offset = 0) => void f.f32Store(offset),
  add: (f) => void f.f32x4Add(),
  multiplyAdd: (f, accumulator, a, b) =>
    void f.localGet(a).localGet(b).localGet(accumulator).f32x4RelaxedMadd().localSet(accumulator),
};

const float64: Element = {
  bytes: 8,
  lanes: 2,
  loadSplat: (f, offset = 0) => void f.v128Load64Splat(offset),
  loadPair: (f, offset = 0) => void f.v128Load(offset),
  swapNeighbours: (f) => swapNeighbours(f, 8),
  takeAlternately: (f) => takeAlternately(f, 8),
  loadZero: (f, offset = 0) => void f.v128Load64Zero(offset),
  loadLane: (f, lane, offset = 0) => void f.v128Load64Lane(lane, offset),
  storeLane: (f, lane, offset = 0) => void f.v128Store64Lane(lane, offset),
  loadBits: (f, offset = 0) => void f.i64Load(offset),
  storeBits: (f, offset = 0) => void f.i64Store(offset),
  broadcastLane: (f, lane) => broadcast(f, lane, 8),
  load: (f, offset = 0) => void f.f64Load(offset),
  store: (f, offset = 0) => void f.f64Store(offset),
  add: (f) => void f.f64x2Add(),
  multiplyAdd: (f, accumulator, a, b) =>
    void f.localGet(a).localGet(b).localGet(accumulator).f64x2RelaxedMadd().localSet(accumulator),
};

const int32: Element = {
  ...word,
  load: (f, offset = 0) => void f.i32Load(offset),
  store: (f, offset = 0) => void f.i32Store(offset),
  add: (f) => void f.i32x4Add(),
  multiplyAdd: (f, accumulator, a, b) =>
    void f.localGet(accumulator).localGet(a).localGet(b).i32x4Mul().i32x4Add().localSet(accumulator),
};

/** The instructions for each type; integers wrap, so that signed and unsigned ones share theirs. */
export const elements: { readonly [T in ContractDType]: Element } = {
  float32,
  float64,
  int32,
  uint32: int32,
};
