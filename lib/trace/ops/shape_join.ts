/** Tensors put together and taken apart: concat, stack, split, repeat, tile. */
import { ShapeError } from "../errors.ts";
import { concatPrimitive } from "../primitives/move_concat.ts";
import { slicePrimitive } from "../primitives/move_slice.ts";
import { broadcastToPrimitive, reshapeTo } from "../primitives/move.ts";
import { gatherPrimitive } from "../primitives/index_gather.ts";
import { describe, listOf, normalizeAxis, sameShape, show } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { strong, type TensorLike, toTensor } from "./convert.ts";
import { moveAxis } from "./shape_axes.ts";
import { strongAll } from "./strong.ts";
import { installFunctions } from "./install.ts";

function checkList(operation: string, xs: readonly TensorLike[]): void {
  if (Array.isArray(xs) && xs.length > 0) return;
  throw new ShapeError(`${operation}: xs must be an array of at least one tensor.`, {
    operation,
    arguments: [{ name: "xs", value: xs }],
    remedy: `Write ${operation}([a, b]).`,
  });
}

/**
 * The tensors one behind the other along `axis`. Different dtypes are promoted.
 *
 * @throws {ShapeError} when they differ along another axis.
 * @example
 * ```ts
 * import { concat, tensor } from "@damo/damo";
 * console.assert(concat([tensor([1, 2]), tensor([3])]).shape.join() === "3");
 * ```
 */
export function concat(xs: readonly TensorLike[], axis: number = 0): Tensor {
  checkList("concat", xs);
  const tensors = strongAll("concat", xs);
  if (tensors.some((x) => x.ndim === 0)) {
    throw new ShapeError("concat: a scalar has no axis to be joined along.", {
      operation: "concat",
      arguments: tensors.map((x, i) => ({ name: `xs[${i}]`, shape: x.shape, dtype: x.dtype })),
      remedy: "Use stack for scalars.",
    });
  }
  return joined(tensors, normalizeAxis("concat", axis, tensors[0].aval));
}

function joined(tensors: readonly Tensor[], axis: number): Tensor {
  return tensors.length === 1 ? tensors[0] : bindOne(concatPrimitive, tensors, { axis });
}

/**
 * Tensors of one shape side by side along a new axis.
 *
 * @throws {ShapeError} when the shapes differ.
 * @example
 * ```ts
 * import { stack, tensor } from "@damo/damo";
 * console.assert(stack([tensor([1, 2]), tensor([3, 4])], 1).shape.join() === "2,2");
 * ```
 */
export function stack(xs: readonly TensorLike[], axis: number = 0): Tensor {
  checkList("stack", xs);
  const tensors = strongAll("stack", xs);
  const { shape } = tensors[0];
  const odd = tensors.findIndex((x) => !sameShape(x.shape, shape));
  if (odd > 0) {
    throw new ShapeError(
      `stack: xs[${odd}] is ${describe(tensors[odd].aval)} and xs[0] is ${describe(tensors[0].aval)}.`,
      {
        operation: "stack",
        arguments: tensors.map((x, i) => ({ name: `xs[${i}]`, shape: x.shape, dtype: x.dtype })),
        remedy: "All tensors must have one shape; use concat to join along an existing axis.",
      },
    );
  }
  const position = normalizeAxis("stack", axis, shape.length + 1);
  const wide = [...shape.slice(0, position), 1, ...shape.slice(position)];
  return joined(tensors.map((x) => reshapeTo(x, wide)), position);
}

/**
 * Parts of `x` along `axis`: a number of equal parts, or parts of the given sizes.
 *
 * @throws {ShapeError} when the parts do not add up to the axis.
 * @example
 * ```ts
 * import { arange, split } from "@damo/damo";
 * console.assert(split(arange(6), 3).map((part) => part.shape[0]).join() === "2,2,2");
 * console.assert(split(arange(6), [1, 5])[1].shape.join() === "5");
 * ```
 */
export function split(x: TensorLike, countOrSizes: number | readonly number[], axis: number = 0): Tensor[] {
  const source = strong(x);
  const along = normalizeAxis("split", axis, source.aval);
  const total = source.shape[along];
  const sizes = typeof countOrSizes === "number"
    ? new Array<number>(Math.max(0, Math.trunc(countOrSizes) || 0)).fill(total / countOrSizes)
    : Array.isArray(countOrSizes)
    ? countOrSizes as number[]
    : [];
  const valid = sizes.length > 0 && sizes.every((size) => Number.isInteger(size) && size >= 0);
  if (!valid || sizes.reduce((sum, size) => sum + size, 0) !== total) {
    const asked = Array.isArray(countOrSizes)
      ? `parts of sizes [${countOrSizes.join(", ")}]`
      : `${show(countOrSizes)} equal parts`;
    throw new ShapeError(
      `split: axis ${along} of ${describe(source.aval)} has ${total} elements, which do not make ${asked}.`,
      {
        operation: "split",
        arguments: [
          { name: "x", shape: source.shape, dtype: source.dtype },
          { name: "countOrSizes", value: countOrSizes },
        ],
        remedy: `Pass a divisor of ${total}, or sizes that add up to ${total}.`,
      },
    );
  }
  let offset = 0;
  return sizes.map((size) => {
    const start = source.shape.map((_, a) => a === along ? offset : 0);
    const stop = source.shape.map((whole, a) => a === along ? offset + size : whole);
    offset += size;
    return size === total
      ? source
      : bindOne(slicePrimitive, [source], { start, stop, step: start.map(() => 1) });
  });
}

/**
 * Each element repeated `repeats` times (or its own number of times) along `axis`; without an axis, of the flat
 * tensor.
 *
 * @throws {ShapeError} when `repeats` is negative or has another length than the axis.
 * @example
 * ```ts
 * import { repeat, tensor } from "@damo/damo";
 * console.assert(String(repeat(tensor([1, 2]), 2).arraySync()) === "1,1,2,2");
 * console.assert(String(repeat(tensor([1, 2]), [1, 3]).arraySync()) === "1,2,2,2");
 * ```
 */
export function repeat(x: TensorLike, repeats: number | readonly number[], axis?: number): Tensor {
  let source = strong(x);
  if (axis === undefined) source = reshapeTo(source, [source.size]);
  const along = normalizeAxis("repeat", axis ?? 0, source.aval);
  const size = source.shape[along];
  const counts = listOf(repeats);
  const fits = !Array.isArray(repeats) || counts.length === size;
  if (!fits || counts.some((count) => !Number.isInteger(count) || count < 0)) {
    throw new ShapeError(
      `repeat: repeats is ${
        Array.isArray(repeats) ? `[${counts.join(", ")}]` : show(repeats)
      } for an axis of size ${size}.`,
      {
        operation: "repeat",
        arguments: [
          { name: "x", shape: source.shape, dtype: source.dtype },
          { name: "repeats", value: repeats },
        ],
        remedy: "Pass a non-negative integer, or one for each element of the axis.",
      },
    );
  }
  if (typeof repeats === "number") {
    const before = source.shape.slice(0, along), after = source.shape.slice(along + 1);
    const column = reshapeTo(source, [...before, size, 1, ...after]);
    const wide = bindOne(broadcastToPrimitive, [column], { shape: [...before, size, repeats, ...after] });
    return reshapeTo(wide, [...before, size * repeats, ...after]);
  }
  const indices = Int32Array.from(repeats.flatMap((count, i) => new Array<number>(count).fill(i)));
  const taken = bindOne(gatherPrimitive, [source, toTensor(indices)], { axes: [along] });
  return moveAxis(taken, 0, along);
}

/**
 * `x` laid side by side `reps` times along each axis; a plain number counts for the last axis.
 *
 * @throws {ShapeError} when a count is negative or no integer.
 * @example
 * ```ts
 * import { tensor, tile } from "@damo/damo";
 * console.assert(tile(tensor([[1, 2]]), [2, 2]).shape.join() === "2,4");
 * ```
 */
export function tile(x: TensorLike, reps: number | readonly number[]): Tensor {
  const source = strong(x);
  const list = listOf(reps);
  if (list.some((count) => !Number.isInteger(count) || count < 0)) {
    throw new ShapeError(`tile: reps is [${list.map(show).join(", ")}].`, {
      operation: "tile",
      arguments: [{ name: "x", shape: source.shape, dtype: source.dtype }, { name: "reps", value: reps }],
      remedy: "Every count must be a non-negative integer.",
    });
  }
  const rank = Math.max(source.ndim, list.length);
  const counts = [...new Array<number>(rank - list.length).fill(1), ...list];
  const sizes = [...new Array<number>(rank - source.ndim).fill(1), ...source.shape];
  // [2, 3] tiled [4, 5]: as [1, 2, 1, 3] to [4, 2, 5, 3] to [8, 15]; axes repeated once stay single.
  const narrow = sizes.flatMap((size, a) => counts[a] === 1 ? [size] : [1, size]);
  const wide = sizes.flatMap((size, a) => counts[a] === 1 ? [size] : [counts[a], size]);
  const column = reshapeTo(source, narrow);
  const spread = sameShape(narrow, wide) ? column : bindOne(broadcastToPrimitive, [column], { shape: wide });
  return reshapeTo(spread, sizes.map((size, a) => size * counts[a]));
}

/** The methods of this file. */
export interface JoinMethods {
  /** See {@link split}. */
  split(countOrSizes: number | readonly number[], axis?: number): Tensor[];
  /** See {@link repeat}. */
  repeat(repeats: number | readonly number[], axis?: number): Tensor;
  /** See {@link tile}. */
  tile(reps: number | readonly number[]): Tensor;
}

installFunctions({ split, repeat, tile });
