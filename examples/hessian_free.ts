/**
 * Hessian-free optimisation (Martens 2010) of a small network: each step solves (G + damping) d = -gradient by conjugate
 * gradients, with products of the Gauss-Newton matrix G from one forward and one backward derivative. The whole step, inner
 * loop included, is one compiled function; gradient descent with the same number of gradients stands beside it.
 *
 *     deno run examples/hessian_free.ts
 */
import { grad, jit, jvp, random, type Tensor, valueAndGrad, vjp, whileLoop } from "@damo/damo";

const SAMPLES = 128, HIDDEN = 16, STEPS = 30, INNER = 40;

const [dataKey, w1Key, w2Key] = random.split(random.key(3), 3);
const x = random.uniform(dataKey, [SAMPLES, 1], { low: -2, high: 2 });
const y = x.mul(3).sin().mul(x.abs());

interface Net {
  w1: Tensor;
  b1: Tensor;
  w2: Tensor;
}

function predict({ w1, b1, w2 }: Net): Tensor {
  return x.dot(w1).add(b1).tanh().dot(w2);
}

const cost = (net: Net) => predict(net).sub(y).square().mean();

const each = (fn: (...parts: Tensor[]) => Tensor, ...nets: Net[]): Net => ({
  w1: fn(...nets.map(({ w1 }) => w1)),
  b1: fn(...nets.map(({ b1 }) => b1)),
  w2: fn(...nets.map(({ w2 }) => w2)),
});

function inner(a: Net, b: Net): Tensor {
  const { w1, b1, w2 } = each((p, q) => p.mul(q).sum(), a, b);
  return w1.add(b1).add(w2);
}

/** (2 / n) J^T J d: the Hessian of the cost without the curvature of the network, never negative. */
function gaussNewton(net: Net, direction: Net): Net {
  const [, along] = jvp(predict, [net], [direction]);
  const [, pullback] = vjp(predict, net);
  return pullback(along.mul(2 / SAMPLES))[0] as Net;
}

interface Search {
  step: Net;
  residual: Net;
  direction: Net;
  size: Tensor;
  count: Tensor;
}

const hessianFree = jit((net: Net, damping: number) => {
  const slope = grad(cost)(net);
  const start = each((g) => g.neg(), slope);
  const size = inner(start, start);
  const found = whileLoop(
    ({ size: now, count }: Search) => now.gt(size.mul(1e-6)).and(count.lt(INNER)),
    ({ step, residual, direction, size, count }: Search): Search => {
      const curved = each((c, d) => c.add(d.mul(damping)), gaussNewton(net, direction), direction);
      const length = size.div(inner(direction, curved));
      const rest = each((r, c) => r.sub(c.mul(length)), residual, curved);
      const next = inner(rest, rest);
      return {
        step: each((s, d) => s.add(d.mul(length)), step, direction),
        residual: rest,
        direction: each((r, d) => r.add(d.mul(next.div(size))), rest, direction),
        size: next,
        count: count.add(1),
      };
    },
    { step: each((g) => g.mul(0), slope), residual: start, direction: start, size, count: size.mul(0) },
  );
  const moved = each((w, s) => w.add(s), net, found.step);
  return { moved, cost: cost(moved), iterations: found.count };
}, { name: "hessianFree" });

const begin = performance.now();
const first: Net = {
  w1: random.normal(w1Key, [1, HIDDEN]),
  b1: random.normal(random.foldIn(w1Key, 1), [HIDDEN]),
  w2: random.normal(w2Key, [HIDDEN, 1], { std: 0.3 }),
};
let net = first, damping = 1, now = cost(net).itemSync() as number, gradients = 0;
const before = now;
for (let i = 0; i < STEPS; i++) {
  const result = hessianFree(net, damping);
  const reached = result.cost.itemSync() as number;
  gradients += 1 + (result.iterations.itemSync() as number);
  // Levenberg and Marquardt: trust the model more after a success.
  damping *= reached < now ? 0.5 : 4;
  if (reached < now) [net, now] = [result.moved, reached];
}

const descend = jit((net: Net) => {
  const [value, slope] = valueAndGrad(cost)(net);
  return { net: each((w, g) => w.sub(g.mul(0.05)), net, slope), value };
});
let plain = first;
for (let i = 0; i < gradients; i++) plain = descend(plain).net;
const descended = cost(plain).itemSync() as number;
console.log(
  `cost ${before.toFixed(4)}; Hessian-free ${
    now.toExponential(2)
  } after ${STEPS} steps (${gradients} products), ` +
    `gradient descent ${descended.toExponential(2)} after ${gradients}; ${
      (performance.now() - begin).toFixed(0)
    } ms`,
);
if (!(now < 2e-3 && now < descended / 5)) throw new Error("Hessian-free optimisation does not get there");
