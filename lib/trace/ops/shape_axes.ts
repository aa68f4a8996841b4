/** The order of axes: transpose, swapAxes, moveAxis, dimshuffle. */
import { ShapeError } from "../errors.ts";
import { reshapeTo, transposeTo } from "../primitives/move.ts";
import { describe, normalizeAxis } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { strong, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";

/**
 * The axes in another order: axis d of the result is axis `axes[d]` of `x`. Without `axes` the order is reversed.
 *
 * @throws {ShapeError} when `axes` does not name every axis once.
 * @example
 * ```ts
 * import { transpose, zeros } from "@damo/damo";
 * console.assert(transpose(zeros([2, 3, 4])).shape.join() === "4,3,2");
 * console.assert(transpose(zeros([2, 3, 4]), [0, 2, 1]).shape.join() === "2,4,3");
 * ```
 */
export function transpose(x: TensorLike, axes?: readonly number[]): Tensor {
  const source = strong(x);
  const rank = source.ndim;
  if (axes === undefined) return transposeTo(source, Array.from({ length: rank }, (_, d) => rank - 1 - d));
  if (!Array.isArray(axes) || axes.length !== rank) throw orderError(source, axes);
  const permutation = axes.map((axis) => normalizeAxis("transpose", axis, rank, "axes"));
  if (new Set(permutation).size !== rank) throw orderError(source, axes);
  return transposeTo(source, permutation);
}

function orderError(x: Tensor, axes: readonly number[]): ShapeError {
  return new ShapeError(
    `transpose: axes [${[axes].flat().join(", ")}] is not an order of the ${x.ndim} axes of ${
      describe(x.aval)
    }.`,
    {
      operation: "transpose",
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "axes", value: axes }],
      remedy: "Name every axis exactly once.",
    },
  );
}

/**
 * Exchanges two axes.
 *
 * @throws {ShapeError} for an axis out of range.
 * @example
 * ```ts
 * import { swapAxes, zeros } from "@damo/damo";
 * console.assert(swapAxes(zeros([2, 3, 4]), 0, -1).shape.join() === "4,3,2");
 * ```
 */
export function swapAxes(x: TensorLike, first: number, second: number): Tensor {
  const source = strong(x);
  const a = normalizeAxis("swapAxes", first, source.aval), b = normalizeAxis("swapAxes", second, source.aval);
  return transposeTo(source, source.shape.map((_, d) => d === a ? b : d === b ? a : d));
}

/**
 * Moves one axis to another position; the others keep their order.
 *
 * @throws {ShapeError} for an axis out of range.
 * @example
 * ```ts
 * import { moveAxis, zeros } from "@damo/damo";
 * console.assert(moveAxis(zeros([2, 3, 4]), 0, -1).shape.join() === "3,4,2");
 * ```
 */
export function moveAxis(x: TensorLike, from: number, to: number): Tensor {
  const source = strong(x);
  const a = normalizeAxis("moveAxis", from, source.aval), b = normalizeAxis("moveAxis", to, source.aval);
  const permutation = source.shape.map((_, d) => d).filter((d) => d !== a);
  permutation.splice(b, 0, a);
  return transposeTo(source, permutation);
}

/**
 * Theano's dimshuffle: the axes in the order given, with an axis of size 1 for each `"x"`. Axes that are not named are
 * dropped and must have size 1.
 *
 * @throws {ShapeError} when an axis is named twice, does not exist, or is dropped and larger than 1.
 * @example
 * ```ts
 * import { dimshuffle, zeros } from "@damo/damo";
 * console.assert(dimshuffle(zeros([2, 3]), 1, "x", 0).shape.join() === "3,1,2");
 * ```
 */
export function dimshuffle(x: TensorLike, ...pattern: (number | "x")[]): Tensor {
  const source = strong(x);
  const kept = pattern.filter((p) => p !== "x").map((p) =>
    normalizeAxis("dimshuffle", p as number, source.aval)
  );
  const dropped = source.shape.map((_, a) => a).filter((a) => !kept.includes(a));
  const tooLarge = dropped.find((a) => source.shape[a] !== 1);
  if (tooLarge !== undefined || new Set(kept).size !== kept.length) {
    throw new ShapeError(
      tooLarge !== undefined
        ? `dimshuffle: axis ${tooLarge} of ${describe(source.aval)} is not named and has size ${
          source.shape[tooLarge]
        }.`
        : `dimshuffle: the pattern [${pattern.join(", ")}] names an axis twice.`,
      {
        operation: "dimshuffle",
        arguments: [{ name: "x", shape: source.shape, dtype: source.dtype }, {
          name: "pattern",
          value: pattern,
        }],
        remedy: "Name every axis once; only axes of size 1 may be left out.",
      },
    );
  }
  const ordered = transposeTo(source, [...kept, ...dropped]);
  return reshapeTo(ordered, pattern.map((p) => p === "x" ? 1 : source.shape[p < 0 ? p + source.ndim : p]));
}

/** The methods of this file. */
export interface AxisMethods {
  /** See {@link transpose}. */
  transpose(axes?: readonly number[]): Tensor;
  /** The axes in reverse order. */
  readonly T: Tensor;
  /** See {@link swapAxes}. */
  swapAxes(first: number, second: number): Tensor;
  /** See {@link moveAxis}. */
  moveAxis(from: number, to: number): Tensor;
  /** See {@link dimshuffle}. */
  dimshuffle(...pattern: (number | "x")[]): Tensor;
}

installFunctions({ transpose, swapAxes, moveAxis, dimshuffle });

Object.defineProperty(Tensor.prototype, "T", {
  get(this: Tensor): Tensor {
    return transpose(this);
  },
  configurable: true,
});
