import { assert, assertEquals } from "@std/assert";
import {
  forLoop,
  grad,
  hessian,
  jit,
  jvp,
  linearize,
  scan,
  shared,
  type Tensor,
  vjp,
  vmap,
  whileLoop,
} from "@damo/damo";
import { setCheckpointThreshold } from "../../lib/loop/loop_linearize.ts";
import { checkDerivatives, f64, loopTest, typed, values } from "./both_executors.ts";
import { assertNear, deviceTest, wide } from "../support/devices.ts";

const rows = () => f64([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6], [-0.7, 0.8], [0.9, -0.1]]);

/** Everything is differentiated: initial carry, sequence, captured matrix; and every output is used. */
function recurrent(h: Tensor, xs: Tensor, w: Tensor, options = {}): Tensor {
  const [last, ys] = scan(
    (h: Tensor, x) => {
      const next = x.add(h.dot(w)).tanh();
      return [next, next.mul(x)];
    },
    h,
    xs,
    options,
  );
  return last.sum().add(ys.mul(ys).sum());
}

const start = () => f64([0.3, -0.2]), weights = () => f64([[0.5, -0.3], [0.2, 0.7]]);

loopTest("a walk back over the states of a loop, at any length and from either end", ({ mode }) => {
  const slopes = (xs: Tensor, w: Tensor, u: Tensor, h: Tensor, reverse: boolean): Tensor[] => {
    const cost = (xs: Tensor, w: Tensor, u: Tensor, h: Tensor): Tensor =>
      scan(
        ([h, c]: [Tensor, Tensor], x) => {
          const a = x.dot(w).add(h.dot(u)).tanh(), b = c.mul(a).sigmoid();
          return [[a, b], undefined];
        },
        [h, h.mul(0.5)],
        xs,
        { reverse },
      )[0].reduce((sum, x) => sum.add(x.mul(x).sum()), h.sum());
    return grad(cost, { argnums: [0, 1, 2, 3] })(xs, w, u, h) as Tensor[];
  };
  const wave = (n: number, phase: number): number[] =>
    Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + phase));
  for (const reverse of [false, true]) {
    for (const length of [1, 2, 3, 7]) {
      const data = [wave(length * 6, 1), wave(9, 2), wave(9, 3), wave(6, 4)];
      const shapes = [[length, 2, 3], [3, 3], [3, 3], [2, 3]];
      const inputs = data.map((x, i) => f64(x).reshape(shapes[i])) as [Tensor, Tensor, Tensor, Tensor];
      const run = (mode: "reference" | "fast"): number[] => {
        const f = jit((xs: Tensor, w: Tensor, u: Tensor, h: Tensor) => slopes(xs, w, u, h, reverse), {
          mode,
        });
        return (values(f(...inputs)) as number[][]).flat(3);
      };
      const expected = run("reference");
      run(mode).forEach((x, i) => assertNear(x, expected[i], 1e-12, `${length} steps, element ${i}:`));
    }
  }
});

loopTest("scan: forward, reverse and second order", () => {
  checkDerivatives(recurrent, [start(), rows(), weights()]);
});

loopTest("a reversed scan: forward, reverse and second order", () => {
  checkDerivatives((h: Tensor, xs: Tensor, w: Tensor) => recurrent(h, xs, w, { reverse: true }), [
    start(),
    rows(),
    weights(),
  ]);
});

loopTest("checkpointEvery changes no derivative, at divisors and others", () => {
  const plain = values(grad(recurrent, { argnums: [0, 1, 2] })(start(), rows(), weights()));
  for (const checkpointEvery of [1, 2, 3, 5, 9]) {
    for (const reverse of [false, true]) {
      const options = { checkpointEvery, reverse };
      const f = (h: Tensor, xs: Tensor, w: Tensor) => recurrent(h, xs, w, options);
      assertNear(
        f(start(), rows(), weights()).itemSync(),
        recurrent(start(), rows(), weights(), { reverse }).itemSync(),
        1e-14,
      );
      if (!reverse) {
        const checkpointed = values(
          grad(f, { argnums: [0, 1, 2] })(start(), rows(), weights()),
        ) as number[][];
        checkpointed.flat(2).forEach((value, i) =>
          assertNear(value, (plain as number[][]).flat(2)[i], 1e-13)
        );
      }
    }
  }
  checkDerivatives((h: Tensor, xs: Tensor, w: Tensor) => recurrent(h, xs, w, { checkpointEvery: 2 }), [
    start(),
    rows(),
    weights(),
  ]);
});

loopTest("what would take too much memory is checkpointed by itself", () => {
  const plain = values(grad(recurrent, { argnums: [0, 1, 2] })(start(), rows(), weights())) as number[][];
  const previous = setCheckpointThreshold(wide() === "float64" ? 50 : 25);
  try {
    const blocked = values(grad(recurrent, { argnums: [0, 1, 2] })(start(), rows(), weights())) as number[][];
    blocked.flat(2).forEach((value, i) => assertNear(value, plain.flat(2)[i], 1e-13));
    checkDerivatives(recurrent, [start(), rows(), weights()]);
    const graph = jit(grad(recurrent)).lower(start(), rows(), weights()).graph.toString();
    assert(graph.includes("checkpoint"), graph);
  } finally {
    setCheckpointThreshold(previous);
  }
});

loopTest("a loop that stops early: derivatives of the steps taken", () => {
  for (const options of [{}, { reverse: true }, { checkpointEvery: 2 }, { checkpointEvery: 3 }]) {
    const f = (x: Tensor, xs: Tensor) => {
      const [c, ys] = scan((c: Tensor, w) => [c.mul(w).add(x), c.mul(c)], x, xs, {
        ...options,
        until: (c) => c.gt(20),
      });
      return c.add(ys.sum());
    };
    checkDerivatives(f, [f64(0.9), f64([1, 2, 3, 4, 5, 6, 7])], { tolerance: 1e-6 });
  }
});

loopTest("truncateGradient: exact zeros before the last steps, the same value", () => {
  for (const reverse of [false, true]) {
    const f = (truncateGradient: number | undefined) => (xs: Tensor, w: Tensor) => {
      const [c] = scan((c: Tensor, x) => [c.mul(w).add(x).sin(), null], f64(0.1), xs, {
        truncateGradient,
        reverse,
      });
      return c;
    };
    const xs = f64([1, 2, 3, 4, 5]), w = f64(0.3);
    const full = values(grad(f(undefined))(xs, w)) as number[];
    assertNear(f(2)(xs, w).itemSync(), f(undefined)(xs, w).itemSync(), 1e-15);
    const cut = values(grad(f(2))(xs, w)) as number[];
    const late = reverse ? [0, 1] : [3, 4];
    full.forEach((value, i) => late.includes(i) ? assertNear(cut[i], value, 1e-15) : assertEquals(cut[i], 0));
    assertEquals(values(grad(f(9))(xs, w)), full);
    assertEquals(values(grad(f(0), { disconnected: "zero" })(xs, w)), [0, 0, 0, 0, 0]);
  }
});

loopTest("truncateGradient: what the first steps began with has a gradient of exactly 0, not none", () => {
  const step = (c: Tensor): [Tensor, null] => [c.mul(3), null];
  const last = (h: Tensor, steps: number) =>
    scan(step, h, undefined, { length: 5, truncateGradient: steps })[0];
  const stopped = (h: Tensor, steps: number) =>
    scan(step, h, undefined, { length: 5, truncateGradient: steps, until: (c) => c.gt(100) })[0];
  for (const steps of [0, 1, 4]) {
    assertEquals(values(grad((h: Tensor) => last(h, steps))(f64(2))), 0);
    assertEquals(values(jvp((h: Tensor) => last(h, steps), [f64(2)], [f64(1)])[1]), 0);
    assertEquals(values(grad((h: Tensor) => stopped(h, steps))(f64(2))), 0);
    // Where the derivative that is cut off would be infinite too.
    assertEquals(values(grad((h: Tensor) => last(h, steps).mul(1e308).mul(10))(f64(2))), 0);
  }
  assertEquals(values(grad((h: Tensor) => last(h, 5))(f64(2))), 243);
});

loopTest("truncateGradient counts back from an early stop", () => {
  const run = (xs: Tensor, truncateGradient?: number) =>
    scan((c: Tensor, x) => [c.mul(2).add(x), c.mul(x)], f64(1), xs, {
      truncateGradient,
      until: (c) => c.gt(20),
    });
  const xs = f64([1, 2, 3, 4, 5, 6]);
  for (const k of [1, 2, 3, 6]) assertEquals(values(run(xs, k)), values(run(xs)));
  const last = (k?: number) => values(grad((xs: Tensor) => run(xs, k)[0])(xs));
  assertEquals(last(), [8, 4, 2, 1, 0, 0]);
  assertEquals(last(2), [0, 0, 2, 1, 0, 0]);
});

/** The trip count depends on x. */
const growing = (x: Tensor) => whileLoop((c) => c.lt(10), (c) => c.mul(x).add(1), x.mul(0.5)).sin();

loopTest("a while loop with a trip count known only at run time, to second order", () => {
  checkDerivatives(growing, [f64(1.3)], { tolerance: 1e-6 });
  checkDerivatives((x: Tensor) => vmap(growing)(x).sum(), [f64([1.3, 2.5, 1.9])], { tolerance: 1e-6 });
});

loopTest("a third derivative through a while loop", () => {
  const f = (x: Tensor) => whileLoop((c) => c.lt(10), (c) => c.mul(x), x);
  // 1.5^6 > 10: five steps give x^6.
  const x = 1.5;
  const third = grad(grad(grad(f)))(f64(x)).itemSync();
  assertNear(third, 6 * 5 * 4 * x ** 3, 1e-9);
});

deviceTest("a fifth derivative through a while loop: tapes are added", () => {
  const f = (x: Tensor) => whileLoop((c) => c.lt(10), (c) => c.mul(x), x);
  const fifth = grad(grad(grad(grad(grad(f)))))(f64(1.5)).itemSync();
  assertNear(fifth, 720 * 1.5, 1e-7);
});

loopTest("zero steps: the identity", () => {
  const f = (x: Tensor) => whileLoop((c) => c.lt(0), (c) => c.mul(x), x.mul(3));
  assertEquals(values(grad(f)(f64(1.5))), 3);
  const g = (n: Tensor, x: Tensor) => forLoop(n, (_, c) => c.mul(x), x);
  assertEquals(values(grad(g, { argnums: 1 })(typed(0, "int32"), f64(1.5))), 1);
});

loopTest("while loops inside scans: inner tapes are recorded again on the way back", () => {
  const f = (x: Tensor) =>
    scan(
      (c: Tensor, a) => [whileLoop((d) => d.lt(5), (d) => d.mul(a).add(x), c).mul(0.1), c],
      x,
      f64([1.1, 1.2, 3.4]),
    )[0];
  checkDerivatives(f, [f64(1.3)], { tolerance: 1e-6 });
  checkDerivatives((x: Tensor) => vmap(f)(x).sum(), [f64([1.3, 0.7])], { tolerance: 1e-6 });
});

loopTest("while loops inside while loops", () => {
  const f = (x: Tensor) =>
    whileLoop(
      (c) => c.lt(50),
      (c) => whileLoop((d) => d.lt(c.mul(2)), (d) => d.mul(1.5).add(x), c.mul(0.9)),
      x,
    );
  checkDerivatives(f, [f64(1.3)], { tolerance: 1e-6 });
});

loopTest("trip counts that differ between examples", () => {
  const f = (x: Tensor) =>
    vmap((n: Tensor, x: Tensor) => forLoop(n, (i, c) => c.mul(x).add(i), x))(typed([0, 3, 2], "int32"), x)
      .sum();
  checkDerivatives(f, [f64([1.1, 0.9, 0.7])]);
});

loopTest("grad inside a body, and a loop inside that", () => {
  const inner = (y: Tensor, x: Tensor) => forLoop(3, (_, c) => c.mul(y).sin(), x);
  const f = (x: Tensor) =>
    scan((c: Tensor, w) => [c.sub(grad(inner)(c, w).mul(0.1)), null], x, f64([0.5, 0.7]))[0];
  checkDerivatives(f, [f64(0.4)]);
});

loopTest("gradients with respect to captured values and Shared", ({ mode }) => {
  const w = shared(f64(2), { name: "w" });
  const cost = (xs: Tensor) => scan((c: Tensor, x) => [c.mul(w.value).add(x), null], f64(1), xs)[0];
  const g = jit((xs: Tensor) => {
    const value = cost(xs);
    return [value, grad(value, w) as Tensor];
  }, { mode });
  // c = w^3 + w^2 + 2 w + 3
  assertEquals(values(g(f64([1, 2, 3]))), [19, 3 * 4 + 2 * 2 + 2]);
});

loopTest("Theano's form of grad, twice, through a while loop", ({ mode }) => {
  const twice = jit((x: Tensor) => {
    const first = grad(growing(x), x) as Tensor;
    return [first, grad(first, x) as Tensor];
  }, { mode });
  const [first, second] = twice(f64(1.3));
  assertNear(first.itemSync(), grad(growing)(f64(1.3)).itemSync(), 1e-12);
  assertNear(second.itemSync(), grad(grad(growing))(f64(1.3)).itemSync(), 1e-9);
});

loopTest("pullbacks and pushforwards outlive their program", () => {
  const x = f64(1.3), slope = grad(growing)(x).itemSync();
  const [, pullback] = vjp(growing, x);
  assertNear((pullback(f64(2)) as Tensor[])[0].itemSync(), 2 * slope, 1e-12);
  assertNear((pullback(f64(-1)) as Tensor[])[0].itemSync(), -slope, 1e-12);
  const [, pushforward] = linearize(growing, x);
  assertNear((pushforward(f64(3)) as Tensor).itemSync(), 3 * slope, 1e-12);
  assertNear((jvp(growing, [x], [f64(3)])[1] as Tensor).itemSync(), 3 * slope, 1e-12);
  const product = (x: Tensor) => forLoop(3, (_, c) => c.mul(x), x).prod();
  // x0^4 x1^4
  assertEquals(values(hessian(product)(f64([1, 1]))), [[12, 16], [16, 12]]);
});

deviceTest("a loop of 100,000 steps differentiated", () => {
  const n = 100_000;
  const f = (x: Tensor) => forLoop(n, (_, c) => c.mul(x).add(1), x);
  // The fixed point of c = c x + 1 is 1 / (1 - x).
  assertNear(grad(f)(f64(0.5)).itemSync(), 4, 1e-12);
});

loopTest("an inner loop fills the carry of the loop around it row by row", () => {
  const f = (x: Tensor): Tensor =>
    forLoop(2, (_, c) => scan((h: Tensor, v: Tensor) => [h, v.mul(3)], 0, c)[1].sin(), x).square().sum();
  checkDerivatives(f, [f64([0.25, 0.8, 0.3])]);
});

loopTest("second order of a loop one of whose carries depends on nothing that moves", () => {
  const f = (x: Tensor, y: Tensor): Tensor =>
    forLoop(2, (i, c) => {
      const inner = (a: Tensor): Tensor =>
        scan((b: Tensor) => [a.sin(), b.sum()], i.cast(a.dtype).add(a.mul(0)), x)[0].sin();
      const [last, rows, count] = scan(
        (a: Tensor) => [inner(a), inner(a).at(1)],
        y,
        x,
        { until: (a) => a.at(2).gt(0.9) },
      );
      return rows.add(last.mul(count.cast(last.dtype))).sin().add(c.mul(0));
    }, x).sum();
  checkDerivatives(f, [f64([-0.4, 0.35, 0.88]), f64([0.38, 0.9, -0.3])]);
});
