// Hyperbolic functions and their inverses.

import { sinhCoefficients, tanhCoefficients } from "../../math/coefficients.ts";
import { halfExp, powerOfTwo, reduceExponential } from "./exponential.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";
import { log1p } from "./logarithm.ts";

/** The hyperbolic sine: E - 1 / (4 E) with E = e^|x| / 2; a polynomial for |x| < 1. */
export function sinh(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const half = m.let(halfExp(m, a));
  const large = m.let(m.sub(half, m.div(0.25, half)));
  const square = m.let(m.mul(a, a));
  const polynomial = m.polynomial(square, m.coefficients(sinhCoefficients));
  const small = m.madd(m.mul(a, square), polynomial, a);
  return m.copySign(m.select(m.less(a, 1), small, large), x);
}

/** The hyperbolic cosine: E + 1 / (4 E) with E = e^|x| / 2. */
export function cosh(m: Lanes, x: Variable): Value {
  const half = m.let(halfExp(m, m.let(m.abs(x))));
  return m.add(half, m.div(0.25, half));
}

/** The hyperbolic tangent: 1 - 2 / (e^(2 |x|) + 1); a polynomial for |x| < 0.625. */
export function tanh(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  // e^(2 a) + 1 = 2^n f + (2^n + 1) with e^r = 1 + f: one rounding, as 2^n + 1 is exact where it matters.
  const { fraction, exponent } = reduceExponential(m, m.let(m.pmin(m.add(a, a), 40)));
  const scale = m.let(powerOfTwo(m, exponent));
  const large = m.sub(1, m.div(2, m.madd(scale, fraction, m.add(scale, 1))));
  const square = m.let(m.mul(a, a));
  const polynomial = m.polynomial(square, m.coefficients(tanhCoefficients));
  const small = m.madd(polynomial, m.mul(square, a), a);
  // NaN takes the polynomial.
  return m.copySign(m.select(m.greaterOrEqual(a, 0.625), large, small), x);
}

/** log(2) beyond which 1 + x^2 is x^2: asinh(x) = log(2 x) = log1p(x - 1) + log(2). */
function largeOffset(m: Lanes, large: Value): Value {
  return m.and(large, m.constant(Math.LN2));
}

/** The inverse hyperbolic sine: log1p(a + a^2 / (1 + sqrt(1 + a^2))) with a = |x|. */
export function asinh(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const large = m.let(m.greater(a, m.pick(2 ** 14, 2 ** 28)));
  const square = m.let(m.mul(a, a));
  const argument = m.add(a, m.div(square, m.add(m.sqrt(m.add(square, 1)), 1)));
  const logarithm = log1p(m, m.let(m.select(large, m.sub(a, 1), argument)));
  return m.copySign(m.add(logarithm, largeOffset(m, large)), x);
}

/** The inverse hyperbolic cosine: log1p(t + sqrt(2 t + t^2)) with t = x - 1. */
export function acosh(m: Lanes, x: Variable): Value {
  const large = m.let(m.greater(x, m.pick(2 ** 14, 2 ** 28)));
  const t = m.let(m.sub(x, 1));
  const argument = m.add(t, m.sqrt(m.madd(t, t, m.add(t, t))));
  const logarithm = log1p(m, m.let(m.select(large, t, argument)));
  return m.or(m.add(logarithm, largeOffset(m, large)), m.less(x, 1));
}

/** The inverse hyperbolic tangent: log1p(2 a / (1 - a)) / 2 with a = |x|. */
export function atanh(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const tiny = m.less(a, m.pick(2 ** -14, 2 ** -28));
  const logarithm = log1p(m, m.let(m.div(m.add(a, a), m.sub(1, a))));
  return m.copySign(m.select(tiny, a, m.mul(logarithm, 0.5)), x);
}
