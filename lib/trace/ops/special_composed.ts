/** The gamma function and its derivatives, Bessel functions of the first kind, and the inverse of erfc. */
import { floatFor, isFloat } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { j0Primitive, j1Primitive } from "../primitives/composed_bessel.ts";
import { erfcinvPrimitive } from "../primitives/composed_erfcinv.ts";
import { gammaPrimitive, polygammaPrimitive } from "../primitives/composed_gamma.ts";
import { NO_PARAMS } from "../primitives/elementwise_rules.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { castTo, type TensorLike } from "./convert.ts";
import { operand } from "./elementwise.ts";
import { installFunctions } from "./install.ts";
import { digamma } from "./special.ts";

/** Integers and bool become the default float. */
function applyComposed<P extends object>(primitive: Primitive<P>, x: TensorLike, params: P): Tensor {
  const tensor = operand(primitive.name, x);
  const { dtype } = tensor.aval;
  return bindOne(primitive, [isFloat(dtype) ? tensor : castTo(tensor, floatFor(dtype))], params);
}

/**
 * The gamma function, `(x - 1)!` for positive integers; NaN at -1, -2, ... and infinite at 0. Its logarithm, which does not
 * overflow, is `lgamma`. By the recurrence, Stirling's series and the reflection formula (Abramowitz and Stegun 1964, 6.1).
 *
 * @example
 * ```ts
 * import { gamma } from "@damo/damo";
 * console.assert(gamma(5).itemSync() === 24);
 * console.assert(Math.abs(Number(gamma(0.5)) - Math.sqrt(Math.PI)) < 1e-6);
 * ```
 */
export function gamma(x: TensorLike): Tensor {
  return applyComposed(gammaPrimitive, x, NO_PARAMS);
}

/**
 * The derivative of `digamma`. See {@link polygamma}.
 *
 * @example
 * ```ts
 * import { trigamma } from "@damo/damo";
 * console.assert(Math.abs(Number(trigamma(1)) - Math.PI ** 2 / 6) < 1e-6);
 * ```
 */
export function trigamma(x: TensorLike): Tensor {
  return applyComposed(polygammaPrimitive, x, { order: 1 });
}

/** Above it factorials leave the range of float32. */
const LARGEST_ORDER = 30;

/**
 * The derivative of order `n` of `digamma`, from 0 to 30: `(-1)^(n + 1) n!` times the sum of `(x + k)^-(n + 1)` over
 * `k >= 0` (Abramowitz and Stegun 1964, 6.4.10), some terms of it and then the Euler-Maclaurin formula.
 *
 * @throws {ShapeError} when `n` is no integer from 0 to 30.
 * @example
 * ```ts
 * import { polygamma } from "@damo/damo";
 * console.assert(Math.abs(Number(polygamma(1, 2)) + 2.404114) < 1e-5);
 * ```
 */
export function polygamma(x: TensorLike, n: number): Tensor {
  if (!Number.isInteger(n) || n < 0 || n > LARGEST_ORDER) {
    throw new ShapeError(`polygamma: the order is ${n}.`, {
      operation: "polygamma",
      arguments: [{ name: "n", value: n }],
      remedy: `Pass an integer from 0 to ${LARGEST_ORDER}.`,
    });
  }
  return n === 0 ? digamma(x) : applyComposed(polygammaPrimitive, x, { order: n });
}

/**
 * The Bessel function of the first kind of order 0. Below 8 a polynomial with its roots taken out, from there on Hankel's
 * expansion (Abramowitz and Stegun 1964, 9.2.5). Near its roots beyond 8 the error is absolute.
 *
 * @example
 * ```ts
 * import { j0 } from "@damo/damo";
 * console.assert(Math.abs(Number(j0(0)) - 1) < 1e-6);
 * ```
 */
export function j0(x: TensorLike): Tensor {
  return applyComposed(j0Primitive, x, NO_PARAMS);
}

/**
 * The Bessel function of the first kind of order 1. See {@link j0}.
 *
 * @example
 * ```ts
 * import { j1 } from "@damo/damo";
 * console.assert(j1(0).itemSync() === 0);
 * ```
 */
export function j1(x: TensorLike): Tensor {
  return applyComposed(j1Primitive, x, NO_PARAMS);
}

/**
 * The inverse of `erfc`, accurate for the smallest `x`: infinite at 0, -infinite at 2, NaN beyond.
 *
 * @example
 * ```ts
 * import { erfc, erfcinv } from "@damo/damo";
 * console.assert(Math.abs(Number(erfcinv(erfc(3))) - 3) < 1e-5);
 * ```
 */
export function erfcinv(x: TensorLike): Tensor {
  return applyComposed(erfcinvPrimitive, x, NO_PARAMS);
}

/** The methods of this file. */
export interface ComposedSpecialMethods {
  /** See {@link gamma}. */
  gamma(): Tensor;
  /** See {@link trigamma}. */
  trigamma(): Tensor;
  /** See {@link polygamma}. */
  polygamma(n: number): Tensor;
  /** See {@link j0}. */
  j0(): Tensor;
  /** See {@link j1}. */
  j1(): Tensor;
  /** See {@link erfcinv}. */
  erfcinv(): Tensor;
}

installFunctions({ gamma, trigamma, polygamma, j0, j1, erfcinv });
