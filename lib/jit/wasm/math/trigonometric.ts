// Sine, cosine, tangent: x = k pi/2 + r with |r| <= pi/4 and polynomials in r. pi/2 is subtracted in parts whose
// products with k are exact (Cody and Waite 1980); beyond the range where they are, a helper takes the lane.

import { cosCoefficients, sinCoefficients } from "../../math/coefficients.ts";
import type { MathHelpers } from "./helpers.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";

/** pi/2 in parts: 8, 11, 11 and 24 bits for |k| < 2^13; 38, 38 and 53 bits for |k| < 2^15. */
const halfPiParts: { readonly f32: readonly number[]; readonly f64: readonly number[] } = {
  f32: [1.5703125, 4.837512969970703e-4, 7.549533620476723e-8, 2.563344151594519e-12],
  f64: [1.5707963267923333, 2.5633441515839558e-12, 1.0562999066987428e-23],
};

/** Below this |x| the parts of pi/2 suffice. */
const largestFastArgument: { readonly f32: number; readonly f64: number } = { f32: 8192, f64: 32768 };

interface Reduction {
  readonly r: Variable;
  /** What r lacks of the exact remainder (float64 accuracy only). */
  readonly tail: Variable | undefined;
  /** Bits whose lowest two are k modulo 4. */
  readonly quadrant: Variable;
}

/** Adding 1.5 2^23 (2^52) rounds to an integer, which then stands in the low bits. */
function reduce(m: Lanes, x: Variable): Reduction {
  const magic = m.pick(1.5 * 2 ** 23, 1.5 * 2 ** 52);
  const quadrant = m.let(m.madd(x, 2 / Math.PI, magic));
  const k = m.let(m.sub(quadrant, magic));
  if (m.type === "f32") {
    let r: Value = x;
    for (const part of halfPiParts.f32) r = m.nmadd(k, part, r);
    return { r: m.let(r), tail: undefined, quadrant };
  }
  const [first, second, third] = halfPiParts.f64;
  const exact = m.let(m.nmadd(k, first, x));
  const product = m.let(m.mul(k, second));
  const high = m.let(m.sub(exact, product));
  const lost = m.let(m.nmadd(k, third, m.sub(m.sub(exact, high), product)));
  const r = m.let(m.add(high, lost));
  if (m.accuracy === "f32") return { r, tail: undefined, quadrant };
  return { r, tail: m.let(m.add(m.sub(high, r), lost)), quadrant };
}

/** sin(r + tail) = r + r^3 S + tail (1 - r^2 / 2). */
function sinKernel(m: Lanes, { r, tail }: Reduction, square: Variable): Variable {
  const s = m.polynomial(square, m.coefficients(sinCoefficients));
  const cube = m.mul(square, r);
  if (tail === undefined) return m.let(m.madd(s, cube, r));
  const correction = m.nmadd(m.mul(square, 0.5), tail, tail);
  return m.let(m.add(r, m.madd(s, cube, correction)));
}

/** cos(r + tail) = 1 - r^2 / 2 + r^4 C - r tail, with what 1 - r^2 / 2 loses in rounding added back (float64). */
function cosKernel(m: Lanes, { r, tail }: Reduction, square: Variable): Variable {
  const c = m.polynomial(square, m.coefficients(cosCoefficients));
  const fourth = m.mul(square, square);
  if (tail === undefined) return m.let(m.madd(c, fourth, m.nmadd(square, 0.5, 1)));
  const half = m.let(m.mul(square, 0.5));
  const w = m.let(m.sub(1, half));
  const small = m.madd(c, fourth, m.neg(m.mul(r, tail)));
  return m.let(m.add(w, m.add(m.sub(m.sub(1, w), half), small)));
}

/** Lets the helper compute the lanes whose |x| is too large (infinities included; NaN comes out right anyway). */
function repairHuge(m: Lanes, result: Variable, x: Variable, helper: keyof MathHelpers): Value {
  const f = m.builder;
  const limit = m.pick(largestFastArgument.f32, largestFastArgument.f64);
  const huge = m.let(m.greaterOrEqual(m.abs(x), limit));
  m.ifAny(huge, () => {
    for (let lane = 0; lane < m.pick(4, 2); lane++) {
      huge.emit();
      if (m.type === "f32") f.i32x4ExtractLane(lane);
      else f.i64x2ExtractLane(lane).i32WrapI64();
      f.if();
      result.emit();
      x.emit();
      if (m.type === "f32") f.f32x4ExtractLane(lane).f64PromoteF32();
      else f.f64x2ExtractLane(lane);
      f.call(m.context.helpers[helper]);
      if (m.type === "f32") f.f32DemoteF64().f32x4ReplaceLane(lane);
      else f.f64x2ReplaceLane(lane);
      f.localSet(result.local).end();
    }
  });
  return result;
}

/** Lanes where k is odd. */
function isOdd(m: Lanes, quadrant: Value): Value {
  return m.integerEqual(m.and(quadrant, m.bits(1n)), m.bits(1n));
}

/** The sign bit where bit 1 of k is set. */
function halfTurnSign(m: Lanes, quadrant: Value): Value {
  return m.and(m.shiftLeft(quadrant, m.pick(30, 62)), m.signBit());
}

/** The sine. */
export function sin(m: Lanes, x: Variable): Value {
  const reduction = reduce(m, x);
  const square = m.let(m.mul(reduction.r, reduction.r));
  const s = sinKernel(m, reduction, square);
  const c = cosKernel(m, reduction, square);
  const unsigned = m.select(isOdd(m, reduction.quadrant), c, s);
  const turned = m.xor(unsigned, halfTurnSign(m, reduction.quadrant));
  // The polynomial makes +0 of -0.
  const result = m.let(m.or(turned, m.and(x, m.equal(x, 0))));
  return repairHuge(m, result, x, "sin");
}

/** The cosine. */
export function cos(m: Lanes, x: Variable): Value {
  const reduction = reduce(m, x);
  const square = m.let(m.mul(reduction.r, reduction.r));
  const s = sinKernel(m, reduction, square);
  const c = cosKernel(m, reduction, square);
  const unsigned = m.select(isOdd(m, reduction.quadrant), s, c);
  const next = m.integerAdd(reduction.quadrant, m.bits(1n));
  const result = m.let(m.xor(unsigned, halfTurnSign(m, next)));
  return repairHuge(m, result, x, "cos");
}

/** The tangent: sin / cos, or -cos / sin in odd quadrants. */
export function tan(m: Lanes, x: Variable): Value {
  const reduction = reduce(m, x);
  const square = m.let(m.mul(reduction.r, reduction.r));
  const s = sinKernel(m, reduction, square);
  const c = cosKernel(m, reduction, square);
  const odd = m.let(isOdd(m, reduction.quadrant));
  const quotient = m.div(m.select(odd, c, s), m.select(odd, s, c));
  const turned = m.xor(quotient, m.and(odd, m.signBit()));
  const result = m.let(m.or(turned, m.and(x, m.equal(x, 0))));
  return repairHuge(m, result, x, "tan");
}

/** sin(pi r) for |r| <= 1/2, both types: r is exact, so pi r has one rounding. */
export function sinPiReduced(m: Lanes, r: Variable): Value {
  const quarter = m.let(m.greater(m.abs(r), 0.25));
  const toHalf = m.sub(0.5, m.abs(r));
  const angle = m.let(m.mul(m.select(quarter, toHalf, m.abs(r)), Math.PI));
  const square = m.let(m.mul(angle, angle));
  const reduction: Reduction = { r: angle, tail: undefined, quadrant: angle };
  const s = sinKernel(m, reduction, square);
  const c = cosKernel(m, reduction, square);
  return m.withSignOf(m.select(quarter, c, s), r);
}

/** cos(pi r) for |r| <= 1/2. */
export function cosPiReduced(m: Lanes, r: Variable): Value {
  return sinPiReduced(m, m.let(m.sub(0.5, m.abs(r))));
}
