/** Rounding to integers: floats stay floats, and integers are what they are. */
import type { Tensor } from "../tensor.ts";
import type { TensorLike } from "./convert.ts";
import { roundingOp } from "./elementwise.ts";
import { installFunctions } from "./install.ts";

/**
 * The greatest integer not above `x`.
 *
 * @example
 * ```ts
 * import { floor } from "@damo/damo";
 * console.assert(floor(-1.5).itemSync() === -2);
 * ```
 */
export function floor(x: TensorLike): Tensor {
  return roundingOp("floor", x);
}

/**
 * The least integer not below `x`.
 *
 * @example
 * ```ts
 * import { ceil } from "@damo/damo";
 * console.assert(ceil(1.2).itemSync() === 2);
 * ```
 */
export function ceil(x: TensorLike): Tensor {
  return roundingOp("ceil", x);
}

/**
 * The nearest integer, half to even.
 *
 * @example
 * ```ts
 * import { round, tensor } from "@damo/damo";
 * console.assert(String(round(tensor([0.5, 1.5, 2.5])).arraySync()) === "0,2,2");
 * ```
 */
export function round(x: TensorLike): Tensor {
  return roundingOp("round", x);
}

/**
 * The integer part, towards 0.
 *
 * @example
 * ```ts
 * import { trunc } from "@damo/damo";
 * console.assert(trunc(-1.5).itemSync() === -1);
 * ```
 */
export function trunc(x: TensorLike): Tensor {
  return roundingOp("trunc", x);
}

/** The methods of this file. */
export interface RoundingMethods {
  /** See {@link floor}. */
  floor(): Tensor;
  /** See {@link ceil}. */
  ceil(): Tensor;
  /** See {@link round}. */
  round(): Tensor;
  /** See {@link trunc}. */
  trunc(): Tensor;
}

installFunctions({ floor, ceil, round, trunc });
