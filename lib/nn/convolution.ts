/** Convolutions as neural networks mean them: cross-correlations of images with filters. */
import { isFloat } from "../trace/dtype.ts";
import { DTypeError, ShapeError } from "../trace/errors.ts";
import { promoteOperands, strong, type TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { flip as flipAxes } from "../trace/ops/shape_order.ts";
import { convolvePrimitive } from "../trace/primitives/convolve.ts";
import { checkShape, type Shape } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { describe } from "./describe.ts";
import { outputSizes, type Padding, type PerAxis, perAxis, resolvePadding } from "./spatial.ts";

/** Options of convolutions. */
export interface ConvOptions {
  /** Steps between the places of the filter; 1 by default. */
  readonly stride?: PerAxis;
  /** "valid" by default. */
  readonly padding?: Padding;
  /** Steps between the elements of the filter; 1 by default. */
  readonly dilation?: PerAxis;
  /** Channels and filters fall into so many groups that do not mix; 1 by default. */
  readonly groups?: number;
  /** Turns the filters around: true convolution. */
  readonly flip?: boolean;
}

export const CONV_OPTIONS: readonly string[] = ["stride", "padding", "dilation", "groups", "flip"];

/** A positive integer number of groups. */
export function checkGroups(operation: string, groups: unknown): number {
  if (Number.isInteger(groups) && (groups as number) >= 1) return groups as number;
  throw new ShapeError(`${operation}: groups is ${String(groups)}.`, {
    operation,
    arguments: [{ name: "groups", value: groups }],
    remedy: "Pass a positive integer.",
  });
}

/** Images and filters as tensors of one float dtype and of the rank that `axes` spatial axes need. */
export function imageOperands(
  operation: string,
  x: TensorLike,
  w: TensorLike,
  axes: number,
): [Tensor, Tensor] {
  const given = [strong(x, operation), strong(w, operation)];
  const names = ["x", "w"], layouts = ["[N, C", "[O, C / groups"];
  const sizes = ["width", "height, width", "depth, height, width"][axes - 1];
  given.forEach((value, i) => {
    if (value.ndim === axes + 2) return;
    throw new ShapeError(`${operation}: ${names[i]} is ${describe(value)}, of ${value.ndim} axes.`, {
      operation,
      arguments: given.map((tensor, k) => ({ name: names[k], shape: tensor.shape, dtype: tensor.dtype })),
      remedy: `Pass ${layouts[i]}, ${sizes}]` + (i === 0 ? "; one image needs x.expandDims(0)." : "."),
    });
  });
  const [image, filters] = promoteOperands(operation, given);
  if (isFloat(image.dtype)) return [image, filters];
  throw new DTypeError(`${operation}: x is ${describe(given[0])} and w is ${describe(given[1])}.`, {
    operation,
    arguments: given.map((tensor, k) => ({ name: names[k], shape: tensor.shape, dtype: tensor.dtype })),
    remedy: 'Pass floats: x.cast("float32").',
  });
}

function conv(operation: string, x: TensorLike, w: TensorLike, options: ConvOptions, axes: number): Tensor {
  checkOptions(operation, options, CONV_OPTIONS);
  const [image, filters] = imageOperands(operation, x, w, axes);
  const plan = planConv(operation, image.shape, filters.shape, options);
  const kernel = options.flip ? flipAxes(filters, filters.shape.map((_, i) => i).slice(2)) : filters;
  return bindOne(convolvePrimitive, [image, kernel], {
    strides: plan.strides,
    padding: plan.padding,
    inputDilation: plan.strides.map(() => 1),
    kernelDilation: plan.dilations,
    groups: plan.groups,
    batchGroups: 1,
  });
}

function planConv(operation: string, image: Shape, filters: Shape, options: ConvOptions) {
  const axes = image.length - 2;
  const groups = checkGroups(operation, options.groups ?? 1);
  const [, channels, ...inputs] = image, [count, depth, ...sizes] = filters;
  if (channels !== depth * groups || count % groups !== 0) {
    const grouped = groups === 1 ? "" : ` in ${groups} groups`;
    throw new ShapeError(
      `${operation}: filters [${filters.join(", ")}] see ${depth} channels${grouped}, and x [${
        image.join(", ")
      }] has ${channels}.`,
      {
        operation,
        arguments: [{ name: "x", shape: image }, { name: "w", shape: filters }, {
          name: "groups",
          value: groups,
        }],
        remedy: "Filters are [filters, channels / groups, ...] and images [N, channels, ...]; " +
          "the number of filters must be a multiple of groups.",
      },
    );
  }
  const strides = perAxis(operation, "stride", options.stride ?? 1, axes);
  const dilations = perAxis(operation, "dilation", options.dilation ?? 1, axes);
  const window = { sizes, strides, dilations };
  const padding = resolvePadding(operation, options.padding ?? "valid", inputs, window);
  const output = outputSizes(operation, inputs, window, padding, "filter");
  return { strides, dilations, padding, groups, output };
}

/**
 * Convolution over one axis: x [N, C, width], w [O, C / groups, width]. See {@link conv2d}.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const y = nn.conv1d(tensor([[[1, 2, 3]]]), tensor([[[1, 1]]]), { padding: "causal" });
 * console.assert(y.dataSync().join() === "1,3,5");
 * ```
 */
export function conv1d(x: TensorLike, w: TensorLike, options: ConvOptions = {}): Tensor {
  return conv("nn.conv1d", x, w, options, 1);
}

/**
 * Convolution over images: x [N, C, height, width], w [O, C / groups, height, width], result
 * [N, O, height', width'] with `out[n, o, i, j] = sum x[n, c, i stride + u dilation, j stride + v dilation] w[o, c, u, v]`:
 * cross-correlation, unless `flip` turns the filters around. Differentiable in both, to any order.
 *
 * @throws {ShapeError} when channels or sizes do not fit.
 * @throws {DTypeError} when neither is a float.
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const y = nn.conv2d(ones([1, 3, 32, 32]), ones([16, 3, 5, 5]), { padding: "same", stride: 2 });
 * console.assert(y.shape.join() === "1,16,16,16");
 * ```
 */
export function conv2d(x: TensorLike, w: TensorLike, options: ConvOptions = {}): Tensor {
  return conv("nn.conv2d", x, w, options, 2);
}

/**
 * Convolution over volumes: x [N, C, depth, height, width], w [O, C / groups, depth, height, width]. See {@link conv2d}.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const y = nn.conv3d(ones([1, 1, 3, 3, 3]), ones([2, 1, 2, 2, 2]));
 * console.assert(y.shape.join() === "1,2,2,2,2" && y.dataSync()[0] === 8);
 * ```
 */
export function conv3d(x: TensorLike, w: TensorLike, options: ConvOptions = {}): Tensor {
  return conv("nn.conv3d", x, w, options, 3);
}

/**
 * The shape of a convolution's result, from the shapes of images and filters.
 *
 * @throws {ShapeError} when they do not fit.
 * @example
 * ```ts
 * import { nn } from "@damo/damo";
 * const shape = nn.convOutputShape([8, 3, 32, 32], [16, 3, 5, 5], { padding: "half", stride: 2 });
 * console.assert(shape.join() === "8,16,16,16");
 * ```
 */
export function convOutputShape(
  image: readonly number[],
  filters: readonly number[],
  options: ConvOptions = {},
): number[] {
  const operation = "nn.convOutputShape";
  checkOptions(operation, options, CONV_OPTIONS);
  checkShape(operation, image, "image");
  checkShape(operation, filters, "filters");
  if (image.length < 3 || image.length !== filters.length) {
    throw new ShapeError(
      `${operation}: an image [${image.join(", ")}] and filters [${filters.join(", ")}].`,
      {
        operation,
        arguments: [{ name: "image", value: image }, { name: "filters", value: filters }],
        remedy: "Pass [N, C, ...sizes] and [O, C / groups, ...sizes] with the same number of spatial axes.",
      },
    );
  }
  return [image[0], filters[0], ...planConv(operation, image, filters, options).output];
}

/**
 * A convolution of each channel by itself, then one of the channels at each place: x [N, C, h, w],
 * depthwise [C multiplier, 1, h, w], pointwise [O, C multiplier, 1, 1]. Stride, padding and dilation are those of the first.
 *
 * @throws {ShapeError} when channels or sizes do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const y = nn.separableConv2d(ones([1, 2, 5, 5]), ones([2, 1, 3, 3]), ones([4, 2, 1, 1]));
 * console.assert(y.shape.join() === "1,4,3,3" && y.dataSync()[0] === 18);
 * ```
 */
export function separableConv2d(
  x: TensorLike,
  depthwise: TensorLike,
  pointwise: TensorLike,
  options: Omit<ConvOptions, "groups"> = {},
): Tensor {
  const operation = "nn.separableConv2d";
  checkOptions(operation, options, CONV_OPTIONS.filter((name) => name !== "groups"));
  const [image] = imageOperands(operation, x, depthwise, 2);
  const channels = image.shape[1];
  const each = conv(operation, image, depthwise, { ...options, groups: Math.max(1, channels) }, 2);
  return conv(operation, each, pointwise, {}, 2);
}
