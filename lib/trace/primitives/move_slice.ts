/** slice, flip and pad: a regular part of a tensor, its reversal, and a tensor inside a larger one. */
import { castValue } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { IndexMap } from "../lowering.ts";
import type { Primitive } from "../primitive.ts";
import { describe, type Shape } from "../shape.ts";
import { bindOne } from "../trace.ts";
import { axiswiseMap, evaluateIndexMap } from "./index_map.ts";

export interface SliceParams {
  /** 0 <= start <= stop <= size, and step > 0, per axis. */
  readonly start: readonly number[];
  readonly stop: readonly number[];
  readonly step: readonly number[];
}

/** `out[i] = x[start + i * step]`. Linear: the cotangent is padded with zeros to the places it came from. */
export const slicePrimitive: Primitive<SliceParams> = {
  name: "slice",
  infer([x], { start, stop, step }) {
    const rank = x.shape.length;
    const valid = start.length === rank && stop.length === rank && step.length === rank &&
      x.shape.every((size, a) => 0 <= start[a] && start[a] <= stop[a] && stop[a] <= size && step[a] >= 1);
    if (!valid) {
      throw new ShapeError(
        `slice: [${start.join(", ")}] to [${stop.join(", ")}] by [${step.join(", ")}] does not lie in ${
          describe(x)
        }.`,
        {
          operation: "slice",
          arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
          remedy: "Per axis, 0 <= start <= stop <= size and step >= 1 must hold.",
        },
      );
    }
    return [{ shape: start.map((from, a) => Math.ceil((stop[a] - from) / step[a])), dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(slicePrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x], params: { start, step } }) {
      if (!cotangent) return [null];
      const sizes = cotangent.shape;
      return [bindOne(padPrimitive, [cotangent], {
        low: start,
        // What is left of the axis behind the last element taken; an empty slice leaves all of it.
        high: x.shape.map((size, a) => size - start[a] - (sizes[a] === 0 ? 0 : (sizes[a] - 1) * step[a] + 1)),
        interior: step.map((k) => k - 1),
        value: 0,
      })];
    },
  },
  batch({ inputs, params: { start, stop, step }, size }) {
    return [
      bindOne(slicePrimitive, inputs, { start: [0, ...start], stop: [size, ...stop], step: [1, ...step] }),
    ];
  },
  evaluate([x], { start, step }, [{ shape }]) {
    return [{ shape, dtype: x.dtype, data: evaluateIndexMap(x, axiswiseMap(start, step), shape) }];
  },
  lower({ start, step }) {
    return { kind: "index", map: axiswiseMap(start, step) };
  },
  print({ start, stop, step }) {
    return start.map((from, a) => `${from}:${stop[a]}${step[a] === 1 ? "" : `:${step[a]}`}`).join(", ");
  },
};

export interface FlipParams {
  readonly axes: readonly number[];
}

function flipMap(axes: readonly number[], shape: Shape): IndexMap {
  return axiswiseMap(
    shape.map((size, a) => axes.includes(a) ? size - 1 : 0),
    shape.map((_, a) => axes.includes(a) ? -1 : 1),
  );
}

/** `out[.., i, ..] = x[.., size - 1 - i, ..]` along every axis named. Linear, and its own transpose. */
export const flipPrimitive: Primitive<FlipParams> = {
  name: "flip",
  infer([x], { axes }) {
    if (axes.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= x.shape.length)) {
      throw new ShapeError(`flip: [${axes.join(", ")}] are not axes of ${describe(x)}.`, {
        operation: "flip",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "axis", value: axes }],
        remedy: `Axes count from 0 to ${x.shape.length - 1}.`,
      });
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(flipPrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], params }) {
      return [cotangent && bindOne(flipPrimitive, [cotangent], params)];
    },
  },
  batch({ inputs, params: { axes } }) {
    return [bindOne(flipPrimitive, inputs, { axes: axes.map((axis) => axis + 1) })];
  },
  evaluate([x], { axes }) {
    return [{ shape: x.shape, dtype: x.dtype, data: evaluateIndexMap(x, flipMap(axes, x.shape), x.shape) }];
  },
  lower({ axes }, [x]) {
    return { kind: "index", map: flipMap(axes, x.shape) };
  },
  print({ axes }) {
    return `axes=[${axes.join(", ")}]`;
  },
};

export interface PadParams {
  /** Elements put before and after each axis; a negative number takes elements away. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Elements put between neighbours. */
  readonly interior: readonly number[];
  readonly value: number;
}

/** The size of an axis after padding: low + n + (n - 1) * interior + high, without the middle terms for n = 0. */
function paddedSize(size: number, low: number, high: number, interior: number): number {
  return low + high + size + Math.max(size - 1, 0) * interior;
}

function padMap({ low, interior, value }: PadParams): IndexMap {
  return axiswiseMap(low.map((k) => 0 - k), low.map(() => 1), {
    fill: value,
    ...(interior.some((k) => k > 0) ? { every: interior.map((k) => k + 1) } : {}),
  });
}

/**
 * `out[low + i * (interior + 1)] = x[i]`, `value` elsewhere. Tangents are padded with zeros; the transpose undoes the
 * outer padding (by padding with the negated amounts) and takes every (interior + 1)-th element.
 */
export const padPrimitive: Primitive<PadParams> = {
  name: "pad",
  infer([x], { low, high, interior }) {
    const shape = x.shape.map((size, a) => paddedSize(size, low[a], high[a], interior[a]));
    const rank = x.shape.length;
    if (
      low.length !== rank || high.length !== rank || interior.length !== rank ||
      shape.some((size) => !(size >= 0)) || interior.some((k) => !(k >= 0))
    ) {
      throw new ShapeError(
        `pad: ${describe(x)} cannot be padded by [${low.join(", ")}] before, [${
          high.join(", ")
        }] after and [${interior.join(", ")}] between.`,
        {
          operation: "pad",
          arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
          remedy: "Give one pair of widths per axis, and take away no more elements than there are.",
        },
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(padPrimitive, [tangent], { ...params, value: 0 })];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x], params: { low, high, interior } }) {
      if (!cotangent) return [null];
      const none = low.map(() => 0);
      const outer = low.some((k) => k !== 0) || high.some((k) => k !== 0);
      let result = outer
        ? bindOne(padPrimitive, [cotangent], {
          low: low.map((k) => 0 - k),
          high: high.map((k) => 0 - k),
          interior: none,
          value: 0,
        })
        : cotangent;
      if (interior.some((k, a) => k > 0 && x.shape[a] > 1)) {
        result = bindOne(slicePrimitive, [result], {
          start: none,
          stop: result.shape,
          step: interior.map((k) => k + 1),
        });
      }
      return [result];
    },
  },
  batch({ inputs, params: { low, high, interior, value } }) {
    return [
      bindOne(padPrimitive, inputs, {
        low: [0, ...low],
        high: [0, ...high],
        interior: [0, ...interior],
        value,
      }),
    ];
  },
  evaluate([x], params, [{ shape }]) {
    const map = padMap({ ...params, value: castValue(params.value, "float64", x.dtype) });
    return [{ shape, dtype: x.dtype, data: evaluateIndexMap(x, map, shape) }];
  },
  lower(params) {
    return { kind: "index", map: padMap(params) };
  },
  print({ low, high, interior, value }) {
    const widths = low.map((before, a) =>
      `${before}:${high[a]}${interior[a] === 0 ? "" : `:${interior[a]}`}`
    );
    return `${widths.join(", ")}${value === 0 ? "" : ` value=${value}`}`;
  },
};
