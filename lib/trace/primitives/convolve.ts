/** convolve: cross-correlation over any number of axes, general enough that both of its gradients are convolutions. */
import { castValue, isFloat } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { advance } from "./index_map.ts";
import { reshapeTo, transposeTo } from "./move.ts";
import { flipPrimitive } from "./move_slice.ts";
import { filled } from "./zeros.ts";

export interface ConvolveParams {
  readonly strides: readonly number[];
  /** Before and after each axis of the (dilated) input; negative amounts crop. */
  readonly padding: readonly (readonly [number, number])[];
  readonly inputDilation: readonly number[];
  readonly kernelDilation: readonly number[];
  /** Input channels and filters fall into so many groups that do not mix. */
  readonly groups: number;
  /** Images and filters fall into so many groups: filters of group g see the images of group g. */
  readonly batchGroups: number;
}

/** The size with `dilation - 1` zeros between neighbours. */
function dilatedSize(size: number, dilation: number): number {
  return size === 0 ? 0 : (size - 1) * dilation + 1;
}

/** The spatial sizes of the output. */
function convolvedSizes(x: Shape, kernel: Shape, params: ConvolveParams): number[] {
  const { strides, padding, inputDilation, kernelDilation } = params;
  return strides.map((stride, i) => {
    const input = dilatedSize(x[i], inputDilation[i]) + padding[i][0] + padding[i][1];
    const window = dilatedSize(kernel[i], kernelDilation[i]);
    return input < window ? 0 : Math.floor((input - window) / stride) + 1;
  });
}

function checkConvolve(x: Aval, kernel: Aval, params: ConvolveParams): void {
  const { strides, padding, inputDilation, kernelDilation, groups, batchGroups } = params;
  const rank = x.shape.length;
  const lists = [strides, padding, inputDilation, kernelDilation].every((list) => list.length === rank - 2);
  const steps = [strides, inputDilation, kernelDilation].every((list) => list.every((value) => value >= 1));
  const [images, channels] = x.shape, [filters, depth] = kernel.shape;
  const fits = rank >= 2 && kernel.shape.length === rank && lists && steps && channels === depth * groups &&
    filters % groups === 0 && filters % batchGroups === 0 && images % batchGroups === 0 &&
    (groups === 1 || batchGroups === 1);
  if (!fits) {
    throw new ShapeError(
      `convolve: filters ${describe(kernel)} do not fit images ${describe(x)}${
        groups === 1 ? "" : ` in ${groups} groups`
      }.`,
      {
        operation: "convolve",
        arguments: [
          { name: "x", shape: x.shape, dtype: x.dtype },
          { name: "kernel", shape: kernel.shape, dtype: kernel.dtype },
        ],
        remedy:
          "Images are [N, C, ...] and filters [O, C / groups, ...] with the same number of spatial axes; " +
          "O and C must be multiples of groups, and strides and dilations positive.",
      },
    );
  }
  if (x.dtype !== kernel.dtype) {
    throw new DTypeError(`convolve: images are ${describe(x)} and filters ${describe(kernel)}.`, {
      operation: "convolve",
      arguments: [
        { name: "x", shape: x.shape, dtype: x.dtype },
        { name: "kernel", shape: kernel.shape, dtype: kernel.dtype },
      ],
      remedy: "Cast one of them to the dtype of the other.",
    });
  }
}

/** [A * count, B, ...] as [count, A, B, ...]: the groups of an axis in front. */
function splitAxis(x: Tensor, axis: number, count: number): Tensor {
  const shape = [...x.shape.slice(0, axis), count, x.shape[axis] / count, ...x.shape.slice(axis + 1)];
  const order = shape.map((_, d) => d).filter((d) => d !== axis);
  return transposeTo(reshapeTo(x, shape), [axis, ...order]);
}

/** The leading axis merged into another (a position in the result), of which it becomes the slower part. */
function mergeAxis(x: Tensor, axis: number): Tensor {
  const order = x.shape.map((_, d) => d).slice(1);
  order.splice(axis, 0, 0);
  const moved = transposeTo(x, order);
  const { shape } = moved;
  return reshapeTo(moved, [...shape.slice(0, axis), shape[axis] * shape[axis + 1], ...shape.slice(axis + 2)]);
}

/** Filters and their channels exchanged, within each of `groups` groups: [O, I / g] becomes [I, O / g]. */
function exchange(kernel: Tensor, groups: number): Tensor {
  const swapped = [1, 0, ...kernel.shape.slice(2).map((_, i) => i + 2)];
  if (groups === 1) return transposeTo(kernel, swapped);
  // [g, O / g, I / g, ...] to [g, I / g, O / g, ...] to [I, O / g, ...]
  const split = splitAxis(kernel, 0, groups);
  return mergeAxis(transposeTo(split, [0, ...swapped.map((d) => d + 1)]), 0);
}

/** The first two axes exchanged. */
function swapFront(x: Tensor): Tensor {
  return transposeTo(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)]);
}

/**
 * x': the cotangent, dilated by the stride and padded by what the kernel reaches, convolved with the flipped kernel
 * whose channels and filters are exchanged; the result has the input's dilation as its stride.
 */
function cotangentOfInput(cotangent: Tensor, kernel: Tensor, x: Aval, params: ConvolveParams): Tensor {
  const { strides, padding, inputDilation, kernelDilation, groups, batchGroups } = params;
  const spatial = strides.map((_, i) => i + 2);
  const reversed = spatial.length === 0 ? kernel : bindOne(flipPrimitive, [kernel], { axes: spatial });
  const pads = spatial.map((axis, i): [number, number] => {
    const input = dilatedSize(x.shape[axis], inputDilation[i]);
    const window = dilatedSize(kernel.shape[axis], kernelDilation[i]);
    const output = dilatedSize(cotangent.shape[axis], strides[i]);
    const before = window - 1 - padding[i][0];
    return [before, input + window - 1 - output - before];
  });
  const result = bindOne(convolvePrimitive, [cotangent, exchange(reversed, Math.max(groups, batchGroups))], {
    strides: inputDilation,
    padding: pads,
    inputDilation: strides,
    kernelDilation,
    groups: Math.max(groups, batchGroups),
    batchGroups: 1,
  });
  // With batch groups the channels come out as [group, channel], and the group belongs to the images.
  return batchGroups === 1 ? result : mergeAxis(splitAxis(result, 1, batchGroups), 0);
}

/**
 * kernel': images and channels of x exchanged, convolved with the cotangent as kernel, dilated by the stride; the
 * result has the kernel's dilation as its stride. Channel groups become batch groups and the other way round.
 */
function cotangentOfKernel(cotangent: Tensor, x: Tensor, kernel: Aval, params: ConvolveParams): Tensor {
  const { strides, padding, inputDilation, kernelDilation, groups, batchGroups } = params;
  const pads = strides.map((stride, i): [number, number] => {
    const input = dilatedSize(x.shape[i + 2], inputDilation[i]);
    const window = dilatedSize(kernel.shape[i + 2], kernelDilation[i]);
    const output = dilatedSize(cotangent.shape[i + 2], stride);
    const before = padding[i][0];
    return [before, output - input + window - 1 - before];
  });
  const result = bindOne(convolvePrimitive, [swapFront(x), swapFront(cotangent)], {
    strides: kernelDilation,
    padding: pads,
    inputDilation,
    kernelDilation: strides,
    groups: batchGroups,
    batchGroups: groups,
  });
  return swapFront(result);
}

/**
 * out[n, o, p] = sum over c, k of x[n, c, (p * stride + k * kernelDilation - low) / inputDilation] kernel[o, c, k]
 * where the place exists. Images are [N, C, ...], filters [O, C / groups, ...]. Bilinear.
 */
export const convolvePrimitive: Primitive<ConvolveParams> = {
  name: "convolve",
  infer([x, kernel], params) {
    checkConvolve(x, kernel, params);
    const sizes = convolvedSizes(x.shape.slice(2), kernel.shape.slice(2), params);
    return [{ shape: [x.shape[0] / params.batchGroups, kernel.shape[0], ...sizes], dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [x, kernel], tangents: [tangentX, tangentKernel], params }) {
      const left = tangentX && bindOne(convolvePrimitive, [tangentX, kernel], params);
      const right = tangentKernel && bindOne(convolvePrimitive, [x, tangentKernel], params);
      return [left && right ? apply("add", left, right) : left ?? right];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [x, kernel], avals, params }) {
      if (!cotangent) return [null, null];
      const empty = cotangent.size === 0;
      if (kernel) {
        return [empty ? filled(0, avals[0]) : cotangentOfInput(cotangent, kernel, avals[0], params), null];
      }
      return [null, empty ? filled(0, avals[1]) : cotangentOfKernel(cotangent, x!, avals[1], params)];
    },
  },
  batch({ inputs: [x, kernel], batched: [batchedX, batchedKernel], params, size }) {
    const { groups, batchGroups } = params;
    if (batchedX && batchedKernel) {
      // Each entry is a group of its own.
      const filters = mergeAxis(kernel, 0);
      const out = batchGroups > 1
        ? bindOne(convolvePrimitive, [mergeAxis(x, 0), filters], {
          ...params,
          batchGroups: batchGroups * size,
        })
        : bindOne(convolvePrimitive, [mergeAxis(x, 1), filters], { ...params, groups: groups * size });
      return [splitAxis(out, 1, size)];
    }
    if (batchedX) {
      if (batchGroups === 1) {
        return [splitAxis(bindOne(convolvePrimitive, [mergeAxis(x, 0), kernel], params), 0, size)];
      }
      // [B, G * n, ...] to [G * B * n, ...]: entries stay within their group.
      const grouped = transposeTo(
        reshapeTo(x, [size, batchGroups, x.shape[1] / batchGroups, ...x.shape.slice(2)]),
        [1, 0, ...x.shape.slice(1).map((_, d) => d + 2)],
      );
      const images = reshapeTo(grouped, [size * x.shape[1], ...x.shape.slice(2)]);
      return [splitAxis(bindOne(convolvePrimitive, [images, kernel], params), 0, size)];
    }
    // [B, G * o, ...] to [G * B * o, ...], and the filters of the result back.
    const count = Math.max(groups, batchGroups);
    const own = kernel.shape[1] / count;
    const grouped = transposeTo(
      reshapeTo(kernel, [size, count, own, ...kernel.shape.slice(2)]),
      [1, 0, ...kernel.shape.slice(1).map((_, d) => d + 2)],
    );
    const filters = reshapeTo(grouped, [size * kernel.shape[1], ...kernel.shape.slice(2)]);
    const out = bindOne(convolvePrimitive, [x, filters], params);
    const [images, , ...sizes] = out.shape;
    const apart = transposeTo(
      reshapeTo(out, [images, count, size, own, ...sizes]),
      [2, 0, 1, 3, ...sizes.map((_, d) => d + 4)],
    );
    return [reshapeTo(apart, [size, images, count * own, ...sizes])];
  },
  evaluate([x, kernel], params, [{ shape, dtype }]) {
    const { strides, padding, inputDilation, kernelDilation, groups, batchGroups } = params;
    const [images, filters, ...sizes] = shape;
    const depth = kernel.shape[1], window = kernel.shape.slice(2);
    const stepsX = stridesOf(x.shape), stepsKernel = stridesOf(kernel.shape);
    const multiply = isFloat(dtype) ? (a: number, b: number) => a * b : Math.imul;
    const data = new Float64Array(sizeOf(shape));
    const offset = window.map(() => 0);
    const count = sizeOf(window);
    const place = shape.map(() => 0);
    for (let i = 0; i < data.length; i++, advance(place, shape)) {
      const [image, filter] = place;
      const firstImage = Math.floor(filter / (filters / batchGroups)) * images;
      const firstChannel = Math.floor(filter / (filters / groups)) * depth;
      let sum = 0;
      for (let k = 0; k < count; k++, advance(offset, window)) {
        let at = (firstImage + image) * stepsX[0] + firstChannel * stepsX[1];
        let inside = true;
        for (let d = 0; d < sizes.length; d++) {
          const position = (place[d + 2] * strides[d] + offset[d] * kernelDilation[d] - padding[d][0]) /
            inputDilation[d];
          inside &&= Number.isInteger(position) && position >= 0 && position < x.shape[d + 2];
          at += position * stepsX[d + 2];
        }
        if (!inside) continue;
        const first = filter * stepsKernel[0] + k;
        for (let c = 0; c < depth; c++) {
          sum += multiply(x.data[at + c * stepsX[1]], kernel.data[first + c * stepsKernel[1]]);
        }
      }
      data[i] = castValue(sum, isFloat(dtype) ? "float64" : "int32", dtype);
    }
    return [{ shape, dtype, data }];
  },
  lower(params) {
    return { kind: "convolve", ...params };
  },
  print({ strides, padding, inputDilation, kernelDilation, groups, batchGroups }) {
    const parts: string[] = [];
    const ones = (list: readonly number[]) => list.every((value) => value === 1);
    if (!ones(strides)) parts.push(`strides=[${strides.join(", ")}]`);
    if (padding.some(([low, high]) => low !== 0 || high !== 0)) {
      parts.push(`padding=[${padding.map(([low, high]) => `${low}:${high}`).join(", ")}]`);
    }
    if (!ones(inputDilation)) parts.push(`inputDilation=[${inputDilation.join(", ")}]`);
    if (!ones(kernelDilation)) parts.push(`kernelDilation=[${kernelDilation.join(", ")}]`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (batchGroups !== 1) parts.push(`batchGroups=${batchGroups}`);
    return parts.join(" ");
  },
};
