/** Casts between element types, with the meaning of `castValue` in lib/trace/dtype.ts, and bitcasts. */
import { type DType, isFloat } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { emitHalfBits, emitHalfToSingle } from "./half.ts";
import { wrap } from "./integer_ops.ts";
import {
  laneOf,
  type ModuleContext,
  NARROW_64,
  push,
  pushSplat32,
  pushSplat64,
  REPEAT_LOW,
  type Value,
} from "./value.ts";

/** Leaves `value` as `to` on the stack. */
export function emitCast(context: ModuleContext, f: FunctionBuilder, value: Value, to: DType): void {
  const { pool } = context;
  const from = value.dtype;
  const source = laneOf(from), target = laneOf(to);
  push(f, pool, value);
  if (from === to) return;
  switch (target) {
    case "mask":
      if (source === "f64") {
        pushSplat64(f, pool, 0);
        f.f64x2Ne();
        repeat(f, NARROW_64);
      } else {
        pushSplat32(f, pool, 0);
        f[source === "f32" ? "f32x4Ne" : "i32x4Ne"]();
      }
      return;
    case "f32":
      if (source === "f64") {
        f.f32x4DemoteF64x2Zero();
        repeat(f, REPEAT_LOW);
      } else if (source === "int") f[from === "uint32" ? "f32x4ConvertI32x4U" : "f32x4ConvertI32x4S"]();
      else if (source === "mask") {
        pushSplat32(f, pool, 0x3f800000);
        f.v128And();
        return;
      }
      // From float64 this rounds twice, first to float32.
      if (to === "float16") {
        emitHalfBits(context, f);
        emitHalfToSingle(context, f);
      }
      return;
    case "f64":
      if (source === "f32") f.f64x2PromoteLowF32x4();
      else if (source === "int") {
        f[from === "uint32" ? "f64x2ConvertLowI32x4U" : "f64x2ConvertLowI32x4S"]();
      } else {
        f.i64x2ExtendLowI32x4S();
        pushSplat64(f, pool, 1);
        f.v128And();
      }
      return;
    case "int":
      if (source === "mask") {
        pushSplat32(f, pool, 1);
        f.v128And();
        return;
      }
      if (isFloat(from)) {
        if (source === "f64") {
          f[to === "uint32" ? "i32x4TruncSatF64x2UZero" : "i32x4TruncSatF64x2SZero"]();
          repeat(f, REPEAT_LOW);
        } else f[to === "uint32" ? "i32x4TruncSatF32x4U" : "i32x4TruncSatF32x4S"]();
        saturate(context, f, to);
      } else wrap(context, f, to);
      return;
  }
}

function repeat(f: FunctionBuilder, lanes: readonly number[]): void {
  const local = f.local("v128");
  f.localTee(local).localGet(local).i8x16Shuffle(lanes);
  f.release(local);
}

function saturate(context: ModuleContext, f: FunctionBuilder, to: DType): void {
  if (to !== "int8" && to !== "uint8") return;
  const [low, high] = to === "int8" ? [-128, 127] : [0, 255];
  pushSplat32(f, context.pool, low);
  f.i32x4MaxS();
  pushSplat32(f, context.pool, high);
  f.i32x4MinS();
}

/** Leaves the bits of `value` read as `to`, of the same width, on the stack. */
export function emitBitcast(context: ModuleContext, f: FunctionBuilder, value: Value, to: DType): void {
  push(f, context.pool, value);
  if (value.dtype === "bool") {
    pushSplat32(f, context.pool, 1);
    f.v128And();
  } else if (to === "bool") {
    pushSplat32(f, context.pool, 0);
    f.i32x4Ne();
  } else wrap(context, f, to);
}
