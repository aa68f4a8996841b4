/** Strides, dilations and padding of windows that slide over the last axes of an image. */
import { DamoError, ShapeError } from "../trace/errors.ts";
import type { Shape } from "../trace/shape.ts";

/** One number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/** The elements added before and after an axis. */
export type Pair = readonly [before: number, after: number];

/**
 * How the edges are padded: "valid" not at all, "same" so that the output is ceil(n / stride), "half" by
 * floor(window / 2), "full" by window - 1, "causal" (one axis) by window - 1 before; or a number for all edges, or for each
 * axis a number or [before, after].
 */
export type Padding = "valid" | "same" | "half" | "full" | "causal" | number | readonly (number | Pair)[];

/** What a window does along each axis. */
export interface SlidingWindow {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** A number, or one for each axis, as a list of positive integers. */
export function perAxis(operation: string, name: string, value: unknown, axes: number): number[] {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : value;
  const fits = Array.isArray(list) && list.length === axes &&
    list.every((item) => Number.isInteger(item) && item >= 1);
  if (fits) return [...list as number[]];
  throw new ShapeError(`${operation}: ${name} is ${show(value)}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: axes === 1
      ? "Pass a positive integer."
      : `Pass a positive integer, or ${axes} of them: one for each spatial axis.`,
  });
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

/** The size of a window with its gaps. */
export function spanOf(size: number, dilation: number): number {
  return (size - 1) * dilation + 1;
}

const NAMES = ["valid", "same", "half", "full", "causal"];

/** The padding of each axis in numbers. `names` are the words that the operation knows. */
export function resolvePadding(
  operation: string,
  padding: unknown,
  inputs: Shape,
  window: SlidingWindow,
  names: readonly string[] = NAMES,
): Pair[] {
  const spans = window.sizes.map((size, i) => spanOf(size, window.dilations[i]));
  if (typeof padding === "string" && names.includes(padding)) {
    if (padding === "causal" && inputs.length !== 1) {
      throw new DamoError(
        `${operation}: "causal" padding is for one spatial axis, and there are ${inputs.length}.`,
        {
          operation,
          arguments: [{ name: "padding", value: padding }],
          remedy: "Pass [[before, after], ...] to choose the padding of every axis.",
        },
      );
    }
    return spans.map((span, i) => namedPadding(padding, span, inputs[i], window.strides[i]));
  }
  const axes = inputs.length;
  const list = typeof padding === "number" ? new Array<unknown>(axes).fill(padding) : padding;
  const pairs = Array.isArray(list) && list.length === axes ? list.map(pairOf) : null;
  if (pairs && !pairs.includes(null)) return pairs as Pair[];
  throw new DamoError(`${operation}: padding is ${show(padding)}.`, {
    operation,
    arguments: [{ name: "padding", value: padding }],
    remedy: `Pass ${
      names.map((name) => `"${name}"`).join(", ")
    }, a non-negative integer, or a list of ${axes}: ` +
      "for each spatial axis a number or [before, after].",
  });
}

function namedPadding(name: string, span: number, input: number, stride: number): Pair {
  switch (name) {
    case "valid":
      return [0, 0];
    case "half":
      return [Math.floor(span / 2), Math.floor(span / 2)];
    case "full":
      return [span - 1, span - 1];
    case "causal":
      return [span - 1, 0];
    default: {
      const total = Math.max(0, (Math.ceil(input / stride) - 1) * stride + span - input);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    }
  }
}

function pairOf(value: unknown): Pair | null {
  const pair = typeof value === "number" ? [value, value] : value;
  const fits = Array.isArray(pair) && pair.length === 2 &&
    pair.every((item) => Number.isInteger(item) && item >= 0);
  return fits ? [pair[0], pair[1]] : null;
}

/** How many places a window has along each axis; an error where it does not fit once. */
export function outputSizes(
  operation: string,
  inputs: Shape,
  window: SlidingWindow,
  padding: readonly Pair[],
  name = "window",
): number[] {
  const { sizes, strides, dilations } = window;
  return inputs.map((input, i) => {
    const span = spanOf(sizes[i], dilations[i]);
    const padded = input + padding[i][0] + padding[i][1];
    if (span <= padded) return Math.floor((padded - span) / strides[i]) + 1;
    const dilated = dilations[i] === 1 ? "" : ` (${sizes[i]} dilated by ${dilations[i]})`;
    throw new ShapeError(
      `${operation}: the ${name} spans ${span}${dilated} along spatial axis ${i}, and the padded image has ${padded}.`,
      {
        operation,
        arguments: [{ name: "image", value: inputs }, { name, value: sizes }, {
          name: "padding",
          value: padding,
        }],
        remedy: 'Use a smaller one, or padding that makes room for it, such as "same" or "full".',
      },
    );
  });
}
