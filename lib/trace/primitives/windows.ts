/** windows and unwindow: sliding windows over the last axes, and their overlapping sum. */
import { castValue, isFloat, wrapInteger } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Graph } from "../graph.ts";
import type { IndexMap } from "../lowering.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne, traceFunction } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { advance, evaluateIndexMap } from "./index_map.ts";
import { reshapeTo, transposeTo } from "./move.ts";
import { padPrimitive, slicePrimitive } from "./move_slice.ts";
import { sumPrimitive } from "./reduce.ts";

/** One entry for each of the last k axes. */
export interface WindowsParams {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before and after each axis; negative amounts crop. */
  readonly padding: readonly (readonly [number, number])[];
  /** What the padding holds. */
  readonly value: number;
}

/** The number of window positions along an axis. */
function windowCount(
  size: number,
  window: number,
  stride: number,
  dilation: number,
  [low, high]: readonly [number, number],
): number {
  const span = (window - 1) * dilation + 1;
  return Math.max(0, Math.floor((size + low + high - span) / stride) + 1);
}

function checkWindows(x: Aval, { sizes, strides, dilations, padding }: WindowsParams): void {
  const k = sizes.length;
  const lengths = strides.length === k && dilations.length === k && padding.length === k &&
    k <= x.shape.length;
  const positive = [sizes, strides, dilations].every((list) =>
    list.every((value) => Number.isInteger(value) && value >= 1)
  );
  if (lengths && positive) return;
  throw new ShapeError(
    `windows: sizes [${sizes.join(", ")}], strides [${strides.join(", ")}] and dilations [${
      dilations.join(", ")
    }] do not fit ${describe(x)}.`,
    {
      operation: "windows",
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
      remedy: "Give one positive integer of each for every axis that windows slide over.",
    },
  );
}

/** Output axes [batch, positions, offsets]: position p and offset w read p * stride + w * dilation - low. */
function windowsMap(x: Shape, { sizes, strides, dilations, padding, value }: WindowsParams): IndexMap {
  const k = sizes.length, batch = x.length - k;
  const own = x.map((_, a) => a);
  const spatial = own.slice(batch);
  const padded = padding.some(([low, high]) => low > 0 || high > 0);
  return {
    axis: [...own, ...spatial],
    step: [...own.slice(0, batch).map(() => 1), ...strides, ...dilations],
    start: [...own.slice(0, batch).map(() => 0), ...padding.map(([low]) => 0 - low)],
    ...(padded ? { fill: value } : {}),
  };
}

function print({ sizes, strides, dilations, padding, value }: WindowsParams): string {
  const parts = [`sizes=[${sizes.join(", ")}]`];
  if (strides.some((s) => s !== 1)) parts.push(`strides=[${strides.join(", ")}]`);
  if (dilations.some((d) => d !== 1)) parts.push(`dilations=[${dilations.join(", ")}]`);
  if (padding.some(([low, high]) => low !== 0 || high !== 0)) {
    parts.push(`padding=[${padding.map(([low, high]) => `${low}:${high}`).join(", ")}]`);
  }
  if (value !== 0) parts.push(`value=${value}`);
  return parts.join(" ");
}

/** out[batch, p, w] = x[batch, p * stride + w * dilation - low]. Linear: the cotangent is summed by unwindow. */
export const windowsPrimitive: Primitive<WindowsParams> = {
  name: "windows",
  infer([x], params) {
    checkWindows(x, params);
    const { sizes, strides, dilations, padding } = params;
    const batch = x.shape.length - sizes.length;
    const counts = sizes.map((size, i) =>
      windowCount(x.shape[batch + i], size, strides[i], dilations[i], padding[i])
    );
    return [{ shape: [...x.shape.slice(0, batch), ...counts, ...sizes], dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(windowsPrimitive, [tangent], { ...params, value: 0 })];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x], params: { sizes, strides, dilations, padding } }) {
      const shape = x.shape.slice(x.shape.length - sizes.length);
      return [
        cotangent && bindOne(unwindowPrimitive, [cotangent], { shape, strides, dilations, padding }),
      ];
    },
  },
  batch({ inputs, params }) {
    return [bindOne(windowsPrimitive, inputs, params)];
  },
  evaluate([x], params, [{ shape, dtype }]) {
    const map = windowsMap(x.shape, { ...params, value: castValue(params.value, "float64", dtype) });
    return [{ shape, dtype, data: evaluateIndexMap(x, map, shape) }];
  },
  lower(params, [x]) {
    return { kind: "index", map: windowsMap(x.shape, params) };
  },
  print,
};

export interface UnwindowParams {
  /** The sizes of the last axes of the result. */
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

/**
 * out[batch, j] = sum over p, w with p * stride + w * dilation - low = j of x[batch, p, w]: the transpose of windows.
 * It compiles as a graph of simpler operations; see `decompose`.
 */
export const unwindowPrimitive: Primitive<UnwindowParams> = {
  name: "unwindow",
  infer([x], { shape, strides, dilations, padding }) {
    const k = shape.length, batch = x.shape.length - 2 * k;
    const counts = x.shape.slice(batch, batch + k), sizes = x.shape.slice(batch + k);
    const fits = batch >= 0 &&
      counts.every((count, i) =>
        count === windowCount(shape[i], sizes[i], strides[i], dilations[i], padding[i])
      );
    if (!fits) {
      throw new ShapeError(`unwindow: ${describe(x)} are no windows of [${shape.join(", ")}].`, {
        operation: "unwindow",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
        remedy: "The axes must be [..., positions, offsets] as windows gives them.",
      });
    }
    return [{ shape: [...x.shape.slice(0, batch), ...shape], dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(unwindowPrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x], params: { shape, strides, dilations, padding } }) {
      const sizes = x.shape.slice(x.shape.length - shape.length);
      return [
        cotangent && bindOne(windowsPrimitive, [cotangent], { sizes, strides, dilations, padding, value: 0 }),
      ];
    },
  },
  batch({ inputs, params }) {
    return [bindOne(unwindowPrimitive, inputs, params)];
  },
  evaluate([x], { shape, strides, dilations, padding }, [out]) {
    const k = shape.length, batch = x.shape.length - 2 * k;
    const data = new Float64Array(sizeOf(out.shape));
    const steps = stridesOf(out.shape);
    const position = x.shape.map(() => 0);
    for (let i = 0; i < x.data.length; i++, advance(position, x.shape)) {
      let offset = 0, inside = true;
      for (let d = 0; d < batch; d++) offset += position[d] * steps[d];
      for (let s = 0; s < k; s++) {
        const at = position[batch + s] * strides[s] + position[batch + k + s] * dilations[s] - padding[s][0];
        inside &&= at >= 0 && at < shape[s];
        offset += at * steps[batch + s];
      }
      if (!inside) continue;
      const sum = data[offset] + x.data[i];
      data[offset] = isFloat(out.dtype) ? sum : wrapInteger(sum, out.dtype);
    }
    return [{ shape: out.shape, dtype: out.dtype, data }];
  },
  lower(params, [x]) {
    return { kind: "call", graph: decompose(x, params) };
  },
  print({ shape, ...rest }) {
    return `shape=[${shape.join(", ")}]${print({ ...rest, sizes: [], value: 0 }).slice("sizes=[]".length)}`;
  },
};

/** unwindow in terms of simpler operations, one axis after the other. */
function decompose(x: Aval, { shape, strides, dilations, padding }: UnwindowParams): Graph {
  const k = shape.length, batch = x.shape.length - 2 * k;
  return traceFunction(
    ([start]) => {
      let value = start;
      for (let i = 0; i < k; i++) {
        // Axes here: batch, finished ones, positions i .. k, offsets i .. k; the first of the offsets is at batch + k.
        const positions = batch + i, offsets = batch + k;
        const sum = strides[i] > 1 && dilations[i] === 1
          ? overlapBlocks(value, positions, offsets, strides[i])
          : overlap(spread(value, positions, strides[i]), positions, offsets, dilations[i]);
        value = cropTo(sum, positions, padding[i][0], shape[i]);
      }
      return [value];
    },
    [x],
    { name: "unwindow" },
  ).graph;
}

/** Positions `stride` apart, with zeros between. */
function spread(x: Tensor, axis: number, stride: number): Tensor {
  if (stride === 1 || x.shape[axis] < 2) return x;
  const at = (value: number) => x.shape.map((_, a) => a === axis ? value : 0);
  return bindOne(padPrimitive, [x], { low: at(0), high: at(0), interior: at(stride - 1), value: 0 });
}

/**
 * Windows `stride` apart without dilation: with w = m * stride + s, element (p, w) belongs to place
 * (p + m) * stride + s. So the windows are cut into blocks of `stride`, blocks overlap one position apart, and
 * (position, s) are then already in order. Windows that tile the axis need no sum at all.
 */
function overlapBlocks(x: Tensor, positions: number, offsets: number, stride: number): Tensor {
  const blocks = Math.ceil(x.shape[offsets] / stride);
  const whole = cropTo(x, offsets, 0, blocks * stride);
  const cut = reshapeTo(whole, [...x.shape.slice(0, offsets), blocks, stride, ...x.shape.slice(offsets + 1)]);
  const summed = overlap(cut, positions, offsets, 1);
  // The axis of s took the place of the offsets.
  const order = summed.shape.map((_, d) => d).filter((d) => d !== offsets);
  order.splice(positions + 1, 0, offsets);
  const ordered = transposeTo(summed, order);
  const merged = ordered.shape[positions] * stride;
  return reshapeTo(ordered, [
    ...ordered.shape.slice(0, positions),
    merged,
    ...ordered.shape.slice(positions + 2),
  ]);
}

/** Up to this size of a window the shifted terms are written out, so that they fuse into one kernel. */
const WRITTEN_OUT = 8;

/** Windows one position apart: out[j] = sum over w of x[j - w * dilation, w], longer by (window - 1) * dilation. */
function overlap(x: Tensor, positions: number, offsets: number, dilation: number): Tensor {
  const window = x.shape[offsets];
  const without = x.shape.filter((_, a) => a !== offsets);
  if (window > WRITTEN_OUT) return overlapBySkew(x, positions, offsets, dilation);
  let total: Tensor | null = null;
  for (let w = 0; w < window; w++) {
    const column = window === 1 ? x : bindOne(slicePrimitive, [x], {
      start: x.shape.map((_, a) => a === offsets ? w : 0),
      stop: x.shape.map((size, a) => a === offsets ? w + 1 : size),
      step: x.shape.map(() => 1),
    });
    const span = without[positions] + (window - 1) * dilation;
    const term = cropTo(reshapeTo(column, without), positions, -w * dilation, span);
    total = total ? apply("add", total, term) : term;
  }
  return total!;
}

/**
 * The same for large windows as one sum: x as rows [w, p] of P elements is padded to rows of F + dilation, where F is
 * the whole span. The same elements read as rows of F: row w begins w * dilation further left, which shifts it right.
 */
function overlapBySkew(x: Tensor, positions: number, offsets: number, dilation: number): Tensor {
  const rank = x.ndim;
  const count = x.shape[positions], window = x.shape[offsets];
  const rest = Array.from({ length: rank }, (_, d) => d).filter((d) => d !== positions && d !== offsets);
  const outer = rest.map((d) => x.shape[d]);
  const span = count + (window - 1) * dilation;
  const rows = cropTo(transposeTo(x, [...rest, offsets, positions]), rank - 1, 0, span + dilation);
  const flat = cropTo(
    reshapeTo(rows, [...outer, window * (span + dilation)]),
    outer.length,
    0,
    window * span,
  );
  const sum = bindOne(sumPrimitive, [reshapeTo(flat, [...outer, window, span])], { axes: [outer.length] });
  const back = Array.from(
    { length: rank - 1 },
    (_, d) => d < positions ? d : d === positions ? rank - 2 : d - 1,
  );
  return transposeTo(sum, back);
}

/** `size` elements of an axis from `low` on, with zeros beyond its ends. */
function cropTo(x: Tensor, axis: number, low: number, size: number): Tensor {
  const high = size + low - x.shape[axis];
  if (low === 0 && high === 0) return x;
  const at = (value: number) => x.shape.map((_, a) => a === axis ? value : 0);
  return bindOne(padPrimitive, [x], { low: at(0 - low), high: at(high), interior: at(0), value: 0 });
}
