/**
 * Hamiltonian Monte Carlo (Neal, MCMC using Hamiltonian dynamics, 2011) with the whole chain in one compiled loop:
 * leapfrog steps, gradients, random numbers and the accept step included.
 *
 *     deno run examples/loops/hamiltonian_monte_carlo.ts
 */
import { grad, jit, loop, random, type Tensor, tensor, where, zeros } from "@damo/damo";

const dimensions = 50, iterations = 5000, leapfrogSteps = 10;
const scales = tensor(Array.from({ length: dimensions }, (_, i) => 0.5 + i / dimensions));

/** Minus the logarithm of the density: independent normals of different widths. */
const energy = (q: Tensor) => q.div(scales).square().sum().mul(0.5);
const force = grad(energy);
const kinetic = (p: Tensor) => p.square().sum().mul(0.5);
const stream = new random.RandomStream(1);

const sample = jit(function sample(start: Tensor) {
  const q = loop.state(start), accepted = loop.state(0);
  const draws = loop.stack();
  for (const _ of loop.range(iterations)) {
    const momentum = stream.normal([dimensions]);
    // Steps of one size would bring some coordinates back to where they started.
    const stepSize = stream.uniform([], { low: 0.1, high: 0.35 }), half = stepSize.mul(0.5);
    const x = loop.state(q.value);
    const p = loop.state(momentum.sub(force(q.value).mul(half)));
    for (const _ of loop.range(leapfrogSteps)) {
      x.value = x.value.add(p.value.mul(stepSize));
      p.value = p.value.sub(force(x.value).mul(stepSize));
    }
    const last = p.value.add(force(x.value).mul(half));
    const before = energy(q.value).add(kinetic(momentum)), after = energy(x.value).add(kinetic(last));
    const accept = stream.uniform([]).log().lt(before.sub(after));
    q.value = where(accept, x.value, q.value);
    accepted.value = accepted.value.add(accept.cast("float32"));
    draws.push(q.value);
  }
  return {
    rate: accepted.value.div(iterations),
    mean: draws.value.mean({ axis: 0 }),
    deviation: draws.value.std({ axis: 0 }),
  };
});

sample(zeros([dimensions]));
const begin = performance.now();
const { rate, mean, deviation } = sample(zeros([dimensions]));
const accepted = rate.itemSync();
const seconds = (performance.now() - begin) / 1000;
const meanError = mean.div(scales).abs().max().itemSync();
const deviationError = deviation.div(scales).sub(1).abs().max().itemSync();
console.log(
  `${Math.round(iterations / seconds)} iterations per second, ${(100 * accepted).toFixed(1)} % accepted`,
);
console.log(
  `largest error of a mean ${meanError.toFixed(3)}, of a deviation ${
    deviationError.toFixed(3)
  } (in deviations)`,
);
if (!(meanError < 0.15 && deviationError < 0.15)) {
  throw new Error("The sample does not have the moments of the density.");
}
