/** The figures of the spine: matmul, a fused chain, the cost of a call, training steps. */
import { grad, init, jit, matmul, Profile, shared, type Tensor, tensor } from "@damo/damo";
import { mlpStep } from "./mlp_step.ts";

// Figures of one thread; those of all threads are in kernels_bench.ts.
await init({ device: "wasm", threads: 1 });

function randomTensor(shape: number[], seed = 1): Tensor {
  let state = seed;
  const length = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296 - 0.5;
  });
  return tensor(data, { shape });
}

const a512 = randomTensor([512, 512]), b512 = randomTensor([512, 512], 2), b510 = randomTensor([512, 510], 3);
const products: [string, (a: Tensor, b: Tensor) => Tensor, Tensor][] = [
  ["matmul 512 NN", (a, b) => matmul(a, b), b512],
  ["matmul 512 NT", (a, b) => matmul(a, b.transpose()), b512],
  ["matmul 512 TN", (a, b) => matmul(a.transpose(), b), b512],
  ["matmul 512 TT", (a, b) => matmul(a.transpose(), b.transpose()), b512],
  ["matmul 512x512x510", (a, b) => matmul(a, b), b510],
];
products.forEach(([name, fn, b], i) => {
  const f = jit(fn, { name });
  Deno.bench({ name, group: "matmul", baseline: i === 0, fn: () => void f(a512, b) });
});

const million = randomTensor([1_000_000], 4);
const chain = jit((x: Tensor) => x.mul(2).add(1).tanh().mul(x.square().neg().exp()).add(x.sin()), {
  name: "chain",
});
Deno.bench({ name: "chain of 1M", group: "elementwise", fn: () => void chain(million) });

const eight = randomTensor([8], 5), other = randomTensor([8], 6);
const addition = jit((x: Tensor, y: Tensor) => x.add(y), { name: "addition" });
Deno.bench({
  name: "z = x + y on 8 numbers, 1,000 calls",
  group: "call",
  fn: () => {
    for (let i = 0; i < 1000; i++) addition(eight, other);
  },
});

const X = randomTensor([100, 10], 7), y = randomTensor([100], 8);
const w = shared(new Float32Array(10), { name: "w" });
const regression = jit((x: Tensor, target: Tensor, rate: number) => {
  const cost = x.dot(w.value).sub(target).square().mean();
  w.value = w.value.sub((grad(cost, w) as Tensor).mul(rate));
  return cost;
}, { name: "regression" });
Deno.bench({
  name: "linear regression 100x10, 1,000 steps",
  group: "training",
  fn: () => {
    for (let i = 0; i < 1000; i++) regression(X, y, 0.01);
  },
});

const images = randomTensor([128, 784], 9);
const labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));

const weights = [[784, 512], [512, 512], [512, 10]].map((shape, i) => randomTensor(shape, i + 10).mul(0.1));
const step = mlpStep(weights), profiled = mlpStep(weights, { profile: new Profile() });
Deno.bench({ name: "MLP 784-512-512-10 step, batch 128", group: "mlp", fn: () => void step(images, labels) });
Deno.bench({ name: "the same step with a profile", group: "mlp", fn: () => void profiled(images, labels) });
