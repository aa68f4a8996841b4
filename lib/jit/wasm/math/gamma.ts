// log|gamma| and its derivative, in float64.

import {
  digammaAsymptoticCoefficients,
  digammaCoefficients,
  lgammaCoefficients,
  stirlingCoefficients,
} from "../../math/gamma_coefficients.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";
import { log, logNormal } from "./logarithm.ts";
import { cosPiReduced, sinPiReduced } from "./trigonometric.ts";

/**
 * log(gamma(a)) for a > 0. From 8 on Stirling's series; below, the recurrence gamma(a + 1) = a gamma(a) moves a to
 * [1.25, 2.25], where log(gamma(2 + u)) = u P(u).
 */
function lgammaPositive(m: Lanes, a: Variable): Value {
  const large = m.let(m.greaterOrEqual(a, 8));
  const y = m.let(a);
  const product = m.let(1);
  for (let i = 0; i < 6; i++) {
    const above = m.let(m.greater(y, 2.25));
    m.assign(y, m.sub(y, m.and(above, m.constant(1))));
    m.assign(product, m.mul(product, m.select(above, y, 1)));
  }
  // Below 1.25 the recurrence goes up, and its logarithm is subtracted.
  // The distance from 2 is then a - 1 or a, with no rounding that would matter.
  const below = m.let(m.less(a, 1.25));
  const farBelow = m.let(m.less(a, 0.25));
  m.assign(product, m.select(below, m.mul(a, m.select(farBelow, m.add(a, 1), 1)), product));
  const logarithm = m.let(log(m, m.let(m.select(large, a, product))));
  const u = m.let(m.select(farBelow, a, m.select(below, m.sub(a, 1), m.sub(y, 2))));
  const central = m.let(m.mul(u, m.polynomial(u, lgammaCoefficients)));
  m.assign(central, m.add(central, m.xor(logarithm, m.and(below, m.signBit()))));
  const inverse = m.let(m.div(1, a));
  const square = m.let(m.mul(inverse, inverse));
  const series = m.madd(inverse, m.polynomial(square, stirlingCoefficients), 0.9189385332046728 - 0.5);
  const stirling = m.madd(m.sub(a, 0.5), m.sub(logarithm, 1), series);
  return m.select(large, m.select(m.less(a, 2 ** 1016), stirling, m.mul(a, m.sub(logarithm, 1))), central);
}

/** log|gamma(x)|; for negative x log(pi / |x sin(pi x)|) - log(gamma(-x)). Infinite at 0, -1, -2 ... */
export function lgamma(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const result = m.let(lgammaPositive(m, a));
  const negative = m.let(m.less(x, 0));
  m.ifAny(negative, () => {
    const sine = m.let(m.abs(sinPiReduced(m, m.let(m.sub(a, m.nearest(a))))));
    // The factors' logarithms are taken apart where their product might leave the normal range.
    const logarithm = log(m, m.let(m.mul(a, sine)));
    const reflected = m.sub(m.sub(1.1447298858494002, logarithm), result);
    const pole = m.equal(a, m.floor(a));
    const tiny = m.less(a, 2 ** -60);
    m.assign(result, m.select(m.andNot(negative, tiny), m.select(pole, Infinity, reflected), result));
  });
  return result;
}

/**
 * The digamma function for a > 0: its asymptotic series from 10 on; below, psi(a + 1) = psi(a) + 1 / a moves a to
 * [1, 2], where psi is a polynomial in the distance from its root. The sum of the reciprocals is one quotient.
 */
function digammaPositive(m: Lanes, a: Variable): Value {
  const large = m.let(m.greaterOrEqual(a, 10));
  const y = m.let(a);
  const numerator = m.let(0);
  const denominator = m.let(1);
  const below = m.let(m.less(a, 1));
  m.assign(numerator, m.and(below, m.constant(-1)));
  m.assign(denominator, m.select(below, a, 1));
  m.assign(y, m.add(a, m.and(below, m.constant(1))));
  for (let i = 0; i < 8; i++) {
    const above = m.let(m.greater(y, 2));
    const previous = m.let(m.sub(y, 1));
    m.assign(numerator, m.select(above, m.madd(numerator, previous, denominator), numerator));
    m.assign(denominator, m.select(above, m.mul(denominator, previous), denominator));
    m.assign(y, m.select(above, previous, y));
  }
  const rest = m.let(m.div(numerator, denominator));
  // The root of psi in two parts.
  const u = m.let(m.sub(m.sub(y, 1.4616321449683622), 9.549995429965697e-17));
  const central = m.let(m.madd(u, m.polynomial(u, digammaCoefficients), rest));
  const inverse = m.let(m.div(1, a));
  const square = m.let(m.mul(inverse, inverse));
  const series = m.madd(square, m.polynomial(square, digammaAsymptoticCoefficients), m.mul(inverse, 0.5));
  const asymptotic = m.sub(logNormal(m, m.let(m.pmax(a, 1))), series);
  const unlimited = m.select(m.equal(a, Infinity), a, asymptotic);
  return m.select(large, unlimited, central);
}

/** The derivative of log(gamma(x)); for negative x psi(1 - x) - pi / tan(pi x). NaN at -1, -2 ..., -inf at 0. */
export function digamma(m: Lanes, x: Variable): Value {
  const negative = m.let(m.less(x, 0));
  const a = m.let(m.select(negative, m.sub(1, x), x));
  const result = m.let(digammaPositive(m, a));
  m.ifAny(negative, () => {
    const r = m.let(m.sub(x, m.nearest(x)));
    const sine = m.let(sinPiReduced(m, r));
    const cotangent = m.div(m.mul(cosPiReduced(m, r), Math.PI), sine);
    const reflected = m.sub(result, cotangent);
    const pole = m.equal(x, m.floor(x));
    m.assign(result, m.select(negative, m.select(pole, NaN, reflected), result));
  });
  const atZero = m.div(-1, x);
  return m.select(m.equal(x, 0), atZero, result);
}
