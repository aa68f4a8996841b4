// Modified Bessel functions of the first kind, of orders 0 and 1, in float64.

import type { Coefficients } from "../../math/coefficients.ts";
import { exp } from "./exponential.ts";
import type { Lanes, Value, Variable } from "./lanes.ts";
import {
  besselOneLargeCoefficients,
  besselOneSmallCoefficients,
  besselZeroLargeCoefficients,
  besselZeroSmallCoefficients,
} from "../../math/bessel_coefficients.ts";

/** exp(a - 8) / sqrt(a) times a polynomial in 1 / a - 1 / 16, for a >= 8: it overflows where the function does. */
function large(m: Lanes, a: Variable, coefficients: Coefficients): Value {
  const limited = m.let(m.pmax(m.pmin(a, 1000), 8));
  const u = m.let(m.sub(m.div(1, limited), 0.0625));
  const scaled = m.div(m.polynomial(u, m.coefficients(coefficients)), m.sqrt(limited));
  return m.mul(exp(m, m.let(m.sub(limited, 8))), scaled);
}

/** x^2 / 4, limited to where it is used. */
function quarterSquare(m: Lanes, a: Variable): Variable {
  const limited = m.let(m.pmin(a, 8));
  return m.let(m.mul(m.mul(limited, 0.25), limited));
}

/** The function of order 0. */
export function i0(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const result = m.let(m.polynomial(quarterSquare(m, a), m.coefficients(besselZeroSmallCoefficients)));
  const far = m.let(m.greater(a, 8));
  m.ifAny(far, () => {
    m.assign(result, m.select(far, large(m, a, besselZeroLargeCoefficients), result));
  });
  return m.select(m.equal(a, a), result, a);
}

/** The function of order 1, which is odd. */
export function i1(m: Lanes, x: Variable): Value {
  const a = m.let(m.abs(x));
  const near = m.polynomial(quarterSquare(m, a), m.coefficients(besselOneSmallCoefficients));
  const result = m.let(m.mul(near, a));
  const far = m.let(m.greater(a, 8));
  m.ifAny(far, () => {
    m.assign(result, m.select(far, large(m, a, besselOneLargeCoefficients), result));
  });
  return m.select(m.equal(a, a), m.copySign(result, x), x);
}
