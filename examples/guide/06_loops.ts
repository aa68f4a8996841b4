/**
 * Loops: sums, several sequences and outputs, taps, a recurrent network, minibatches, a while loop.
 *
 * Theano's `scan` takes lists of sequences, outputs and others in a fixed order, and one learns to read its errors. Here
 * `recurrence` has the same meaning under names, and an ordinary `for` over `loop.over` is captured once and compiled.
 */
import { arange, grad, jit, loop, recurrence, scan, type Tensor, tensor, whileLoop, zeros } from "@damo/damo";
import { expect } from "../expect.ts";

// The sum of n times x, with n a run-time number.
const times = jit((x: Tensor, n: number) => {
  const sum = loop.state(tensor(0));
  for (const _ of loop.range(n)) sum.value = sum.value.add(x);
  return sum.value;
});
expect(times(tensor(2.5), 4), 10);
expect(times(tensor(2.5), 0), 0);

// Multiple sequences, outputs and others. All steps of an output come back; values.at(-1) is the last.
const horner = jit((coefficients: Tensor, x: Tensor) => {
  const values = recurrence(
    { sequences: coefficients, outputs: [0], nonSequences: x, reverse: true },
    (coefficient, sum, x) => sum.mul(x).add(coefficient),
  );
  return values.at(-1);
});
expect(horner(tensor([1, 2, 3]), tensor(10)), 321);
const [sums, products] = recurrence(
  { sequences: [tensor([1, 2, 3]), tensor([4, 5, 6])], outputs: [0, null] },
  (a, b, sum) => [sum.add(a.mul(b)), a.mul(b)],
);
expect(sums, [4, 14, 32]);
expect(products, [4, 10, 18]);

// Taps into the past of an output, and around the position in a sequence.
const fibonacci = recurrence(
  { outputs: [{ initial: tensor([0, 1]), taps: [-2, -1] }], steps: 8 },
  (older, last) => older.add(last),
);
expect(fibonacci, [1, 2, 3, 5, 8, 13, 21, 34]);
const smooth = recurrence(
  { sequences: { input: tensor([3, 0, 6, 9, 0]), taps: [-1, 0, 1] } },
  (before, now, after) => before.add(now).add(after).div(3),
);
expect(smooth, [3, 5, 5]);

// A simple recurrent network, as a loop, and what it costs to be wrong: gradients go through.
const rnn = (xs: Tensor, W: Tensor, U: Tensor) => {
  const h = loop.state(zeros([2]));
  const hs = loop.stack();
  for (const x of loop.over(xs)) {
    h.value = x.dot(W).add(h.value.dot(U)).tanh();
    hs.push(h.value);
  }
  return hs.value;
};
const xs = tensor([[1, 0, 2], [0, 1, 0], [1, 1, 1]]);
const W = tensor([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]]), U = tensor([[0.7, 0.1], [0.2, 0.3]]);
let h = [0, 0];
const wanted = (xs.arraySync() as number[][]).map((x) =>
  h = [0, 1].map((j) => {
    const input = x.reduce((sum, value, i) => sum + value * (W.arraySync() as number[][])[i][j], 0);
    return Math.tanh(
      input + h.reduce((sum, value, i) => sum + value * (U.arraySync() as number[][])[i][j], 0),
    );
  })
);
expect(jit(rnn)(xs, W, U), wanted);
const slope = jit(grad((W: Tensor) => rnn(xs, W, U).sum()))(W).at(0, 0).itemSync() as number;
const nudge = (by: number) => rnn(xs, W.withAdded([0, 0], by), U).sum().itemSync() as number;
expect(slope, (nudge(1e-2) - nudge(-1e-2)) / 2e-2, 1e-3);

// Minibatches by dimshuffle: scan walks the first axis, so time comes first and the batch second.
const batch = arange(2 * 4 * 3).reshape([2, 4, 3]);
const [last] = scan(
  (state: Tensor, x: Tensor) => [state.add(x), undefined],
  zeros([2, 3]),
  batch.dimshuffle(1, 0, 2),
);
expect(last, batch.sum({ axis: 1 }).arraySync());

// A while loop: as often as it takes, and differentiable all the same.
const root = (a: Tensor) =>
  whileLoop(
    (y) => y.square().sub(a).abs().gt(1e-6),
    (y) => y.add(a.div(y)).div(2),
    tensor(1),
  );
expect(jit(root)(tensor(2)), Math.SQRT2);
expect(grad(root)(tensor(2)), 1 / (2 * Math.SQRT2), 1e-4);
