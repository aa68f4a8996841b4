/** Elements in another order or with a border: flip, roll, pad. */
import { DamoError, DTypeError, ShapeError } from "../errors.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { gatherPrimitive } from "../primitives/index_gather.ts";
import { iotaPrimitive } from "../primitives/iota.ts";
import { broadcastToPrimitive, reshapeTo } from "../primitives/move.ts";
import { concatPrimitive } from "../primitives/move_concat.ts";
import { flipPrimitive, padPrimitive, slicePrimitive } from "../primitives/move_slice.ts";
import { describe, listOf, normalizeAxes, normalizeAxis } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { strong, type TensorLike, toTensor } from "./convert.ts";
import { moveAxis } from "./shape_axes.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";
import { valueOfType } from "./value_of_type.ts";

/**
 * The order of elements reversed along the axes named, or along all.
 *
 * @throws {ShapeError} for an axis out of range.
 * @example
 * ```ts
 * import { flip, tensor } from "@damo/damo";
 * console.assert(String(flip(tensor([1, 2, 3])).arraySync()) === "3,2,1");
 * ```
 */
export function flip(x: TensorLike, axis?: number | readonly number[]): Tensor {
  const source = strong(x);
  const axes = normalizeAxes("flip", axis, source.aval);
  return axes.length === 0 ? source : bindOne(flipPrimitive, [source], { axes });
}

/** A part of one axis. */
function sliceAxis(x: Tensor, axis: number, start: number, stop: number): Tensor {
  if (start === 0 && stop === x.shape[axis]) return x;
  return bindOne(slicePrimitive, [x], {
    start: x.shape.map((_, a) => a === axis ? start : 0),
    stop: x.shape.map((size, a) => a === axis ? stop : size),
    step: x.shape.map(() => 1),
  });
}

/**
 * Elements moved by `shift` places along an axis, those that fall out coming in again at the other end. Without an axis
 * the flat tensor is rolled. The shift may be an integer tensor, also a traced one.
 *
 * @throws {ShapeError} when shifts and axes do not pair up, or a shift is no integer.
 * @example
 * ```ts
 * import { roll, tensor } from "@damo/damo";
 * console.assert(String(roll(tensor([1, 2, 3]), 1).arraySync()) === "3,1,2");
 * ```
 */
export function roll(
  x: TensorLike,
  shift: number | readonly number[] | Tensor,
  axis?: number | readonly number[],
): Tensor {
  const source = strong(x);
  if (axis === undefined) {
    const flat = reshapeTo(source, [source.size]);
    return reshapeTo(rollAxis(flat, singleShift(shift), 0), source.shape);
  }
  const axes = listOf(axis).map((a) => normalizeAxis("roll", a, source.aval));
  const shifts = Array.isArray(shift) ? shift as number[] : axes.map(() => shift as number | Tensor);
  if (shifts.length !== axes.length) {
    throw new ShapeError(`roll: ${shifts.length} shifts for ${axes.length} axes.`, {
      operation: "roll",
      arguments: [{ name: "shift", value: shift }, { name: "axis", value: axis }],
      remedy: "Pass one shift, or one for each axis.",
    });
  }
  return axes.reduce((rolled, a, i) => rollAxis(rolled, shifts[i], a), source);
}

function singleShift(shift: number | readonly number[] | Tensor): number | Tensor {
  return Array.isArray(shift) ? (shift as number[]).reduce((sum, k) => sum + k, 0) : shift as number | Tensor;
}

function rollAxis(x: Tensor, shift: number | Tensor, axis: number): Tensor {
  const size = x.shape[axis];
  if (shift instanceof Tensor) {
    if (size < 2) return x;
    const amount = shift.aval.weak ? shift.convertWeak("int32") : shift;
    const own = bindOne(iotaPrimitive, [], { shape: [size], dtype: "int32", axis: 0 });
    const from = apply("mod", apply("sub", own, amount), Tensor.literal(size, "int32"));
    return moveAxis(bindOne(gatherPrimitive, [x, from], { axes: [axis] }), 0, axis);
  }
  if (!Number.isInteger(shift)) {
    throw new ShapeError(`roll: shift is ${String(shift)}.`, {
      operation: "roll",
      arguments: [{ name: "shift", value: shift }],
      remedy: "Pass an integer, or an integer for each axis.",
    });
  }
  const cut = ((-shift % size) + size) % size;
  if (size < 2 || cut === 0) return x;
  return bindOne(concatPrimitive, [sliceAxis(x, axis, cut, size), sliceAxis(x, axis, 0, cut)], { axis });
}

/** How `pad` fills the border. */
export type PadMode = "constant" | "edge" | "reflect" | "symmetric" | "wrap";

const PAD_MODES: readonly PadMode[] = ["constant", "edge", "reflect", "symmetric", "wrap"];

/** Options of {@link pad}. */
export interface PadOptions {
  /** What the border holds in mode "constant"; 0 at first. */
  readonly value?: TensorLike;
  /** "constant" at first. */
  readonly mode?: PadMode;
}

/** One number for all, a pair for all axes, or a pair for each axis. */
export type PadWidths = number | readonly [number, number] | readonly (readonly [number, number])[];

/**
 * `x` with a border. `widths` is one number for every side, a pair [before, after] for every axis, or a pair for each
 * axis; in mode "constant" a negative width takes elements away. The other modes repeat the edge element, reflect at it (or, "symmetric", behind it)
 * or go on at the other end, as numpy.pad does.
 *
 * @throws {ShapeError} when the widths do not fit the axes, or an empty axis is to be continued.
 * @example
 * ```ts
 * import { pad, tensor } from "@damo/damo";
 * console.assert(String(pad(tensor([1, 2, 3]), [1, 2]).arraySync()) === "0,1,2,3,0,0");
 * console.assert(String(pad(tensor([1, 2, 3]), 2, { mode: "reflect" }).arraySync()) === "3,2,1,2,3,2,1");
 * ```
 */
export function pad(x: TensorLike, widths: PadWidths, options: PadOptions = {}): Tensor {
  checkOptions("pad", options, ["value", "mode"]);
  const { value = 0, mode = "constant" } = options;
  if (!PAD_MODES.includes(mode)) throw unknownMode(mode);
  const source = strong(x, "pad");
  const pairs = widthPairs(source, widths, mode);
  if (mode === "constant") return padConstant(source, pairs, value);
  return pairs.reduce((padded, [before, after], axis) => padAxis(padded, axis, before, after, mode), source);
}

function unknownMode(mode: unknown): DamoError {
  return new DamoError(`pad: mode is ${JSON.stringify(mode)}.`, {
    operation: "pad",
    arguments: [{ name: "mode", value: mode }],
    remedy: `Use one of ${PAD_MODES.map((name) => `"${name}"`).join(", ")}.`,
  });
}

function widthPairs(x: Tensor, widths: PadWidths, mode: PadMode): (readonly [number, number])[] {
  let pairs: (readonly [number, number])[];
  if (typeof widths === "number") pairs = x.shape.map(() => [widths, widths]);
  else if (widths?.length === 2 && typeof widths[0] === "number") {
    pairs = x.shape.map(() => widths as readonly [number, number]);
  } else pairs = Array.isArray(widths) ? [...widths as (readonly [number, number])[]] : [];
  const integral = pairs.every((pair) =>
    Array.isArray(pair) && pair.length === 2 && pair.every(Number.isInteger)
  );
  const signed = mode === "constant" || pairs.every(([before, after]) => before >= 0 && after >= 0);
  if (integral && signed && pairs.length === x.ndim) return pairs;
  throw new ShapeError(`pad: widths ${JSON.stringify(widths)} do not fit ${describe(x.aval)}.`, {
    operation: "pad",
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "widths", value: widths }],
    remedy: signed
      ? "Pass an integer, a pair [before, after], or one such pair for each axis."
      : `Only mode "constant" takes negative widths.`,
  });
}

function padConstant(x: Tensor, pairs: readonly (readonly [number, number])[], value: TensorLike): Tensor {
  const params = {
    low: pairs.map(([before]) => before),
    high: pairs.map(([, after]) => after),
    interior: pairs.map(() => 0),
  };
  if (pairs.every(([before, after]) => before === 0 && after === 0)) return x;
  const fill = toTensor(value, { operation: "pad" });
  if (fill.literal !== null && fill.ndim === 0) {
    checkFill(x, fill.literal);
    return bindOne(padPrimitive, [x], { ...params, value: fill.literal });
  }
  // A computed value: chosen wherever a padded mask is false.
  const inside = bindOne(broadcastToPrimitive, [Tensor.literal(1, "bool")], { shape: x.shape });
  const mask = bindOne(padPrimitive, [inside], { ...params, value: 0 });
  const typed = valueOfType("pad", x, fill);
  return apply("select", mask, bindOne(padPrimitive, [x], { ...params, value: 0 }), typed);
}

function checkFill(x: Tensor, value: number): void {
  const fits = x.dtype === "bool" ? value === 0 || value === 1 : Number.isInteger(value);
  if (fits || x.dtype.startsWith("float")) return;
  throw new DTypeError(`pad: the value ${value} is no ${x.dtype}.`, {
    operation: "pad",
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "value", value }],
    remedy: "Cast x to a float dtype first, or choose another value.",
  });
}

/** The index that stands at position `i`, which may be outside 0 .. size - 1. */
function continued(i: number, size: number, mode: PadMode): number {
  if (mode === "edge") return Math.max(0, Math.min(size - 1, i));
  // Reflected about the border element, or about the border itself, which repeats that element.
  const repeats = mode === "symmetric" ? 1 : 0;
  const period = mode === "wrap" ? size : Math.max(1, 2 * (size - 1 + repeats));
  const phase = ((i % period) + period) % period;
  return phase < size ? phase : period - repeats - phase;
}

/** Puts the axis together from runs of ascending, descending or equal indices. */
function padAxis(x: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  const size = x.shape[axis];
  if (before === 0 && after === 0) return x;
  if (size === 0) {
    throw new ShapeError(
      `pad: axis ${axis} of ${describe(x.aval)} is empty; mode "${mode}" has nothing to repeat.`,
      {
        operation: "pad",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: `Use mode "constant".`,
      },
    );
  }
  const indices = Array.from({ length: before + size + after }, (_, i) => continued(i - before, size, mode));
  const parts: Tensor[] = [];
  for (let from = 0; from < indices.length;) {
    let to = from + 1;
    const step = to < indices.length ? indices[to] - indices[from] : 1;
    while (Math.abs(step) <= 1 && to < indices.length && indices[to] - indices[to - 1] === step) to++;
    parts.push(run(x, axis, indices[from], to - from, to - from === 1 ? 1 : step));
    from = to;
  }
  return parts.length === 1 ? parts[0] : bindOne(concatPrimitive, parts, { axis });
}

function run(x: Tensor, axis: number, first: number, length: number, step: number): Tensor {
  if (step === 1) return sliceAxis(x, axis, first, first + length);
  if (step === -1) {
    return bindOne(flipPrimitive, [sliceAxis(x, axis, first - length + 1, first + 1)], { axes: [axis] });
  }
  const shape = x.shape.map((size, a) => a === axis ? length : size);
  return bindOne(broadcastToPrimitive, [sliceAxis(x, axis, first, first + 1)], { shape });
}

/** The methods of this file. */
export interface OrderMethods {
  /** See {@link flip}. */
  flip(axis?: number | readonly number[]): Tensor;
  /** See {@link roll}. */
  roll(shift: number | readonly number[] | Tensor, axis?: number | readonly number[]): Tensor;
  /** See {@link pad}. */
  pad(widths: PadWidths, options?: PadOptions): Tensor;
}

installFunctions({ flip, roll, pad });
