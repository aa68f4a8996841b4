/**
 * Finds a NaN that appears only in the backward pass of a recurrent network: `deno run examples/debugging.ts`.
 *
 * The loss is finite, and after one step of training every weight is NaN. A guard names the operation, the line and the
 * values in the first run.
 */
import { grad, jit, NonFiniteError, print, scan, type Tensor, tensor, zeros } from "@damo/damo";

const INPUTS = 3, HIDDEN = 4, STEPS = 6;

/** Weights that need no random numbers. */
function weights(rows: number, columns: number): Tensor {
  const data = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(1 + i) / 2);
  return tensor(data, { shape: [rows, columns] });
}

/** Smooths the state: the loss has the length of every move of the hidden state. */
function loss([w, u]: Tensor[], xs: Tensor): Tensor {
  const [last, moves] = scan(
    (h: Tensor, x: Tensor) => {
      const next = x.dot(w).add(h.dot(u)).tanh();
      const move = next.sub(h).square().sum().sqrt();
      return [next, move];
    },
    zeros([HIDDEN]),
    xs,
  );
  return last.sum().add(print(moves, "moves", { show: ["min", "max", "nan"] }).mean());
}

/** A sequence that begins with silence: there the state stays where it is. */
const xs = tensor(Float32Array.from({ length: STEPS * INPUTS }, (_, i) => i < INPUTS ? 0 : Math.cos(i)), {
  shape: [STEPS, INPUTS],
});
const parameters = [weights(INPUTS, HIDDEN), weights(HIDDEN, HIDDEN)];

console.log("The loss is", jit(loss)(parameters, xs).itemSync());
const gradient = grad(loss);
const [dw] = jit(gradient)(parameters, xs) as Tensor[];
console.log("Its gradient is", dw.arraySync());

try {
  jit(gradient, { name: "training step", guard: { nan: true } })(parameters, xs);
} catch (error) {
  if (!(error instanceof NonFiniteError)) throw error;
  console.log(`\nThe guard says:\n${error.message}`);
}

/** The square root has no slope at 0: keep away from it. */
function mended([w, u]: Tensor[], xs: Tensor): Tensor {
  const [last, moves] = scan(
    (h: Tensor, x: Tensor) => {
      const next = x.dot(w).add(h.dot(u)).tanh();
      const move = next.sub(h).square().sum().add(1e-12).sqrt();
      return [next, move];
    },
    zeros([HIDDEN]),
    xs,
  );
  return last.sum().add(moves.mean());
}

const step = jit(grad(mended), { name: "mended step", guard: { nan: true, inf: true }, profile: true });
const [mendedDw] = step(parameters, xs) as Tensor[];
console.log("\nMended, the gradient is", mendedDw.arraySync());
console.log(`\n${step.profile}`);
