/** What may stand between the parentheses of `at`, and how it is read: every item resolved against the shape. */
import { isFloat } from "../dtype.ts";
import { DTypeError, IndexError, ShapeError } from "../errors.ts";
import { reshapeTo } from "../primitives/move.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { type Aval, describe, refuseTraced, sameShape } from "../shape.ts";
import { Shared } from "../shared.ts";
import { Tensor } from "../tensor.ts";
import { castTo, isIntegral, type TensorLike, toTensor } from "./convert.ts";
import { flattenNested, type TypedInput } from "./nested_data.ts";

/** A range of an axis, made by {@link slice}. */
export class Slice {
  /** The first position; the beginning (or, walking backwards, the end) when undefined. */
  readonly start: number | undefined;
  /** The position before which it stops. */
  readonly end: number | undefined;
  /** From one position to the next; never 0. */
  readonly step: number;

  /** Users write {@link slice}. */
  constructor(start: number | undefined, end: number | undefined, step: number) {
    this.start = start;
    this.end = end;
    this.step = step;
  }
}

/**
 * A range of an axis for `at`, `with` and `withAdded`, read as `Array.prototype.slice` reads it: `slice(1)` is from 1 to
 * the end, `slice(0, -1)` all but the last, `slice()` everything. The step may be negative: `slice(undefined, undefined,
 * -1)` reverses. Bounds beyond the axis are cut off.
 *
 * @throws {IndexError} when a part is no integer or the step is 0.
 * @example
 * ```ts
 * import { slice, tensor } from "@damo/damo";
 * console.assert(String(tensor([1, 2, 3, 4]).at(slice(1, -1)).arraySync()) === "2,3");
 * ```
 */
export function slice(start?: number, end?: number, step: number = 1): Slice {
  Object.entries({ start, end, step }).forEach(([name, value]) => refuseTraced("slice", name, value));
  const part = (value: unknown) => value === undefined || Number.isInteger(value);
  if (!part(start) || !part(end) || !Number.isInteger(step) || step === 0) {
    throw new IndexError(`slice(${String(start)}, ${String(end)}, ${String(step)}) is no range.`, {
      operation: "slice",
      remedy:
        "Start, end and step must be integers (the step not 0); for a computed start use narrow(axis, start, length).",
    });
  }
  return new Slice(start, end, step);
}

/**
 * One item of an index: an integer, a slice, `"..."` for as many whole axes as are left, null for a new axis, or an
 * integer or bool tensor (or array).
 */
export type IndexItem = number | Slice | "..." | null | Tensor | Shared | TypedInput | readonly IndexArray[];
/** Nested arrays of integers or booleans. */
export type IndexArray = number | boolean | readonly IndexArray[];

/** A range of one axis with a positive step; `reversed` when it is to be walked from its end. */
export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly reversed: boolean;
}

/** What an item became. Those with an `axis` use up that axis of the tensor. */
export type ResolvedItem =
  | { readonly kind: "integer"; readonly axis: number; readonly index: number }
  | { readonly kind: "range"; readonly axis: number; readonly range: Range }
  | { readonly kind: "new" }
  /** A "..." for no axes at all: it still keeps index tensors on its two sides apart. */
  | { readonly kind: "gap" }
  /** int32, wrapped if negative. */
  | { readonly kind: "tensor"; readonly axis: number; readonly index: Tensor }
  /** A bool tensor over `mask.ndim` axes from `axis` on. */
  | { readonly kind: "mask"; readonly axis: number; readonly mask: Tensor };

/** Whether an item chooses elements by truth. */
export function isMask(item: IndexItem): boolean {
  if (item instanceof Tensor || item instanceof Shared) return item.dtype === "bool";
  let first: unknown = item;
  while (Array.isArray(first) && first.length > 0) first = first[0];
  return typeof first === "boolean";
}

/** Reads the items of an index against a shape; an ellipsis is added at the end when there is none. */
export function resolveIndex(operation: string, x: Tensor, items: readonly IndexItem[]): ResolvedItem[] {
  const masks = items.map((item) => isMask(item) ? toTensor(item as TensorLike) : null);
  const used = items.reduce<number>((count, item, i) => {
    if (item === null || item === "...") return count;
    return count + (masks[i] ? masks[i].ndim : 1);
  }, 0);
  const ellipses = items.filter((item) => item === "...").length;
  if (used > x.ndim || ellipses > 1) {
    throw new IndexError(
      ellipses > 1
        ? `${operation}: an index may have one "..." only.`
        : `${operation}: ${used} axes are indexed and ${describe(x.aval)} has ${x.ndim}.`,
      {
        operation,
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: ellipses > 1
          ? "Leave one of them out."
          : "Give at most one item for each axis; null makes a new one.",
      },
    );
  }
  const result: ResolvedItem[] = [];
  let axis = 0;
  const whole = (count: number) => {
    for (; count > 0; count--, axis++) {
      result.push({
        kind: "range",
        axis,
        range: { start: 0, stop: x.shape[axis], step: 1, reversed: false },
      });
    }
  };
  items.forEach((item, i) => {
    const mask = masks[i];
    if (item === "...") {
      if (x.ndim === used) result.push({ kind: "gap" });
      whole(x.ndim - used);
    } else if (item === null) result.push({ kind: "new" });
    else if (mask) {
      checkMask(operation, x, mask, axis);
      result.push({ kind: "mask", axis, mask });
      axis += mask.ndim;
    } else result.push(resolveItem(operation, x.aval, item, axis++));
  });
  whole(x.ndim - axis);
  return result;
}

function checkMask(operation: string, x: Tensor, mask: Tensor, axis: number): void {
  const covered = x.shape.slice(axis, axis + mask.ndim);
  if (mask.ndim > 0 && sameShape(covered, mask.shape)) return;
  throw new ShapeError(
    `${operation}: a mask ${describe(mask.aval)} does not fit axis ${axis} and following of ${
      describe(x.aval)
    }.`,
    {
      operation,
      arguments: [
        { name: "x", shape: x.shape, dtype: x.dtype },
        { name: "mask", shape: mask.shape, dtype: mask.dtype },
      ],
      remedy: mask.ndim === 0
        ? "Use where to choose by a single condition."
        : `A mask must have the sizes of the axes that it covers, here [${covered.join(", ")}].`,
    },
  );
}

function resolveItem(
  operation: string,
  x: Aval,
  item: Exclude<IndexItem, "..." | null>,
  axis: number,
): ResolvedItem {
  if (typeof item === "number") {
    return { kind: "integer", axis, index: staticIndex(operation, x, axis, item) };
  }
  if (item instanceof Slice) return { kind: "range", axis, range: rangeOfSlice(item, x.shape[axis]) };
  return { kind: "tensor", axis, index: indexTensor(operation, x, axis, item as TensorLike) };
}

/** A number as a position from the start of the axis. */
function staticIndex(operation: string, x: Aval, axis: number, index: number): number {
  const size = x.shape[axis];
  if (Number.isInteger(index) && index >= -size && index < size) return index < 0 ? index + size : index;
  throw new IndexError(
    Number.isInteger(index)
      ? `${operation}: index ${index} is out of range for axis ${axis} of ${
        describe(x)
      }, which has size ${size}.`
      : `${operation}: ${index} is no index of axis ${axis} of ${describe(x)}.`,
    {
      operation,
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "index", value: index }],
      axis,
      remedy: !Number.isInteger(index)
        ? "An index must be an integer."
        : size === 0
        ? "The axis is empty."
        : `Pass an integer from ${-size} to ${size - 1}.`,
    },
  );
}

/** NumPy's reading of start:end:step, as a range with a positive step. */
function rangeOfSlice({ start, end, step }: Slice, size: number): Range {
  const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
  const place = (value: number) => value < 0 ? value + size : value;
  if (step > 0) {
    const from = clamp(place(start ?? 0), 0, size), to = clamp(place(end ?? size), 0, size);
    return { start: from, stop: Math.max(from, to), step, reversed: false };
  }
  // Walking down from `from` to `to` (exclusive; -1 is before the first element).
  const from = clamp(start === undefined ? size - 1 : place(start), -1, size - 1);
  const to = clamp(end === undefined ? -1 : place(end), -1, size - 1);
  const count = Math.max(0, Math.ceil((from - to) / -step));
  if (count === 0) return { start: 0, stop: 0, step: 1, reversed: false };
  const last = from + (count - 1) * step;
  return { start: last, stop: from + 1, step: -step, reversed: count > 1 };
}

/** Any integer index as int32 from the start of the axis: numbers and arrays are checked, tensors wrap when negative. */
export function indexTensor(operation: string, x: Aval, axis: number, item: TensorLike): Tensor {
  const size = x.shape[axis];
  if (item instanceof Tensor || item instanceof Shared) {
    return wrapNegative(integerTensor(operation, item instanceof Shared ? item.value : item), size);
  }
  if (typeof item === "number") return Tensor.literal(staticIndex(operation, x, axis, item), "int32");
  if (!ArrayBuffer.isView(item) && holdsTensor(item)) {
    return wrapNegative(integerTensor(operation, toTensor(item, { dtype: "int32", operation })), size);
  }
  const values = ArrayBuffer.isView(item)
    ? { data: Array.from(item as ArrayLike<number>), shape: [(item as TypedInput).length] }
    : flattenNested(operation, item as readonly TensorLike[], "float64");
  const data = Int32Array.from(values.data, (index) => staticIndex(operation, x, axis, index));
  const flat = toTensor(data);
  return reshapeTo(flat, values.shape);
}

function holdsTensor(item: TensorLike): boolean {
  return item instanceof Tensor || item instanceof Shared || (Array.isArray(item) && item.some(holdsTensor));
}

/** An index tensor as int32; a traced number is one when it is integral. */
export function integerTensor(operation: string, index: Tensor): Tensor {
  if (index.aval.weak) {
    if (isIntegral(index)) return index.convertWeak("int32");
    throw new IndexError(`${operation}: a fractional number is used as an index.`, {
      operation,
      remedy: `Round it first: floor(i).cast("int32").`,
    });
  }
  if (isFloat(index.dtype) || index.dtype === "bool") {
    throw new DTypeError(`${operation}: an index is ${describe(index.aval)}.`, {
      operation,
      arguments: [{ name: "index", shape: index.shape, dtype: index.dtype }],
      remedy: `Indices must be integers: write index.cast("int32").`,
    });
  }
  // Unsigned values beyond int32 stay out of range instead of turning negative, which would count from the end.
  const limit = Tensor.literal(0x7fffffff, "uint32");
  return castTo(index.dtype === "uint32" ? apply("minimum", index, limit) : index, "int32");
}

/** `index + size` where it is negative. */
function wrapNegative(index: Tensor, size: number): Tensor {
  const negative = apply("lt", index, Tensor.literal(0, "int32"));
  return apply("select", negative, apply("add", index, Tensor.literal(size, "int32")), index);
}
