import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { concat, grad, jacrev, jit, pad, slice, split, stack, type Tensor, tensor, vmap } from "@damo/damo";
import { optimise } from "../../../lib/jit/passes/pipeline.ts";
import { padSums } from "../../../lib/jit/passes/pad_sums.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";

const sine = (...shape: number[]) =>
  tensor(Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1 + 3 * i)), {
    shape,
  });

function graphOf(fn: (...xs: Tensor[]) => unknown, ...args: Tensor[]): Graph {
  return optimise(jit(fn).graph(...args), { verify: true });
}

const count = (graph: Graph, name: string) =>
  graph.nodes.filter((node) => node.primitive.name === name).length;

/** Puts a along an axis of the last dimension. */
const placed = (a: Tensor, low: number, high: number) => pad(a, [[0, 0], [low, high]]);

Deno.test("sums of pieces side by side become a concatenation", async (t) => {
  const cases: [string, (a: Tensor, b: Tensor) => Tensor][] = [
    ["all of it", (a, b) => placed(a, 0, 4).add(placed(b, 3, 1)).add(placed(a.at("...", slice(0, 1)), 6, 0))],
    [
      "a gap and terms at one place",
      (a, b) => placed(a, 0, 5).add(placed(b, 5, 0)).add(placed(b.exp(), 0, 5)),
    ],
    [
      "in any order",
      (a, b) =>
        placed(b.at("...", slice(0, 2)), 3, 1).add(
          placed(a, 0, 3).add(placed(a.at("...", slice(0, 1)), 5, 0)),
        ),
    ],
  ];
  const texts = cases.map(([name, fn]) => {
    const before = jit(fn, { name }).graph(sine(2, 3), sine(2, 3));
    const after = padSums.run(before);
    verifyGraph(after);
    return `before: ${before}\nafter pad sums: ${after}`;
  });
  await t.assertSnapshot(texts.join("\n\n"));
});

Deno.test("sums that overlap, leave most of the axis empty or have too few pieces stay", () => {
  const graphs = [
    jit((a: Tensor) => placed(a, 0, 2).add(placed(a, 2, 0))).graph(sine(2, 3)),
    jit((a: Tensor) => placed(a, 0, 20).add(placed(a, 20, 0))).graph(sine(2, 3)),
    jit((a: Tensor, x: Tensor) => placed(a, 0, 3).add(x).add(placed(a, 3, 0))).graph(sine(2, 3), sine(2, 6)),
    jit((a: Tensor) => pad(a, [[1, 0], [0, 0]]).add(pad(a, [[0, 1], [0, 0]]))).graph(sine(2, 3)),
  ];
  for (const graph of graphs) assertEquals(padSums.run(graph), graph);
});

Deno.test("gradients of what was taken apart are put together", () => {
  const gates = grad((x: Tensor) => {
    const [a, b, c, d] = split(x, 4, 1);
    return a.sigmoid().mul(b.tanh()).add(c.sigmoid().mul(d)).sum();
  }) as (x: Tensor) => Tensor;
  const x = sine(5, 12);
  const graph = graphOf(gates, x);
  assertEquals([count(graph, "pad"), count(graph, "concat")], [0, 1]);
  const actual = jit(gates)(x).dataSync(), expected = jit(gates, { mode: "reference" })(x).dataSync();
  expected.forEach((value, i) => assertAlmostEquals(actual[i], value, 1e-15));
});

const functions: { readonly [name: string]: (x: Tensor) => Tensor } = {
  "rows of a Jacobian": vmap(jacrev((c: Tensor) => {
    const [a, b, d] = c;
    return stack([a.mul(b).add(d), a.sin().mul(d)]);
  })) as (x: Tensor) => Tensor,
  "pieces of different size": grad((x: Tensor) => {
    const parts = split(x, [1, 0, 2], 1);
    return parts[0].exp().sum().add(parts[2].square().sum().mul(parts[0].sum()));
  }) as (x: Tensor) => Tensor,
  "equal pieces share a kernel": (x) =>
    concat([x.exp(), x.exp().mul(2), x.sum({ axis: 1, keepDims: true }).add(x)], 1),
  "a concatenation of concatenations": (x) =>
    concat([concat([x, x.neg()], 1), x.mul(2), concat([x, x.exp()], 1)], 1),
  "many pieces": (x) => concat(Array.from({ length: 40 }, (_, i) => x.add(i)), 1),
  "pieces beside other terms": (x) => {
    const [a, b, c] = split(x, 3, 1);
    const own = (y: Tensor, low: number) => pad(y, [[0, 0], [low, 2 - low]]);
    return own(a.exp(), 0).add(x).add(own(b.sin(), 1)).add(own(c, 2));
  },
};

for (const [name, fn] of Object.entries(functions)) {
  Deno.test(`${name}: the same as node by node`, () => {
    for (const rows of [1, 3, 17, 1023]) {
      const x = sine(rows, 3);
      const actual = jit(fn)(x), expected = jit(fn, { mode: "reference" })(x);
      assertEquals(actual.shape, expected.shape);
      const a = actual.dataSync(), b = expected.dataSync();
      b.forEach((value, i) =>
        assert(Math.abs(a[i] - value) <= 1e-14 * (1 + Math.abs(value)), `${name} at ${i}`)
      );
    }
  });
}
