/** Hamiltonian Monte Carlo in 50 dimensions: the whole chain in one compiled loop. */
import { grad, jit, loop, random, type Tensor, tensor, where } from "@damo/damo";

export const DIMENSIONS = 50, LEAPFROG_STEPS = 10;

/** Compiles a chain of so many iterations; it gives the mean of the sample. */
export function compileChain(iterations: number): (start: Tensor) => Tensor {
  const scales = tensor(Array.from({ length: DIMENSIONS }, (_, i) => 0.5 + i / DIMENSIONS));
  const energy = (q: Tensor): Tensor => q.div(scales).square().sum().mul(0.5);
  const force = grad(energy);
  const kinetic = (p: Tensor): Tensor => p.square().sum().mul(0.5);
  const stream = new random.RandomStream(1);
  return jit((start: Tensor): Tensor => {
    const q = loop.state(start), total = loop.state(start.mul(0));
    for (const _ of loop.range(iterations)) {
      const momentum = stream.normal([DIMENSIONS]);
      const stepSize = stream.uniform([], { low: 0.1, high: 0.35 }), half = stepSize.mul(0.5);
      const x = loop.state(q.value), p = loop.state(momentum.sub(force(q.value).mul(half)));
      for (const _ of loop.range(LEAPFROG_STEPS)) {
        x.value = x.value.add(p.value.mul(stepSize));
        p.value = p.value.sub(force(x.value).mul(stepSize));
      }
      const last = p.value.add(force(x.value).mul(half));
      const before = energy(q.value).add(kinetic(momentum)), after = energy(x.value).add(kinetic(last));
      q.value = where(stream.uniform([]).log().lt(before.sub(after)), x.value, q.value);
      total.value = total.value.add(q.value);
    }
    return total.value.div(iterations);
  }, { name: "chain" });
}
