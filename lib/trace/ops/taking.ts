/** Elements by index along one axis: take, gather, scatterAdd. */
import { otherDefault, promote } from "../dtype.ts";
import { DTypeError, IndexError, ShapeError } from "../errors.ts";
import { gatherPrimitive, scatterPrimitive } from "../primitives/index_gather.ts";
import { iotaPrimitive } from "../primitives/iota.ts";
import { broadcastToPrimitive, reshapeTo, transposeTo } from "../primitives/move.ts";
import { describe, normalizeAxis, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { castTo, strong, type TensorLike, toTensorFor } from "./convert.ts";
import { indexTensor } from "./index_spec.ts";
import { installFunctions } from "./install.ts";

function checkTakeable(operation: string, x: Tensor, axis: number): void {
  if (x.shape[axis] > 0) return;
  throw new IndexError(`${operation}: axis ${axis} of ${describe(x.aval)} has no elements to take.`, {
    operation,
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: "Index an axis that is not empty.",
  });
}

/**
 * The elements (rows, columns ...) at `indices` along an axis; without an axis, of the flat tensor. The axes of the
 * indices take the place of the axis. Indices in a tensor wrap when negative and are then clamped.
 *
 * @throws {IndexError} for a number out of range.
 * @throws {DTypeError} when the indices are no integers.
 * @example
 * ```ts
 * import { take, tensor } from "@damo/damo";
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.assert(String(take(x, [2, 0], 1).arraySync()) === "3,1,6,4");
 * ```
 */
export function take(x: TensorLike, indices: TensorLike, axis?: number): Tensor {
  let source = strong(x);
  if (axis === undefined) source = reshapeTo(source, [source.size]);
  const along = normalizeAxis("take", axis ?? 0, source.aval);
  const index = indexTensor("take", source.aval, along, indices);
  if (index.size > 0) checkTakeable("take", source, along);
  const taken = bindOne(gatherPrimitive, [source, index], { axes: [along] });
  const places = Array.from({ length: index.ndim }, (_, d) => d);
  const rest = Array.from({ length: source.ndim - 1 }, (_, d) => d + index.ndim);
  return transposeTo(taken, [...rest.slice(0, along), ...places, ...rest.slice(along)]);
}

/** The index tensors of all axes for indices along one: positions elsewhere. */
function gridIndices(index: Tensor, axis: number): Tensor[] {
  return index.shape.map((_, a) =>
    a === axis ? index : bindOne(iotaPrimitive, [], { shape: index.shape, dtype: "int32", axis: a })
  );
}

/** Indices of the rank of x whose other sizes are those of x or can be broadcast to them. */
function alongIndex(
  operation: string,
  x: Tensor,
  indices: TensorLike,
  axis: number,
): { along: number; index: Tensor } {
  const along = normalizeAxis(operation, axis, x.aval);
  const index = indexTensor(operation, x.aval, along, indices);
  const fits = index.ndim === x.ndim &&
    index.shape.every((size, a) => a === along || size === x.shape[a] || size === 1);
  if (!fits) {
    throw new ShapeError(
      `${operation}: indices ${describe(index.aval)} do not fit ${describe(x.aval)} along axis ${along}.`,
      {
        operation,
        arguments: [
          { name: "x", shape: x.shape, dtype: x.dtype },
          { name: "indices", shape: index.shape, dtype: index.dtype },
        ],
        remedy: "Indices must have as many axes as x, and its sizes (or 1) on all but the indexed axis; " +
          "for whole rows or columns use take.",
      },
    );
  }
  if (index.size > 0) checkTakeable(operation, x, along);
  const shape = x.shape.map((size, a) => a === along ? index.shape[a] : size);
  return { along, index: spread(index, shape) };
}

function spread(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : bindOne(broadcastToPrimitive, [x], { shape });
}

/**
 * One element for each index along an axis: `out[i, j] = x[i, indices[i, j]]` for the last axis of a matrix (NumPy's
 * take_along_axis).
 *
 * @throws {ShapeError} when the indices have other axes than `x`.
 * @throws {IndexError} for a number out of range.
 * @example
 * ```ts
 * import { gather, tensor } from "@damo/damo";
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.assert(String(gather(x, [[2], [0]]).arraySync()) === "3,4");
 * ```
 */
export function gather(x: TensorLike, indices: TensorLike, axis: number = -1): Tensor {
  const source = strong(x);
  const { along, index } = alongIndex("gather", source, indices, axis);
  return bindOne(gatherPrimitive, [source, ...gridIndices(index, along)], {
    axes: source.shape.map((_, a) => a),
  });
}

/**
 * A copy of `x` with `updates[i, j]` added at `[i, indices[i, j]]`, for the last axis of a matrix: the transpose of
 * {@link gather}. Repeated indices accumulate; those of a tensor that are out of range are left out.
 *
 * @throws {ShapeError} when indices or updates do not fit.
 * @throws {IndexError} for a number out of range.
 * @example
 * ```ts
 * import { scatterAdd, tensor, zeros } from "@damo/damo";
 * console.assert(String(scatterAdd(zeros([3]), [0, 0, 2], tensor([1, 2, 3])).arraySync()) === "3,0,3");
 * ```
 */
export function scatterAdd(
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  axis: number = -1,
): Tensor {
  const source = strong(x);
  const { along, index } = alongIndex("scatterAdd", source, indices, axis);
  let values = toTensorFor(updates, source.dtype, "scatterAdd");
  if (values.aval.weak) values = values.convertWeak(source.dtype);
  if (promote(source.dtype, values.dtype) !== source.dtype) {
    throw new DTypeError(
      `scatterAdd: updates ${describe(values.aval)} do not go into ${describe(source.aval)}.`,
      {
        operation: "scatterAdd",
        arguments: [
          { name: "x", shape: source.shape, dtype: source.dtype },
          { name: "updates", shape: values.shape, dtype: values.dtype },
        ],
        remedy: `Write updates.cast("${source.dtype}") or x.cast("${values.dtype}")${
          otherDefault(values.dtype, source.dtype)
        }.`,
      },
    );
  }
  return bindOne(
    scatterPrimitive,
    [source, spread(castTo(values, source.dtype), index.shape), ...gridIndices(index, along)],
    { axes: source.shape.map((_, a) => a), combiner: "add" },
  );
}

/** The methods of this file. */
export interface TakeMethods {
  /** See {@link take}. */
  take(indices: TensorLike, axis?: number): Tensor;
  /** See {@link gather}. */
  gather(indices: TensorLike, axis?: number): Tensor;
  /** See {@link scatterAdd}. */
  scatterAdd(indices: TensorLike, updates: TensorLike, axis?: number): Tensor;
}

installFunctions({ take, gather, scatterAdd });
