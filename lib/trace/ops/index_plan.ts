/** An index against a shape, as the steps in which it is read or written. */
import { ShapeError, TracedValueError } from "../errors.ts";
import { broadcastToPrimitive } from "../primitives/move.ts";
import { broadcastShapes, describe, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne, currentTrace } from "../trace.ts";
import { type IndexItem, type Range, type ResolvedItem, resolveIndex } from "./index_spec.ts";
import { nonzero } from "./nonzero.ts";

/** One axis that is indexed by a tensor; all index tensors of a plan have the shape of its places. */
export interface IndexedAxis {
  readonly axis: number;
  readonly index: Tensor;
}

/**
 * What an axis of the result is: an axis of x that is sliced, a new axis, or the block of axes of the index tensors.
 */
export type ResultItem = number | "new" | "places";

export interface IndexPlan {
  /** Per axis of x: what is taken of it before the index tensors are applied; one element for an integer. */
  readonly ranges: readonly Range[];
  /** Axes that an integer took away. */
  readonly integers: readonly number[];
  readonly indexed: readonly IndexedAxis[];
  /** The common shape of the index tensors; empty for scalars. */
  readonly places: Shape;
  readonly layout: readonly ResultItem[];
}

/** The plan of an index; masks become index tensors, which takes their values. */
export function planIndex(operation: string, x: Tensor, items: readonly IndexItem[]): IndexPlan {
  return makePlan(
    operation,
    x,
    resolveIndex(operation, x, items).flatMap((item) => expandMask(operation, item)),
  );
}

function expandMask(operation: string, item: ResolvedItem): ResolvedItem[] {
  if (item.kind !== "mask") return [item];
  if (currentTrace()) {
    throw new TracedValueError(
      `${operation}: the number of true elements of a mask ${
        describe(item.mask.aval)
      } is not known while tracing.`,
      {
        operation,
        arguments: [{ name: "mask", shape: item.mask.shape, dtype: item.mask.dtype }],
        remedy: "Use compress(x, mask, { size }) with a fixed size, or where(mask, x, other).",
      },
    );
  }
  return nonzero(item.mask).map((index, k) => ({ kind: "tensor", axis: item.axis + k, index }));
}

/** The plan of an index without masks. */
function makePlan(operation: string, x: Tensor, items: readonly ResolvedItem[]): IndexPlan {
  const ranges: Range[] = x.shape.map((size) => ({ start: 0, stop: size, step: 1, reversed: false }));
  const integers: number[] = [];
  const indexed: IndexedAxis[] = [];
  for (const item of items) {
    if (item.kind === "integer") {
      integers.push(item.axis);
      ranges[item.axis] = { start: item.index, stop: item.index + 1, step: 1, reversed: false };
    } else if (item.kind === "range") ranges[item.axis] = item.range;
    else if (item.kind === "tensor") indexed.push(item);
  }
  const places = commonShape(operation, indexed.map(({ index }) => index));
  const whole = indexed.map(({ axis, index }) => ({ axis, index: broadcastIndex(index, places) }));
  const advanced = indexed.some(({ index }) => index.ndim > 0);
  return { ranges, integers, indexed: whole, places, layout: resultLayout(items, advanced) };
}

/**
 * NumPy's placement: the axes of the index tensors stand where these stood when they are neighbours (integers count
 * as index tensors then), and in front otherwise.
 */
function resultLayout(items: readonly ResolvedItem[], advanced: boolean): ResultItem[] {
  const joins = (item: ResolvedItem) => item.kind === "integer" || item.kind === "tensor";
  const layout: ResultItem[] = [];
  let place = -1, separated = false, previous = false;
  for (const item of items) {
    if (joins(item)) {
      if (place < 0) place = layout.length;
      else if (!previous) separated = true;
    } else if (item.kind !== "gap") layout.push(item.kind === "range" ? item.axis : "new");
    previous = joins(item);
  }
  if (advanced) layout.splice(separated ? 0 : place, 0, "places");
  return layout;
}

function commonShape(operation: string, indices: readonly Tensor[]): Shape {
  let shape: Shape = [];
  for (const index of indices) {
    const next = broadcastShapes(shape, index.shape);
    if (!next) {
      throw new ShapeError(
        `${operation}: index tensors do not broadcast: ${indices.map((i) => describe(i.aval)).join(", ")}.`,
        {
          operation,
          arguments: indices.map((i, k) => ({ name: `index ${k}`, shape: i.shape, dtype: i.dtype })),
          remedy: "Index tensors are used element by element together; " +
            "for the grid of all combinations add axes: at(rows.expandDims(1), columns).",
        },
      );
    }
    shape = next;
  }
  return shape;
}

export function broadcastIndex(index: Tensor, places: Shape): Tensor {
  return sameShape(index.shape, places) ? index : bindOne(broadcastToPrimitive, [index], { shape: places });
}

/** True when a range is the whole axis in its own order. */
export function isWhole({ start, stop, step, reversed }: Range, size: number): boolean {
  return start === 0 && stop === size && step === 1 && !reversed;
}

/** The number of elements of a range. */
export function rangeLength({ start, stop, step }: Range): number {
  return Math.ceil((stop - start) / step);
}
