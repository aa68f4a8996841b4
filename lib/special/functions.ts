/** gammainc, gammaincc, chi2sf and betainc for users. */
import { promoteOperands, type TensorLike } from "../trace/ops/convert.ts";
import { NO_PARAMS } from "../trace/primitives/elementwise_rules.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { betaincPrimitive } from "./incomplete_beta.ts";
import { gammainccPrimitive, gammaincPrimitive } from "./incomplete_gamma.ts";

/**
 * The lower incomplete gamma function, regularized: the integral of `t^(a - 1) e^-t` from 0 to `x` over `gamma(a)`, for
 * `a > 0` and `x >= 0`; NaN elsewhere. `a` and `x` broadcast. By its power series, its continued fraction (Abramowitz and
 * Stegun 1964, 6.5.29 and 6.5.31) and, near `x = a` for large `a`, the expansion of N. M. Temme (SIAM J. Math. Anal. 10,
 * 1979). Differentiable in `x`.
 *
 * @throws {GradientError} when a derivative with respect to `a` is wanted.
 * @example
 * ```ts
 * import { gammainc } from "@damo/damo";
 * console.assert(Math.abs(Number(gammainc(1, 2)) - (1 - Math.exp(-2))) < 1e-6);
 * ```
 */
export function gammainc(a: TensorLike, x: TensorLike): Tensor {
  return bindOne(gammaincPrimitive, promoteOperands("gammainc", [a, x], { float: true }), NO_PARAMS);
}

/**
 * `1 - gammainc(a, x)`, accurate where it is small. See {@link gammainc}.
 *
 * @throws {GradientError} when a derivative with respect to `a` is wanted.
 * @example
 * ```ts
 * import { gammaincc } from "@damo/damo";
 * console.assert(Math.abs(Number(gammaincc(1, 20)) / Math.exp(-20) - 1) < 1e-5);
 * ```
 */
export function gammaincc(a: TensorLike, x: TensorLike): Tensor {
  return bindOne(gammainccPrimitive, promoteOperands("gammaincc", [a, x], { float: true }), NO_PARAMS);
}

/**
 * The probability that a chi-squared number with `k` degrees of freedom is larger than `x`: `gammaincc(k / 2, x / 2)`.
 *
 * @throws {GradientError} when a derivative with respect to `k` is wanted.
 * @example
 * ```ts
 * import { chi2sf } from "@damo/damo";
 * console.assert(Math.abs(Number(chi2sf(3.841459, 1)) - 0.05) < 1e-6);
 * ```
 */
export function chi2sf(x: TensorLike, k: TensorLike): Tensor {
  const [place, degrees] = promoteOperands("chi2sf", [x, k], { float: true });
  return gammaincc(degrees.mul(0.5), place.mul(0.5));
}

/**
 * The incomplete beta function, regularized: the integral of `t^(a - 1) (1 - t)^(b - 1)` from 0 to `x` over that to 1, for
 * positive `a` and `b` and `x` from 0 to 1; NaN elsewhere. All three broadcast. By its continued fraction (Abramowitz and
 * Stegun 1964, 26.5.8). Differentiable in `x`.
 *
 * @throws {GradientError} when a derivative with respect to `a` or `b` is wanted.
 * @example
 * ```ts
 * import { betainc } from "@damo/damo";
 * console.assert(Math.abs(Number(betainc(2, 2, 0.5)) - 0.5) < 1e-6);
 * ```
 */
export function betainc(a: TensorLike, b: TensorLike, x: TensorLike): Tensor {
  return bindOne(betaincPrimitive, promoteOperands("betainc", [a, b, x], { float: true }), NO_PARAMS);
}
