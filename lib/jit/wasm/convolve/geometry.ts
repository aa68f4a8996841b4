/** The sizes of a convolution, and which of the generated forms computes it. */
import type { DType } from "../../../trace/dtype.ts";
import type { Convolution } from "../../kernel/kernel.ts";
import { type ContractDType, elements } from "../contract/mod.ts";

/**
 * One spatial axis: out[p] reads in[(p * stride + t * dilation - low) / every] for each tap t of the filter, and nothing
 * where that is no place of the input.
 */
export interface SpatialAxis {
  readonly size: number;
  readonly every: number;
  readonly out: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly low: number;
}

/**
 * A convolution of images [batchGroups * images, groups * channels, ...] with filters [groups * batchGroups * filters,
 * channels, ...]: those of a group see the channels, and those of a batch group the images, of that group.
 */
export interface Geometry {
  readonly dtype: ContractDType;
  readonly images: number;
  readonly groups: number;
  readonly batchGroups: number;
  readonly channels: number;
  readonly filters: number;
  /** The last one is contiguous in memory. */
  readonly axes: readonly SpatialAxis[];
}

/** What a convolution is said to be by its node; a kernel says the same and more. */
export type ConvolutionSizes =
  & Omit<Convolution, "kind" | "operands" | "dtype" | "input" | "filters" | "epilogue">
  & { readonly dtype: DType };

export function product(list: readonly number[]): number {
  return list.reduce((a, b) => a * b, 1);
}

/** Elements between neighbours along each axis of a contiguous array. */
export function contiguous(sizes: readonly number[]): number[] {
  return sizes.map((_, i) => product(sizes.slice(i + 1)));
}

/** The axis is read as it is: one tap, every place. */
function isWhole(axis: SpatialAxis): boolean {
  return axis.taps === 1 && axis.stride === 1 && axis.every === 1 && axis.low === 0 && axis.out === axis.size;
}

/** The sizes in the form of the generators, with as few axes as possible; null for what they do not do. */
export function geometryOf(kernel: ConvolutionSizes): Geometry | null {
  const { dtype, inputShape, kernelShape, outputShape, groups, batchGroups } = kernel;
  if (!(dtype in elements)) return null;
  if (outputShape.length < 3 || [...inputShape, ...kernelShape, ...outputShape].includes(0)) return null;
  const axes: SpatialAxis[] = [];
  outputShape.slice(2).forEach((out, d) => {
    const axis: SpatialAxis = {
      size: inputShape[2 + d],
      every: kernel.inputDilation[d],
      out,
      taps: kernelShape[2 + d],
      stride: kernel.strides[d],
      dilation: kernel.kernelDilation[d],
      low: kernel.padding[d][0],
    };
    const last = axes.at(-1);
    if (last !== undefined && isWhole(last) && isWhole(axis)) {
      const size = last.size * axis.size;
      axes[axes.length - 1] = { ...axis, size, out: size };
    } else axes.push(axis);
  });
  return {
    dtype: dtype as ContractDType,
    images: inputShape[0] / batchGroups,
    groups,
    batchGroups,
    channels: kernelShape[1],
    filters: kernelShape[0] / groups / batchGroups,
    axes,
  };
}

/** The first position beyond those that an axis reads, counted from its (padded) beginning. */
export function reach({ out, taps, stride, dilation }: SpatialAxis, outputs = out): number {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

/** The positions of an axis, with those that `every` leaves between its elements. */
export function span({ size, every }: SpatialAxis): number {
  return (size - 1) * every + 1;
}

/** Whether an axis reads in front of its beginning, behind its end, or between its elements. */
export function leaves(axis: SpatialAxis): boolean {
  return axis.every > 1 || axis.low > 0 || reach(axis) - axis.low > axis.size;
}

/** The part of the products that read padding along an axis. */
export function padded(axis: SpatialAxis): number {
  const { out, taps, stride, dilation, low } = axis;
  let inside = 0;
  for (let place = 0; place < out; place++) {
    for (let tap = 0; tap < taps; tap++) {
      const position = place * stride + tap * dilation - low;
      if (position >= 0 && position < span(axis)) inside++;
    }
  }
  return 1 - inside / (out * taps);
}

/** Bytes of scratch memory that a form may take for one thread. */
export const MOST_SCRATCH = 4 << 20;
