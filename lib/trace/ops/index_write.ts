/** A copy of a tensor with a part replaced or added to: `with` and `withAdded`. */
import { ShapeError } from "../errors.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { dynamicUpdatePrimitive } from "../primitives/index_dynamic.ts";
import { scatterPrimitive } from "../primitives/index_gather.ts";
import { broadcastToPrimitive, inversePermutation, reshapeTo, transposeTo } from "../primitives/move.ts";
import { flipPrimitive, padPrimitive } from "../primitives/move_slice.ts";
import { filled } from "../primitives/zeros.ts";
import { broadcastShapes, describe, sameShape, type Shape } from "../shape.ts";
import { Shared } from "../shared.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { strong, type TensorLike } from "./convert.ts";
import { broadcastIndex, type IndexPlan, isWhole, planIndex, rangeLength } from "./index_plan.ts";
import { placesOrder, readPlan, readRanges } from "./index_read.ts";
import { type IndexItem, isMask, type Range, resolveIndex, slice } from "./index_spec.ts";
import { installFunctions } from "./install.ts";
import { valueOfType } from "./value_of_type.ts";

type Combiner = "set" | "add";

/** The index of `with` and `withAdded`: one item, or an array with one item for each axis. */
export type WriteIndex = Exclude<IndexItem, readonly unknown[]> | readonly IndexItem[];

/**
 * A copy of `x` with the part that `at(...index)` reads replaced by `value`, which is broadcast to it. Places given by
 * tensors that are out of range are left out; of several writes to one element the last one stays.
 *
 * @throws {ShapeError} when the value does not broadcast to the part.
 * @throws {DTypeError} when the value does not fit the dtype of `x` without loss.
 * @throws {IndexError} for a number out of range.
 * @example
 * ```ts
 * import { slice, tensor, withValue } from "@damo/damo";
 * const x = tensor([1, 2, 3]);
 * console.assert(String(x.with([slice(1)], 0).arraySync()) === "1,0,0");
 * console.assert(String(withValue(x, x.gt(1), -1).arraySync()) === "1,-1,-1");
 * ```
 */
export function withValue(x: TensorLike, index: WriteIndex, value: TensorLike): Tensor {
  return write("with", strong(x), itemsOf(index), value, "set");
}

/**
 * A copy of `x` with `value` added to the part that `at(...index)` reads. Repeated indices accumulate; places given by
 * tensors that are out of range are left out.
 *
 * @throws {ShapeError} when the value does not broadcast to the part.
 * @throws {DTypeError} when the value does not fit the dtype of `x` without loss.
 * @throws {IndexError} for a number out of range.
 * @example
 * ```ts
 * import { tensor, withAdded } from "@damo/damo";
 * console.assert(String(withAdded(tensor([0, 0]), [[1, 1]], 1).arraySync()) === "0,2");
 * ```
 */
export function withAdded(x: TensorLike, index: WriteIndex, value: TensorLike): Tensor {
  return write("withAdded", strong(x), itemsOf(index), value, "add");
}

function itemsOf(index: WriteIndex): readonly IndexItem[] {
  return Array.isArray(index) ? index : [index as IndexItem];
}

function write(
  operation: string,
  x: Tensor,
  items: readonly IndexItem[],
  value: TensorLike,
  combiner: Combiner,
): Tensor {
  const typed = valueOfType(operation, x, value);
  const masked = writeMask(operation, x, items, typed, combiner);
  if (masked) return masked;
  const plan = planIndex(operation, x, items);
  const shape = plan.layout.flatMap((item) =>
    item === "places" ? plan.places : [item === "new" ? 1 : rangeLength(plan.ranges[item])]
  );
  return writePlan(x, plan, broadcastValue(operation, x, typed, shape), combiner);
}

function broadcastValue(operation: string, x: Tensor, value: Tensor, shape: Shape): Tensor {
  if (sameShape(value.shape, shape)) return value;
  const common = broadcastShapes(value.shape, shape);
  // NumPy drops leading axes of size 1 that the part does not have.
  const extra = value.ndim - shape.length;
  if (extra > 0 && value.shape.slice(0, extra).every((size) => size === 1)) {
    return broadcastValue(operation, x, reshapeTo(value, value.shape.slice(extra)), shape);
  }
  if (!common || !sameShape(common, shape)) {
    throw new ShapeError(
      `${operation}: a value ${describe(value.aval)} does not broadcast to the part [${
        shape.join(", ")
      }] of ${describe(x.aval)}.`,
      {
        operation,
        arguments: [
          { name: "x", shape: x.shape, dtype: x.dtype },
          { name: "value", shape: value.shape, dtype: value.dtype },
        ],
        remedy: "Pass a scalar, or a value of the shape that at(...) gives for the same index.",
      },
    );
  }
  return bindOne(broadcastToPrimitive, [value], { shape });
}

/**
 * The write as a choice by a single mask, which works without knowing how many elements are true: for indices of one
 * mask and otherwise numbers, ranges and new axes, where the value is the same for all elements chosen.
 */
function writeMask(
  operation: string,
  x: Tensor,
  items: readonly IndexItem[],
  value: Tensor,
  combiner: Combiner,
): Tensor | null {
  if (!items.some((item) => item instanceof Tensor || item instanceof Shared || Array.isArray(item))) {
    return null;
  }
  const resolved = resolveIndex(operation, x, items);
  const place = resolved.findIndex(({ kind }) => kind === "mask"), found = resolved[place];
  if (found?.kind !== "mask") return null;
  const { mask } = found, others = resolved.filter((_, i) => i !== place);
  // Beside a mask a number is an index tensor of no axes, which may move the axis of the chosen elements to the front.
  const numbers = others.some(({ kind }) => kind === "integer");
  if (others.some(({ kind }) => kind === "mask" || kind === "tensor") || (numbers && value.ndim > 0)) {
    return null;
  }
  const basic = items.flatMap((item) => isMask(item) ? mask.shape.map(() => slice()) : [item]);
  const plan = planIndex(operation, x, basic);
  const sizes = plan.layout.map((item) =>
    item === "places" || item === "new" ? 1 : rangeLength(plan.ranges[item])
  );
  const axis = resolved.slice(0, place).filter(({ kind }) => kind === "range" || kind === "new").length;
  // The part has the axes of the mask as one; the value must have size 1 there.
  const part = [...sizes.slice(0, axis), 1, ...sizes.slice(axis + mask.ndim)];
  const common = value.ndim <= part.length ? broadcastShapes(value.shape, part) : null;
  if (!common || !sameShape(common, part)) return null;
  const aligned = [...new Array<number>(part.length - value.ndim).fill(1), ...value.shape];
  const spread = reshapeTo(value, [
    ...aligned.slice(0, axis),
    ...new Array<number>(mask.ndim).fill(1),
    ...aligned.slice(axis + 1),
  ]);
  const condition = reshapeTo(mask, [...mask.shape, ...part.slice(axis + 1).map(() => 1)]);
  const whole = others.every((item) =>
    item.kind === "gap" || (item.kind === "range" && isWhole(item.range, x.shape[item.axis]))
  );
  const current = whole ? x : readPlan(x, plan);
  const changed = combiner === "set"
    ? apply("select", condition, spread, current)
    : apply("add", current, apply("select", condition, spread, Tensor.literal(0, x.dtype)));
  return whole ? changed : writePlan(x, plan, changed, "set");
}

/** Writes a value of the shape of the part. */
function writePlan(x: Tensor, plan: IndexPlan, value: Tensor, combiner: Combiner): Tensor {
  const { ranges, integers, indexed, places, layout } = plan;
  const real = layout.filter((item) => item !== "new");
  const sizeOfAxis = (a: number) => rangeLength(ranges[a]);
  const shaped = reshapeTo(value, real.flatMap((item) => item === "places" ? places : [sizeOfAxis(item)]));
  if (indexed.length === 0) {
    return writeRanges(x, ranges, reshapeTo(shaped, ranges.map(rangeLength)), combiner);
  }
  const front = layout.includes("places")
    ? transposeTo(shaped, inversePermutation(placesOrder(real, places.length)))
    : shaped;
  const partial = ranges.some((range, a) => !integers.includes(a) && !isWhole(range, x.shape[a]));
  if (!partial) return scatterInto(x, plan, front, combiner);
  // The ranges of the other axes are taken out, written to and put back.
  const box = ranges.map((range, a) => integers.includes(a) ? wholeRange(x.shape[a]) : range);
  const part = readRanges(x, box);
  return writeRanges(x, box, scatterInto(part, plan, front, combiner), "set");
}

function wholeRange(size: number): Range {
  return { start: 0, stop: size, step: 1, reversed: false };
}

/** Scatters [places, rest]; integers become index tensors. */
function scatterInto(x: Tensor, plan: IndexPlan, updates: Tensor, combiner: Combiner): Tensor {
  const { ranges, integers, indexed, places } = plan;
  const fixed = integers.map((axis) => ({ axis, index: Tensor.literal(ranges[axis].start, "int32") }));
  const all = [...indexed, ...fixed].sort((a, b) => a.axis - b.axis);
  const indices = all.map(({ index }) => broadcastIndex(index, places));
  return bindOne(scatterPrimitive, [x, updates, ...indices], { axes: all.map(({ axis }) => axis), combiner });
}

/** Writes a block to ranges: in place of a contiguous block, or chosen by a mask when there are gaps. */
function writeRanges(x: Tensor, ranges: readonly Range[], value: Tensor, combiner: Combiner): Tensor {
  if (value.size === 0) return x;
  const reversed = ranges.flatMap((range, a) => range.reversed ? [a] : []);
  const block = reversed.length === 0 ? value : bindOne(flipPrimitive, [value], { axes: reversed });
  const straight = ranges.map((range) => ({ ...range, reversed: false }));
  if (ranges.every(({ step }, a) => step === 1 || block.shape[a] === 1)) {
    const current = combiner === "add" ? apply("add", readRanges(x, straight), block) : block;
    if (sameShape(current.shape, x.shape)) return current;
    const starts = ranges.map(({ start }) => Tensor.literal(start, "int32"));
    return bindOne(dynamicUpdatePrimitive, [x, current, ...starts], {});
  }
  const params = {
    low: ranges.map(({ start }) => start),
    high: ranges.map(({ start, step }, a) => x.shape[a] - start - (block.shape[a] - 1) * step - 1),
    interior: ranges.map(({ step }) => step - 1),
    value: 0,
  };
  const spread = bindOne(padPrimitive, [block], params);
  if (combiner === "add") return apply("add", x, spread);
  const inside = bindOne(padPrimitive, [filled(1, { shape: block.shape, dtype: "bool" })], params);
  return apply("select", inside, spread, x);
}

/** The methods of this file. */
export interface IndexWriteMethods {
  /** See {@link withValue}. */
  with(index: WriteIndex, value: TensorLike): Tensor;
  /** See {@link withAdded}. */
  withAdded(index: WriteIndex, value: TensorLike): Tensor;
}

installFunctions({ with: withValue, withAdded });
