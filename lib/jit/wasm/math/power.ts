// x^y = 2^(y log2 x), with log2 in two parts for float64, because y multiplies its error.

import { exp2Coefficients, expCoefficients, log2OfQuotientCoefficients } from "../../math/coefficients.ts";
import { viaDouble } from "./double.ts";
import { addToExponent, scaleByPowerOfTwo } from "./exponential.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";
import { decompose, logTail } from "./logarithm.ts";

/** A number in two parts, the first with half the bits. */
interface Pair {
  readonly high: Variable;
  readonly low: Variable;
}

/** The upper half of a float64's bits: products of two such halves are exact. */
function upperHalf(m: Lanes, value: Value): Value {
  return m.and(value, m.bits(0xffffffff00000000n));
}

/**
 * log2 of positive finite numbers to about 70 bits (the method of fdlibm's pow): a = 2^k w with w near b = 1 or
 * 1.5, s = (w - b) / (w + b) in two parts, log2(w / b) = 2 / (3 log 2) s (3 + s^2 + s^4 P(s^2)).
 */
function log2Pair(m: Lanes, a: Variable): Pair {
  const subnormal = m.let(m.less(a, 2 ** -1022));
  const scaled = m.let(m.select(subnormal, m.mul(a, 2 ** 54), a));
  const lowest = 0x3febb67ae8584caan; // sqrt(3) / 2
  const shifted = m.let(m.integerAdd(scaled, m.bits(0x3ff0000000000000n - lowest)));
  const exponentBits = m.or(m.shiftRightUnsigned(shifted, 52), m.bits(0x4330000000000000n));
  const k = m.let(m.sub(m.sub(exponentBits, 2 ** 52 + 1023), m.and(subnormal, m.constant(54))));
  const w = m.let(m.integerAdd(m.and(shifted, m.bits(0xfffffffffffffn)), m.bits(lowest)));
  const upper = m.let(m.greater(w, 1.224744871391589));
  const base = m.let(m.select(upper, 1.5, 1));

  const difference = m.let(m.sub(w, base));
  const sum = m.let(m.add(w, base));
  const reciprocal = m.let(m.div(1, sum));
  const s = m.let(m.mul(difference, reciprocal));
  const sHigh = m.let(upperHalf(m, s));
  const sumHigh = m.let(upperHalf(m, sum));
  const sumLow = m.sub(w, m.sub(sumHigh, base));
  const sLow = m.let(
    m.mul(reciprocal, m.sub(m.sub(difference, m.mul(sHigh, sumHigh)), m.mul(sHigh, sumLow))),
  );

  const square = m.let(m.mul(s, s));
  const series = m.mul(m.mul(square, square), m.polynomial(square, log2OfQuotientCoefficients));
  const rest = m.let(m.madd(sLow, m.add(sHigh, s), series));
  const exactSquare = m.let(m.mul(sHigh, sHigh));
  const factorHigh = m.let(upperHalf(m, m.add(m.add(exactSquare, 3), rest)));
  const factorLow = m.let(m.sub(rest, m.sub(m.sub(factorHigh, 3), exactSquare)));
  const product = m.let(m.mul(sHigh, factorHigh));
  const productRest = m.let(m.madd(sLow, factorHigh, m.mul(factorLow, s)));
  const pHigh = m.let(upperHalf(m, m.add(product, productRest)));
  const pLow = m.let(m.sub(productRest, m.sub(pHigh, product)));

  // 2 / (3 log 2) and log2(3/2) in two parts.
  const zHigh = m.let(m.mul(pHigh, 9.61796700954437255859e-1));
  const baseLow = m.and(upper, m.constant(1.35003920212974897128e-8));
  const zLow = m.let(
    m.madd(pHigh, -7.02846165095275826516e-9, m.madd(pLow, 9.61796693925975554329e-1, baseLow)),
  );
  const baseHigh = m.let(m.and(upper, m.constant(5.84962487220764160156e-1)));
  const high = m.let(upperHalf(m, m.add(m.add(m.add(zHigh, zLow), baseHigh), k)));
  const low = m.let(m.sub(zLow, m.sub(m.sub(m.sub(high, k), baseHigh), zHigh)));
  return { high, low };
}

/** 2^(high + low), where the sum lies within [-1080, 1025]. */
function exp2Pair(m: Lanes, high: Variable, low: Variable): Value {
  const n = m.let(m.nearest(m.add(high, low)));
  const reduced = m.let(m.sub(high, n));
  const t = m.let(upperHalf(m, m.add(reduced, low)));
  const u = m.let(m.mul(t, 6.93147182464599609375e-1));
  const rest = m.sub(low, m.sub(t, reduced));
  const v = m.let(m.madd(rest, Math.LN2, m.mul(t, -1.90465429995776804525e-9)));
  const z = m.let(m.add(u, v));
  const lost = m.let(m.sub(v, m.sub(z, u)));
  const tail = m.madd(m.mul(z, z), m.polynomial(z, expCoefficients.f64), m.madd(lost, z, lost));
  return scaleByPowerOfTwo(m, m.add(m.add(z, tail), 1), n);
}

/** 2^z to float32 accuracy, in float64 lanes, for |z| < 1000. */
function exp2Single(m: Lanes, z: Variable): Value {
  const n = m.let(m.nearest(z));
  const r = m.let(m.sub(z, n));
  return addToExponent(m, m.madd(m.polynomial(r, exp2Coefficients.f32), r, 1), n);
}

/** log2 of what was a positive float32, good enough to be multiplied by an exponent before rounding to float32. */
function log2Single(m: Lanes, a: Variable): Value {
  const { k, f } = decompose(m, a);
  const { tail, halfSquare } = logTail(m, f);
  return m.madd(m.sub(f, m.sub(halfSquare, tail)), Math.LOG2E, k);
}

/** y log2 a, where zero and infinite operands are as plain multiplication has them. */
function plainExponent(m: Lanes, a: Variable, y: Variable, logarithm: Variable): Variable {
  const infinite = m.select(m.equal(a, Infinity), Infinity, logarithm);
  return m.let(m.mul(y, m.select(m.equal(a, 0), -Infinity, infinite)));
}

/** a^y for a >= 0 with the precision of float64. */
function powerOfMagnitude(m: Lanes, a: Variable, y: Variable): Value {
  const logarithm = log2Pair(m, a);
  const plain = plainExponent(m, a, y, logarithm.high);
  const yHigh = m.let(upperHalf(m, y));
  const low = m.let(m.madd(m.sub(y, yHigh), logarithm.high, m.mul(y, logarithm.low)));
  const power = m.let(exp2Pair(m, m.let(m.mul(yHigh, logarithm.high)), low));
  return m.select(m.greater(plain, 1025), Infinity, m.select(m.less(plain, -1080), 0, power));
}

/** a^y for a >= 0 in float64 lanes, to be rounded to float32, which makes 0 and infinity of the limits. */
function powerOfMagnitudeSingle(m: Lanes, a: Variable, y: Variable): Value {
  const plain = plainExponent(m, a, y, m.let(log2Single(m, a)));
  return exp2Single(m, m.let(m.pmax(m.pmin(plain, 200), -200)));
}

/** x^y with the special cases of C99. */
export function pow(m: Lanes, x: Variable, y: Variable): Value {
  const a = m.let(m.abs(x));
  const magnitude = m.let(
    m.type === "f32" ? viaDouble(m, [a, y], powerOfMagnitudeSingle, "f64") : powerOfMagnitude(m, a, y),
  );
  const integer = m.let(m.equal(y, m.nearest(y)));
  const half = m.let(m.mul(y, 0.5));
  const odd = m.andNot(integer, m.equal(half, m.nearest(half)));
  const signed = m.let(m.xor(magnitude, m.and(odd, m.and(x, m.signBit()))));
  // A negative finite base needs an integer exponent.
  const negative = m.and(m.less(x, 0), m.greater(x, -Infinity));
  const unordered = m.or(m.notEqual(x, x), m.notEqual(y, y));
  const undefinedPower = m.or(m.andNot(negative, integer), unordered);
  const checked = m.let(m.or(signed, undefinedPower));
  // x^0 = 1^y = (-1)^(+-inf) = 1, even for NaN.
  const unitBase = m.and(m.equal(a, 1), m.equal(m.abs(y), Infinity));
  const one = m.or(m.or(m.equal(y, 0), m.equal(x, 1)), unitBase);
  return m.select(one, 1, checked);
}
