// Exponential functions: x = n log 2 + r with |r| <= log(2) / 2, exp(x) = 2^n exp(r), and a polynomial for exp(r).

import { exp2Coefficients, expCoefficients } from "../../math/coefficients.ts";
import type { Lanes, Operand, Value, Variable } from "./lanes.ts";

/** `exp(x) = (1 + fraction) 2^exponent`. */
export interface ReducedExponential {
  readonly fraction: Variable;
  /** A float holding an integer. */
  readonly exponent: Variable;
}

/**
 * Splits `exp(x + correction)`. The high part of log 2 has so many trailing zeros that its product with n is
 * exact, with or without fused multiply-add (Cody and Waite 1980).
 */
export function reduceExponential(m: Lanes, x: Variable, correction?: Variable): ReducedExponential {
  const n = m.let(m.nearest(m.mul(correction === undefined ? x : m.add(x, correction), Math.LOG2E)));
  const high = m.let(m.nmadd(n, m.pick(0.693359375, 6.93147180369123816490e-1), x));
  const low = m.pick(-2.12194440054690583e-4, 1.90821492927058770002e-10);
  const r = m.let(m.nmadd(n, low, correction === undefined ? high : m.add(high, correction)));
  const q = m.polynomial(r, m.coefficients(expCoefficients));
  return { fraction: m.let(m.madd(q, m.mul(r, r), r)), exponent: n };
}

/** 2^n for a float integer n in the range of normal exponents: n + bias is shifted into place. */
export function powerOfTwo(m: Lanes, n: Operand): Value {
  return m.shiftLeft(m.add(n, m.pick(2 ** 23 + 127, 2 ** 52 + 1023)), m.pick(23, 52));
}

/** `value 2^n` in two steps, so that subnormal results and n = 128 (1024) come out right. */
export function scaleByPowerOfTwo(m: Lanes, value: Value, n: Variable): Value {
  const half = m.let(m.trunc(m.mul(n, 0.5)));
  return m.mul(m.mul(value, powerOfTwo(m, half)), powerOfTwo(m, m.sub(n, half)));
}

/** `value 2^n` where value and result are normal: n is added to the exponent bits. */
export function addToExponent(m: Lanes, value: Value, n: Operand): Value {
  return m.integerAdd(value, m.shiftLeft(m.add(n, m.pick(1.5 * 2 ** 23, 1.5 * 2 ** 52)), m.pick(23, 52)));
}

/** Limits x to where exp neither overflows nor vanishes by more than rounding; NaN stays. */
function clampExponent(m: Lanes, x: Operand): Variable {
  return m.let(m.pmax(m.pmin(x, m.pick(88.73, 709.79)), m.pick(-104, -745.2)));
}

/** e^x. */
export function exp(m: Lanes, x: Variable): Value {
  const { fraction, exponent } = reduceExponential(m, clampExponent(m, x));
  return scaleByPowerOfTwo(m, m.add(fraction, 1), exponent);
}

/** e^x for x known to give a normal result; NaN may become a number. */
export function expNormal(m: Lanes, x: Variable): Value {
  const { fraction, exponent } = reduceExponential(m, x);
  return addToExponent(m, m.add(fraction, 1), exponent);
}

/** `exp(x + correction)` with a small correction, for exponents known to more digits than one float holds. */
export function expCorrected(m: Lanes, x: Variable, correction: Variable): Value {
  const { fraction, exponent } = reduceExponential(m, clampExponent(m, x), correction);
  return scaleByPowerOfTwo(m, m.add(fraction, 1), exponent);
}

/** e^x / 2, which does not overflow before the hyperbolic functions do. */
export function halfExp(m: Lanes, x: Variable): Value {
  const { fraction, exponent } = reduceExponential(m, m.let(m.pmin(x, m.pick(89.5, 710.6))));
  return scaleByPowerOfTwo(m, m.add(fraction, 1), m.let(m.sub(exponent, 1)));
}

/** 2^x. */
export function exp2(m: Lanes, x: Variable): Value {
  const clamped = m.let(m.pmax(m.pmin(x, m.pick(128, 1024)), m.pick(-151, -1076)));
  const n = m.let(m.nearest(clamped));
  const r = m.let(m.sub(clamped, n));
  const q = m.polynomial(r, m.coefficients(exp2Coefficients));
  return scaleByPowerOfTwo(m, m.madd(q, r, 1), n);
}

/** e^x - 1 = ((2^(n-1) - 1/2) + 2^(n-1) (e^r - 1)) 2, which is e^r - 1 itself for n = 0. */
export function expm1(m: Lanes, x: Variable): Value {
  const clamped = m.let(m.pmax(m.pmin(x, m.pick(88.73, 709.79)), m.pick(-30, -60)));
  const { fraction, exponent } = reduceExponential(m, clamped);
  const scale = m.let(powerOfTwo(m, m.sub(exponent, 1)));
  const half = m.madd(scale, fraction, m.sub(scale, 0.5));
  const tiny = m.less(m.abs(x), m.pick(2 ** -30, 2 ** -60));
  return m.select(tiny, x, m.mul(half, 2));
}

/** 1 / (1 + e^-x), as e^x / (1 + e^x) for negative x. */
export function sigmoid(m: Lanes, x: Variable): Value {
  const e = m.let(exp(m, m.let(m.neg(m.abs(x)))));
  return m.div(m.select(m.less(x, 0), e, 1), m.add(e, 1));
}
