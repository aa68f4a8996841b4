/** Means, spreads, log-sum-exp and norms. */
import { floatFor, isFloat } from "../dtype.ts";
import { DamoError } from "../errors.ts";
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import { stopGradientPrimitive } from "../primitives/stop_gradient.ts";
import { reshapeTo } from "../primitives/move.ts";
import { normalizeAxes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { whole } from "../whole.ts";
import { castTo, strong, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";
import { reducedAxes, reduceOp, type ReductionOptions } from "./reductions.ts";

/** Options of variance and std. */
export interface SpreadOptions extends ReductionOptions {
  /** The divisor is the number of elements less this: 0 for the population, 1 for a sample. */
  readonly ddof?: number;
}

/** Options of norm. */
export interface NormOptions extends ReductionOptions {
  /** The p of the p-norm; 2 where it is left out, Infinity and -Infinity for the extremes, 0 counts non-zeros. */
  readonly ord?: number;
}

/** As a float tensor in which sums neither overflow nor lose much: float16 is summed as float32. */
function widened(x: Tensor): Tensor {
  const float = isFloat(x.dtype) ? x : castTo(x, floatFor(x.dtype));
  return float.dtype === "float16" ? castTo(float, "float32") : float;
}

/** The dtype of a mean of `x`. */
function narrowed(result: Tensor, x: Tensor): Tensor {
  return castTo(result, floatFor(x.dtype));
}

function countOf(x: Tensor, axes: readonly number[]): number {
  return axes.reduce((count, axis) => count * x.shape[axis], 1);
}

function dropKept(x: Tensor, axes: readonly number[], keepDims: boolean | undefined): Tensor {
  return keepDims ? x : reshapeTo(x, x.shape.filter((_, i) => !axes.includes(i)));
}

/**
 * The arithmetic mean over all or some axes; integers and bool give the default float, no elements NaN.
 *
 * @example
 * ```ts
 * import { mean, tensor } from "@damo/damo";
 * console.assert(mean(tensor([1, 2, 6])).itemSync() === 3);
 * ```
 */
export function mean(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const value = strong(x, "mean");
  const axes = reducedAxes("mean", value, options);
  return whole("mean", meanOf, value, axes, Boolean(options.keepDims));
}

function meanOf(x: Tensor, axes: readonly number[], keepDims: boolean): Tensor {
  const total = reduceOp("sum", widened(x), { axis: axes, keepDims });
  return narrowed(apply("div", total, constantLike(total, countOf(x, axes))), x);
}

/**
 * The mean of the squared distances from the mean.
 *
 * @example
 * ```ts
 * import { tensor, variance } from "@damo/damo";
 * console.assert(variance(tensor([1, 3])).itemSync() === 1);
 * console.assert(variance(tensor([1, 3]), { ddof: 1 }).itemSync() === 2);
 * ```
 */
export function variance(x: TensorLike, options: SpreadOptions = {}): Tensor {
  const value = strong(x, "variance");
  return whole("variance", varianceOf, value, ...spreadArguments("variance", value, options));
}

type SpreadArguments = readonly [axes: readonly number[], keepDims: boolean, ddof: number];

function varianceOf(x: Tensor, ...spread: SpreadArguments): Tensor {
  return narrowed(spreadOf(x, ...spread), x);
}

function spreadArguments(operation: string, x: Tensor, options: SpreadOptions): SpreadArguments {
  const axes = reducedAxes(operation, x, options, ["axis", "keepDims", "ddof"]);
  const { ddof = 0, keepDims } = options;
  if (typeof ddof !== "number" || !(ddof >= 0)) {
    throw new DamoError(`${operation}: ddof is ${String(ddof)}.`, {
      operation,
      arguments: [{ name: "ddof", value: ddof }],
      remedy: "Pass a number that is not negative: 0 for the population, 1 for a sample.",
    });
  }
  return [axes, Boolean(keepDims), ddof];
}

function spreadOf(x: Tensor, ...[axes, keepDims, ddof]: SpreadArguments): Tensor {
  const wide = widened(x);
  const centred = apply("sub", wide, mean(wide, { axis: axes, keepDims: true }));
  const total = reduceOp("sum", apply("square", centred), { axis: axes, keepDims });
  return apply("div", total, constantLike(total, Math.max(0, countOf(x, axes) - ddof)));
}

/** A square root whose derivative at 0 is 0. */
function safeSqrt(x: Tensor): Tensor {
  const zero = constantLike(x, 0);
  const empty = apply("eq", x, zero);
  return apply("select", empty, zero, apply("sqrt", apply("select", empty, constantLike(x, 1), x)));
}

/**
 * The square root of the variance; its derivative where all elements are equal is 0.
 *
 * @example
 * ```ts
 * import { std, tensor } from "@damo/damo";
 * console.assert(std(tensor([1, 3])).itemSync() === 1);
 * ```
 */
export function std(x: TensorLike, options: SpreadOptions = {}): Tensor {
  const value = strong(x, "std");
  return whole("std", stdOf, value, ...spreadArguments("std", value, options));
}

function stdOf(x: Tensor, ...spread: SpreadArguments): Tensor {
  return narrowed(safeSqrt(spreadOf(x, ...spread)), x);
}

/**
 * `ln(sum(e^x))` over all or some axes without overflow; infinite elements count as they should, and no elements
 * give -Infinity.
 *
 * @example
 * ```ts
 * import { logsumexp, tensor } from "@damo/damo";
 * console.assert(Math.abs(Number(logsumexp(tensor([1000, 1000]))) - 1000 - Math.LN2) < 1e-3);
 * ```
 */
export function logsumexp(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const value = strong(x, "logsumexp");
  const axes = reducedAxes("logsumexp", value, options);
  if (countOf(value, axes) === 0) {
    return narrowed(apply("log", reduceOp("sum", widened(value), options)), value);
  }
  return whole("logsumexp", logsumexpOf, value, axes, Boolean(options.keepDims));
}

function logsumexpOf(x: Tensor, axes: readonly number[], keepDims: boolean): Tensor {
  const wide = widened(x);
  const greatest = reduceOp("max", wide, { axis: axes, keepDims: true });
  const shift = bindOne(
    stopGradientPrimitive,
    [apply("select", apply("isFinite", greatest), greatest, constantLike(greatest, 0))],
    {},
  );
  const total = reduceOp("sum", apply("exp", apply("sub", wide, shift)), { axis: axes, keepDims: true });
  return narrowed(dropKept(apply("add", apply("log", total), shift), axes, keepDims), x);
}

/**
 * The p-norm of all elements or along axes (as vectors): `ord` 2 by default, Infinity for the greatest magnitude,
 * -Infinity for the least, 0 for the number of non-zeros. The derivative at 0 is 0.
 *
 * @example
 * ```ts
 * import { norm, tensor } from "@damo/damo";
 * console.assert(norm(tensor([3, 4])).itemSync() === 5);
 * console.assert(norm(tensor([3, -4]), { ord: 1 }).itemSync() === 7);
 * ```
 */
export function norm(x: TensorLike, options: NormOptions = {}): Tensor {
  const value = strong(x, "norm");
  checkOptions("norm", options, ["axis", "keepDims", "ord"]);
  const { ord = 2, axis, keepDims } = options;
  const axes = normalizeAxes("norm", axis, value.aval);
  return whole("norm", normOf, value, ord, axes, Boolean(keepDims));
}

function normOf(x: Tensor, ord: number, axis: readonly number[], keepDims: boolean): Tensor {
  return narrowed(magnitude(widened(x), ord, { axis, keepDims }), x);
}

function magnitude(x: Tensor, ord: number, over: ReductionOptions): Tensor {
  if (typeof ord !== "number" || ord !== ord) {
    throw new DamoError(`norm: ord is ${String(ord)}.`, {
      operation: "norm",
      arguments: [{ name: "ord", value: ord }],
      remedy: "Pass a number, Infinity or -Infinity.",
    });
  }
  if (ord === 2) return euclidean(x, over);
  const size = apply("abs", x);
  if (ord === 1) return reduceOp("sum", size, over);
  if (ord === Infinity) {
    // The greatest of no magnitudes is 0.
    const axes = normalizeAxes("norm", over.axis, x.aval);
    return reduceOp(axes.some((axis) => x.shape[axis] === 0) ? "sum" : "max", size, over);
  }
  if (ord === -Infinity) return reduceOp("min", size, over);
  const zero = constantLike(x, 0), one = constantLike(x, 1);
  if (ord === 0) return reduceOp("sum", castTo(apply("ne", x, zero), x.dtype), over);
  const total = reduceOp("sum", apply("pow", size, constantLike(x, ord)), over);
  const empty = apply("eq", total, zero);
  const root = apply("pow", apply("select", empty, one, total), constantLike(x, 1 / ord));
  return apply("select", empty, apply("pow", zero, constantLike(x, 1 / ord)), root);
}

function euclidean(x: Tensor, over: ReductionOptions): Tensor {
  return safeSqrt(reduceOp("sum", apply("square", x), over));
}

/** The methods of this file. */
export interface StatisticsMethods {
  /** See {@link mean}. */
  mean(options?: ReductionOptions): Tensor;
  /** See {@link variance}. */
  variance(options?: SpreadOptions): Tensor;
  /** See {@link std}. */
  std(options?: SpreadOptions): Tensor;
  /** See {@link logsumexp}. */
  logsumexp(options?: ReductionOptions): Tensor;
  /** See {@link norm}. */
  norm(options?: NormOptions): Tensor;
}

installFunctions({ mean, variance, std, logsumexp, norm });
