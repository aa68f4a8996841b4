/** Order: sort, argsort, topk, searchsorted, bincount. */
import { isFloat } from "../dtype.ts";
import { ShapeError, TracedValueError } from "../errors.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { gatherPrimitive, scatterPrimitive } from "../primitives/index_gather.ts";
import { iotaPrimitive } from "../primitives/iota.ts";
import { broadcastToPrimitive, reshapeTo } from "../primitives/move.ts";
import { sortPrimitive } from "../primitives/sort.ts";
import { topkPrimitive } from "../primitives/topk.ts";
import { filled } from "../primitives/zeros.ts";
import { broadcastShapes, checkShape, describe, normalizeAxis, sameShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bind, bindOne, currentTrace } from "../trace.ts";
import { whole } from "../whole.ts";
import { castTo, strong, type TensorLike } from "./convert.ts";
import { integerTensor } from "./index_spec.ts";
import { integersOf } from "./integers.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";
import { swapAxes } from "./shape_axes.ts";
import { strongAll } from "./strong.ts";

/** Options of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** The last axis at first. */
  readonly axis?: number;
  /** Largest first; NaN stay last. */
  readonly descending?: boolean;
}

function sortAxis(operation: string, x: Tensor, axis: number): number {
  if (x.ndim > 0) return normalizeAxis(operation, axis, x.aval);
  throw new ShapeError(`${operation}: a scalar ${describe(x.aval)} has no axis.`, {
    operation,
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: "Pass a tensor with at least one axis.",
  });
}

/**
 * The elements along an axis in ascending (or descending) order. Equal elements keep their order, NaN come last. The
 * gradient of each element goes back to the place it came from.
 *
 * @throws {ShapeError} for a scalar or an axis out of range.
 * @example
 * ```ts
 * import { sort, tensor } from "@damo/damo";
 * console.assert(String(sort(tensor([2, 3, 1])).arraySync()) === "1,2,3");
 * console.assert(String(sort(tensor([2, 3, 1]), { descending: true }).arraySync()) === "3,2,1");
 * ```
 */
export function sort(x: TensorLike, options: SortOptions = {}): Tensor {
  checkOptions("sort", options, ["axis", "descending"]);
  const { axis = -1, descending = false } = options;
  const source = strong(x);
  const along = sortAxis("sort", source, axis);
  return swapAxes(bindOne(sortPrimitive, [swapAxes(source, along, -1)], { descending }), along, -1);
}

/** Values and positions sorted along the last axis. */
function sortWithPositions(x: Tensor, descending: boolean): readonly Tensor[] {
  const positions = bindOne(iotaPrimitive, [], { shape: x.shape, dtype: "int32", axis: x.ndim - 1 });
  return bind(sortPrimitive, [x, positions], { descending });
}

/**
 * The positions (int32) that sort `x` along an axis. Equal elements keep their order, NaN come last.
 *
 * @throws {ShapeError} for a scalar or an axis out of range.
 * @example
 * ```ts
 * import { argsort, tensor } from "@damo/damo";
 * console.assert(String(argsort(tensor([2, 3, 1])).arraySync()) === "2,0,1");
 * ```
 */
export function argsort(x: TensorLike, options: SortOptions = {}): Tensor {
  checkOptions("argsort", options, ["axis", "descending"]);
  const { axis = -1, descending = false } = options;
  const source = strong(x);
  const along = sortAxis("argsort", source, axis);
  const [, positions] = sortWithPositions(swapAxes(source, along, -1), descending);
  return swapAxes(positions, along, -1);
}

/** Options of {@link topk}. */
export interface TopkOptions {
  /** The last axis at first. */
  readonly axis?: number;
}

/** The result of {@link topk}. */
export interface Topk {
  /** The elements, largest first. */
  readonly values: Tensor;
  /** Their positions along the axis, int32. */
  readonly indices: Tensor;
}

/**
 * The `k` largest elements along an axis, largest first, and where they are. Of equal elements the earlier come first,
 * NaN come last. Where `k` is small, rows are searched and not sorted.
 *
 * @throws {ShapeError} when the axis has less than `k` elements.
 * @example
 * ```ts
 * import { tensor, topk } from "@damo/damo";
 * const { values, indices } = topk(tensor([2, 5, 1, 4]), 2);
 * console.assert(String(values.arraySync()) === "5,4" && String(indices.arraySync()) === "1,3");
 * ```
 */
export function topk(x: TensorLike, k: number, options: TopkOptions = {}): Topk {
  checkOptions("topk", options, ["axis"]);
  const source = strong(x);
  const along = sortAxis("topk", source, options.axis ?? -1);
  const size = source.shape[along];
  if (!Number.isInteger(k) || k < 0 || k > size) {
    throw new ShapeError(`topk: k is ${k} and axis ${along} of ${describe(source.aval)} has size ${size}.`, {
      operation: "topk",
      arguments: [{ name: "x", shape: source.shape, dtype: source.dtype }, { name: "k", value: k }],
      remedy: `Pass an integer from 0 to ${size}.`,
    });
  }
  const [values, indices] = bind(topkPrimitive, [swapAxes(source, along, -1)], { count: k });
  return { values: swapAxes(values, along, -1), indices: swapAxes(indices, along, -1) };
}

/** Options of {@link searchsorted}. */
export interface SearchsortedOptions {
  /** Before or behind elements that are equal to the value; "left" at first. */
  readonly side?: "left" | "right";
}

/**
 * Where the values would have to be inserted into a sorted vector to keep it sorted (int32): with side "left" the number
 * of elements less than the value, with "right" of those less or equal; NaN count as larger than all numbers.
 *
 * @throws {ShapeError} when `sorted` has not exactly one axis.
 * @example
 * ```ts
 * import { searchsorted, tensor } from "@damo/damo";
 * console.assert(String(searchsorted(tensor([1, 3, 5]), [0, 3, 6]).arraySync()) === "0,1,3");
 * ```
 */
export function searchsorted(
  sorted: TensorLike,
  values: TensorLike,
  options: SearchsortedOptions = {},
): Tensor {
  checkOptions("searchsorted", options, ["side"]);
  const [vector, wanted] = strongAll("searchsorted", [sorted, values]);
  const { side = "left" } = options;
  if (vector.ndim !== 1 || (side !== "left" && side !== "right")) {
    throw new ShapeError(
      vector.ndim !== 1
        ? `searchsorted: sorted is ${describe(vector.aval)}, not a vector.`
        : `searchsorted: side is ${JSON.stringify(side)}.`,
      {
        operation: "searchsorted",
        arguments: [{ name: "sorted", shape: vector.shape, dtype: vector.dtype }],
        remedy: vector.ndim !== 1 ? "Pass a tensor of one axis." : `Use "left" or "right".`,
      },
    );
  }
  return whole("searchsorted", binarySearch, vector, wanted, side);
}

/**
 * All values at once: the answer lies in [low, low + 2^bits), and each of the log2(n) steps looks at the element in the
 * middle. Only comparisons and gathers, so it runs on every device without a loop of its own.
 */
function binarySearch(vector: Tensor, values: Tensor, side: "left" | "right"): Tensor {
  const [size] = vector.shape;
  const scalar = (value: number) => Tensor.literal(value, "int32");
  let low = filled(0, { shape: values.shape, dtype: "int32" });
  if (size === 0) return low;
  for (let step = 2 ** Math.floor(Math.log2(size)); step >= 1; step /= 2) {
    // Is the element before low + step still to the left of the value? Then the answer is at least low + step.
    const next = apply("add", low, scalar(step));
    const place = apply("sub", next, scalar(1));
    const element = bindOne(gatherPrimitive, [vector, place], { axes: [0] });
    const before = isBefore(element, values, side);
    const inside = apply("le", next, scalar(size));
    low = apply("select", apply("and", before, inside), next, low);
  }
  return low;
}

/** Whether an element stands before the value; NaN are larger than all numbers. */
function isBefore(element: Tensor, value: Tensor, side: "left" | "right"): Tensor {
  const plain = apply(side === "left" ? "lt" : "le", element, value);
  if (!isFloat(element.dtype)) return plain;
  const nan = apply("isNaN", value);
  if (side === "right") return apply("or", plain, nan);
  return apply("select", nan, apply("not", apply("isNaN", element)), plain);
}

/** Options of {@link bincount}. */
export interface BincountOptions {
  /** Summed instead of counting; broadcast to the shape of x. */
  readonly weights?: TensorLike;
  /** How many bins there are; needed inside a traced function, otherwise the largest value decides. */
  readonly length?: number;
}

/**
 * How often each non-negative integer occurs in `x` (int32), or the sum of the weights of its occurrences. Negative
 * values and those from `length` on are not counted.
 *
 * @throws {DTypeError} when `x` is no integer tensor.
 * @throws {TracedValueError} inside a traced function without `length`.
 * @throws {ShapeError} when the weights do not broadcast to `x`.
 * @example
 * ```ts
 * import { bincount, tensor } from "@damo/damo";
 * const x = tensor(Int32Array.of(0, 2, 2));
 * console.assert(String(bincount(x).arraySync()) === "1,0,2");
 * ```
 */
export function bincount(x: TensorLike, options: BincountOptions = {}): Tensor {
  checkOptions("bincount", options, ["weights", "length"]);
  const source = integersOf(x, "bincount");
  const integers = source.dtype === "bool" ? castTo(source, "int32") : integerTensor("bincount", source);
  const bins = reshapeTo(integers, [integers.size]);
  const length = options.length ?? binsNeeded(bins);
  checkShape("bincount", [length], "length");
  const weights = options.weights === undefined
    ? filled(1, { shape: bins.shape, dtype: "int32" })
    : flatWeights(strong(options.weights), source);
  const base = filled(0, { shape: [length], dtype: weights.dtype });
  return bindOne(scatterPrimitive, [base, weights, bins], { axes: [0], combiner: "add" });
}

function binsNeeded(bins: Tensor): number {
  if (currentTrace()) {
    throw new TracedValueError("bincount: the largest value is not known while tracing.", {
      operation: "bincount",
      arguments: [{ name: "x", shape: bins.shape, dtype: bins.dtype }],
      remedy: "Pass { length } with the number of bins.",
    });
  }
  let count = 0;
  for (const value of bins.dataSync()) count = Math.max(count, value + 1);
  return count;
}

function flatWeights(weights: Tensor, x: Tensor): Tensor {
  const common = broadcastShapes(weights.shape, x.shape);
  if (!common || !sameShape(common, x.shape)) {
    throw new ShapeError(
      `bincount: weights ${describe(weights.aval)} do not broadcast to x, ${describe(x.aval)}.`,
      {
        operation: "bincount",
        arguments: [
          { name: "x", shape: x.shape, dtype: x.dtype },
          { name: "weights", shape: weights.shape, dtype: weights.dtype },
        ],
        remedy: "Pass one weight for each element of x.",
      },
    );
  }
  const wide = sameShape(weights.shape, x.shape)
    ? weights
    : bindOne(broadcastToPrimitive, [weights], { shape: x.shape });
  return reshapeTo(wide, [x.size]);
}

/** The methods of this file. */
export interface SortingMethods {
  /** See {@link sort}. */
  sort(options?: SortOptions): Tensor;
  /** See {@link argsort}. */
  argsort(options?: SortOptions): Tensor;
  /** See {@link topk}. */
  topk(k: number, options?: TopkOptions): Topk;
  /** See {@link searchsorted}. */
  searchsorted(values: TensorLike, options?: SearchsortedOptions): Tensor;
  /** See {@link bincount}. */
  bincount(options?: BincountOptions): Tensor;
}

installFunctions({ sort, argsort, topk, searchsorted, bincount });
