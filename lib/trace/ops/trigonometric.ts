/** Circular and hyperbolic functions, in radians. Integers and bool become the default float. */
import type { Tensor } from "../tensor.ts";
import type { TensorLike } from "./convert.ts";
import { binaryOp, floatOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/**
 * The sine.
 *
 * @example
 * ```ts
 * import { sin } from "@damo/damo";
 * console.assert(sin(0).itemSync() === 0);
 * ```
 */
export function sin(x: TensorLike): Tensor {
  return floatOp("sin", x);
}

/**
 * The cosine.
 *
 * @example
 * ```ts
 * import { cos } from "@damo/damo";
 * console.assert(cos(0).itemSync() === 1);
 * ```
 */
export function cos(x: TensorLike): Tensor {
  return floatOp("cos", x);
}

/**
 * The tangent.
 *
 * @example
 * ```ts
 * import { tan } from "@damo/damo";
 * console.assert(tan(0).itemSync() === 0);
 * ```
 */
export function tan(x: TensorLike): Tensor {
  return floatOp("tan", x);
}

/**
 * The inverse sine; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * import { asin } from "@damo/damo";
 * console.assert(asin(0).itemSync() === 0);
 * ```
 */
export function asin(x: TensorLike): Tensor {
  return floatOp("asin", x);
}

/**
 * The inverse cosine; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * import { acos } from "@damo/damo";
 * console.assert(acos(1).itemSync() === 0);
 * ```
 */
export function acos(x: TensorLike): Tensor {
  return floatOp("acos", x);
}

/**
 * The inverse tangent.
 *
 * @example
 * ```ts
 * import { atan } from "@damo/damo";
 * console.assert(atan(0).itemSync() === 0);
 * ```
 */
export function atan(x: TensorLike): Tensor {
  return floatOp("atan", x);
}

/**
 * The hyperbolic sine.
 *
 * @example
 * ```ts
 * import { sinh } from "@damo/damo";
 * console.assert(sinh(0).itemSync() === 0);
 * ```
 */
export function sinh(x: TensorLike): Tensor {
  return floatOp("sinh", x);
}

/**
 * The hyperbolic cosine.
 *
 * @example
 * ```ts
 * import { cosh } from "@damo/damo";
 * console.assert(cosh(0).itemSync() === 1);
 * ```
 */
export function cosh(x: TensorLike): Tensor {
  return floatOp("cosh", x);
}

/**
 * The hyperbolic tangent.
 *
 * @example
 * ```ts
 * import { tanh } from "@damo/damo";
 * console.assert(tanh(0).itemSync() === 0);
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return floatOp("tanh", x);
}

/**
 * The inverse hyperbolic sine.
 *
 * @example
 * ```ts
 * import { asinh } from "@damo/damo";
 * console.assert(asinh(0).itemSync() === 0);
 * ```
 */
export function asinh(x: TensorLike): Tensor {
  return floatOp("asinh", x);
}

/**
 * The inverse hyperbolic cosine; NaN below 1.
 *
 * @example
 * ```ts
 * import { acosh } from "@damo/damo";
 * console.assert(acosh(1).itemSync() === 0);
 * ```
 */
export function acosh(x: TensorLike): Tensor {
  return floatOp("acosh", x);
}

/**
 * The inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond.
 *
 * @example
 * ```ts
 * import { atanh } from "@damo/damo";
 * console.assert(atanh(0).itemSync() === 0);
 * ```
 */
export function atanh(x: TensorLike): Tensor {
  return floatOp("atanh", x);
}

/**
 * The angle of the point (b, a): the inverse tangent of `a / b` in the right quadrant.
 * Its derivative at (0, 0) is NaN.
 *
 * @example
 * ```ts
 * import { atan2 } from "@damo/damo";
 * console.assert(Math.abs(Number(atan2(1, 1)) - Math.PI / 4) < 1e-6);
 * ```
 */
export function atan2(a: TensorLike, b: TensorLike): Tensor {
  return binaryOp("atan2", a, b, { float: true });
}

/** The methods of this file. */
export interface TrigonometricMethods {
  /** See {@link sin}. */
  sin(): Tensor;
  /** See {@link cos}. */
  cos(): Tensor;
  /** See {@link tan}. */
  tan(): Tensor;
  /** See {@link asin}. */
  asin(): Tensor;
  /** See {@link acos}. */
  acos(): Tensor;
  /** See {@link atan}. */
  atan(): Tensor;
  /** See {@link sinh}. */
  sinh(): Tensor;
  /** See {@link cosh}. */
  cosh(): Tensor;
  /** See {@link tanh}. */
  tanh(): Tensor;
  /** See {@link asinh}. */
  asinh(): Tensor;
  /** See {@link acosh}. */
  acosh(): Tensor;
  /** See {@link atanh}. */
  atanh(): Tensor;
  /** See {@link atan2}. */
  atan2(b: TensorLike): Tensor;
}

installFunctions({ sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, atan2 });
