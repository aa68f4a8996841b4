/** What derivatives look like as graphs, and what they cost. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { grad, hvp, jit, logsumexp, norm, prod, type Tensor, tensor, valueAndGrad, where } from "@damo/damo";
import { optimise } from "../../lib/jit/passes/pipeline.ts";
import { traceFunction } from "../../lib/trace/trace.ts";
import { TestRandom } from "../support/random.ts";
import { countOperations } from "./operation_count.ts";

const scalar = tensor(1), vector = tensor([1, 2, 3]), matrix = tensor([[1, 2, 3], [4, 5, 6]]);

/** The simplified graph of a jitted function on arguments like these. */
function graphOf(fn: (...args: Tensor[]) => unknown, ...args: Tensor[]) {
  return optimise(jit(fn as (...args: Tensor[]) => Tensor).graph(...args));
}

const TEXTBOOK: { readonly [name: string]: [(x: Tensor) => Tensor, Tensor] } = {
  "x^2 written as square": [(x) => x.square(), scalar],
  "x^2 written as pow": [(x) => x.pow(2), scalar],
  "x^2 written as a product": [(x) => x.mul(x), scalar],
  "x^3": [(x) => x.pow(3), scalar],
  "e^x": [(x) => x.exp(), scalar],
  "log x": [(x) => x.log(), scalar],
  "1 / x": [(x) => x.reciprocal(), scalar],
  "sigmoid": [(x) => x.sigmoid(), scalar],
  "sum of tanh": [(x) => x.tanh().sum(), vector],
  "mean of squares": [(x) => x.square().mean(), vector],
  "relu": [(x) => where(x.gt(0), x, 0).sum(), vector],
  "logsumexp": [(x) => logsumexp(x), vector],
  "norm": [(x) => norm(x), vector],
  "prod": [(x) => prod(x), vector],
  "quadratic form": [(x) => x.dot(x), vector],
  "least squares": [(w) => w.dot(vector).sub(1).square().sum(), matrix],
};

Deno.test("gradients of textbook functions are clean graphs", async (t) => {
  const text = Object.entries(TEXTBOOK).map(([name, [fn, x]]) => {
    const f = (x: Tensor) => fn(x);
    return `${name}\n${String(graphOf((y) => grad(f)(y), x))}`;
  });
  await t.assertSnapshot(text.join("\n\n"));
});

Deno.test("the gradient of x^2 is one multiplication, however x^2 is written", () => {
  for (const name of Object.keys(TEXTBOOK).filter((key) => key.startsWith("x^2"))) {
    const graph = graphOf((x) => grad(TEXTBOOK[name][0])(x), scalar);
    const work = graph.nodes.filter((node) => node.primitive.name !== "constant");
    assert(work.length === 1 && work[0].primitive.name === "mul", String(graph));
  }
});

function random(shape: number[], seed: number): Tensor {
  const generator = new TestRandom(seed);
  const size = shape.reduce((product, n) => product * n, 1);
  return tensor(Float32Array.from({ length: size }, () => 0.3 * generator.normal()), { shape });
}

/** Functions of one flat list of parameters and data, of which the first `count` are differentiated. */
interface Program {
  readonly name: string;
  readonly fn: (...args: Tensor[]) => Tensor;
  readonly args: Tensor[];
  readonly count: number;
}

function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  return logsumexp(logits, { axis: 1 }).sub(logits.mul(labels).sum({ axis: 1 })).mean();
}

const PROGRAMS: readonly Program[] = [
  {
    name: "MLP",
    fn: (w1, b1, w2, b2, w3, b3, x, y) => {
      const h1 = x.dot(w1).add(b1).tanh();
      const h2 = h1.dot(w2).add(b2).maximum(0);
      return crossEntropy(h2.dot(w3).add(b3), y);
    },
    args: [[20, 30], [30], [30, 30], [30], [30, 10], [10], [32, 20], [32, 10]].map(random),
    count: 6,
  },
  {
    name: "residual net",
    fn: (w1, w2, w3, w4, x) => [w1, w2, w3, w4].reduce((h, w) => h.add(h.dot(w).tanh()), x).square().mean(),
    args: [[24, 24], [24, 24], [24, 24], [24, 24], [16, 24]].map(random),
    count: 4,
  },
  { name: "logsumexp", fn: (x) => logsumexp(x), args: [random([1000], 1)], count: 1 },
  {
    name: "chain of 1,000",
    fn: (x) => {
      for (let i = 0; i < 250; i++) x = x.sin().mul(1.1).add(0.2).tanh();
      return x.sum();
    },
    args: [random([5], 1)],
    count: 1,
  },
];

Deno.test("a value with its gradient costs at most four times the function, in counted operations", () => {
  for (const { name, fn, args, count } of PROGRAMS) {
    const argnums = Array.from({ length: count }, (_, i) => i);
    const plain = countOperations(graphOf(fn, ...args));
    const both = countOperations(graphOf((...all) => valueAndGrad(fn, { argnums })(...all), ...args));
    const alone = countOperations(graphOf((...all) => grad(fn, { argnums })(...all), ...args));
    console.log(
      `${name}: function ${plain}, gradient ${alone} (${(alone / plain).toFixed(2)} times), with value ${
        (both / plain).toFixed(2)
      } times`,
    );
    assert(both <= 4 * plain, `${name}: ${both} operations for ${plain}`);
  }
});

Deno.test("hvp costs at most four times grad, in counted operations", () => {
  for (const { name, fn, args, count } of PROGRAMS) {
    const argnums = Array.from({ length: count }, (_, i) => i);
    const gradient = countOperations(graphOf((...all) => grad(fn, { argnums })(...all), ...args));
    const product = countOperations(graphOf(
      (...all) => {
        const rest = all.slice(count, args.length);
        const loss = (...moving: Tensor[]) => fn(...moving, ...rest);
        return hvp(loss, all.slice(0, count), all.slice(args.length));
      },
      ...args,
      ...args.slice(0, count),
    ));
    console.log(`${name}: hvp ${(product / gradient).toFixed(2)} times grad`);
    assert(product <= 4 * gradient, `${name}: ${product} operations for ${gradient}`);
  }
});

Deno.test("nothing is computed that no output needs", () => {
  const f = (x: Tensor, y: Tensor) => x.mul(y).sum().add(y.exp().sum());
  const graph = graphOf((x, y) => grad(f)(x, y), vector, vector);
  const names = graph.nodes.map((node) => node.primitive.name);
  assert(!names.includes("exp") && !names.includes("mul") && !names.includes("sum"), String(graph));
});

Deno.test("gradients of a chain of 100,000 operations are found without recursion, and grow by the same few nodes for each", () => {
  const chain = (length: number) => (x: Tensor): Tensor => {
    for (let i = 0; i < length; i++) x = x.sin();
    return x;
  };
  const nodes = (length: number): number => {
    const aval = { shape: [], dtype: "float32" } as const;
    return traceFunction(([x]) => [grad(chain(length))(x)], [aval]).graph.nodes.length;
  };
  // A sine and its cosine each, and their products on the way back.
  assertEquals(nodes(100_000) - nodes(50_000), 50 * (nodes(2_000) - nodes(1_000)));
  const value = valueAndGrad((x: Tensor) => chain(2_000)(x))(tensor(1, { dtype: "float64" }));
  let x = 1, slope = 1;
  for (let i = 0; i < 2_000; i++) [x, slope] = [Math.sin(x), slope * Math.cos(x)];
  assertAlmostEquals(value[0].itemSync() as number, x, 1e-9);
  assertAlmostEquals(value[1].itemSync() as number, slope, 1e-9);
});
