import { assert, assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor } from "@damo/damo";
import { bindOne } from "../../../lib/trace/trace.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { optimise } from "../../../lib/jit/passes/pipeline.ts";

function noise(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  let state = seed;
  const data = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return tensor(data, { shape: [...shape] });
}

interface Case {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly params: Partial<ConvolveParams>;
}

const CASES: readonly Case[] = [
  { x: [5, 3, 17, 13], kernel: [8, 3, 5, 3], params: {} },
  { x: [5, 3, 17, 13], kernel: [8, 3, 5, 3], params: { padding: [[2, 1], [0, 3]], strides: [2, 3] } },
  { x: [4, 16, 9, 9], kernel: [4, 16, 5, 5], params: { padding: [[4, 4], [4, 4]] } },
  { x: [4, 16, 9, 9], kernel: [4, 16, 3, 3], params: { padding: [[2, 2], [2, 2]], inputDilation: [2, 3] } },
  { x: [4, 16, 9, 9], kernel: [4, 16, 3, 3], params: { padding: [[5, 1], [-1, 6]], kernelDilation: [3, 2] } },
  { x: [4, 3, 9, 9], kernel: [8, 3, 3, 3], params: { strides: [2, 2], inputDilation: [3, 2] } },
  { x: [4, 3, 9, 9], kernel: [8, 3, 3, 3], params: { padding: [[-2, 3], [4, -1]] } },
  { x: [3, 8, 11, 11], kernel: [12, 4, 3, 3], params: { groups: 2, padding: [[1, 1], [1, 1]] } },
  { x: [6, 8, 11, 11], kernel: [12, 8, 3, 3], params: { batchGroups: 3, padding: [[1, 1], [1, 1]] } },
  { x: [6, 24, 7, 7], kernel: [12, 24, 3, 3], params: { batchGroups: 2, padding: [[2, 2], [2, 2]] } },
  { x: [7, 5, 400], kernel: [6, 5, 9], params: { strides: [2], kernelDilation: [3] } },
  { x: [2, 3, 7, 8, 9], kernel: [6, 3, 2, 3, 2], params: { strides: [1, 2, 1] } },
];

function withDefaults(axes: number, params: Partial<ConvolveParams>): ConvolveParams {
  const ones = Array.from({ length: axes }, () => 1);
  return {
    strides: ones,
    padding: ones.map(() => [0, 0] as const),
    inputDilation: ones,
    kernelDilation: ones,
    groups: 1,
    batchGroups: 1,
    ...params,
  };
}

Deno.test("convolutions as products are what the reference computes, for every parameter", () => {
  for (const { x, kernel, params } of CASES) {
    const full = withDefaults(x.length - 2, params);
    const convolve = (x: Tensor, kernel: Tensor) => bindOne(convolvePrimitive, [x, kernel], full);
    const images = noise(x, 1), filters = noise(kernel, 2);
    const compiled = jit(convolve);
    const graph = optimise(compiled.graph(images, filters), { verify: true });
    assert(!graph.nodes.some((node) => node.primitive.name === "convolve"), JSON.stringify({ x, params }));
    const found = compiled(images, filters), wanted = jit(convolve, { mode: "reference" })(images, filters);
    assertEquals(found.shape, wanted.shape);
    const sum = kernel.slice(1).reduce((a, b) => a * b, 1);
    const a = found.dataSync(), b = wanted.dataSync();
    a.forEach((value, i) => {
      assert(
        Math.abs(value - b[i]) <= 4e-7 * sum,
        `${value} instead of ${b[i]} at ${i}, ${JSON.stringify(params)}`,
      );
    });
  }
});

Deno.test("gradients of a convolution are products too", () => {
  const loss = (x: Tensor, w: Tensor) => nn.conv2d(x, w, { padding: 1 }).sin().sum();
  const slope = jit((x: Tensor, w: Tensor) => grad(loss, { argnums: [0, 1] })(x, w));
  const x = noise([8, 4, 12, 12], 3), w = noise([8, 4, 3, 3], 4);
  const graph = optimise(slope.graph(x, w), { verify: true });
  assert(!graph.nodes.some((node) => node.primitive.name === "convolve"));
  const reference = jit(grad(loss, { argnums: [0, 1] }), { mode: "reference" });
  const found = slope(x, w), wanted = reference(x, w);
  [0, 1].forEach((k) => {
    const a = found[k].dataSync(), b = wanted[k].dataSync();
    a.forEach((value, i) => assert(Math.abs(value - b[i]) <= 2e-4, `${value} instead of ${b[i]}`));
  });
});

Deno.test("many images are done in parts, and small convolutions stay as they are", () => {
  const big = jit((x: Tensor, w: Tensor) => nn.conv2d(x, w));
  const x = noise([5, 16, 120, 120], 5), w = noise([32, 16, 5, 5], 6);
  const graph = optimise(big.graph(x, w), { verify: true });
  assertEquals(graph.nodes.filter((node) => node.primitive.name === "contract").length, 2);
  const found = big(x, w).at(3, 2, 50, 60).itemSync() as number;
  const [images, filters] = [x.dataSync(), w.dataSync()];
  let wanted = 0;
  for (let c = 0; c < 16; c++) {
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) {
        wanted += images[((3 * 16 + c) * 120 + 50 + i) * 120 + 60 + j] *
          filters[((2 * 16 + c) * 5 + i) * 5 + j];
      }
    }
  }
  assert(Math.abs(found - wanted) < 1e-4);
  const small = optimise(
    jit((x: Tensor, w: Tensor) => nn.conv2d(x, w)).graph(noise([1, 1, 8, 8], 7), noise([2, 1, 3, 3], 8)),
  );
  assert(small.nodes.some((node) => node.primitive.name === "convolve"));
});
