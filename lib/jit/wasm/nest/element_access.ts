/** Elements between memory and registers: one for all lanes, a whole vector, or lane by lane. */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { emitHalfBits, emitHalfToSingle } from "./half.ts";
import { type LaneCount, type ModuleContext, pushSplat32 } from "./value.ts";

/** Takes an address from the stack and leaves the element there in all lanes. */
export function loadSplat(context: ModuleContext, f: FunctionBuilder, dtype: DType, offset: number): void {
  switch (byteSize(dtype)) {
    case 1:
      f[dtype === "int8" ? "i32Load8S" : "i32Load8U"](offset).i32x4Splat();
      if (dtype === "bool") decodeBool(context, f);
      return;
    case 2:
      f.i32Load16U(offset).i32x4Splat();
      emitHalfToSingle(context, f);
      return;
    case 4:
      f.v128Load32Splat(offset);
      return;
    case 8:
      f.v128Load64Splat(offset);
  }
}

/** Takes an address from the stack and leaves the adjacent elements that fill the lanes. */
export function loadVector(
  context: ModuleContext,
  f: FunctionBuilder,
  dtype: DType,
  lanes: LaneCount,
  offset: number,
): void {
  const size = byteSize(dtype);
  switch (size * lanes) {
    case 2:
      f.i32Load16U(offset).i32x4Splat();
      break;
    case 4:
      f.v128Load32Zero(offset);
      break;
    case 8:
      f.v128Load64Zero(offset);
      break;
    case 16:
      f.v128Load(offset, Math.log2(size));
  }
  decodePacked(context, f, dtype);
}

/** Spreads elements that lie next to each other in the low bytes of the vector on the stack over the lanes. */
export function decodePacked(context: ModuleContext, f: FunctionBuilder, dtype: DType): void {
  switch (dtype) {
    case "int8":
      f.i16x8ExtendLowI8x16S().i32x4ExtendLowI16x8S();
      return;
    case "uint8":
      f.i16x8ExtendLowI8x16U().i32x4ExtendLowI16x8U();
      return;
    case "bool":
      f.i16x8ExtendLowI8x16U().i32x4ExtendLowI16x8U();
      decodeBool(context, f);
      return;
    case "float16":
      f.i32x4ExtendLowI16x8U();
      emitHalfToSingle(context, f);
      return;
    default:
      return;
  }
}

function decodeBool(context: ModuleContext, f: FunctionBuilder): void {
  pushSplat32(f, context.pool, 0);
  f.i32x4Ne();
}

const LOW_BYTES: readonly number[] = [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12];
const LOW_HALVES: readonly number[] = [0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13];

/** Packs the lanes of the vector on the stack as elements next to each other into the low bytes. */
export function encodePacked(context: ModuleContext, f: FunctionBuilder, dtype: DType): void {
  switch (dtype) {
    case "bool":
      pushSplat32(f, context.pool, 1);
      f.v128And();
      return shuffle(f, LOW_BYTES);
    case "int8":
    case "uint8":
      return shuffle(f, LOW_BYTES);
    case "float16":
      emitHalfBits(context, f);
      return shuffle(f, LOW_HALVES);
    default:
      return;
  }
}

function shuffle(f: FunctionBuilder, lanes: readonly number[]): void {
  const local = f.local("v128");
  f.localTee(local).localGet(local).i8x16Shuffle(lanes);
  f.release(local);
}

/** Takes an address and packed lanes from the stack and stores all of them. */
export function storeVector(f: FunctionBuilder, dtype: DType, lanes: LaneCount, offset: number): void {
  const size = byteSize(dtype);
  switch (size * lanes) {
    case 2:
      f.v128Store16Lane(0, offset);
      return;
    case 4:
      f.v128Store32Lane(0, offset);
      return;
    case 8:
      f.v128Store64Lane(0, offset);
      return;
    case 16:
      f.v128Store(offset, Math.log2(size));
  }
}

/** Takes an address and packed lanes from the stack and stores one of them. */
export function storeLane(f: FunctionBuilder, dtype: DType, lane: number, offset: number): void {
  switch (byteSize(dtype)) {
    case 1:
      f.v128Store8Lane(lane, offset);
      return;
    case 2:
      f.v128Store16Lane(lane, offset);
      return;
    case 4:
      f.v128Store32Lane(lane, offset);
      return;
    case 8:
      f.v128Store64Lane(lane, offset);
  }
}

/** Takes an address and a packed vector from the stack and leaves the vector with one lane read from there. */
export function loadLane(f: FunctionBuilder, dtype: DType, lane: number, offset: number): void {
  switch (byteSize(dtype)) {
    case 1:
      f.v128Load8Lane(lane, offset);
      return;
    case 2:
      f.v128Load16Lane(lane, offset);
      return;
    case 4:
      f.v128Load32Lane(lane, offset);
      return;
    case 8:
      f.v128Load64Lane(lane, offset);
  }
}
