/** Transposed convolutions: the gradients of convolutions, as layers that enlarge images. */
import { ShapeError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { flip as flipAxes } from "../trace/ops/shape_order.ts";
import { convolvePrimitive } from "../trace/primitives/convolve.ts";
import { reshapeTo, transposeTo } from "../trace/primitives/move.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { checkGroups, CONV_OPTIONS, type ConvOptions, imageOperands } from "./convolution.ts";
import { type Pair, type PerAxis, perAxis, resolvePadding, spanOf } from "./spatial.ts";

/** Options of transposed convolutions: stride, padding and dilation are those of the convolution that is transposed. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the end, to choose between the image sizes that the convolution maps to one; 0 by default. */
  readonly outputPadding?: PerAxis;
}

/** [in, out / groups, ...] as filters [out, in / groups, ...] of a convolution. */
function exchange(w: Tensor, groups: number): Tensor {
  const [inputs, outputs, ...sizes] = w.shape;
  const split = reshapeTo(w, [groups, inputs / groups, outputs, ...sizes]);
  const swapped = transposeTo(split, [0, 2, 1, ...sizes.map((_, i) => i + 3)]);
  return reshapeTo(swapped, [groups * outputs, inputs / groups, ...sizes]);
}

function convTranspose(
  operation: string,
  x: TensorLike,
  w: TensorLike,
  options: ConvTransposeOptions,
  axes: number,
): Tensor {
  checkOptions(operation, options, [...CONV_OPTIONS, "outputPadding"]);
  const [image, filters] = imageOperands(operation, x, w, axes);
  const groups = checkGroups(operation, options.groups ?? 1);
  const sizes = filters.shape.slice(2), inputs = image.shape.slice(2);
  if (image.shape[1] !== filters.shape[0] || image.shape[1] % groups !== 0) {
    throw new ShapeError(
      `${operation}: w [${filters.shape.join(", ")}] takes ${filters.shape[0]} channels, and x [${
        image.shape.join(", ")
      }] has ${image.shape[1]}${groups === 1 ? "" : ` in ${groups} groups`}.`,
      {
        operation,
        arguments: [{ name: "x", shape: image.shape }, { name: "w", shape: filters.shape }],
        remedy:
          "Filters of a transposed convolution are [in, out / groups, ...], with in the channels of x, " +
          "a multiple of groups.",
      },
    );
  }
  const strides = perAxis(operation, "stride", options.stride ?? 1, axes);
  const dilations = perAxis(operation, "dilation", options.dilation ?? 1, axes);
  const spans = sizes.map((size, i) => spanOf(size, dilations[i]));
  const { padding = "valid" } = options;
  // "same" makes the image `stride` times larger.
  const enlarged = inputs.map((size, i) => size * strides[i]);
  const pairs = resolvePadding(operation, padding, enlarged, { sizes, strides, dilations });
  const more = padding === "same" && options.outputPadding === undefined
    ? spans.map((span, i) => Math.max(0, strides[i] - span))
    : extraRows(operation, options.outputPadding ?? 0, axes);
  const padded = spans.map((span, i): Pair => [span - 1 - pairs[i][0], span - 1 - pairs[i][1] + more[i]]);
  checkSizes(operation, inputs, strides, spans, padded);
  // Cross-correlation turns the filters around when it is transposed.
  const turned = options.flip ? filters : flipAxes(filters, sizes.map((_, i) => i + 2));
  return bindOne(convolvePrimitive, [image, exchange(turned, groups)], {
    strides: strides.map(() => 1),
    padding: padded,
    inputDilation: strides,
    kernelDilation: dilations,
    groups,
    batchGroups: 1,
  });
}

function extraRows(operation: string, value: PerAxis, axes: number): number[] {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : [...value];
  if (list.length === axes && list.every((item) => Number.isInteger(item) && item >= 0)) return list;
  throw new ShapeError(`${operation}: outputPadding is ${JSON.stringify(value)}.`, {
    operation,
    arguments: [{ name: "outputPadding", value }],
    remedy: `Pass a non-negative integer, or ${axes} of them.`,
  });
}

function checkSizes(
  operation: string,
  inputs: readonly number[],
  strides: readonly number[],
  spans: readonly number[],
  padded: readonly Pair[],
): void {
  inputs.forEach((size, i) => {
    const output = (size - 1) * strides[i] + 1 + padded[i][0] + padded[i][1] - spans[i] + 1;
    if (size >= 1 && output >= 1) return;
    throw new ShapeError(
      `${operation}: spatial axis ${i} of x has ${size}, which gives ${Math.max(0, output)}.`,
      {
        operation,
        arguments: [{ name: "x", value: inputs }],
        remedy: "Use less padding (it crops the result of a transposed convolution), or a larger image.",
      },
    );
  });
}

/**
 * The transpose of {@link conv1d}: x [N, in, width], w [in, out / groups, width]. See {@link convTranspose2d}.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const y = nn.convTranspose1d(tensor([[[1, 2]]]), tensor([[[1, 1, 1]]]), { stride: 2 });
 * console.assert(y.dataSync().join() === "1,1,3,2,2");
 * ```
 */
export function convTranspose1d(x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose("nn.convTranspose1d", x, w, options, 1);
}

/**
 * The transpose of {@link conv2d} of the same stride, padding and dilation: x [N, in, h, w], w [in, out / groups, h, w],
 * result sizes (n - 1) stride - before - after + span + outputPadding. With padding "same" they are n stride.
 *
 * @throws {ShapeError} when channels or sizes do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const y = nn.convTranspose2d(ones([1, 4, 7, 7]), ones([4, 2, 3, 3]), { stride: 2, padding: "same" });
 * console.assert(y.shape.join() === "1,2,14,14");
 * ```
 */
export function convTranspose2d(x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose("nn.convTranspose2d", x, w, options, 2);
}

/**
 * The transpose of {@link conv3d}: x [N, in, d, h, w], w [in, out / groups, d, h, w]. See {@link convTranspose2d}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const y = nn.convTranspose3d(ones([1, 1, 2, 2, 2]), ones([1, 1, 2, 2, 2]));
 * console.assert(y.shape.join() === "1,1,3,3,3");
 * ```
 */
export function convTranspose3d(x: TensorLike, w: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convTranspose("nn.convTranspose3d", x, w, options, 3);
}
