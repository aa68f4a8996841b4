/** Gradients beside their functions: what differentiation costs. */
import { grad, hvp, jit, nn, random, type Tensor, tensor } from "@damo/damo";

const key = random.key(0);

function normal(shape: number[], i: number, std = 0.1): Tensor {
  return random.normal(random.foldIn(key, i), shape, { std });
}

const x = normal([128, 256], 0, 1), labels = tensor(Int32Array.from({ length: 128 }, (_, i) => i % 10));
const weights = [normal([256, 256], 1), normal([256, 256], 2), normal([256, 10], 3)];

function mlp(w: Tensor[]): Tensor {
  const h = nn.relu(x.matmul(w[0]));
  return nn.crossEntropy(nn.relu(h.matmul(w[1])).matmul(w[2]), labels);
}

const blocks = Array.from({ length: 8 }, (_, i) => normal([256, 256], i + 10, 0.05));

function residualNet(w: Tensor[]): Tensor {
  let h = x;
  for (const block of w) h = h.add(h.matmul(block).tanh());
  return h.square().mean();
}

const long = normal([1_000_000], 30, 1);
const small = normal([1024], 31, 0.1);

function chain(v: Tensor): Tensor {
  let h = v;
  for (let i = 0; i < 1000; i++) h = h.mul(0.999).add(h.square().mul(0.001));
  return h.sum();
}

function pair<A>(name: string, fn: (a: A) => Tensor, argument: A): void {
  const value = jit(fn as (a: unknown) => Tensor, { name }),
    slope = jit(grad(fn as (a: Tensor) => Tensor) as (a: unknown) => unknown);
  value(argument);
  slope(argument);
  Deno.bench({ name, group: name, baseline: true, fn: () => void value(argument) });
  Deno.bench({ name: `gradient of ${name}`, group: name, fn: () => void slope(argument) });
}

pair("MLP 256-256-256-10, batch 128", mlp, weights);
pair("residual net of 8 blocks", residualNet, blocks);
pair("logsumexp of 1M", (v: Tensor) => v.logsumexp(), long);
pair("chain of 3,000 operations on 1,024 numbers", chain, small);

const cost = (w: Tensor) => x.matmul(w).tanh().square().mean();
const w = weights[0], direction = normal([256, 256], 40);
const slope = jit(grad(cost)), curvature = jit((p: Tensor, v: Tensor) => hvp(cost, [p], [v]));
Deno.bench({ name: "gradient for hvp", group: "hvp", baseline: true, fn: () => void slope(w) });
Deno.bench({ name: "hvp", group: "hvp", fn: () => void curvature(w, direction) });
