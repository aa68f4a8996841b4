/** Each pass on graphs that show what it is for, before and after. */
import { assert } from "@std/assert";
import { grad, jit, nn, type Tensor, tensor, zeros } from "@damo/damo";
import { exchange } from "../../../lib/jit/passes/exchange.ts";
import { fold } from "../../../lib/jit/passes/fold.ts";
import { merge } from "../../../lib/jit/passes/merge.ts";
import { optimise, prune } from "../../../lib/jit/passes/pipeline.ts";
import { simplify } from "../../../lib/jit/passes/simplify.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import type { Pass } from "../../../lib/trace/rewrite.ts";
import { stabilise } from "../../../lib/trace/stabilise.ts";
import { verifyGraph } from "../../../lib/trace/verify.ts";

type Body = (...xs: Tensor[]) => unknown;

function graphOf(name: string, fn: Body, ...args: Tensor[]): Graph {
  return jit(fn, { name }).graph(...args);
}

async function show(t: Deno.TestContext, pass: Pass, graphs: readonly Graph[]): Promise<void> {
  const texts = graphs.map((graph) => {
    const after = pass.run(graph);
    verifyGraph(after);
    assert(after !== graph, `${pass.name} left ${graph.name} as it was`);
    return `before: ${graph}\nafter ${pass.name}: ${prune.run(after)}`;
  });
  await t.assertSnapshot(texts.join("\n\n"));
}

const x = zeros([2, 3]), v = zeros([3]), labels = tensor(new Int32Array(2));

Deno.test("fold computes with constants when the program is compiled", async (t) => {
  await show(t, fold, [
    graphOf("scalars", (x) => x.mul(zeros([]).add(3).mul(2).exp()), x),
    graphOf("filled", (x) => x.add(zeros([2, 3]).add(1).mul(4)), x),
  ]);
});

Deno.test("simplify applies the rules of algebra, views and sums", async (t) => {
  await show(t, simplify, [
    graphOf("neutral", (x) => x.add(0).mul(1).sub(0).div(1), x),
    graphOf("double negation", (x) => x.neg().neg().sub(x.neg()), x),
    graphOf("powers", (x) => x.pow(2).add(x.pow(1)).add(x.pow(3)), x),
    graphOf("scaled sum", (x) => x.mul(3).sum(), x),
    graphOf("transposed product", (x, v) => x.transpose().transpose().matmul(v), x, v),
    graphOf("chain of views", (x) => x.reshape([6]).reshape([3, 2]).transpose().transpose(), x),
    graphOf("explicit broadcast", (x, v) => x.add(v.broadcastTo([2, 3])), x, v),
    graphOf("sum of sums", (x) => x.sum({ axis: 1 }).sum(), x),
  ]);
});

Deno.test("merge computes equal nodes once", async (t) => {
  await show(t, merge, [graphOf("twice", (x) => x.exp().add(1).mul(x.exp().add(1)), x)]);
});

Deno.test("exchange lets filters that are larger than the images change places with them", async (t) => {
  await show(t, exchange, [
    graphOf("full", (x, w) => nn.conv2d(x, w, { padding: 7 }), zeros([1, 2, 3, 3]), zeros([4, 2, 8, 8])),
  ]);
});

Deno.test("prune drops what nothing needs", async (t) => {
  await show(t, prune, [graphOf("unused", (x) => (x.exp().sum(), x.add(1)), x)]);
});

Deno.test("stabilise knows softplus, sigmoids, sums of exponentials and softmax under a logarithm", async (t) => {
  await show(t, stabilise, [
    graphOf("log(1 + exp(x))", (x) => x.exp().add(1).log(), v),
    graphOf("log(sigmoid(x))", (x) => x.sigmoid().log(), v),
    graphOf("log(1 - sigmoid(x))", (x) => x.sigmoid().neg().add(1).log(), v),
    graphOf("log(exp(x) + exp(y))", (x, y) => x.exp().add(y.exp()).log(), v, v.add(1)),
    graphOf("log(sum(exp(x)))", (x) => x.exp().sum({ axis: 1 }).log(), x),
    graphOf("log(softmax(x))", (x) => nn.softmax(x).log(), x),
    graphOf(
      "Theano's cross-entropy",
      (x, y) => nn.softmax(x).at(tensor(new Int32Array([0, 1])), y).log().mean().neg(),
      x,
      labels,
    ),
    graphOf("1 / (1 + exp(-x))", (x) => x.neg().exp().add(1).reciprocal(), v),
    graphOf("exp(x) - 1", (x) => x.exp().sub(1), v),
  ]);
});

Deno.test("gradients of textbook functions are as short as on paper", async (t) => {
  const cases: [string, (x: Tensor) => Tensor][] = [
    ["x ** 2", (x) => x.pow(2).sum()],
    ["tanh x", (x) => x.tanh().sum()],
    ["exp x", (x) => x.exp().sum()],
    ["log x", (x) => x.log().sum()],
    ["1 / x", (x) => x.reciprocal().sum()],
    ["sigmoid x", (x) => x.sigmoid().sum()],
    ["sin x", (x) => x.sin().sum()],
    ["mean of squares", (x) => x.square().mean()],
    ["logsumexp", (x) => x.logsumexp()],
    ["x . x", (x) => x.dot(x)],
    ["relu", (x) => nn.relu(x).sum()],
    ["sqrt(1 + x ** 2)", (x) => x.square().add(1).sqrt().sum()],
  ];
  const texts = cases.map(([name, fn]) => {
    const graph = optimise(jit(grad(fn) as unknown as Body, { name }).graph(v), { verify: true });
    return `${graph.nodes.filter((node) => node.primitive.name !== "constant").length} nodes: ${graph}`;
  });
  await t.assertSnapshot(texts.join("\n\n"));
});

Deno.test("stable forms stay finite where the written ones overflow, and so do their gradients", () => {
  const big = tensor([-1e4, -100, 0, 100, 1e4]);
  const functions: Body[] = [
    (x) => x.exp().add(1).log(),
    (x) => x.sigmoid().log(),
    (x) => x.sigmoid().neg().add(1).log(),
    (x) => x.exp().add(x.mul(2).exp()).log(),
    (x) => x.exp().sum().log(),
    (x) => nn.softmax(x).log(),
  ];
  for (const fn of functions) {
    const value = (jit(fn)(big) as Tensor).dataSync();
    assert([...value].every(Number.isFinite), `${fn}: ${value}`);
    const slope = jit(grad((x: Tensor) => (fn(x) as Tensor).sum()))(big).dataSync();
    assert([...slope].every(Number.isFinite), `gradient of ${fn}: ${slope}`);
  }
});
