import { assert, assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor } from "@damo/damo";
import { isDirect } from "../../../lib/jit/wasm/convolve/mod.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { bindOne } from "../../../lib/trace/trace.ts";
import { type Case, plain, quarters, randomCase } from "./convolution_cases.ts";

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

Deno.test("convolutions of every form have a kernel of their own: deep, wide, depthwise, strided, of one pixel", () => {
  const cases: [string, number[], number[], Partial<ConvolveParams>][] = [
    ["deep, in several blocks of depth", [2, 150, 9, 11], [13, 150, 3, 3], { padding: [[1, 1], [1, 1]] }],
    ["depthwise", [2, 7, 13, 17], [7, 1, 3, 3], { groups: 7, padding: [[1, 1], [1, 1]] }],
    ["strided", [3, 3, 31, 33], [8, 3, 3, 3], { strides: [2, 2], padding: [[1, 1], [1, 1]] }],
    ["of one pixel", [2, 33, 7, 9], [70, 33, 1, 1], {}],
    ["few filters", [1, 5, 20, 40], [1, 5, 3, 3], {}],
    ["gradient of filters", [6, 9, 14, 13], [17, 9, 12, 11], {}],
    ["gradient of padded filters", [5, 4, 30, 29], [3, 4, 30, 29], { padding: [[1, 1], [1, 1]] }],
    ["gradient of filters over small images", [9, 7, 7, 7], [13, 7, 7, 7], { padding: [[1, 1], [1, 1]] }],
    ["gradient of filters, in blocks of taps", [5, 3, 21, 23], [6, 3, 23, 24], {
      padding: [[4, 3], [3, 4]],
    }],
    ["gradient of filters of strided convolutions", [5, 3, 9, 9], [6, 3, 5, 5], {
      padding: [[2, 3], [2, 2]],
      kernelDilation: [2, 2],
      strides: [2, 1],
    }],
    ["gradient of filters, in groups and padded", [6, 3, 7, 7], [10, 3, 6, 7], {
      batchGroups: 2,
      padding: [[2, 1], [1, 1]],
    }],
    ["gradient of filters in three dimensions", [4, 3, 5, 6, 7], [5, 3, 5, 5, 6], {
      padding: [[1, 1], [1, 1], [1, 1]],
    }],
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
    ["gradient of images", [3, 9, 12, 11], [10, 9, 5, 5], { padding: [[4, 4], [4, 4]] }],
    ["gradient of images, in several blocks of depth", [2, 60, 10, 13], [7, 60, 5, 5], {
      padding: [[4, 4], [4, 4]],
    }],
    ["small images of deep padding", [64, 5, 4, 4], [8, 5, 5, 5], { padding: [[2, 2], [2, 2]] }],
    ["outputs beyond the image", [9, 5, 4, 9], [8, 5, 3, 3], { padding: [[7, 5], [1, 6]] }],
    ["padded, strided and dilated", [9, 5, 9, 9], [8, 5, 4, 3], {
      padding: [[6, 5], [1, 6]],
      strides: [2, 3],
      kernelDilation: [3, 2],
    }],
    ["padded in three dimensions", [2, 3, 6, 7, 9], [5, 3, 3, 3, 3], { padding: [[2, 2], [1, 2], [0, 2]] }],
    ["depthwise with deep padding", [2, 7, 6, 17], [14, 1, 5, 5], { groups: 7, padding: [[4, 4], [3, 4]] }],
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
