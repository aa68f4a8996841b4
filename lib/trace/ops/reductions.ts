/** Reductions to sums, products, extrema, their positions, and truth. */
import { sumDType } from "../dtype.ts";
import { checkNotEmpty, reductions } from "../primitives/reduce.ts";
import { positions } from "../primitives/reduce_position.ts";
import { reshapeTo } from "../primitives/move.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { castTo, strong, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";

/** What a reduction runs over. */
export interface ReductionOptions {
  /** One axis or several; negative ones count from the end. All of them where it is left out. */
  readonly axis?: number | readonly number[];
  /** Keeps the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** What an operation along one axis runs over. */
export interface AxisOptions {
  /** Negative ones count from the end. The flat tensor where it is left out. */
  readonly axis?: number;
}

/** AxisOptions of a reduction. */
export interface PositionOptions extends AxisOptions {
  /** Keeps the reduced axis with size 1. */
  readonly keepDims?: boolean;
}

/** The shape of `x` with the given axes of size 1. */
export function keptShape(x: Tensor, axes: readonly number[]): number[] {
  return x.shape.map((size, i) => axes.includes(i) ? 1 : size);
}

/** The axes a reduction of `x` runs over, after checking the options. */
export function reducedAxes(
  operation: string,
  x: Tensor,
  options: ReductionOptions,
  known: readonly string[] = ["axis", "keepDims"],
): number[] {
  checkOptions(operation, options, known);
  return normalizeAxes(operation, options.axis, x.aval);
}

/** Applies a reduction primitive, which drops the axes, and puts them back when they are to be kept. */
export function reduceOp(op: keyof typeof reductions, x: Tensor, options: ReductionOptions): Tensor {
  const axes = reducedAxes(op, x, options);
  if (axes.length === 0) return x;
  const reduced = bindOne(reductions[op], [x], { axes });
  return options.keepDims ? reshapeTo(reduced, keptShape(x, axes)) : reduced;
}

/**
 * The sum over all or some axes; of no elements 0. Bool and 8-bit integers are summed as int32. Sums of float32 are
 * accurate to a few units in the last place of the sum of magnitudes at any length.
 *
 * @example
 * ```ts
 * import { sum, tensor } from "@damo/damo";
 * console.assert(String(sum(tensor([[1, 2], [3, 4]]), { axis: 0 }).arraySync()) === "4,6");
 * ```
 */
export function sum(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const value = strong(x, "sum");
  return reduceOp("sum", castTo(value, sumDType(value.dtype)), options);
}

/**
 * The product over all or some axes; of no elements 1. Its derivative uses no division: zeros are harmless.
 *
 * @example
 * ```ts
 * import { prod, tensor } from "@damo/damo";
 * console.assert(prod(tensor([2, 3, 4])).itemSync() === 24);
 * ```
 */
export function prod(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const value = strong(x, "prod");
  return reduceOp("prod", castTo(value, sumDType(value.dtype)), options);
}

/**
 * The greatest element over all or some axes; NaN where there is one. Equal greatest elements share the derivative.
 *
 * @throws {ShapeError} over an empty axis.
 * @example
 * ```ts
 * import { max, tensor } from "@damo/damo";
 * console.assert(String(max(tensor([[1, 5], [3, 2]]), { axis: 1 }).arraySync()) === "5,3");
 * ```
 */
export function max(x: TensorLike, options: ReductionOptions = {}): Tensor {
  return extremum("max", x, options);
}

/**
 * The least element over all or some axes; NaN where there is one. Equal least elements share the derivative.
 *
 * @throws {ShapeError} over an empty axis.
 * @example
 * ```ts
 * import { min, tensor } from "@damo/damo";
 * console.assert(String(min(tensor([[1, 5], [3, 2]]), { axis: 1 }).arraySync()) === "1,2");
 * ```
 */
export function min(x: TensorLike, options: ReductionOptions = {}): Tensor {
  return extremum("min", x, options);
}

/** Of bool the greatest is whether any is true, but nothing has no greatest. */
function extremum(op: "max" | "min", x: TensorLike, options: ReductionOptions): Tensor {
  const value = strong(x, op);
  if (value.dtype !== "bool") return reduceOp(op, value, options);
  checkNotEmpty(op, value.aval, reducedAxes(op, value, options));
  return reduceOp(op === "max" ? "any" : "all", value, options);
}

/**
 * Whether any element is not 0, over all or some axes; false of no elements.
 *
 * @example
 * ```ts
 * import { any, tensor } from "@damo/damo";
 * console.assert(any(tensor([false, true])).itemSync<boolean>());
 * ```
 */
export function any(x: TensorLike, options: ReductionOptions = {}): Tensor {
  return reduceOp("any", castTo(strong(x, "any"), "bool"), options);
}

/**
 * Whether every element is not 0, over all or some axes; true of no elements.
 *
 * @example
 * ```ts
 * import { all, tensor } from "@damo/damo";
 * console.assert(!all(tensor([false, true])).itemSync<boolean>());
 * ```
 */
export function all(x: TensorLike, options: ReductionOptions = {}): Tensor {
  return reduceOp("all", castTo(strong(x, "all"), "bool"), options);
}

function positionOp(op: "argmax" | "argmin", x: TensorLike, options: PositionOptions): Tensor {
  checkOptions(op, options, ["axis", "keepDims"]);
  const value = strong(x, op);
  const { axis, keepDims } = options;
  if (axis === undefined || axis === null) {
    const position = bindOne(positions[op], [reshapeTo(value, [value.size])], { axis: 0 });
    return keepDims ? reshapeTo(position, value.shape.map(() => 1)) : position;
  }
  const at = normalizeAxis(op, axis, value.aval);
  const position = bindOne(positions[op], [value], { axis: at });
  return keepDims ? reshapeTo(position, keptShape(value, [at])) : position;
}

/**
 * The position (int32) of the first greatest element along an axis, or in the flat tensor without one. The first
 * NaN counts as greatest.
 *
 * @throws {ShapeError} over an empty axis.
 * @example
 * ```ts
 * import { argmax, tensor } from "@damo/damo";
 * console.assert(String(argmax(tensor([[1, 5], [3, 2]]), { axis: 1 }).arraySync()) === "1,0");
 * ```
 */
export function argmax(x: TensorLike, options: PositionOptions = {}): Tensor {
  return positionOp("argmax", x, options);
}

/**
 * The position (int32) of the first least element along an axis, or in the flat tensor without one. The first NaN
 * counts as least.
 *
 * @throws {ShapeError} over an empty axis.
 * @example
 * ```ts
 * import { argmin, tensor } from "@damo/damo";
 * console.assert(argmin(tensor([4, 2, 3])).itemSync() === 1);
 * ```
 */
export function argmin(x: TensorLike, options: PositionOptions = {}): Tensor {
  return positionOp("argmin", x, options);
}

/** The methods of this file. */
export interface ReductionMethods {
  /** See {@link sum}. */
  sum(options?: ReductionOptions): Tensor;
  /** See {@link prod}. */
  prod(options?: ReductionOptions): Tensor;
  /** See {@link max}. */
  max(options?: ReductionOptions): Tensor;
  /** See {@link min}. */
  min(options?: ReductionOptions): Tensor;
  /** See {@link any}. */
  any(options?: ReductionOptions): Tensor;
  /** See {@link all}. */
  all(options?: ReductionOptions): Tensor;
  /** See {@link argmax}. */
  argmax(options?: PositionOptions): Tensor;
  /** See {@link argmin}. */
  argmin(options?: PositionOptions): Tensor;
}

installFunctions({ sum, prod, max, min, any, all, argmax, argmin });
