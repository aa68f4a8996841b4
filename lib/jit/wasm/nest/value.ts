/**
 * How element types lie in vector registers.
 *
 * A vector has four lanes of 32 bits, or two lanes of 64 in kernels that compute with float64. In the latter,
 * 32-bit values lie in the low two lanes. Narrow integers are kept as int32 in their range, float16 as float32,
 * and bool as masks of 32-bit lanes, so that one selection serves every type. What is equal in all lanes
 * ("uniform") fills the whole register whatever its width.
 */
import type { StructTiles } from "../contract/mod.ts";
import type { DType } from "../../../trace/dtype.ts";
import type { ConstantPool, FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import type { MathContext } from "../math/mod.ts";

/** Lanes of a kernel. */
export type LaneCount = 2 | 4;

/** A value of the kernel language in generated code: in a local, or a constant that is loaded where it is used. */
export interface Value {
  readonly dtype: DType;
  /** The local that holds it; -1 for a constant. */
  readonly local: number;
  readonly constant: number;
  /** Equal in all lanes. */
  readonly uniform: boolean;
}

export function constantValue(dtype: DType, constant: number): Value {
  return { dtype, local: -1, constant, uniform: true };
}

export function localValue(dtype: DType, local: number, uniform: boolean): Value {
  return { dtype, local, constant: 0, uniform };
}

/** Work that a kernel hands out while it runs: `index(args..., begin, end)` for units 0 to `units`, all i32. */
export interface SharedWork {
  readonly index: number;
  /** Code that leaves an argument on the stack. */
  readonly args: readonly (() => void)[];
  /** Code that leaves the number of units, and that of nanoseconds for one of them. */
  readonly units: () => void;
  readonly unitCost: () => void;
}

/** How kernels that run on the main thread have parts of their work done by all threads. */
export interface Sharing {
  /** Emits code that is over when all units are done. */
  share(f: FunctionBuilder, work: SharedWork): void;
}

/** What the generators of one module share. */
export interface ModuleContext extends MathContext {
  readonly module: ModuleBuilder;
  /** The global that holds the address of the running thread's scratch memory. */
  readonly scratchGlobal: number;
  /** Among how many threads large kernels are split. */
  readonly threads: number;
  /** Null where there is one thread. */
  readonly sharing: Sharing | null;
  /** The functions for products with left operands in structs, where the module imports them. */
  readonly structTiles: StructTiles | null;
  /** Says how many bytes of scratch memory a function needs. */
  needScratch(bytes: number): void;
  /** A function of the module by name, made at its first use. */
  helper(name: string, make: () => FunctionBuilder): FunctionBuilder;
}

/** How an element type is computed with. */
export type Lane = "f32" | "f64" | "int" | "mask";

const LANE: { readonly [D in DType]: Lane } = {
  float32: "f32",
  float16: "f32",
  float64: "f64",
  int32: "int",
  uint32: "int",
  int8: "int",
  uint8: "int",
  bool: "mask",
};

export function laneOf(dtype: DType): Lane {
  return LANE[dtype];
}

const scratch = new DataView(new ArrayBuffer(8));

function float32Bits(value: number): number {
  scratch.setFloat32(0, value, true);
  return scratch.getInt32(0, true);
}

/** Pushes a vector with `bits` in every 32-bit lane. */
export function pushSplat32(f: FunctionBuilder, pool: ConstantPool, bits: number): void {
  if (bits === 0 || bits === -1) {
    f.v128Const(new Uint8Array(16).fill(bits & 255));
    return;
  }
  const address = pool.i32(bits);
  if (address >= 0) f.constantSplat32(address);
  else f.i32Const(bits).i32x4Splat();
}

/** Pushes a vector with a float64 in both lanes. */
export function pushSplat64(f: FunctionBuilder, pool: ConstantPool, value: number): void {
  if (Object.is(value, 0)) {
    f.v128Const(new Uint8Array(16));
    return;
  }
  const address = pool.f64(value);
  if (address >= 0) f.i32Const(address).v128Load64Splat();
  else f.f64Const(value).f64x2Splat();
}

/** Pushes a constant of the kernel language in all lanes. */
export function pushConstant(f: FunctionBuilder, pool: ConstantPool, dtype: DType, value: number): void {
  switch (laneOf(dtype)) {
    case "f32":
      return pushSplat32(f, pool, float32Bits(dtype === "float16" ? Math.f16round(value) : value));
    case "f64":
      return pushSplat64(f, pool, value);
    case "int":
      return pushSplat32(f, pool, value | 0);
    case "mask":
      return pushSplat32(f, pool, value !== 0 ? -1 : 0);
  }
}

/** Pushes a value. */
export function push(f: FunctionBuilder, pool: ConstantPool, value: Value): void {
  if (value.local >= 0) f.localGet(value.local);
  else pushConstant(f, pool, value.dtype, value.constant);
}

/** Bytes 0 to 15 of a shuffle that repeats the low two 32-bit lanes of 64-bit lanes. */
export const NARROW_64: readonly number[] = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
/** Lanes 0, 1, 0, 1 of 32 bits. */
export const REPEAT_LOW: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7];

/** Turns a mask of 64-bit lanes on the stack into one of 32-bit lanes. */
export function narrowMask(f: FunctionBuilder): void {
  const mask = f.local("v128");
  f.localTee(mask).localGet(mask).i8x16Shuffle(NARROW_64);
  f.release(mask);
}

/** Turns a mask of 32-bit lanes on the stack into one of 64-bit lanes. */
export function widenMask(f: FunctionBuilder): void {
  f.i64x2ExtendLowI32x4S();
}
