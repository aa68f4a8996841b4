/** Comparisons within a tolerance. */
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import type { Tensor } from "../tensor.ts";
import { whole } from "../whole.ts";
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

type Operands = readonly [x: Tensor, y: Tensor, rtol: Tensor, atol: Tensor, equalNaN: boolean];

/** What is compared, to hand to `whole`. */
function operands(operation: string, a: TensorLike, b: TensorLike, options: CloseOptions): Operands {
  checkOptions(operation, options, ["rtol", "atol", "equalNaN"]);
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
  const [x, y] = promoteOperands(operation, [a, b], { float: true });
  return [x, y, constantLike(x, rtol), constantLike(x, atol), Boolean(equalNaN)];
}

function isCloseOf(...[x, y, rtol, atol, equalNaN]: Operands): Tensor {
  const tolerance = apply("add", atol, apply("mul", rtol, apply("abs", y)));
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
  return whole("isClose", isCloseOf, ...operands("isClose", a, b, options));
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
  return whole("allClose", allCloseOf, ...operands("allClose", a, b, options));
}

function allCloseOf(...compared: Operands): Tensor {
  return all(isCloseOf(...compared));
}

/** The methods of this file. */
export interface ClosenessMethods {
  /** See {@link isClose}. */
  isClose(b: TensorLike, options?: CloseOptions): Tensor;
  /** See {@link allClose}. */
  allClose(b: TensorLike, options?: CloseOptions): Tensor;
}

installFunctions({ isClose, allClose });
