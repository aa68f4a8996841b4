/** Running sums and products, and differences of neighbours. */
import { sumDType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { cumulatives } from "../primitives/cumulative.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { reshapeTo } from "../primitives/move.ts";
import { slicePrimitive } from "../primitives/move_slice.ts";
import { describe, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { castTo, strong, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";
import type { AxisOptions } from "./reductions.ts";

/** Options of a running result. */
export interface CumulativeOptions extends AxisOptions {
  /** Runs from the end of the axis. */
  readonly reverse?: boolean;
}

function cumulativeOp(op: keyof typeof cumulatives, x: Tensor, options: CumulativeOptions): Tensor {
  checkOptions(op, options, ["axis", "reverse"]);
  const { axis, reverse = false } = options;
  if (axis === undefined || axis === null) {
    return bindOne(cumulatives[op], [reshapeTo(x, [x.size])], { axis: 0, reverse });
  }
  return bindOne(cumulatives[op], [x], { axis: normalizeAxis(op, axis, x.aval), reverse });
}

/**
 * The sums of all elements up to each one along an axis, or of the flat tensor without one.
 *
 * @example
 * ```ts
 * import { cumsum, tensor } from "@damo/damo";
 * console.assert(String(cumsum(tensor([1, 2, 3])).arraySync()) === "1,3,6");
 * ```
 */
export function cumsum(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const value = strong(x, "cumsum");
  return cumulativeOp("cumsum", castTo(value, sumDType(value.dtype)), options);
}

/**
 * The products of all elements up to each one along an axis, or of the flat tensor without one. Zeros are harmless
 * to its derivative.
 *
 * @example
 * ```ts
 * import { cumprod, tensor } from "@damo/damo";
 * console.assert(String(cumprod(tensor([1, 2, 3])).arraySync()) === "1,2,6");
 * ```
 */
export function cumprod(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  const value = strong(x, "cumprod");
  return cumulativeOp("cumprod", castTo(value, sumDType(value.dtype)), options);
}

/** Bool by way of integers. */
function extremumOp(op: "cummax" | "cummin", x: TensorLike, options: CumulativeOptions): Tensor {
  const value = strong(x, op);
  if (value.dtype !== "bool") return cumulativeOp(op, value, options);
  return castTo(cumulativeOp(op, castTo(value, "uint8"), options), "bool");
}

/**
 * The greatest element so far along an axis, or of the flat tensor without one. In a tie the earlier element gets
 * the derivative.
 *
 * @example
 * ```ts
 * import { cummax, tensor } from "@damo/damo";
 * console.assert(String(cummax(tensor([1, 3, 2])).arraySync()) === "1,3,3");
 * ```
 */
export function cummax(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  return extremumOp("cummax", x, options);
}

/**
 * The least element so far along an axis, or of the flat tensor without one. In a tie the earlier element gets the
 * derivative.
 *
 * @example
 * ```ts
 * import { cummin, tensor } from "@damo/damo";
 * console.assert(String(cummin(tensor([2, 3, 1])).arraySync()) === "2,2,1");
 * ```
 */
export function cummin(x: TensorLike, options: CumulativeOptions = {}): Tensor {
  return extremumOp("cummin", x, options);
}

/** Options of {@link diff}. */
export interface DiffOptions extends AxisOptions {
  /** How often differences are taken; once at first. */
  readonly n?: number;
}

/**
 * The differences of neighbours along an axis, the last one where it is left out; one element fewer than before. With `n`
 * the differences of differences, n times. For bool it says where neighbours differ.
 *
 * @throws {ShapeError} for a scalar, or when `n` is no natural number.
 * @example
 * ```ts
 * import { diff, tensor } from "@damo/damo";
 * console.assert(String(diff(tensor([1, 4, 9])).arraySync()) === "3,5");
 * ```
 */
export function diff(x: TensorLike, options: DiffOptions = {}): Tensor {
  checkOptions("diff", options, ["axis", "n"]);
  const value = strong(x, "diff");
  const { n = 1 } = options;
  if (!Number.isInteger(n) || n < 0) {
    throw new ShapeError(`diff: n is ${String(n)}.`, {
      operation: "diff",
      arguments: [{ name: "n", value: n }],
      remedy: "Pass a natural number.",
    });
  }
  if (value.ndim === 0) {
    throw new ShapeError(`diff: ${describe(value.aval)} has no axis.`, {
      operation: "diff",
      remedy: "Pass a tensor of at least one axis.",
    });
  }
  const axis = normalizeAxis("diff", options.axis ?? -1, value.aval);
  let result = value;
  // The axis is used up after as many rounds as it is long.
  for (let round = Math.min(n, value.shape[axis]); round > 0; round--) result = differences(result, axis);
  return result;
}

function differences(value: Tensor, axis: number): Tensor {
  const size = value.shape[axis];
  const part = (from: number, to: number): Tensor => {
    const start = value.shape.map((_, i) => i === axis ? from : 0);
    const stop = value.shape.map((n, i) => i === axis ? to : n);
    return bindOne(slicePrimitive, [value], { start, stop, step: value.shape.map(() => 1) });
  };
  return apply(value.dtype === "bool" ? "xor" : "sub", part(1, size), part(0, size - 1));
}

/** The methods of this file. */
export interface CumulativeMethods {
  /** See {@link cumsum}. */
  cumsum(options?: CumulativeOptions): Tensor;
  /** See {@link cumprod}. */
  cumprod(options?: CumulativeOptions): Tensor;
  /** See {@link cummax}. */
  cummax(options?: CumulativeOptions): Tensor;
  /** See {@link cummin}. */
  cummin(options?: CumulativeOptions): Tensor;
  /** See {@link diff}. */
  diff(options?: DiffOptions): Tensor;
}

installFunctions({ cumsum, cumprod, cummax, cummin, diff });
