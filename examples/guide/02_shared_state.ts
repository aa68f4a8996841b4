/**
 * Shared variables: accumulators, several functions on one state, a data set in shared memory.
 *
 * Theano lists updates and `givens` when a function is compiled. Here an assignment inside the function is the update,
 * and a minibatch is a part of a shared tensor at a traced index.
 */
import { grad, jit, shared, type Tensor, tensor, update } from "@damo/damo";
import { expect } from "../expect.ts";

// An accumulator, and two functions on one state.
const state = shared(0, { name: "state" });
const accumulate = jit((increment: number) => {
  const before = state.value;
  state.value = before.add(increment);
  return before;
});
const decrement = jit((amount: number) => {
  state.value = state.value.sub(amount);
});
expect(accumulate(1), 0);
expect(accumulate(10), 1);
decrement(2);
expect(state, 9);

// The same function on another state, and without its updates.
const other = shared(100, { name: "other" });
const elsewhere = accumulate.copy({ swap: [[state, other]] });
elsewhere(5);
expect(other, 105);
expect(accumulate.copy({ updates: false })(1000), 9);
expect(state, 9);

// Simultaneous updates read the old values.
const a = shared(1, { name: "a" }), b = shared(2, { name: "b" });
jit(() => update([[a, b.value], [b, a.value]]))();
expect([a.value.itemSync(), b.value.itemSync()], [2, 1]);

// A whole data set in shared memory; the minibatch index and the learning rate are arguments, and neither retraces.
const count = 64, size = 16;
const inputs = shared(Array.from({ length: count }, (_, i) => [Math.sin(i), Math.cos(3 * i)]), {
  name: "inputs",
});
const targets = shared(inputs.value.dot(tensor([2, -1])), { name: "targets" });
const w = shared([0, 0], { name: "w" });
const train = jit((index: Tensor, rate: number) => {
  const x = inputs.value.narrow(0, index.mul(size), size), y = targets.value.narrow(0, index.mul(size), size);
  const cost = x.dot(w.value).sub(y).square().mean();
  w.value = w.value.sub(grad(cost, w).mul(rate));
  return cost;
});
for (let epoch = 0; epoch < 40; epoch++) {
  for (let i = 0; i < count / size; i++) train(tensor(i, { dtype: "int32" }), 0.5 / (1 + epoch / 20));
}
expect(w, [2, -1], 1e-3);
expect(train.cacheSize, 1);
