// The error function, its complement and its inverse.

import {
  erfCoefficients,
  erfcScaledCoefficients,
  erfcxCoefficients,
  erfinvCentralCoefficients,
  erfinvTailCoefficients,
  erfTailCoefficients,
} from "../../math/error_function_coefficients.ts";
import { exp, expCorrected, expNormal } from "./exponential.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";
import { logNormal } from "./logarithm.ts";

/** erf(x) - x for |x| < 1. */
function erfTail(m: Lanes, x: Variable): Value {
  const square = m.let(m.mul(x, x));
  return m.mul(x, m.polynomial(square, m.coefficients(erfCoefficients)));
}

/** exp(-a^2), with a^2 = h^2 + (a - h) (a + h), where h has so few bits that h^2 is exact (float64). */
function expOfSquare(m: Lanes, a: Variable): Value {
  const h = m.let(m.and(a, m.bits(0xfffffffff8000000n)));
  const rest = m.let(m.neg(m.mul(m.sub(a, h), m.add(a, h))));
  return expCorrected(m, m.let(m.neg(m.mul(h, h))), rest);
}

/** erfc(a) for a >= 1, float64: exp(-a^2) P(t) / (1 + 2 a) with t = (a - 2) / (a + 2). */
function erfcLarge(m: Lanes, a: Variable): Value {
  const limited = m.let(m.pmin(a, 28));
  const exponential = m.accuracy === "f32"
    ? exp(m, m.let(m.neg(m.mul(limited, limited))))
    : expOfSquare(m, limited);
  const t = m.let(m.div(m.sub(limited, 2), m.add(limited, 2)));
  const scaled = m.polynomial(t, m.coefficients(erfcScaledCoefficients));
  return m.div(m.mul(scaled, exponential), m.madd(limited, 2, 1));
}

/** The error function. */
export function erf(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  let large: Value;
  if (m.type === "f32") {
    // erfc(a) = exp(-a T(a)): no division.
    const limited = m.let(m.pmin(a, 4));
    const exponent = m.let(m.mul(m.polynomial(limited, erfTailCoefficients), limited));
    large = m.sub(1, expNormal(m, exponent));
  } else {
    large = m.sub(1, erfcLarge(m, a));
  }
  const kept = m.let(large);
  const small = m.add(a, erfTail(m, a));
  // NaN must take the polynomial: adding to its exponent bits may give a number.
  return m.copySign(m.select(m.greaterOrEqual(a, 1), kept, small), x);
}

/** The complement 1 - erf(x), without cancellation. */
export function erfc(m: Lanes, x: Variable): Value {
  const large = m.let(erfcLarge(m, m.let(m.abs(x))));
  m.assign(large, m.select(m.less(x, 0), m.sub(2, large), large));
  const tail = m.let(erfTail(m, x));
  const upper = m.sub(0.5, m.add(m.sub(x, 0.5), tail));
  const small = m.select(m.greater(x, 0.25), upper, m.sub(1, m.add(x, tail)));
  return m.select(m.less(m.abs(x), 1), small, large);
}

/** e^(x^2) (1 - erf(x)). For negative x the sum 2 e^(x^2) - erfcx(-x). */
export function erfcx(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const t = m.let(m.div(m.sub(a, 2), m.add(a, 2)));
  // Near infinity t is NaN, which the end of its range stands for.
  const inside = m.let(m.select(m.less(a, 2 ** 60), t, 1));
  const scaled = m.polynomial(inside, m.coefficients(erfcxCoefficients));
  const large = m.let(m.div(m.mul(scaled, 0.5), m.add(a, 0.5)));
  const tail = m.let(erfTail(m, a));
  const upper = m.sub(0.5, m.add(m.sub(a, 0.5), tail));
  const complement = m.select(m.greater(a, 0.25), upper, m.sub(1, m.add(a, tail)));
  const square = m.let(m.mul(a, a));
  const small = m.mul(exp(m, square), complement);
  const result = m.let(m.select(m.less(a, 0.5), small, m.select(m.equal(a, a), large, a)));
  const negative = m.let(m.less(x, 0));
  m.ifAny(negative, () => {
    const limited = m.let(m.pmin(a, 28));
    const h = m.let(m.and(limited, m.bits(0xfffffffff8000000n)));
    const rest = m.let(m.mul(m.sub(limited, h), m.add(limited, h)));
    const twice = m.mul(expCorrected(m, m.let(m.mul(h, h)), rest), 2);
    m.assign(result, m.select(negative, m.sub(twice, result), result));
  });
  return result;
}

/** The inverse error function, as x times a polynomial in w = -log(1 - x^2) or in its root (after Giles 2010). */
export function erfinv(m: Lanes, x: Variable): Value {
  const complement = m.let(m.mul(m.sub(1, x), m.add(1, x)));
  const w = m.let(m.neg(logNormal(m, m.let(m.pmax(complement, 2 ** -54)))));
  const central = m.let(m.sub(w, 3));
  const value = m.let(m.polynomial(central, m.coefficients(erfinvCentralCoefficients)));
  const tail = m.let(m.greater(w, 6));
  m.ifAny(tail, () => {
    const root = m.let(m.sub(m.sqrt(w), 4.25));
    m.assign(value, m.select(tail, m.polynomial(root, m.coefficients(erfinvTailCoefficients)), value));
  });
  const result = m.let(m.mul(x, value));
  const inside = m.less(m.abs(x), 1);
  // x / 0 at the ends, 0 / 0 beyond them and for NaN.
  const outside = m.div(m.select(m.equal(m.abs(x), 1), x, 0), 0);
  return m.select(inside, result, outside);
}
