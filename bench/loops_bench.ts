/** Loops: a recurrent net forward and backward, tiny loops of many steps, and their first calls. */
import { grad, jit, random, scan, type Tensor, tensor, whileLoop, zeros } from "@damo/damo";

const BATCH = 32, STATE = 128;
const key = random.key(0);

function normal(shape: number[], i: number, std = 0.1): Tensor {
  return random.normal(random.foldIn(key, i), shape, { std });
}

const W = normal([STATE, STATE], 1), U = normal([STATE, STATE], 2), h0 = zeros([BATCH, STATE]);

function rnn(xs: Tensor, w: Tensor, u: Tensor): Tensor {
  const [h] = scan((h: Tensor, x: Tensor) => [x.matmul(w).add(h.matmul(u)).tanh(), undefined], h0, xs);
  return (h as Tensor).square().mean();
}

function gradients(): (xs: Tensor, w: Tensor, u: Tensor) => Tensor[] {
  return jit(grad(rnn, { argnums: [1, 2] }) as (xs: Tensor, w: Tensor, u: Tensor) => Tensor[], {
    name: "rnn",
  });
}

const hundred = normal([100, BATCH, STATE], 3);
const forward = jit(rnn, { name: "rnn" }), backward = gradients();
Deno.bench({ name: "RNN 32x128, T = 100, forward", group: "rnn", fn: () => void forward(hundred, W, U) });
Deno.bench({
  name: "RNN 32x128, T = 100, with backward",
  group: "rnn",
  fn: () => void backward(hundred, W, U),
});

for (const length of [10, 100, 1000]) {
  const xs = normal([length, BATCH, STATE], 4);
  // The first call less a steady one is what compiling costs; it does not depend on the length.
  Deno.bench({
    name: `RNN with backward, T = ${length}, first call`,
    group: "rnn first call",
    n: 5,
    warmup: 0,
    fn: (bench) => {
      const fresh = gradients();
      bench.start();
      fresh(xs, W, U)[0].dataSync();
      bench.end();
    },
  });
}

const million = jit((x: Tensor) =>
  scan((c: Tensor) => [c.mul(0.999999).add(1e-6), undefined], x, undefined, {
    length: 1_000_000,
  })[0]
);
Deno.bench({ name: "scalar scan of 1,000,000 steps", group: "tiny", fn: () => void million(tensor(0.5)) });

const search = jit((x: Tensor) => whileLoop((c: Tensor) => c.lt(1), (c: Tensor) => c.add(1e-6), x));
const start = tensor(Float64Array.of(0)).reshape([]);
Deno.bench({ name: "while loop of 1,000,000 steps", group: "tiny", fn: () => void search(start) });
