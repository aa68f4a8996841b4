// float16 <-> float32 for four lanes. The 16 bits stand in the low half of 32-bit lanes, as `v128.load16x4_u`
// loads them; `i8x16.shuffle` or `i16x8.narrow_i32x4_u` packs them again.

import type { FunctionBuilder } from "../assembler/mod.ts";
import { Lanes } from "./lanes.ts";
import type { MathContext } from "./lanes.ts";

/**
 * Leaves the float32 values of four float16 on the stack; exact. The bits below the sign, moved under a float32's
 * exponent and multiplied by 2^112, give normal and subnormal numbers; infinity and NaN get the full exponent.
 */
export function halfToFloat(builder: FunctionBuilder, context: MathContext, half: number): void {
  const m = new Lanes(builder, context, "f32");
  const x = m.variable(half);
  const magnitude = m.let(m.and(x, m.bits(0x7fffn)));
  const scaled = m.mul(m.shiftLeft(magnitude, 13), 2 ** 112);
  const special = m.and(m.integerGreater(magnitude, m.bits(0x7bffn)), m.bits(0x7f800000n));
  const sign = m.shiftLeft(m.and(x, m.bits(0x8000n)), 16);
  m.or(m.or(scaled, special), sign).emit();
  m.release();
}

/**
 * Leaves the float16 bits of four float32 on the stack, in the low halves of the lanes, rounded to nearest even.
 * Subnormal results round by adding 1/2, whose last place is theirs; others by adding half a unit to the bits.
 */
export function floatToHalf(builder: FunctionBuilder, context: MathContext, float: number): void {
  const m = new Lanes(builder, context, "f32");
  const x = m.variable(float);
  const magnitude = m.let(m.abs(x));
  const odd = m.and(m.shiftRightUnsigned(magnitude, 13), m.bits(1n));
  const rebiased = m.integerAdd(m.integerAdd(magnitude, m.bits(0xc8000fffn)), odd);
  const normal = m.shiftRightUnsigned(rebiased, 13);
  const subnormal = m.integerSub(m.add(magnitude, 0.5), m.bits(0x3f000000n));
  const isSubnormal = m.integerGreater(m.bits(0x38800000n), magnitude);
  const finite = m.select(isSubnormal, subnormal, normal);
  const isNaN = m.integerGreater(magnitude, m.bits(0x7f800000n));
  const special = m.select(isNaN, m.bits(0x7e00n), m.bits(0x7c00n));
  const isLarge = m.integerGreater(magnitude, m.bits(0x477fffffn));
  const sign = m.shiftRightUnsigned(m.and(x, m.signBit()), 16);
  m.or(m.select(isLarge, special, finite), sign).emit();
  m.release();
}
