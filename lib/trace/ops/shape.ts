/** Other sizes for the same elements: reshape, flatten, expandDims, squeeze, broadcastTo. */
import { ShapeError } from "../errors.ts";
import { broadcastToPrimitive, reshapeTo } from "../primitives/move.ts";
import { checkShape, describe, listOf, normalizeAxes, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { strong, type TensorLike } from "./convert.ts";
import { installFunctions } from "./install.ts";

/**
 * The same elements, in row-major order, in another shape. One size may be -1: it is computed from the others.
 *
 * @throws {ShapeError} when the number of elements would change.
 * @example
 * ```ts
 * import { arange, reshape } from "@damo/damo";
 * const x = reshape(arange(6), [2, -1]);
 * console.assert(x.shape.join() === "2,3");
 * ```
 */
export function reshape(x: TensorLike, shape: readonly number[]): Tensor {
  const source = strong(x);
  return reshapeTo(source, completeShape(source, shape));
}

/** Replaces a -1 by what is left for it. */
function completeShape(x: Tensor, shape: readonly number[]): readonly number[] {
  const unknown = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (unknown >= 0 && shape.lastIndexOf(-1) !== unknown) {
    throw new ShapeError(`reshape: shape [${shape.join(", ")}] has more than one -1.`, {
      operation: "reshape",
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
      remedy: "Write the other sizes; only one can follow from them.",
    });
  }
  const known = unknown < 0 ? shape : shape.map((size, i) => i === unknown ? 1 : size);
  const checked = checkShape("reshape", known);
  const rest = sizeOf(checked);
  if (unknown < 0 && rest === x.size) return checked;
  const size = x.size / rest;
  if (unknown < 0 || !Number.isInteger(size)) {
    throw new ShapeError(
      `reshape: ${describe(x.aval)} has ${x.size} elements, which do not fit into [${shape.join(", ")}].`,
      {
        operation: "reshape",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
        remedy: unknown < 0
          ? `Choose sizes whose product is ${x.size}, or write -1 for one of them.`
          : rest === 0
          ? "Beside a size of 0 the -1 is not determined; write the size."
          : `${x.size} is no multiple of ${rest}, so -1 has no value; choose other sizes.`,
      },
    );
  }
  return shape.map((own, i) => i === unknown ? size : own);
}

/**
 * Keeps the first `ndim - 1` axes; the last axis of the result holds the rest.
 *
 * @throws {ShapeError} when `ndim` is less than 1 or more than the tensor has (a scalar becomes one axis).
 * @example
 * ```ts
 * import { flatten, zeros } from "@damo/damo";
 * console.assert(flatten(zeros([2, 3, 4]), 2).shape.join() === "2,12");
 * ```
 */
export function flatten(x: TensorLike, ndim: number = 1): Tensor {
  const source = strong(x);
  if (!Number.isInteger(ndim) || ndim < 1 || ndim > Math.max(1, source.ndim)) {
    throw new ShapeError(`flatten: ndim is ${ndim} for a tensor ${describe(source.aval)}.`, {
      operation: "flatten",
      arguments: [{ name: "x", shape: source.shape, dtype: source.dtype }, { name: "ndim", value: ndim }],
      remedy: `Pass an integer from 1 to ${Math.max(1, source.ndim)}.`,
    });
  }
  const kept = source.shape.slice(0, ndim - 1);
  return reshapeTo(source, [...kept, sizeOf(source.shape.slice(ndim - 1))]);
}

/**
 * All elements along one axis, in row-major order.
 *
 * @example
 * ```ts
 * import { ravel, tensor } from "@damo/damo";
 * console.assert(ravel(tensor([[1, 2], [3, 4]])).shape.join() === "4");
 * ```
 */
export function ravel(x: TensorLike): Tensor {
  return flatten(x, 1);
}

/**
 * New axes of size 1 at the given positions of the result.
 *
 * @throws {ShapeError} for a position out of range or named twice.
 * @example
 * ```ts
 * import { expandDims, zeros } from "@damo/damo";
 * console.assert(expandDims(zeros([2, 3]), 1).shape.join() === "2,1,3");
 * console.assert(expandDims(zeros([2]), [0, -1]).shape.join() === "1,2,1");
 * ```
 */
export function expandDims(x: TensorLike, axis: number | readonly number[]): Tensor {
  const source = strong(x);
  const list = listOf(axis);
  const axes = normalizeAxes("expandDims", list, source.ndim + list.length);
  const shape = [...source.shape];
  for (const position of axes) shape.splice(position, 0, 1);
  return reshapeTo(source, shape);
}

/**
 * Without the axes of size 1: all of them, or those named.
 *
 * @throws {ShapeError} when a named axis has another size.
 * @example
 * ```ts
 * import { squeeze, zeros } from "@damo/damo";
 * console.assert(squeeze(zeros([1, 3, 1])).shape.join() === "3");
 * console.assert(squeeze(zeros([1, 3, 1]), 0).shape.join() === "3,1");
 * ```
 */
export function squeeze(x: TensorLike, axis?: number | readonly number[]): Tensor {
  const source = strong(x);
  if (axis === undefined) return reshapeTo(source, source.shape.filter((size) => size !== 1));
  const axes = normalizeAxes("squeeze", axis, source.aval);
  for (const a of axes) {
    if (source.shape[a] !== 1) {
      throw new ShapeError(
        `squeeze: axis ${a} of ${describe(source.aval)} has size ${source.shape[a]}, not 1.`,
        {
          operation: "squeeze",
          arguments: [{ name: "x", shape: source.shape, dtype: source.dtype }, { name: "axis", value: axis }],
          remedy: "Name only axes of size 1, or take one element of the axis with at(...).",
        },
      );
    }
  }
  return reshapeTo(source, source.shape.filter((_, a) => !axes.includes(a)));
}

/**
 * Repeats `x` along added axes and axes of size 1, without copying where the result is only read by other operations.
 *
 * @throws {ShapeError} when the shapes do not broadcast.
 * @example
 * ```ts
 * import { broadcastTo, tensor } from "@damo/damo";
 * console.assert(broadcastTo(tensor([1, 2]), [3, 2]).shape.join() === "3,2");
 * ```
 */
export function broadcastTo(x: TensorLike, shape: readonly number[]): Tensor {
  const source = strong(x);
  const target = checkShape("broadcastTo", shape);
  if (sameShape(source.shape, target)) return source;
  return bindOne(broadcastToPrimitive, [source], { shape: target });
}

/** The methods of this file. */
export interface ShapeMethods {
  /** See {@link reshape}. */
  reshape(shape: readonly number[]): Tensor;
  /** See {@link flatten}. */
  flatten(ndim?: number): Tensor;
  /** See {@link ravel}. */
  ravel(): Tensor;
  /** See {@link expandDims}. */
  expandDims(axis: number | readonly number[]): Tensor;
  /** See {@link squeeze}. */
  squeeze(axis?: number | readonly number[]): Tensor;
  /** See {@link broadcastTo}. */
  broadcastTo(shape: readonly number[]): Tensor;
}

installFunctions({ reshape, flatten, ravel, expandDims, squeeze, broadcastTo });
