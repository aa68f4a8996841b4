/**
 * An LSTM that learns to add (Hochreiter and Schmidhuber 1997): of a sequence of random numbers two are marked, and the
 * answer is their sum. Who ignores the sequence and always says 1 has a mean squared error of 1/6.
 *
 * Data, network, backward pass through time, clipping and optimiser are one compiled function; the loop over time is a loop
 * in it.
 *
 *     deno run examples/adding_task.ts
 */
import { arange, grad, jit, nn, optim, RandomStream, stack, type Tensor } from "@damo/damo";

const STEPS = 12, BATCH = 32, HIDDEN = 24, UPDATES = 1500;

const stream = new RandomStream(5);

/** Sequences [time, batch, 2] of numbers and marks, and the sums [batch]. */
function draw(): { inputs: Tensor; sums: Tensor } {
  const numbers = stream.uniform([STEPS, BATCH]);
  const half = STEPS / 2;
  const [early, late] = [0, half].map((low) => stream.randint([BATCH], { low, high: low + half }));
  const time = arange(STEPS, { dtype: "int32" }).expandDims(1);
  const marks = time.eq(early).or(time.eq(late)).cast("float32");
  return { inputs: stack([numbers, marks], 2), sums: numbers.mul(marks).sum({ axis: 0 }) };
}

const lstm = new nn.LSTM(2, HIDDEN, { seed: 1 });
const readout = new nn.Linear(HIDDEN, 1, { seed: 2 });
const parameters = [...lstm.parameters(), ...readout.parameters()];
const optimizer = optim.adam(parameters, { lr: 0.01 });

function error({ inputs, sums }: { inputs: Tensor; sums: Tensor }): Tensor {
  const states = lstm.forward(inputs);
  return readout.forward(states.at(-1)).squeeze(1).sub(sums).square().mean();
}

const train = jit(() => {
  const cost = error(draw());
  optimizer.step(optim.clipByGlobalNorm(grad(cost, parameters), 1));
  return cost;
}, { name: "train" });
const test = jit(() => error(draw()), { name: "test" });

const begin = performance.now();
for (let i = 1; i <= UPDATES; i++) {
  const cost = train();
  if (i % 250 === 0) console.log(`${i} updates: error ${(cost.itemSync() as number).toFixed(5)}`);
}
let mean = 0;
for (let i = 0; i < 10; i++) mean += (test().itemSync() as number) / 10;
console.log(
  `error ${mean.toFixed(5)} on new sequences, ${((performance.now() - begin) / 1000).toFixed(1)} s`,
);
if (!(mean < 0.01)) throw new Error("the network has not learned to add");
