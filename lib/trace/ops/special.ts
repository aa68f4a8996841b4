/** The error function, the logarithm of the gamma function, the logistic function. Integers become the default float. */
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import type { Tensor } from "../tensor.ts";
import { whole } from "../whole.ts";
import { promoteOperands, type TensorLike } from "./convert.ts";
import { floatOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/**
 * The error function, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x`.
 *
 * @example
 * ```ts
 * import { erf } from "@damo/damo";
 * console.assert(erf(0).itemSync() === 0);
 * ```
 */
export function erf(x: TensorLike): Tensor {
  return floatOp("erf", x);
}

/**
 * `1 - erf(x)`, accurate for large `x`.
 *
 * @example
 * ```ts
 * import { erfc } from "@damo/damo";
 * console.assert(erfc(0).itemSync() === 1);
 * ```
 */
export function erfc(x: TensorLike): Tensor {
  return floatOp("erfc", x);
}

/**
 * The inverse of `erf`; infinite at -1 and 1, NaN beyond.
 *
 * @example
 * ```ts
 * import { erfinv } from "@damo/damo";
 * console.assert(erfinv(0).itemSync() === 0);
 * ```
 */
export function erfinv(x: TensorLike): Tensor {
  return floatOp("erfinv", x);
}

/**
 * `e^(x^2) (1 - erf(x))`: the tail of the normal distribution without its underflow.
 *
 * @example
 * ```ts
 * import { erfcx } from "@damo/damo";
 * console.assert(erfcx(0).itemSync() === 1);
 * console.assert(Math.abs(Number(erfcx(100)) * 100 * Math.sqrt(Math.PI) - 1) < 1e-4);
 * ```
 */
export function erfcx(x: TensorLike): Tensor {
  return floatOp("erfcx", x);
}

/**
 * The modified Bessel function of the first kind of order 0.
 *
 * @example
 * ```ts
 * import { i0 } from "@damo/damo";
 * console.assert(i0(0).itemSync() === 1);
 * ```
 */
export function i0(x: TensorLike): Tensor {
  return floatOp("i0", x);
}

/**
 * The modified Bessel function of the first kind of order 1.
 *
 * @example
 * ```ts
 * import { i1 } from "@damo/damo";
 * console.assert(i1(0).itemSync() === 0);
 * ```
 */
export function i1(x: TensorLike): Tensor {
  return floatOp("i1", x);
}

/**
 * The logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, ...
 *
 * @example
 * ```ts
 * import { lgamma } from "@damo/damo";
 * console.assert(Math.abs(Number(lgamma(5)) - Math.log(24)) < 1e-5);
 * ```
 */
export function lgamma(x: TensorLike): Tensor {
  return floatOp("lgamma", x);
}

/**
 * The derivative of `lgamma`; NaN at -1, -2, ...
 *
 * @example
 * ```ts
 * import { digamma } from "@damo/damo";
 * console.assert(Math.abs(Number(digamma(1)) + 0.5772157) < 1e-6);
 * ```
 */
export function digamma(x: TensorLike): Tensor {
  return floatOp("digamma", x);
}

/**
 * The logistic function `1 / (1 + e^-x)`.
 *
 * @example
 * ```ts
 * import { sigmoid } from "@damo/damo";
 * console.assert(sigmoid(0).itemSync() === 0.5);
 * ```
 */
export function sigmoid(x: TensorLike): Tensor {
  return floatOp("sigmoid", x);
}

/**
 * `ln(e^a + e^b)` without overflow; the operands may be infinite.
 *
 * @example
 * ```ts
 * import { logaddexp } from "@damo/damo";
 * console.assert(Math.abs(Number(logaddexp(1000, 1000)) - 1000 - Math.LN2) < 1e-3);
 * ```
 */
export function logaddexp(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = promoteOperands("logaddexp", [a, b], { float: true });
  return whole("logaddexp", logaddexpOf, x, y);
}

function logaddexpOf(x: Tensor, y: Tensor): Tensor {
  const greater = apply("gt", x, y);
  const difference = apply("sub", y, x);
  const distance = apply("select", greater, difference, apply("neg", difference));
  // Equal infinities have no difference, and their sum is themselves.
  const equal = apply("and", apply("eq", x, y), apply("not", apply("isFinite", x)));
  const rest = apply("log1p", apply("exp", apply("select", equal, constantLike(x, -Infinity), distance)));
  return apply("add", apply("select", greater, x, y), rest);
}

/** The methods of this file. */
export interface SpecialMethods {
  /** See {@link erf}. */
  erf(): Tensor;
  /** See {@link erfc}. */
  erfc(): Tensor;
  /** See {@link erfinv}. */
  erfinv(): Tensor;
  /** See {@link erfcx}. */
  erfcx(): Tensor;
  /** See {@link i0}. */
  i0(): Tensor;
  /** See {@link i1}. */
  i1(): Tensor;
  /** See {@link lgamma}. */
  lgamma(): Tensor;
  /** See {@link digamma}. */
  digamma(): Tensor;
  /** See {@link sigmoid}. */
  sigmoid(): Tensor;
  /** See {@link logaddexp}. */
  logaddexp(b: TensorLike): Tensor;
}

installFunctions({ erf, erfc, erfinv, erfcx, i0, i1, lgamma, digamma, sigmoid, logaddexp });
