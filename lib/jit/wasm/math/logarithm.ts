// Logarithms: x = 2^k (1 + f) with sqrt(1/2) < 1 + f < sqrt(2), and a polynomial for log(1 + f) - f.

import { logCoefficients, logOfQuotientCoefficients } from "../../math/coefficients.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";

/** `x = 2^k (1 + f)`. */
export interface Decomposition {
  readonly k: Variable;
  readonly f: Variable;
}

/** Takes normal positive numbers apart. The exponent becomes a float by standing in the low bits of 2^23 (2^52). */
export function decompose(m: Lanes, x: Value): Decomposition {
  const rootHalf = m.pick(0x3f3504f3n, 0x3fe6a09e667f3bcdn);
  const one = m.pick(0x3f800000n, 0x3ff0000000000000n);
  const shifted = m.let(m.integerAdd(x, m.bits(one - rootHalf)));
  const exponentBits = m.or(
    m.shiftRightUnsigned(shifted, m.pick(23, 52)),
    m.bits(m.pick(0x4b000000n, 0x4330000000000000n)),
  );
  const k = m.let(m.sub(exponentBits, m.pick(2 ** 23 + 127, 2 ** 52 + 1023)));
  const fractionBits = m.and(shifted, m.bits(m.pick(0x7fffffn, 0xfffffffffffffn)));
  return { k, f: m.let(m.sub(m.integerAdd(fractionBits, m.bits(rootHalf)), 1)) };
}

/** Lanes that are not positive normal numbers. */
function notNormal(m: Lanes, x: Variable): Variable {
  const normal = m.and(
    m.greaterOrEqual(x, m.pick(2 ** -126, 2 ** -1022)),
    m.lessOrEqual(x, m.pick(3.4028234663852886e38, Number.MAX_VALUE)),
  );
  return m.let(m.not(normal));
}

/** As {@linkcode decompose}, for subnormal numbers too: they are scaled up first, in a branch rarely taken. */
function decomposeAny(m: Lanes, x: Variable, special: Variable): Decomposition {
  const result = decompose(m, x);
  m.ifAny(special, () => {
    const subnormal = m.let(m.less(x, m.pick(2 ** -126, 2 ** -1022)));
    const scaled = decompose(m, m.let(m.select(subnormal, m.mul(x, m.pick(2 ** 25, 2 ** 54)), x)));
    m.assign(result.f, scaled.f);
    m.assign(result.k, m.sub(scaled.k, m.and(subnormal, m.constant(m.pick(25, 54)))));
  });
  return result;
}

/** log(0) = -inf, log(inf) = inf, log of a negative number or NaN is NaN. */
function repairSpecial(m: Lanes, result: Variable, x: Variable, special: Variable): Value {
  m.ifAny(special, () => {
    const infinite = m.sub(m.sqrt(x), m.and(m.equal(x, 0), m.constant(Infinity)));
    const limit = m.pick(2 ** -149, 2 ** -1074);
    const finite = m.and(m.greaterOrEqual(x, limit), m.less(x, Infinity));
    m.assign(result, m.select(finite, result, infinite));
  });
  return result;
}

/** `log(1 + f) - f + f^2 / 2`, and the halved square. */
export function logTail(m: Lanes, f: Variable): { readonly tail: Value; readonly halfSquare: Variable } {
  if (m.type === "f32") {
    const square = m.let(m.mul(f, f));
    const tail = m.mul(m.mul(m.polynomial(f, logCoefficients), f), square);
    return { tail, halfSquare: m.let(m.mul(square, 0.5)) };
  }
  // With s = f / (2 + f), log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + R)) where R = log((1 + s) / (1 - s)) / s - 2.
  const halfSquare = m.let(m.mul(m.mul(f, f), 0.5));
  const s = m.let(m.div(f, m.add(f, 2)));
  const z = m.let(m.mul(s, s));
  const r = m.mul(z, m.polynomial(z, m.coefficients(logOfQuotientCoefficients)));
  return { tail: m.mul(s, m.add(halfSquare, r)), halfSquare };
}

/** `k log(2) + log(1 + f) + correction`, small terms first. */
function combine(m: Lanes, { k, f }: Decomposition, correction?: Value): Variable {
  const { tail, halfSquare } = logTail(m, f);
  const low = m.pick(-2.12194440054690583e-4, 1.90821492927058770002e-10);
  const small = m.madd(k, low, correction === undefined ? tail : m.add(tail, correction));
  const sum = m.sub(f, m.sub(halfSquare, small));
  return m.let(m.madd(k, m.pick(0.693359375, 6.93147180369123816490e-1), sum));
}

/** The natural logarithm. */
export function log(m: Lanes, x: Variable): Value {
  const special = notNormal(m, x);
  return repairSpecial(m, combine(m, decomposeAny(m, x, special)), x, special);
}

/** The natural logarithm of positive normal numbers. */
export function logNormal(m: Lanes, x: Variable): Value {
  return combine(m, decompose(m, x));
}

/**
 * log(1 + x): with u = 1 + x rounded, log(u) + c / u, where c is what rounding lost (Kahan's correction, as in
 * fdlibm's log1p).
 */
export function log1p(m: Lanes, x: Variable): Value {
  const u = m.let(m.add(x, 1));
  const special = notNormal(m, u);
  const lost = m.select(m.greaterOrEqual(x, 1), m.sub(1, m.sub(u, x)), m.sub(x, m.sub(u, 1)));
  const result = repairSpecial(m, combine(m, decompose(m, u), m.let(m.div(lost, u))), u, special);
  return m.select(m.less(m.abs(x), m.pick(2 ** -30, 2 ** -60)), x, result);
}

/** A base of logarithms other than e: 1 / log(base) and log_base(2), each in two parts. */
interface Base {
  readonly inverse: readonly [high: number, low: number];
  readonly ofTwo: readonly [high: number, low: number];
}

/** High parts have so few bits that their products with k and with a shortened f are exact. */
const binary: { readonly f32: Base; readonly f64: Base } = {
  f32: { inverse: [1.4423828125, 3.1222838896340733e-4], ofTwo: [1, 0] },
  f64: { inverse: [1.44269504072144627571, 1.67517131648865118353e-10], ofTwo: [1, 0] },
};
const decimal: { readonly f32: Base; readonly f64: Base } = {
  f32: { inverse: [0.4342041015625, 9.038034075182765e-5], ofTwo: [0.301025390625, 4.605038981195214e-6] },
  f64: {
    inverse: [4.34294481878168880939e-1, 2.50829467116452752298e-11],
    ofTwo: [3.01029995663611771306e-1, 3.69423907715893078616e-13],
  },
};

/** `k log_base(2) + log(1 + f) / log(base)` with log(1 + f) in two parts, the first with half the bits. */
function logOfBase(m: Lanes, x: Variable, base: Base): Value {
  const special = notNormal(m, x);
  const { k, f } = decomposeAny(m, x, special);
  const { tail, halfSquare } = logTail(m, f);
  const mask = m.bits(m.pick(0xfffff000n, 0xffffffff00000000n));
  const high = m.let(m.and(m.sub(f, halfSquare), mask));
  const low = m.let(m.add(m.sub(m.sub(f, high), halfSquare), tail));
  const product = m.let(m.mul(high, base.inverse[0]));
  const exponent = base.ofTwo[0] === 1 ? k : m.let(m.mul(k, base.ofTwo[0]));
  const sum = m.let(m.add(exponent, product));
  let small = m.madd(m.add(low, high), base.inverse[1], m.mul(low, base.inverse[0]));
  if (base.ofTwo[1] !== 0) small = m.madd(k, base.ofTwo[1], small);
  const rounding = m.add(m.sub(exponent, sum), product);
  return repairSpecial(m, m.let(m.add(m.add(small, rounding), sum)), x, special);
}

/** The logarithm to base 2. */
export function log2(m: Lanes, x: Variable): Value {
  return logOfBase(m, x, m.pick(binary.f32, binary.f64));
}

/** The logarithm to base 10. */
export function log10(m: Lanes, x: Variable): Value {
  return logOfBase(m, x, m.pick(decimal.f32, decimal.f64));
}
