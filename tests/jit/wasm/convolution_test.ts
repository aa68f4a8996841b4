import { assert, assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor } from "@damo/damo";
import { isDirect } from "../../../lib/jit/wasm/convolve/mod.ts";
import type { DType } from "../../../lib/trace/dtype.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { bindOne } from "../../../lib/trace/trace.ts";

let state = 1;

function below(n: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * n);
}

/** Multiples of a quarter, whose sums of products are exact. */
function quarters(shape: readonly number[], dtype: DType): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, () => dtype === "int32" ? below(17) - 8 : (below(33) - 16) / 4),
    {
      shape: [...shape],
      dtype,
    },
  );
}

interface Case {
  readonly x: number[];
  readonly kernel: number[];
  readonly params: ConvolveParams;
  readonly dtype: DType;
}

function randomCase(): Case {
  const rank = 1 + below(3);
  const grouping = below(6);
  const groups = grouping < 2 ? 1 + below(4) : 1, batchGroups = grouping === 2 ? 1 + below(4) : 1;
  const channels = 1 + below(5), filters = 1 + below(9);
  const largeFilters = below(3) === 0;
  const axes = Array.from({ length: rank }, () => {
    const taps = largeFilters ? 4 + below(8) : 1 + below(4), dilation = 1 + below(2);
    const window = (taps - 1) * dilation + 1;
    const low = below(4) - 1, high = below(4) - 1;
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

/** Compares a convolution with the reference; says whether it is one of those without a matrix of windows. */
function check({ x, kernel, params, dtype }: Case): boolean {
  const convolve = (x: Tensor, kernel: Tensor): Tensor => bindOne(convolvePrimitive, [x, kernel], params);
  const images = quarters(x, dtype), filters = quarters(kernel, dtype);
  const found = jit(convolve)(images, filters);
  const wanted = jit(convolve, { mode: "reference" })(images, filters);
  assertEquals(found.shape, wanted.shape);
  // Products that are left out, and those with padding, decide the sign of a sum that is zero.
  const [a, b] = [found, wanted].map((tensor) => [...tensor.dataSync()].map((value) => value + 0));
  assertEquals(a, b, JSON.stringify({ x, kernel, params, dtype }));
  return isDirect({ ...params, dtype, inputShape: x, kernelShape: kernel, outputShape: found.shape });
}

Deno.test("random convolutions are exactly what the reference computes: axes, groups, strides, dilation, padding", () => {
  let direct = 0;
  for (let i = 0; i < 250; i++) if (check(randomCase())) direct++;
  assert(direct > 100, `only ${direct} of them had a kernel of their own`);
});

const plain = (rank: number): ConvolveParams => ({
  strides: new Array(rank).fill(1),
  padding: new Array(rank).fill([0, 0]),
  inputDilation: new Array(rank).fill(1),
  kernelDilation: new Array(rank).fill(1),
  groups: 1,
  batchGroups: 1,
});

Deno.test("convolutions of every form have a kernel of their own: deep, wide, depthwise, strided, of one pixel", () => {
  const cases: [string, number[], number[], Partial<ConvolveParams>][] = [
    ["deep, in several blocks of depth", [2, 150, 9, 11], [13, 150, 3, 3], { padding: [[1, 1], [1, 1]] }],
    ["depthwise", [2, 7, 13, 17], [7, 1, 3, 3], { groups: 7, padding: [[1, 1], [1, 1]] }],
    ["strided", [3, 3, 31, 33], [8, 3, 3, 3], { strides: [2, 2], padding: [[1, 1], [1, 1]] }],
    ["of one pixel", [2, 33, 7, 9], [70, 33, 1, 1], {}],
    ["few filters", [1, 5, 20, 40], [1, 5, 3, 3], {}],
    ["gradient of filters", [6, 9, 14, 13], [17, 9, 12, 11], {}],
    ["gradient of padded filters", [5, 4, 30, 29], [3, 4, 30, 29], { padding: [[1, 1], [1, 1]] }],
    ["gradient of many filters", [40, 3, 12, 12], [33, 3, 10, 10], {}],
    ["gradient of filters, depthwise", [7, 3, 13, 14], [7, 3, 11, 12], { batchGroups: 7 }],
    ["gradient of filters in groups", [6, 3, 13, 14], [10, 3, 11, 12], {
      batchGroups: 2,
      padding: [[1, 1], [1, 1]],
    }],
    ["gradient of images, depthwise and strided", [2, 5, 7, 9], [5, 1, 3, 3], {
      groups: 5,
      inputDilation: [2, 3],
      padding: [[2, 1], [1, 2]],
    }],
    ["along one axis", [3, 4, 1023], [6, 4, 17], { strides: [3], kernelDilation: [2] }],
    ["along one axis of one image, whose filters are shared", [1, 8, 2100], [29, 8, 11], {
      padding: [[5, 5]],
    }],
    ["in three dimensions", [2, 3, 6, 7, 9], [5, 3, 2, 3, 2], { strides: [1, 2, 1] }],
  ];
  for (const [name, x, kernel, params] of cases) {
    for (const dtype of ["float32", "float64"] as const) {
      assert(check({ x, kernel, params: { ...plain(x.length - 2), ...params }, dtype }), name);
    }
  }
});

Deno.test("a convolution and its gradients agree with the reference", () => {
  for (
    const options of [{}, { padding: 1 }, { stride: 2, padding: 1 }, { groups: 2 }, { dilation: 2 }, {
      groups: 2,
      stride: 2,
    }]
  ) {
    const loss = (x: Tensor, w: Tensor): Tensor => nn.conv2d(x, w, options).sin().sum();
    const groups = "groups" in options ? 2 : 1;
    const x = quarters([4, 6, 12, 13], "float32"), w = quarters([8, 6 / groups, 3, 3], "float32");
    const found = jit(grad(loss, { argnums: [0, 1] }))(x, w);
    const wanted = jit(grad(loss, { argnums: [0, 1] }), { mode: "reference" })(x, w);
    found.forEach((gradient, k) => {
      const a = gradient.dataSync(), b = wanted[k].dataSync();
      a.forEach((value, i) =>
        assert(Math.abs(value - b[i]) <= 2e-4 * Math.max(1, Math.abs(b[i])), `${value} instead of ${b[i]}`)
      );
    });
  }
});
