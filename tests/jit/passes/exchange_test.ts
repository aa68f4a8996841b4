import { assert, assertEquals } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor } from "@damo/damo";
import { exchange } from "../../../lib/jit/passes/exchange.ts";
import { type ConvolveParams, convolvePrimitive } from "../../../lib/trace/primitives/convolve.ts";
import { bindOne } from "../../../lib/trace/trace.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { below, plain, quarters } from "../wasm/convolution_cases.ts";

/** The spatial sizes of the filters of a graph's convolutions. */
function filtersOf(graph: Graph): number[][] {
  return graph.nodes.filter((node) => node.primitive.name === "convolve")
    .map((node) => node.inputs[1].aval.shape.slice(2));
}

Deno.test("filters larger than the images change places with them, and mean the same", () => {
  for (let i = 0; i < 60; i++) {
    const axes = Array.from({ length: 1 + below(3) }, () => {
      const size = 1 + below(4), every = 1 + below(2), taps = 3 + below(6);
      const span = (size - 1) * every + 1, low = below(taps + 2) - 1;
      return { size, every, taps, low, high: Math.max(taps - span - low, below(taps + 2) - 1) };
    });
    const params: ConvolveParams = {
      ...plain(axes.length),
      padding: axes.map(({ low, high }) => [low, high] as const),
      inputDilation: axes.map(({ every }) => every),
    };
    const convolve = (x: Tensor, w: Tensor): Tensor => bindOne(convolvePrimitive, [x, w], params);
    const x = quarters([1 + below(3), 1 + below(4), ...axes.map(({ size }) => size)], "float32");
    const w = quarters([1 + below(9), x.shape[1], ...axes.map(({ taps }) => taps)], "float32");
    const graph = jit(convolve).graph(x, w), after = exchange.run(graph);
    const product = (list: number[]): number => list.reduce((a, b) => a * b, 1);
    const [sizes, taps] = [x.shape.slice(2), w.shape.slice(2)];
    assertEquals(filtersOf(after), [x.shape[1] * (product(taps) - product(sizes)) >= 64 ? sizes : taps]);
    const found = jit(convolve)(x, w), wanted = jit(convolve, { mode: "reference" })(x, w);
    assertEquals(found.shape, wanted.shape);
    const [a, b] = [found, wanted].map((t) => [...t.dataSync()].map((value) => Number(value) + 0));
    assertEquals(a, b, JSON.stringify({ x: x.shape, w: w.shape, params }));
  }
});

Deno.test("what would not gain stays: strides, groups, filters that are hardly larger", () => {
  const of = (params: Partial<ConvolveParams>, x: number[], w: number[]): Graph =>
    exchange.run(
      jit((x: Tensor, w: Tensor) => bindOne(convolvePrimitive, [x, w], { ...plain(2), ...params }))
        .graph(quarters(x, "float32"), quarters(w, "float32")),
    );
  const padding = [[7, 7], [7, 7]] as const;
  assertEquals(filtersOf(of({ padding }, [1, 2, 3, 3], [3, 2, 8, 8])), [[3, 3]]);
  assertEquals(filtersOf(of({ padding, strides: [2, 1] }, [1, 2, 3, 3], [3, 2, 8, 8])), [[8, 8]]);
  assertEquals(filtersOf(of({ padding, kernelDilation: [2, 1] }, [1, 2, 3, 3], [3, 2, 8, 8])), [[8, 8]]);
  assertEquals(filtersOf(of({ padding, groups: 2 }, [1, 4, 3, 3], [4, 2, 8, 8])), [[8, 8]]);
  assertEquals(filtersOf(of({ padding }, [1, 2, 6, 6], [3, 2, 8, 8])), [[8, 8]]);
  assertEquals(filtersOf(of({ padding }, [1, 3, 6, 6], [3, 3, 8, 8])), [[6, 6]]);
});

Deno.test("the second derivative of a convolution has no filters as large as images", () => {
  const x = quarters([3, 4, 9, 8], "float64"), w = quarters([3, 4, 3, 3], "float64");
  const loss = (x: Tensor, w: Tensor): Tensor => nn.conv2d(x, w).mul(0.1).sin().sum();
  const penalty = grad(
    (x: Tensor, w: Tensor) =>
      grad(loss, { argnums: [0, 1] })(x, w).reduce(
        (sum, g) => sum.add(g.square().sum()),
        tensor(0, { dtype: "float64" }),
      ),
    { argnums: [0, 1] },
  );
  const compiled = jit(penalty);
  const found = compiled(x, w), wanted = jit(penalty, { mode: "reference" })(x, w);
  found.forEach((gradient, k) => {
    const a = gradient.dataSync(), b = wanted[k].dataSync();
    a.forEach((value, i) => assert(Math.abs(value - b[i]) <= 1e-11 * Math.max(1, Math.abs(b[i]))));
  });
  // Derivatives of gradients with respect to filters have such ones.
  for (const node of exchange.run(compiled.graph(x, w)).nodes) {
    if (node.primitive.name !== "convolve") continue;
    const [images, filters] = node.inputs.map((v) => v.aval.shape.slice(2).reduce((a, b) => a * b, 1));
    assert(filters <= images, `${filters} of ${images}`);
  }
});
