/** Loops: a recurrent net forward and backward, tiny loops of many steps, nested loops and a Markov chain. */
import { grad, init, jit, loop, scan, type Tensor, tensor, whileLoop, zeros } from "@damo/damo";
import { compileChain, DIMENSIONS } from "./loops/monte_carlo.ts";
import { fmaLimit } from "./limits.ts";
import { BATCH, compileGradients, normal, recurrent, STATE } from "./loops/recurrent.ts";

await init({ threads: 1 });

Deno.bench({ name: "limit: multiply-add, one thread", group: "loops", fn: () => void fmaLimit() });

const W = normal([STATE, STATE], 1), U = normal([STATE, STATE], 2), xs = normal([100, BATCH, STATE], 3);
const forward = jit(recurrent, { name: "rnn" }), backward = compileGradients();
Deno.bench({
  name: "RNN 32x128, T = 100, forward",
  group: "loops",
  fn: () => void forward(xs, W, U).dataSync(),
});
Deno.bench({
  name: "RNN 32x128, T = 100, with backward",
  group: "loops",
  fn: () => void backward(xs, W, U)[0].dataSync(),
});
Deno.bench({
  name: "RNN 32x128, T = 100, with backward, first call",
  group: "loops",
  n: 3,
  warmup: 0,
  fn: (bench) => {
    const fresh = compileGradients();
    bench.start();
    fresh(xs, W, U)[0].dataSync();
    bench.end();
  },
});

const half = tensor(0.5);

const tenMillion = jit((x: Tensor) =>
  scan((c: Tensor) => [c.mul(0.999999).add(1e-6), undefined], x, undefined, { length: 10_000_000 })[0]
);
Deno.bench({
  name: "scan of 10,000,000 steps",
  group: "loops",
  n: 5,
  warmup: 1,
  fn: () => void tenMillion(half).dataSync(),
});

const search = jit((x: Tensor) => whileLoop((c: Tensor) => c.lt(1), (c: Tensor) => c.add(1e-6), x));
const zero = zeros([], { dtype: "float64" });
Deno.bench({
  name: "while of 1,000,000 steps",
  group: "loops",
  fn: () => void search(zero).dataSync(),
});

const nested = jit((n: Tensor) => {
  const sum = loop.state(0);
  for (const i of loop.range(n)) {
    for (const j of loop.range(i)) sum.value = sum.value.mul(0.5).add(j);
  }
  return sum.value;
});
const thousand = tensor(1000, { dtype: "int32" });
Deno.bench({
  name: "nested loops, 1,000 of 0 to 999 steps",
  group: "loops",
  fn: () => void nested(thousand).dataSync(),
});

const power = (x: Tensor): Tensor =>
  scan((c: Tensor) => [c.mul(x).add(1e-6).sin(), undefined], x, undefined, { length: 100_000 })[0];
const slope = jit(grad(power));
Deno.bench({
  name: "gradient of a scan of 100,000 steps",
  group: "loops",
  fn: () => void slope(half).dataSync(),
});

const decay = (x: Tensor): Tensor =>
  whileLoop((c: Tensor) => c.gt(0.1), (c: Tensor) => c.mul(x), x.mul(0).add(1));
const decaySlope = jit(grad(decay));
// 0.1 is reached after log(0.1) / log(x) steps.
const base = tensor(Math.exp(Math.log(0.1) / 100_000), { dtype: "float64" });
Deno.bench({
  name: "gradient of a while of 100,000 steps",
  group: "loops",
  fn: () => void decaySlope(base).dataSync(),
});

const chain = compileChain(5000), origin = zeros([DIMENSIONS]);
Deno.bench({
  name: "Hamiltonian Monte Carlo, 5,000 iterations",
  group: "loops",
  fn: () => void chain(origin).dataSync(),
});
