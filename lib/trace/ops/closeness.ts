/** Comparisons within a tolerance. */
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import type { Tensor } from "../tensor.ts";
import { promoteOperands, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";
import { all } from "./reductions.ts";

/** How close is close. */
export interface CloseOptions {
  /** Tolerance relative to the magnitude of `b`; 1e-5 where it is left out. */
  readonly rtol?: number;
  /** Absolute tolerance; 1e-8 where it is left out. */
  readonly atol?: number;
  /** Whether NaN is close to NaN. */
  readonly equalNaN?: boolean;
}

function close(operation: string, a: TensorLike, b: TensorLike, options: CloseOptions): Tensor {
  checkOptions(operation, options, ["rtol", "atol", "equalNaN"]);
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
  const [x, y] = promoteOperands(operation, [a, b], { float: true });
  const tolerance = apply("add", constantLike(x, atol), apply("mul", constantLike(x, rtol), apply("abs", y)));
  const near = apply("le", apply("abs", apply("sub", x, y)), tolerance);
  // An infinite tolerance would let everything pass: infinities are close to themselves only.
  const finite = apply("isFinite", y);
  const result = apply("or", apply("eq", x, y), apply("and", near, finite));
  return equalNaN ? apply("or", result, apply("and", apply("isNaN", x), apply("isNaN", y))) : result;
}

/**
 * Where `|a - b| <= atol + rtol |b|`: a bool tensor.
 *
 * @example
 * ```ts
 * import { isClose, tensor } from "@damo/damo";
 * console.assert(String(isClose(tensor([1, 2]), tensor([1.000001, 3])).arraySync()) === "true,false");
 * ```
 */
export function isClose(a: TensorLike, b: TensorLike, options: CloseOptions = {}): Tensor {
  return close("isClose", a, b, options);
}

/**
 * Whether all elements are close: a bool scalar.
 *
 * @example
 * ```ts
 * import { allClose, tensor } from "@damo/damo";
 * console.assert(allClose(tensor([1, 2]), tensor([1, 2.000001])).itemSync<boolean>());
 * ```
 */
export function allClose(a: TensorLike, b: TensorLike, options: CloseOptions = {}): Tensor {
  return all(close("allClose", a, b, options));
}

/** The methods of this file. */
export interface ClosenessMethods {
  /** See {@link isClose}. */
  isClose(b: TensorLike, options?: CloseOptions): Tensor;
  /** See {@link allClose}. */
  allClose(b: TensorLike, options?: CloseOptions): Tensor;
}

installFunctions({ isClose, allClose });
