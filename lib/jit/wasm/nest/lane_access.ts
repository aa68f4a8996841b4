/** Loads and stores of the lanes of a vector at an address that is given as base, lane stride and lane terms. */
import type { DType } from "../../../trace/dtype.ts";
import { byteSize } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import {
  decodePacked,
  encodePacked,
  loadLane,
  loadSplat,
  loadVector,
  storeLane,
  storeVector,
} from "./element_access.ts";
import { fillsRegister } from "./analysis.ts";
import { emitScalarOp } from "./scalar_ops.ts";
import {
  type LaneCount,
  laneOf,
  localValue,
  type ModuleContext,
  push,
  pushConstant,
  pushSplat32,
  type Value,
  widenMask,
} from "./value.ts";

/** Where the lanes lie. */
export interface LaneAddress {
  /** Pushes the address of lane 0 without its lane terms; gives the constant offset that is still to be added. */
  pushBase(): number;
  /** Elements from lane to lane. */
  readonly laneStride: number;
  /** Positions that differ from lane to lane, each times a number of bytes. */
  readonly laneTerms: readonly { readonly value: Value; readonly bytes: number }[];
}

/** What accesses have in common. */
export interface AccessContext {
  readonly context: ModuleContext;
  readonly f: FunctionBuilder;
  readonly lanes: LaneCount;
}

/** Pushes a condition: whether lane 0 of a mask is set. */
function pushFirst(f: FunctionBuilder, mask: Value): void {
  if (mask.local < 0) f.i32Const(mask.constant);
  else f.localGet(mask.local).i32x4ExtractLane(0);
}

/** Pushes the address of lane 0 with its terms. */
function pushFirstAddress(f: FunctionBuilder, address: LaneAddress): number {
  const offset = address.pushBase();
  for (const { value, bytes } of address.laneTerms) {
    pushFirst(f, value);
    if (bytes !== 1) f.i32Const(bytes).i32Mul();
    f.i32Add();
  }
  return offset;
}

/** Pushes one element in all lanes; `fill` where lane 0 of the mask is not set. */
export function readOne(
  { context, f }: AccessContext,
  dtype: DType,
  address: LaneAddress,
  mask: Value | null,
  fill: number,
): void {
  if (mask !== null) {
    pushFirst(f, mask);
    f.if("v128");
  }
  const offset = pushFirstAddress(f, address);
  loadSplat(context, f, dtype, offset);
  if (mask !== null) {
    f.else();
    pushConstant(f, context.pool, dtype, fill);
    f.end();
  }
}

/** Pushes the elements of all lanes; `fill` where the mask is not set. */
export function readLanes(
  access: AccessContext,
  dtype: DType,
  address: LaneAddress,
  mask: Value | null,
  fill: number,
): void {
  const { context, f, lanes } = access;
  const adjacent = address.laneTerms.length === 0 && address.laneStride === 1;
  if (mask !== null && mask.uniform) {
    pushFirst(f, mask);
    f.if("v128");
    readLanes(access, dtype, address, null, fill);
    f.else();
    pushConstant(f, context.pool, dtype, fill);
    f.end();
    return;
  }
  if (!adjacent && !isNear(dtype, lanes, address)) return readApart(access, dtype, address, mask, fill);
  const load = (): void => {
    const offset = address.pushBase();
    if (adjacent) loadVector(context, f, dtype, lanes, offset);
    else loadNear(f, address.laneStride, byteSize(dtype), offset);
  };
  if (mask === null) return load();
  pushBits(f, mask, lanes);
  f.i32Const((1 << lanes) - 1).i32Eq().if("v128");
  load();
  f.else();
  pushBits(f, mask, lanes);
  f.if("v128");
  readApart(access, dtype, address, mask, fill);
  f.else();
  pushConstant(f, context.pool, dtype, fill);
  f.end().end();
}

/** Whether a few loads of whole vectors bring all lanes. */
function isNear(dtype: DType, lanes: LaneCount, { laneTerms, laneStride }: LaneAddress): boolean {
  return laneTerms.length === 0 && (laneStride === 2 || laneStride === 3) && fillsRegister(dtype, lanes);
}

/** Pushes every second or third element from the address on the stack: vectors that lie side by side, shuffled. */
function loadNear(f: FunctionBuilder, stride: number, bytes: number, offset: number): void {
  const base = f.local("i32");
  f.localTee(base).v128Load(offset);
  const lanes = 16 / bytes;
  for (let v = 1; v < stride; v++) {
    f.localGet(base).v128Load(offset + 16 * v);
    f.i8x16Shuffle(Array.from({ length: 16 }, (_, i) => {
      const lane = Math.floor(i / bytes), at = lane * stride - v * lanes;
      // What is not there yet comes with a later vector.
      const known = at < 0 ? lane : at < lanes ? lanes + at : lane;
      // Before the second vector the lanes lie where memory has them.
      const place = v === 1 && at < 0 ? lane * stride : known;
      return Math.min(place, 2 * lanes - 1) * bytes + i % bytes;
    }));
  }
  f.release(base);
}

function pushBits(f: FunctionBuilder, mask: Value, lanes: LaneCount): void {
  f.localGet(mask.local).i32x4Bitmask();
  if (lanes === 2) f.i32Const(3).i32And();
}

/** Lane by lane. What is masked out reads address 0, where nothing lives and reading does no harm. */
function readApart(
  access: AccessContext,
  dtype: DType,
  address: LaneAddress,
  mask: Value | null,
  fill: number,
): void {
  const { context, f } = access;
  const packed = f.local("v128");
  f.v128Const(new Uint8Array(16)).localSet(packed);
  eachLaneAddress(access, dtype, address, mask, (lane, pushLane) => {
    const offset = pushLane();
    f.localGet(packed);
    loadLane(f, dtype, lane, offset);
    f.localSet(packed);
  });
  f.localGet(packed);
  f.release(packed);
  decodePacked(context, f, dtype);
  if (mask !== null) {
    pushConstant(f, context.pool, dtype, fill);
    push(f, context.pool, mask);
    if (laneOf(dtype) === "f64") widenMask(f);
    f.v128Bitselect();
  }
}

/** Calls back with a way to push each lane's address; with a mask, lanes that are not set have address 0. */
function eachLaneAddress(
  { context, f, lanes }: AccessContext,
  dtype: DType,
  address: LaneAddress,
  mask: Value | null,
  each: (lane: number, pushLane: () => number) => void,
): void {
  const { pool } = context;
  const step = address.laneStride * byteSize(dtype);
  if (address.laneTerms.length > 0) {
    const addresses = f.local("v128");
    const offset = address.pushBase();
    f.i32x4Splat();
    for (const { value, bytes } of address.laneTerms) {
      push(f, pool, value);
      if (bytes !== 1) {
        pushSplat32(f, pool, bytes);
        f.i32x4Mul();
      }
      f.i32x4Add();
    }
    if (step !== 0) {
      pushSteps(context, f, step);
      f.i32x4Add();
    }
    if (mask !== null) {
      push(f, pool, mask);
      f.v128And();
    }
    f.localSet(addresses);
    for (let lane = 0; lane < lanes; lane++) {
      each(lane, () => {
        f.localGet(addresses).i32x4ExtractLane(lane);
        return offset;
      });
    }
    f.release(addresses);
    return;
  }
  const base = f.local("i32");
  const lowest = Math.min(0, step * (lanes - 1));
  const offset = address.pushBase();
  if (lowest !== 0) f.i32Const(lowest).i32Add();
  f.localSet(base);
  for (let lane = 0; lane < lanes; lane++) {
    each(lane, () => {
      f.localGet(base);
      if (mask !== null) {
        f.i32Const(0).localGet(mask.local).i32x4ExtractLane(lane).select();
      }
      return offset + step * lane - lowest;
    });
  }
  f.release(base);
}

/** Pushes (0, 1, 2, 3) times a number. */
function pushSteps(context: ModuleContext, f: FunctionBuilder, step: number): void {
  const bytes = new Uint8Array(new Int32Array([0, step, 2 * step, 3 * step]).buffer);
  const place = context.pool.v128(bytes);
  if (place >= 0) f.i32Const(place).v128Load();
  else f.v128Const(bytes);
}

/** Stores lane 0 where lane 0 of the mask is set; `add` accumulates. */
export function writeOne(
  access: AccessContext,
  dtype: DType,
  address: LaneAddress,
  value: Value,
  mask: Value | null,
  add: boolean,
): void {
  const { context, f } = access;
  if (mask !== null) {
    pushFirst(f, mask);
    f.if();
  }
  const offset = pushFirstAddress(f, address);
  if (add) {
    const place = f.local("i32");
    f.localTee(place).localGet(place);
    loadSplat(context, f, dtype, offset);
    pushSum(access, dtype, value);
    f.release(place);
  } else push(f, context.pool, value);
  encodePacked(context, f, dtype);
  storeLane(f, dtype, 0, offset);
  if (mask !== null) f.end();
}

/** Adds a value to the one on the stack. */
function pushSum({ context, f, lanes }: AccessContext, dtype: DType, value: Value): void {
  const old = f.local("v128");
  f.localSet(old);
  emitScalarOp(context, f, "add", dtype, [localValue(dtype, old, false), value], lanes);
  f.release(old);
}

/** Stores all lanes where the mask is set, in order; `add` accumulates, also where lanes hit one place. */
export function writeLanes(
  access: AccessContext,
  dtype: DType,
  address: LaneAddress,
  value: Value,
  mask: Value | null,
  add: boolean,
): void {
  const { context, f, lanes } = access;
  if (mask !== null && mask.uniform) {
    pushFirst(f, mask);
    f.if();
    writeLanes(access, dtype, address, value, null, add);
    f.end();
    return;
  }
  if (mask === null && address.laneTerms.length === 0 && address.laneStride === 1) {
    const offset = address.pushBase();
    if (add) {
      const place = f.local("i32");
      f.localTee(place).localGet(place);
      loadVector(context, f, dtype, lanes, offset);
      pushSum(access, dtype, value);
      f.release(place);
    } else push(f, context.pool, value);
    encodePacked(context, f, dtype);
    storeVector(f, dtype, lanes, offset);
    return;
  }
  const packed = f.local("v128");
  push(f, context.pool, value);
  if (!add) encodePacked(context, f, dtype);
  f.localSet(packed);
  eachLaneAddress(access, dtype, address, null, (lane, pushLane) => {
    if (mask !== null) f.localGet(mask.local).i32x4ExtractLane(lane).if();
    const offset = pushLane();
    if (add) addLane(access, dtype, packed, lane, offset);
    else {
      f.localGet(packed);
      storeLane(f, dtype, lane, offset);
    }
    if (mask !== null) f.end();
  });
  f.release(packed);
}

/** Takes an address from the stack and adds one lane of `value` to the element there. */
function addLane(access: AccessContext, dtype: DType, value: number, lane: number, offset: number): void {
  const { context, f } = access;
  const place = f.local("i32"), one = f.local("v128");
  const bytes = laneOf(dtype) === "f64" ? 8 : 4;
  f.localSet(place);
  f.localGet(value).localGet(value);
  f.i8x16Shuffle(Array.from({ length: 16 }, (_, i) => lane * bytes + i % bytes)).localSet(one);
  f.localGet(place).localGet(place);
  loadSplat(context, f, dtype, offset);
  pushSum(access, dtype, localValue(dtype, one, true));
  encodePacked(context, f, dtype);
  storeLane(f, dtype, 0, offset);
  f.release(place, one);
}
