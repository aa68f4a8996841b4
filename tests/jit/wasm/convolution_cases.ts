/** Convolutions for tests: random ones, and operands whose sums of products are exact. */
import { type Tensor, tensor } from "@damo/damo";
import type { DType } from "../../../lib/trace/dtype.ts";
import type { ConvolveParams } from "../../../lib/trace/primitives/convolve.ts";

let state = 1;

/** The next random whole number below n. */
export function below(n: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * n);
}

/** Multiples of a quarter, whose sums of products are exact. */
export function quarters(shape: readonly number[], dtype: DType): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, () => dtype === "int32" ? below(17) - 8 : (below(33) - 16) / 4),
    {
      shape: [...shape],
      dtype,
    },
  );
}

export interface Case {
  readonly x: number[];
  readonly kernel: number[];
  readonly params: ConvolveParams;
  readonly dtype: DType;
}

export function randomCase(): Case {
  const rank = 1 + below(3);
  const grouping = below(6);
  const groups = grouping < 2 ? 1 + below(4) : 1, batchGroups = grouping === 2 ? 1 + below(4) : 1;
  const channels = 1 + below(5), filters = 1 + below(9);
  const largeFilters = below(3) === 0;
  const axes = Array.from({ length: rank }, () => {
    const taps = largeFilters ? 4 + below(8) : 1 + below(4), dilation = 1 + below(2);
    const window = (taps - 1) * dilation + 1;
    // Sometimes more than the filter reaches, so that whole outputs lie in the padding.
    const pad = (): number => below(4) === 0 ? below(window + 3) : below(4) - 1;
    const low = pad(), high = pad();
    const size = Math.max(3, window + (largeFilters ? below(4) : below(14)) - Math.min(0, low + high));
    // What the gradient of a strided convolution with respect to images is.
    const every = below(4) === 0 ? 1 + below(3) : 1;
    return { taps, dilation, low, high, size, every, stride: every > 1 ? 1 : 1 + below(3) };
  });
  return {
    x: [batchGroups * (1 + below(3)), groups * channels, ...axes.map(({ size }) => size)],
    kernel: [groups * batchGroups * filters, channels, ...axes.map(({ taps }) => taps)],
    params: {
      strides: axes.map(({ stride }) => stride),
      padding: axes.map(({ low, high }) => [low, high] as const),
      inputDilation: axes.map(({ every }) => every),
      kernelDilation: axes.map(({ dilation }) => dilation),
      groups,
      batchGroups,
    },
    dtype: (["float32", "float32", "float64", "int32"] as const)[below(4)],
  };
}

/** Neither padding nor steps nor groups. */
export const plain = (rank: number): ConvolveParams => ({
  strides: new Array(rank).fill(1),
  padding: new Array(rank).fill([0, 0]),
  inputDilation: new Array(rank).fill(1),
  kernelDilation: new Array(rank).fill(1),
  groups: 1,
  batchGroups: 1,
});
