/** Images cut into patches, and put together again. */
import { ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { unwindowPrimitive, windowsPrimitive } from "../trace/primitives/windows.ts";
import { checkShape, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";
import { outputSizes, type PerAxis, perAxis } from "./spatial.ts";

/** Options of patches and unpatches. */
export interface PatchOptions {
  /** Steps between patches; the window itself by default, so that they tile the image. */
  readonly stride?: PerAxis;
}

interface PatchPlan {
  readonly sizes: number[];
  readonly strides: number[];
  /** Places along each axis. */
  readonly counts: number[];
}

function planPatches(
  operation: string,
  shape: readonly number[],
  window: PerAxis,
  options: PatchOptions,
): PatchPlan {
  checkOptions(operation, options, ["stride"]);
  const sizes = perAxis(operation, "window", window, 2);
  const strides = perAxis(operation, "stride", options.stride ?? sizes, 2);
  const unit = { sizes, strides, dilations: [1, 1] };
  return { sizes, strides, counts: outputSizes(operation, shape.slice(-2), unit, [[0, 0], [0, 0]]) };
}

/**
 * The patches of images as rows (Theano's images2neibs): x [..., h, w] gives [patches, window elements], image by image,
 * row by row. What a last patch would lack is left out.
 *
 * @throws {ShapeError} for fewer than two axes or a window larger than the image.
 * @example
 * ```ts
 * import { arange, nn } from "@damo/damo";
 * const rows = nn.patches(arange(16).reshape([1, 1, 4, 4]), 2);
 * console.assert(rows.shape.join() === "4,4" && rows.at(1).dataSync().join() === "2,3,6,7");
 * ```
 */
export function patches(x: TensorLike, window: PerAxis, options: PatchOptions = {}): Tensor {
  const operation = "nn.patches";
  const value = strong(x, operation);
  if (value.ndim < 2) {
    throw new ShapeError(`${operation}: x is ${describe(value)}.`, {
      operation,
      arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
      remedy: "Pass [..., height, width].",
    });
  }
  const { sizes, strides, counts } = planPatches(operation, value.shape, window, options);
  const cut = bindOne(windowsPrimitive, [value], {
    sizes,
    strides,
    dilations: [1, 1],
    padding: [[0, 0], [0, 0]],
    value: 0,
  });
  const images = sizeOf(value.shape.slice(0, -2));
  return reshapeTo(cut, [images * sizeOf(counts), sizeOf(sizes)]);
}

/**
 * Images of the given shape from the rows of {@link patches}. Where patches overlap their mean counts; what no patch covers
 * is 0.
 *
 * @throws {ShapeError} when the rows are not those of the shape.
 * @example
 * ```ts
 * import { arange, nn } from "@damo/damo";
 * const x = arange(16).reshape([1, 1, 4, 4]);
 * console.assert(String(nn.unpatches(nn.patches(x, 2), 2, [1, 1, 4, 4])) === String(x));
 * ```
 */
export function unpatches(
  rows: TensorLike,
  window: PerAxis,
  shape: readonly number[],
  options: PatchOptions = {},
): Tensor {
  const operation = "nn.unpatches";
  const value = floatInput(operation, rows);
  checkShape(operation, shape);
  const { sizes, strides, counts } = planPatches(operation, shape, window, options);
  const images = shape.slice(0, -2);
  const expected = [sizeOf(images) * sizeOf(counts), sizeOf(sizes)];
  if (value.ndim !== 2 || value.shape[0] !== expected[0] || value.shape[1] !== expected[1]) {
    throw new ShapeError(
      `${operation}: rows are ${describe(value)}, and the patches of [${shape.join(", ")}] are [${
        expected.join(", ")
      }].`,
      {
        operation,
        arguments: [{ name: "rows", shape: value.shape, dtype: value.dtype }, {
          name: "shape",
          value: shape,
        }],
        remedy: "Pass the rows, window and stride of nn.patches, and the shape of its images.",
      },
    );
  }
  const summed = bindOne(unwindowPrimitive, [reshapeTo(value, [...images, ...counts, ...sizes])], {
    shape: shape.slice(-2),
    strides,
    dilations: [1, 1],
    padding: [[0, 0], [0, 0]],
  });
  if (sizes.every((size, i) => size <= strides[i])) return summed;
  const [down, across] = sizes.map((size, i) =>
    coverage(shape[shape.length - 2 + i], size, strides[i], counts[i])
  );
  const vertical = reshapeTo(toTensor(down, { dtype: value.dtype }), [down.length, 1]);
  return summed.div(vertical).div(toTensor(across, { dtype: value.dtype }));
}

/** How many patches lie over each place of an axis; 1 where none does. */
function coverage(size: number, window: number, stride: number, count: number): Float64Array {
  const over = new Float64Array(size);
  for (let p = 0; p < count; p++) for (let w = 0; w < window; w++) over[p * stride + w]++;
  return over.map((value) => Math.max(1, value));
}
