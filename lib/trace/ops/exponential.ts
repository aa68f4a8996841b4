/** Roots, exponentials and logarithms. Integers and bool become the default float. */
import type { Tensor } from "../tensor.ts";
import type { TensorLike } from "./convert.ts";
import { floatOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/**
 * The square root; NaN below 0. Its derivative at 0 is infinite.
 *
 * @example
 * ```ts
 * import { sqrt } from "@damo/damo";
 * console.assert(sqrt(9).itemSync() === 3);
 * ```
 */
export function sqrt(x: TensorLike): Tensor {
  return floatOp("sqrt", x);
}

/**
 * `1 / sqrt(x)`.
 *
 * @example
 * ```ts
 * import { rsqrt } from "@damo/damo";
 * console.assert(rsqrt(4).itemSync() === 0.5);
 * ```
 */
export function rsqrt(x: TensorLike): Tensor {
  return floatOp("rsqrt", x);
}

/**
 * `1 / x`.
 *
 * @example
 * ```ts
 * import { reciprocal } from "@damo/damo";
 * console.assert(reciprocal(4).itemSync() === 0.25);
 * ```
 */
export function reciprocal(x: TensorLike): Tensor {
  return floatOp("reciprocal", x);
}

/**
 * `e^x`.
 *
 * @example
 * ```ts
 * import { exp } from "@damo/damo";
 * console.assert(exp(0).itemSync() === 1);
 * ```
 */
export function exp(x: TensorLike): Tensor {
  return floatOp("exp", x);
}

/**
 * `2^x`.
 *
 * @example
 * ```ts
 * import { exp2 } from "@damo/damo";
 * console.assert(exp2(3).itemSync() === 8);
 * ```
 */
export function exp2(x: TensorLike): Tensor {
  return floatOp("exp2", x);
}

/**
 * `e^x - 1`, accurate near 0.
 *
 * @example
 * ```ts
 * import { expm1 } from "@damo/damo";
 * console.assert(expm1(0).itemSync() === 0);
 * ```
 */
export function expm1(x: TensorLike): Tensor {
  return floatOp("expm1", x);
}

/**
 * The natural logarithm; -Infinity at 0, NaN below.
 *
 * @example
 * ```ts
 * import { log } from "@damo/damo";
 * console.assert(log(1).itemSync() === 0);
 * ```
 */
export function log(x: TensorLike): Tensor {
  return floatOp("log", x);
}

/**
 * The logarithm to base 2.
 *
 * @example
 * ```ts
 * import { log2 } from "@damo/damo";
 * console.assert(log2(8).itemSync() === 3);
 * ```
 */
export function log2(x: TensorLike): Tensor {
  return floatOp("log2", x);
}

/**
 * The logarithm to base 10.
 *
 * @example
 * ```ts
 * import { log10 } from "@damo/damo";
 * console.assert(Math.abs(Number(log10(1000)) - 3) < 1e-6);
 * ```
 */
export function log10(x: TensorLike): Tensor {
  return floatOp("log10", x);
}

/**
 * `ln(1 + x)`, accurate near 0.
 *
 * @example
 * ```ts
 * import { log1p } from "@damo/damo";
 * console.assert(log1p(0).itemSync() === 0);
 * ```
 */
export function log1p(x: TensorLike): Tensor {
  return floatOp("log1p", x);
}

/** The methods of this file. */
export interface ExponentialMethods {
  /** See {@link sqrt}. */
  sqrt(): Tensor;
  /** See {@link rsqrt}. */
  rsqrt(): Tensor;
  /** See {@link reciprocal}. */
  reciprocal(): Tensor;
  /** See {@link exp}. */
  exp(): Tensor;
  /** See {@link exp2}. */
  exp2(): Tensor;
  /** See {@link expm1}. */
  expm1(): Tensor;
  /** See {@link log}. */
  log(): Tensor;
  /** See {@link log2}. */
  log2(): Tensor;
  /** See {@link log10}. */
  log10(): Tensor;
  /** See {@link log1p}. */
  log1p(): Tensor;
}

installFunctions({ sqrt, rsqrt, reciprocal, exp, exp2, expm1, log, log2, log10, log1p });
