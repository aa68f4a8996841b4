/** Reading a part of a tensor: `at`, `narrow`, and the rows that iteration gives. */
import { ShapeError } from "../errors.ts";
import { lastRowOf } from "../last_row.ts";
import { dynamicSlicePrimitive } from "../primitives/index_dynamic.ts";
import { gatherPrimitive } from "../primitives/index_gather.ts";
import { reshapeTo, transposeTo } from "../primitives/move.ts";
import { flipPrimitive, slicePrimitive } from "../primitives/move_slice.ts";
import { describe, normalizeAxis, refuseTraced } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { strong, type TensorLike, toTensor } from "./convert.ts";
import { type IndexPlan, isWhole, planIndex } from "./index_plan.ts";
import { type IndexItem, integerTensor, type Range } from "./index_spec.ts";
import { installFunctions } from "./install.ts";

/**
 * A part of `x`: one item for each axis, from the first on. An integer takes one element and drops the axis, negative
 * ones counting from the end; `slice(a, b, step)` takes a range; `"..."` stands for whole axes; null makes an axis of
 * size 1; integer tensors are used element by element together and bring their own axes, as in NumPy; a mask takes the
 * elements where it is true (not inside a traced function, where the size is not known: see `compress`).
 *
 * @throws {IndexError} for a number out of range, too many items, or a fractional index.
 * @throws {ShapeError} when index tensors do not broadcast or a mask does not fit.
 * @throws {DTypeError} when an index tensor is no integer tensor.
 * @example
 * ```ts
 * import { at, slice, tensor } from "@damo/damo";
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.assert(at(x, -1, 0).itemSync() === 4);
 * console.assert(String(x.at("...", slice(1)).arraySync()) === "2,3,5,6");
 * console.assert(String(x.at(slice(), [0, 2]).arraySync()) === "1,3,4,6");
 * ```
 */
export function at(x: TensorLike, ...items: IndexItem[]): Tensor {
  if (items[0] === -1 && x instanceof Tensor && x.owner?.ended) {
    const last = lastRowOf(x);
    if (last) return items.length === 1 ? last : at(last, ...items.slice(1));
  }
  const source = strong(x);
  return readPlan(source, planIndex("at", source, items));
}

/** Reads what a plan describes. */
export function readPlan(x: Tensor, plan: IndexPlan): Tensor {
  const { integers, indexed, places, layout } = plan;
  const part = readRanges(x, plan.ranges);
  const order = layout.filter((item) => item !== "new");
  if (!layout.includes("places")) {
    const rows = indexed.length === 0 ? part : readRows(part, plan);
    return reshapeTo(rows, layout.map((item) => item === "new" ? 1 : part.shape[item as number]));
  }
  const axes = part.shape.map((_, a) => a).filter((a) => !integers.includes(a));
  const narrow = reshapeTo(part, axes.map((a) => part.shape[a]));
  const gathered = bindOne(gatherPrimitive, [narrow, ...indexed.map(({ index }) => index)], {
    axes: indexed.map(({ axis }) => axes.indexOf(axis)),
  });
  const moved = transposeTo(gathered, placesOrder(order, places.length));
  return reshapeTo(
    moved,
    layout.flatMap((item) => item === "places" ? places : [item === "new" ? 1 : part.shape[item]]),
  );
}

/** The permutation that brings [places, rest] into the order of the layout: the rest is in order already. */
export function placesOrder(order: readonly (number | string)[], rank: number): number[] {
  let rest = rank;
  return order.flatMap((item) => item === "places" ? Array.from({ length: rank }, (_, i) => i) : [rest++]);
}

/** One element of every axis that a scalar tensor indexes. */
function readRows(x: Tensor, { indexed }: IndexPlan): Tensor {
  const starts = x.shape.map((_, a) =>
    indexed.find(({ axis }) => axis === a)?.index ?? Tensor.literal(0, "int32")
  );
  const sizes = x.shape.map((size, a) => indexed.some(({ axis }) => axis === a) ? 1 : size);
  checkNotEmpty(x, indexed.map(({ axis }) => axis));
  return bindOne(dynamicSlicePrimitive, [x, ...starts], { sizes });
}

function checkNotEmpty(x: Tensor, axes: readonly number[]): void {
  const empty = axes.find((axis) => x.shape[axis] === 0);
  if (empty === undefined) return;
  throw new ShapeError(`at: axis ${empty} of ${describe(x.aval)} has no elements to take.`, {
    operation: "at",
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: "Index an axis that is not empty.",
  });
}

/** The part of `x` in the given ranges. */
export function readRanges(x: Tensor, ranges: readonly Range[]): Tensor {
  if (ranges.every((range, a) => isWhole(range, x.shape[a]))) return x;
  const reversed = ranges.flatMap((range, a) => range.reversed ? [a] : []);
  const whole = ranges.every(({ start, stop, step }, a) => start === 0 && stop === x.shape[a] && step === 1);
  const part = whole ? x : bindOne(slicePrimitive, [x], {
    start: ranges.map(({ start }) => start),
    stop: ranges.map(({ stop }) => stop),
    step: ranges.map(({ step }) => step),
  });
  return reversed.length === 0 ? part : bindOne(flipPrimitive, [part], { axes: reversed });
}

/**
 * `length` elements of an axis from `start` on, which may be traced. The start is clamped so that the range fits, inside
 * and outside compiled functions alike.
 *
 * @throws {ShapeError} when the axis has less than `length` elements.
 * @throws {IndexError} when the start is fractional.
 * @example
 * ```ts
 * import { arange, narrow } from "@damo/damo";
 * console.assert(String(narrow(arange(5), 0, 3, 2).arraySync()) === "3,4");
 * ```
 */
export function narrow(x: TensorLike, axis: number, start: TensorLike, length: number): Tensor {
  const source = strong(x);
  const along = normalizeAxis("narrow", axis, source.aval);
  const size = source.shape[along];
  refuseTraced("narrow", "length", length);
  if (!Number.isInteger(length) || length < 0 || length > size) {
    throw new ShapeError(
      `narrow: ${length} elements do not fit into axis ${along} of ${
        describe(source.aval)
      }, which has size ${size}.`,
      {
        operation: "narrow",
        arguments: [
          { name: "x", shape: source.shape, dtype: source.dtype },
          { name: "length", value: length },
        ],
        remedy: `Pass a length from 0 to ${size}.`,
      },
    );
  }
  const place = toTensor(start);
  if (place.ndim !== 0) {
    throw new ShapeError(`narrow: start is ${describe(place.aval)}, not a scalar.`, {
      operation: "narrow",
      arguments: [{ name: "start", shape: place.shape, dtype: place.dtype }],
      remedy: "Pass a number or an integer scalar.",
    });
  }
  const index = integerTensor("narrow", place);
  const sizes = source.shape.map((whole, a) => a === along ? length : whole);
  if (index.literal !== null) {
    const from = Math.max(0, Math.min(size - length, index.literal));
    return readRanges(
      source,
      sizes.map((part, a) =>
        a === along
          ? { start: from, stop: from + length, step: 1, reversed: false }
          : { start: 0, stop: part, step: 1, reversed: false }
      ),
    );
  }
  const starts = source.shape.map((_, a) => a === along ? index : Tensor.literal(0, "int32"));
  return bindOne(dynamicSlicePrimitive, [source, ...starts], { sizes });
}

/** The rows of a tensor, from the first to the last. */
function* rows(x: Tensor): Generator<Tensor, void, unknown> {
  if (x.ndim === 0) {
    throw new ShapeError(`Iteration over a scalar ${describe(x.aval)}.`, {
      operation: "[Symbol.iterator]",
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
      remedy: "Only tensors with at least one axis have rows.",
    });
  }
  for (let i = 0; i < x.shape[0]; i++) yield at(x, i);
}

/** The methods of this file. */
export interface IndexReadMethods {
  /** See {@link at}. */
  at(...items: IndexItem[]): Tensor;
  /** See {@link narrow}. */
  narrow(axis: number, start: TensorLike, length: number): Tensor;
  /** The rows: `x.at(0)`, `x.at(1)` ... */
  [Symbol.iterator](): IterableIterator<Tensor>;
}

installFunctions({ at, narrow });

Object.defineProperty(Tensor.prototype, Symbol.iterator, {
  value(this: Tensor) {
    return rows(this);
  },
  writable: true,
  configurable: true,
});
