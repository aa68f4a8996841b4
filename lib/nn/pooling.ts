/** Pooling: the greatest, mean or sum of windows. */
import { isFloat, rangeOf } from "../trace/dtype.ts";
import { ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { max, sum } from "../trace/ops/reductions.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { slicePrimitive } from "../trace/primitives/move_slice.ts";
import { windowsPrimitive } from "../trace/primitives/windows.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { whole } from "../trace/whole.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";
import { outputSizes, type Padding, type Pair, type PerAxis, perAxis, resolvePadding } from "./spatial.ts";

/** Options of pooling. */
export interface PoolOptions {
  /** Steps between windows; the window itself by default, so that they tile the image. */
  readonly stride?: PerAxis;
  /** "valid", "same", "half", or numbers smaller than the window; "valid" by default. */
  readonly padding?: Padding;
  /** Keeps a last window that reaches beyond the end, instead of dropping it. */
  readonly ceilMode?: boolean;
  /** For means: whether padding counts as elements of value 0; false by default. */
  readonly countPadding?: boolean;
}

interface PoolPlan {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** With what the last windows of ceilMode reach beyond the end. */
  readonly padding: readonly Pair[];
  /** Without it: what countPadding counts. */
  readonly asked: readonly Pair[];
  readonly output: readonly number[];
}

const PADDINGS = ["valid", "same", "half"];

function planPool(
  operation: string,
  x: Tensor,
  window: PerAxis,
  options: PoolOptions,
  axes: number,
): PoolPlan {
  checkOptions(operation, options, ["stride", "padding", "ceilMode", "countPadding"]);
  if (x.ndim < axes + 1) {
    throw new ShapeError(`${operation}: x is ${describe(x)}, of ${x.ndim} axes.`, {
      operation,
      arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
      remedy: `Pass [N, C, ...] with ${axes} spatial ${axes === 1 ? "axis" : "axes"} at the end.`,
    });
  }
  const sizes = perAxis(operation, "window", window, axes);
  const strides = perAxis(operation, "stride", options.stride ?? sizes, axes);
  const dilations = sizes.map(() => 1);
  const inputs = x.shape.slice(-axes);
  const asked = resolvePadding(
    operation,
    options.padding ?? "valid",
    inputs,
    { sizes, strides, dilations },
    PADDINGS,
  );
  asked.forEach(([before, after], i) => {
    if (before < sizes[i] && after < sizes[i]) return;
    throw new ShapeError(
      `${operation}: padding [${before}, ${after}] makes windows of ${sizes[i]} without elements.`,
      {
        operation,
        arguments: [{ name: "window", value: sizes }, { name: "padding", value: asked }],
        remedy: "Pad by less than the window.",
      },
    );
  });
  const floor = outputSizes(operation, inputs, { sizes, strides, dilations }, asked);
  if (!options.ceilMode) return { sizes, strides, padding: asked, asked, output: floor };
  const output = floor.map((count, i) => {
    const [before, after] = asked[i];
    const next = count * strides[i];
    // One more window, when it begins inside the image or the padding before it.
    const reached = next - strides[i] + sizes[i] >= inputs[i] + before + after;
    return reached || next >= inputs[i] + before ? count : count + 1;
  });
  const padding = asked.map(([before], i): Pair => [
    before,
    (output[i] - 1) * strides[i] + sizes[i] - inputs[i] - before,
  ]);
  return { sizes, strides, padding, asked, output };
}

/** The windows of x: their elements along the axes given. `fill` is what padding holds. */
function windowsOf(x: Tensor, plan: PoolPlan, fill: number): { values: Tensor; axes: number[] } {
  const { sizes, strides, padding, output } = plan;
  const k = sizes.length, batch = x.ndim - k;
  const inside = padding.every(([before], i) => before === 0 && output[i] * sizes[i] <= x.shape[batch + i]);
  if (inside && sizes.every((size, i) => size === strides[i])) {
    // Windows that tile the image: a reshape, which compiles to plain strides.
    const used = x.shape.map((size, d) => d < batch ? size : output[d - batch] * sizes[d - batch]);
    const start = used.map(() => 0), step = used.map(() => 1);
    const part = bindOne(slicePrimitive, [x], { start, stop: used, step });
    const shape = [...x.shape.slice(0, batch), ...sizes.flatMap((size, i) => [output[i], size])];
    return { values: reshapeTo(part, shape), axes: sizes.map((_, i) => batch + 2 * i + 1) };
  }
  const values = bindOne(windowsPrimitive, [x], {
    sizes,
    strides,
    dilations: sizes.map(() => 1),
    padding,
    value: fill,
  });
  return { values, axes: sizes.map((_, i) => batch + k + i) };
}

function maxPool(
  operation: string,
  x: TensorLike,
  window: PerAxis,
  options: PoolOptions,
  axes: number,
): Tensor {
  const value = strong(x, operation);
  const plan = planPool(operation, value, window, options, axes);
  return whole(operation, maxPoolOf, value, plan);
}

function maxPoolOf(x: Tensor, plan: PoolPlan): Tensor {
  const lowest = isFloat(x.dtype) ? -Infinity : rangeOf(x.dtype)[0];
  const found = windowsOf(x, plan, lowest);
  return max(found.values, { axis: found.axes });
}

function sumPool(
  operation: string,
  x: TensorLike,
  window: PerAxis,
  options: PoolOptions,
  axes: number,
): Tensor {
  const value = strong(x, operation);
  const plan = planPool(operation, value, window, options, axes);
  return whole(operation, sumPoolOf, value, plan);
}

function sumPoolOf(x: Tensor, plan: PoolPlan): Tensor {
  const found = windowsOf(x, plan, 0);
  return sum(found.values, { axis: found.axes });
}

function avgPool(
  operation: string,
  x: TensorLike,
  window: PerAxis,
  options: PoolOptions,
  axes: number,
): Tensor {
  const value = floatInput(operation, x);
  const plan = planPool(operation, value, window, options, axes);
  return whole(operation, avgPoolOf, value, plan, options.countPadding ?? false);
}

function avgPoolOf(x: Tensor, plan: PoolPlan, countPadding: boolean): Tensor {
  const inputs = x.shape.slice(-plan.sizes.length);
  return divideByCounts(sumPoolOf(x, plan), countsOf(plan, inputs, countPadding));
}

/** How many elements each window has along each axis. */
function countsOf(
  { sizes, strides, asked, output }: PoolPlan,
  inputs: readonly number[],
  padded: boolean,
): number[][] {
  return output.map((count, i) => {
    const [before, after] = asked[i];
    const low = padded ? -before : 0, high = inputs[i] + (padded ? after : 0);
    return Array.from({ length: count }, (_, p) => {
      const start = p * strides[i] - before;
      return Math.min(start + sizes[i], high) - Math.max(start, low);
    });
  });
}

function divideByCounts(total: Tensor, counts: readonly (readonly number[])[]): Tensor {
  if (counts.every((list) => list.every((count) => count === list[0]))) {
    return total.div(counts.reduce((product, list) => product * (list[0] ?? 1), 1));
  }
  let result = total;
  counts.forEach((list, i) => {
    const shape = [list.length, ...counts.slice(i + 1).map(() => 1)];
    result = result.div(reshapeTo(toTensor(Float64Array.from(list), { dtype: total.dtype }), shape));
  });
  return result;
}

/**
 * The greatest element of windows along the last axis. See {@link maxPool2d}.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.maxPool1d(tensor([[[1, 4, 2, 3]]]), 2).dataSync().join() === "4,3");
 * ```
 */
export function maxPool1d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return maxPool("nn.maxPool1d", x, window, options, 1);
}

/**
 * The greatest element of windows over the last two axes, [N, C, h, w]. Padding counts as -Infinity; NaN propagates. Elements
 * that are equally great share the gradient.
 *
 * @throws {ShapeError} when windows do not fit the image, or padding is not smaller than they are.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const x = tensor([[[[1, 2], [3, 4]]]]);
 * console.assert(nn.maxPool2d(x, 2).dataSync().join() === "4");
 * ```
 */
export function maxPool2d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return maxPool("nn.maxPool2d", x, window, options, 2);
}

/**
 * The greatest element of windows over the last three axes. See {@link maxPool2d}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * console.assert(nn.maxPool3d(ones([1, 1, 4, 4, 4]), 2).shape.join() === "1,1,2,2,2");
 * ```
 */
export function maxPool3d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return maxPool("nn.maxPool3d", x, window, options, 3);
}

/**
 * The mean of windows along the last axis. See {@link avgPool2d}.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.avgPool1d(tensor([[[1, 3, 2, 4]]]), 2).dataSync().join() === "2,3");
 * ```
 */
export function avgPool1d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return avgPool("nn.avgPool1d", x, window, options, 1);
}

/**
 * The mean of windows over the last two axes, [N, C, h, w]: of the elements of the image, or of the padding too with
 * `countPadding`. What lies beyond the padding in the last windows of `ceilMode` never counts.
 *
 * @throws {ShapeError} when windows do not fit the image, or padding is not smaller than they are.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const x = tensor([[[[1, 2], [3, 6]]]]);
 * console.assert(nn.avgPool2d(x, 2).dataSync().join() === "3");
 * ```
 */
export function avgPool2d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return avgPool("nn.avgPool2d", x, window, options, 2);
}

/**
 * The mean of windows over the last three axes. See {@link avgPool2d}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * console.assert(nn.avgPool3d(ones([1, 1, 2, 2, 2]), 2).dataSync().join() === "1");
 * ```
 */
export function avgPool3d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return avgPool("nn.avgPool3d", x, window, options, 3);
}

/**
 * The sum of windows along the last axis. See {@link sumPool2d}.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.sumPool1d(tensor([[[1, 3, 2, 4]]]), 2).dataSync().join() === "4,6");
 * ```
 */
export function sumPool1d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return sumPool("nn.sumPool1d", x, window, options, 1);
}

/**
 * The sum of windows over the last two axes, [N, C, h, w].
 *
 * @throws {ShapeError} when windows do not fit the image, or padding is not smaller than they are.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const x = tensor([[[[1, 2], [3, 4]]]]);
 * console.assert(nn.sumPool2d(x, 2).dataSync().join() === "10");
 * ```
 */
export function sumPool2d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return sumPool("nn.sumPool2d", x, window, options, 2);
}

/**
 * The sum of windows over the last three axes. See {@link sumPool2d}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * console.assert(nn.sumPool3d(ones([1, 1, 2, 2, 2]), 2).dataSync().join() === "8");
 * ```
 */
export function sumPool3d(x: TensorLike, window: PerAxis, options: PoolOptions = {}): Tensor {
  return sumPool("nn.sumPool3d", x, window, options, 3);
}
