/**
 * `deno run bench/first_call.ts NAME`: milliseconds of the first call of one program in this process, which has compiled
 * nothing before. bench/main.ts starts it several times and takes the least.
 */
import { grad, jit, type Tensor, tensor } from "@damo/damo";
import { mlpStep } from "./mlp_step.ts";

/** Prepares a program; what it returns is timed. */
const programs: { readonly [name: string]: () => () => void } = {
  "MLP step": prepareMlpStep,
  "10,000 sin": () => chain(10_000, (x) => x.sin()),
  "100,000 sin": () => chain(100_000, (x) => x.sin()),
  "10,000 mul": () => chain(10_000, (x, y) => x.mul(y)),
  "100,000 mul": () => chain(100_000, (x, y) => x.mul(y)),
  "gradient of 10,000 sin": () => gradientOfChain(10_000, (x) => x.sin()),
  "gradient of 100,000 sin": () => gradientOfChain(100_000, (x) => x.sin()),
  "gradient of 10,000 mul": () => gradientOfChain(10_000, (x, y) => x.mul(y)),
  "gradient of 100,000 mul": () => gradientOfChain(100_000, (x, y) => x.mul(y)),
};

type Link = (x: Tensor, y: Tensor) => Tensor;

function applyChain(length: number, link: Link, x: Tensor, y: Tensor): Tensor {
  for (let i = 0; i < length; i++) x = link(x, y);
  return x;
}

function chain(length: number, link: Link): () => void {
  const f = jit((x: Tensor, y: Tensor) => applyChain(length, link, x, y));
  const x = tensor([0.5, 1]), y = tensor([0.999, 1.001]);
  return () => void f(x, y).dataSync();
}

function gradientOfChain(length: number, link: Link): () => void {
  const f = jit(grad((x: Tensor, y: Tensor) => applyChain(length, link, x, y).sum()));
  const x = tensor([0.5, 1]), y = tensor([0.999, 1.001]);
  return () => void (f(x, y) as Tensor).dataSync();
}

function prepareMlpStep(): () => void {
  const weights = [[784, 512], [512, 512], [512, 10]].map((shape) =>
    tensor(new Float32Array(shape[0] * shape[1]).fill(0.01), { shape })
  );
  const images = tensor(new Float32Array(128 * 784).fill(0.5), { shape: [128, 784] });
  const labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
  const step = mlpStep(weights);
  return () => void step(images, labels).itemSync();
}

const run = programs[Deno.args[0]]();
const started = performance.now();
run();
console.log(performance.now() - started);
