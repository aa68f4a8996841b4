/** Reductions and cumulative operations in float64, for the reference interpreter. */
import { type DType, isFloat, wrapInteger } from "../dtype.ts";
import type { HostArray } from "../primitive.ts";
import type { Combiner } from "../scalar_op.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";

/** Offsets into an array of shape `from` of all positions of the axes `axes`, in row-major order. */
function offsetsOf(from: Shape, axes: readonly number[]): Int32Array {
  const strides = stridesOf(from);
  let offsets = Int32Array.of(0);
  for (const axis of axes) {
    const next = new Int32Array(offsets.length * from[axis]);
    for (let i = 0, n = 0; i < offsets.length; i++) {
      for (let j = 0; j < from[axis]; j++) next[n++] = offsets[i] + j * strides[axis];
    }
    offsets = next;
  }
  return offsets;
}

/** The axes of a shape that are not among `axes`. */
export function otherAxes(rank: number, axes: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((i) => !axes.includes(i));
}

/** Combines along `axes`, which are dropped. */
export function evaluateReduction(
  x: HostArray,
  combiner: Combiner,
  axes: readonly number[],
  dtype: DType,
): HostArray {
  const kept = otherAxes(x.shape.length, axes);
  const starts = offsetsOf(x.shape, kept), steps = offsetsOf(x.shape, axes);
  const data = new Float64Array(starts.length);
  const values = new Float64Array(steps.length);
  for (let i = 0; i < starts.length; i++) {
    for (let j = 0; j < steps.length; j++) values[j] = x.data[starts[i] + steps[j]];
    data[i] = COMBINE[combiner](values, dtype);
  }
  return { shape: kept.map((axis) => x.shape[axis]), dtype, data };
}

const COMBINE: { readonly [C in Combiner]: (values: Float64Array, dtype: DType) => number } = {
  sum: (values, dtype) => isFloat(dtype) ? accurateSum(values) : fold(values, 0, (a, b) => a + b, dtype),
  prod: (values, dtype) => fold(values, 1, multiply(dtype), dtype),
  max: (values) => values.reduce((a, b) => Math.max(a, b)),
  min: (values) => values.reduce((a, b) => Math.min(a, b)),
  any: (values) => values.some((x) => x !== 0) ? 1 : 0,
  all: (values) => values.every((x) => x !== 0) ? 1 : 0,
  argmax: (values) => firstBest(values, (a, b) => a > b),
  argmin: (values) => firstBest(values, (a, b) => a < b),
};

/** The compensated sum of Neumaier 1974, or the plain one where infinities or NaN are involved. */
function accurateSum(values: Float64Array): number {
  let sum = 0, lost = 0;
  for (const x of values) {
    const next = sum + x;
    lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
    sum = next;
  }
  return Number.isFinite(sum) ? sum + lost : sum;
}

function multiply(dtype: DType): (a: number, b: number) => number {
  return isFloat(dtype) ? (a, b) => a * b : Math.imul;
}

function fold(
  values: Float64Array,
  initial: number,
  combine: (a: number, b: number) => number,
  dtype: DType,
): number {
  let result = initial;
  for (const x of values) {
    result = combine(result, x);
    if (!isFloat(dtype)) result = wrapInteger(result, dtype);
  }
  return result;
}

/** The first NaN if there is one, else the first of the best. */
function firstBest(values: Float64Array, better: (a: number, b: number) => boolean): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== values[i]) return i;
    if (better(values[i], values[best])) best = i;
  }
  return best;
}

/** Running results along one axis, from its end when `reverse`. */
export function evaluateCumulative(
  x: HostArray,
  combiner: "sum" | "prod" | "max" | "min",
  axis: number,
  reverse: boolean,
): HostArray {
  const data = new Float64Array(sizeOf(x.shape));
  const starts = offsetsOf(x.shape, otherAxes(x.shape.length, [axis]));
  const steps = offsetsOf(x.shape, [axis]);
  if (reverse) steps.reverse();
  const wrap = !isFloat(x.dtype);
  const combine = {
    sum: (a: number, b: number) => a + b,
    prod: multiply(x.dtype),
    max: Math.max,
    min: Math.min,
  }[combiner];
  for (const start of starts) {
    for (let j = 0; j < steps.length; j++) {
      const value = x.data[start + steps[j]];
      const next = j === 0 ? value : combine(data[start + steps[j - 1]], value);
      data[start + steps[j]] = wrap ? wrapInteger(next, x.dtype) : next;
    }
  }
  return { shape: x.shape, dtype: x.dtype, data };
}
