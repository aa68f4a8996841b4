import { assertEquals, assertThrows } from "@std/assert";
import {
  grad,
  jit,
  LoopError,
  onesLike,
  recurrence,
  shared,
  type Tensor,
  tensor,
  until,
  vmap,
} from "@damo/damo";
import { checkDerivatives, f64, loopTest, typed, values } from "./both_executors.ts";

const x = () => f64([1, 2, 3, 4, 5]);

loopTest("taps of outputs reach back, also before the first step", () => {
  const fibonacci = recurrence(
    { outputs: [{ initial: f64([0, 1]), taps: [-2, -1] }], steps: 8 },
    (older, last) => older.add(last),
  );
  assertEquals(values(fibonacci), [1, 2, 3, 5, 8, 13, 21, 34]);
  const far = recurrence({ outputs: { initial: f64([1, 2, 3]), taps: [-3] }, steps: 5 }, (a) => a.mul(10));
  assertEquals(values(far), [10, 20, 30, 100, 200]);
});

loopTest("taps of sequences stand around the step, and uneven sequences are cut", () => {
  const [windows, sums] = recurrence(
    {
      sequences: [{ input: x(), taps: [-1, 0, 1] }, f64([10, 20, 30, 40])],
      outputs: [null, 0],
      nonSequences: [2, f64(0.5)],
    },
    (
      before,
      now,
      after,
      other,
      sum,
      k,
      half,
    ) => [before.add(now).add(after).mul(k), sum.add(other).mul(half)],
  );
  assertEquals(values([windows, sums]), [[12, 18, 24], [5, 12.5, 21.25]]);
  assertEquals(values(recurrence({ sequences: { input: x(), taps: [1] } }, (next) => next)), [2, 3, 4, 5]);
  assertEquals(values(recurrence({ sequences: { input: x(), taps: [-1] } }, (before) => before)), [
    1,
    2,
    3,
    4,
  ]);
});

loopTest("reverse walks from the end and keeps the order of the walk", () => {
  const digits = recurrence({ sequences: x(), outputs: 0, reverse: true }, (a, sum) => sum.mul(10).add(a));
  assertEquals(values(digits), [5, 54, 543, 5432, 54321]);
  const some = recurrence({ sequences: [x(), f64([7, 8])], reverse: true }, (a, b) => [a, b]);
  assertEquals(values(some), [[5, 4], [8, 7]]);
});

loopTest("until includes the step that meets it; later rows are 0", () => {
  const [[powers, doubled], count] = recurrence(
    { outputs: [1, null], nonSequences: 2, steps: 7 },
    (last, base) => [[last.mul(base), last], until(last.mul(base).gt(10))],
  );
  assertEquals(values([powers, doubled, count]), [[2, 4, 8, 16, 0, 0, 0], [1, 2, 4, 8, 0, 0, 0], 4]);
});

loopTest("the number of steps may be traced", ({ mode }) => {
  const power = (A: Tensor, k: Tensor) =>
    recurrence({ outputs: onesLike(A), nonSequences: A, steps: k, maxSteps: 5 }, (prior, A) => prior.mul(A));
  const compiled = jit(power, { mode });
  assertEquals(values(compiled(f64([2, 3]), typed(2, "int32"))), [[2, 3], [4, 9], [0, 0], [0, 0], [0, 0]]);
  assertEquals(values(compiled(f64([2, 3]), typed(4, "int32")).at(3)), [16, 81]);
  assertEquals(compiled.cacheSize, 1);
  const cut = jit(
    (k: Tensor) => recurrence({ sequences: x(), outputs: 0, steps: k }, (a, sum) => sum.add(a)),
    {
      mode,
    },
  );
  assertEquals(values(cut(typed(3, "int32"))), [1, 3, 6, 0, 0]);
  assertEquals(
    values(power(f64([2, 3]), typed(2, "int32"))),
    [[2, 3], [4, 9]],
    "outside a trace the number is known",
  );
});

loopTest("Shared are read and assigned in the function", () => {
  const s = shared(f64(0));
  const out = recurrence({ sequences: x() }, (a) => {
    s.value = s.value.add(a);
    return s.value;
  });
  assertEquals([values(out), values(s.value)], [[1, 3, 6, 10, 15], 15]);
});

loopTest("derivatives through taps, to second order", () => {
  const f = (w: Tensor, xs: Tensor, init: Tensor) => {
    const [h, o] = recurrence(
      {
        sequences: [{ input: xs, taps: [-1, 0] }],
        outputs: [{ initial: init, taps: [-2, -1] }, null],
        nonSequences: w,
      },
      (a, b, h2, h1, w) => [a.mul(w).add(h2.mul(0.3)).sub(h1.mul(b)).sin(), h1.mul(a)],
    );
    return h.sum().add(o.mul(o).sum());
  };
  checkDerivatives(f, [f64(0.3), f64([0.1, 0.2, -0.3, 0.4]), f64([0.1, 0.2])]);
});

loopTest("truncateGradient gives exact zeros before the last steps", () => {
  const f = (xs: Tensor, truncateGradient?: number) =>
    recurrence({ sequences: xs, outputs: f64(0.1), truncateGradient }, (a, h) => a.add(h).sin()).at(-1);
  const full = values(grad((xs: Tensor) => f(xs))(x())) as number[];
  assertEquals(values(grad((xs: Tensor) => f(xs, 2))(x())), [0, 0, 0, full[3], full[4]]);
  assertEquals(values(grad((xs: Tensor) => f(xs, -1))(x())), full, "-1 is no truncation, as in Theano");
});

loopTest("a traced number of steps needs no bound where the last row is all that is read", ({ mode }) => {
  // The power of Theano's tutorial, and beside it what is only collected.
  const power = (A: Tensor, k: Tensor): Tensor[] => {
    const [powers, tens] = recurrence(
      { outputs: [onesLike(A), null], nonSequences: A, steps: k },
      (prior, A) => [prior.mul(A), prior.mul(10)],
    );
    return [powers.at(-1), tens.at(-1), powers.at(-1, 0)];
  };
  const compiled = jit(power, { mode });
  for (const k of [1, 2, 5]) {
    const expected = [[2 ** k, 3 ** k], [10 * 2 ** (k - 1), 10 * 3 ** (k - 1)], 2 ** k];
    assertEquals(values(compiled(f64([2, 3]), typed(k, "int32"))), expected);
    assertEquals(values(power(f64([2, 3]), typed(k, "int32"))), expected);
  }
  assertEquals(values(compiled(f64([2, 3]), typed(0, "int32"))), [[1, 1], [0, 0], 1]);
  assertEquals(compiled.cacheSize, 1);
  const slope = jit(
    grad((A: Tensor, k: Tensor) => {
      const [powers, tens] = power(A, k);
      return powers.sum().add(tens.sum());
    }),
    { mode },
  );
  assertEquals(values(slope(f64([2, 3]), typed(4, "int32"))), [4 * 8 + 30 * 4, 4 * 27 + 30 * 9]);
  const each = jit((A: Tensor, k: Tensor) => vmap((k: Tensor) => power(A, k)[0])(k), { mode });
  assertEquals(values(each(f64([2, 3]), typed([1, 3, 0], "int32"))), [[2, 3], [8, 27], [1, 1]]);
});

loopTest("taps, until and shared variables in a recurrence of unknown length", ({ mode }) => {
  const s = shared(f64(0));
  const f = jit((k: Tensor) => {
    const [sums, count] = recurrence(
      { outputs: { initial: f64([0, 1]), taps: [-2, -1] }, steps: k },
      (a, b) => {
        s.value = s.value.add(1);
        return [a.add(b), until(a.add(b).gt(20))];
      },
    );
    return [sums.at(-1), count];
  }, { mode });
  assertEquals(values(f(typed(5, "int32"))), [8, 5]);
  assertEquals(values(f(typed(50, "int32"))), [21, 7]);
  assertEquals(values(s.value), 12);
});

Deno.test("rows of a recurrence of unknown length are refused where more than the last is asked for", () => {
  const uses: Record<string, (rows: Tensor, k: Tensor) => unknown> = {
    result: (rows) => rows,
    shape: (rows) => rows.shape,
    operand: (rows) => rows.mul(2),
    "right operand": (rows, k) => k.add(rows),
    sum: (rows) => rows.sum(),
    first: (rows) => rows.at(0),
    sequence: (rows) => recurrence({ sequences: rows, outputs: 0 }, (x, sum) => sum.add(x)),
    constant: (rows, k) => recurrence({ outputs: 0, steps: 3 }, (sum) => sum.add(rows).add(k)),
  };
  for (const [name, use] of Object.entries(uses)) {
    const f = jit((k: Tensor) => use(recurrence({ outputs: 0, steps: k }, (a) => a.add(1)), k) as Tensor);
    const error = assertThrows(() => f(typed(3, "int32")), LoopError, "nothing bounds the length", name);
    assertEquals(error.message.includes("at(-1)"), true);
    assertEquals(/recurrence_test\.ts:\d+/.test(error.message), true, error.message);
  }
  const cut = jit((k: Tensor) => recurrence({ outputs: 0, steps: k, truncateGradient: 2 }, (a) => a).at(-1));
  assertThrows(() => cut(typed(3, "int32")), LoopError, "nothing bounds the length");
});

Deno.test("what does not fit is named", () => {
  assertThrows(
    () => recurrence({ steps: 3, strict: true, outputs: [0] }, (a) => a.add(x().sum())),
    LoopError,
    "a tensor of shape [5], which is not among its arguments",
  );
  assertEquals(
    values(
      recurrence({ steps: 2, strict: true, outputs: [0], nonSequences: [x()] }, (a, y) => a.add(y.sum())),
    ),
    [
      15,
      30,
    ],
  );
  assertThrows(
    () => recurrence({ outputs: [0] }, (a) => a),
    LoopError,
    "neither sequences nor a number of steps",
  );
  assertThrows(() => recurrence({ outputs: [0, null], steps: 2 }, (a) => a), LoopError, "returns 1 results");
  assertThrows(() => recurrence({ sequences: x(), steps: 20 }, (a) => a), LoopError, "20 steps are wanted");
  assertThrows(
    () => recurrence({ outputs: [{ initial: tensor([0]), taps: [-2] }], steps: 2 }, (a) => a),
    LoopError,
    "reach 2 steps back, and its initial value is float32[1]",
  );
  assertThrows(
    () => recurrence({ outputs: [tensor([1, 2])], steps: 2 }, (a) => a.sum()),
    LoopError,
    "outputs[0]",
  );
});

loopTest("taps that reach further than the sequence leave no steps", () => {
  for (const reverse of [false, true]) {
    const options = { sequences: { input: f64([1, 2, 3]), taps: [-2, 2] }, outputs: f64(1), reverse };
    const rows = recurrence(options, (older, newer, last) => last.add(older).add(newer));
    assertEquals(rows.shape, [0]);
  }
});
