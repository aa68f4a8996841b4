/** What the incomplete functions need of logarithms and of Stirling's formula without cancellation. */
import { log, log1p } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { lgamma } from "../trace/ops/special.ts";
import { polynomial } from "../trace/primitives/composed.ts";
import { LGAMMA_SERIES, ONE_MINUS_EULER } from "../trace/primitives/special_functions.ts";
import type { Tensor } from "../trace/tensor.ts";

/**
 * The factor by which a continued fraction changes, exactly 1 once it is so to rounding: while other elements go on, the
 * rounding of further factors would add up.
 */
export function settled(change: Tensor, limit: number): Tensor {
  return where(change.sub(1).abs().gt(limit), change, 1);
}

/** Up to here gamma(a + 1) is finite. */
export function factorialLimit(a: Tensor): number {
  return a.dtype === "float64" ? 160 : 32;
}

/** B_2k / (2k (2k - 1)) (Abramowitz and Stegun 1964, 6.1.41). */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
const STIRLING_FROM = 10;
const HALF_LOG_TWO_PI = 0.9189385332046728;

/** lgamma(a) - ((a - 1/2) log(a) - a + log(2 pi) / 2) for a > 0. */
export function stirlingRest(a: Tensor): Tensor {
  const far = a.ge(STIRLING_FROM);
  const large = where(far, a, STIRLING_FROM), small = where(far, 1, a);
  const inverse = large.reciprocal();
  const series = inverse.mul(polynomial(inverse.square(), STIRLING));
  const direct = lgamma(small).sub(small.sub(0.5).mul(log(small)).sub(small).add(HALF_LOG_TWO_PI));
  return where(far, series, direct);
}

/**
 * m - log(1 + m) for m >= -1, with 1 + m given as well. Between -1/2 and 1 with s = m / (2 + m) as m s - 2 s^3 (1/3 + s^2 / 5 + ...), because
 * log(1 + m) = 2 atanh(s) and m - 2 s = m s.
 */
export function logDistance(m: Tensor, ratio: Tensor): Tensor {
  const near = m.gt(-0.5).and(m.le(1));
  const inside = where(near, m, 0);
  const s = inside.div(inside.add(2)), square = s.square();
  const terms = Array.from({ length: m.dtype === "float64" ? 18 : 8 }, (_, k) => 1 / (2 * k + 3));
  const series = inside.mul(s).sub(s.mul(square).mul(2).mul(polynomial(square, terms)));
  return where(near, series, m.sub(log(where(near, 1, ratio))));
}

/** lgamma(1 + a) for 0 <= a <= 3/2, with all digits where it vanishes. */
export function lgammaOneMore(a: Tensor): Tensor {
  const small = a.lt(0.5);
  const z = where(small, a, a.sub(1));
  const atTwo = z.mul(polynomial(z, [ONE_MINUS_EULER, ...LGAMMA_SERIES]));
  return where(small, atTwo.sub(log1p(where(small, a, 0))), atTwo);
}
