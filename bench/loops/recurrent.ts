/** The recurrent net that is measured: batch 32, inputs and state 128, as a plain recurrence. */
import { grad, jit, type Jitted, random, scan, type Tensor, zeros } from "@damo/damo";

export const BATCH = 32, STATE = 128;
const key = random.key(0);

/** Normal noise, another for each number. */
export function normal(shape: number[], number: number, std = 0.1): Tensor {
  return random.normal(random.foldIn(key, number), shape, { std });
}

const start = zeros([BATCH, STATE]);

/** The mean square of the last state. */
export function recurrent(xs: Tensor, w: Tensor, u: Tensor): Tensor {
  const step = (h: Tensor, x: Tensor): [Tensor, undefined] => [
    x.matmul(w).add(h.matmul(u)).tanh(),
    undefined,
  ];
  return scan(step, start, xs)[0].square().mean();
}

/** Compiles its gradients with respect to both weights. */
export function compileGradients(): Jitted<[xs: Tensor, w: Tensor, u: Tensor], Tensor[]> {
  const gradients = grad(recurrent, { argnums: [1, 2] }) as (xs: Tensor, w: Tensor, u: Tensor) => Tensor[];
  return jit(gradients, { name: "rnn" });
}
