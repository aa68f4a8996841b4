/** What loop statements mean: their states, stacks and derivatives. */
import { assertEquals } from "@std/assert";
import { grad, jit, loop, shared, type Tensor, vmap } from "@damo/damo";
import { checkDerivatives, f64, loopTest, typed, values } from "./both_executors.ts";
import { assertNear, within } from "../support/devices.ts";
import { ramp, recurrent } from "./loop_statements.ts";

loopTest("a for statement over a tensor is captured once and means what it says", ({ mode }) => {
  let h = 1, sum = 0;
  for (const x of [0.1, 0.2, 0.3]) {
    h = h * 0.5 + x;
    sum += h * 2;
  }
  assertNear(recurrent(ramp(), f64(1)).itemSync(), h + sum, 1e-14);
  const compiled = jit(recurrent, { mode });
  assertNear(compiled(ramp(), f64(1)).itemSync(), h + sum, 1e-14);
  checkDerivatives(recurrent, [ramp(), f64(1)]);
});

loopTest("several sequences, trees as states, and the count of a stack", () => {
  const s = loop.state({ a: f64(0), b: [f64(1)] });
  const pairs = loop.stack<{ x: Tensor; twice: Tensor }>();
  for (const [x, { y }] of loop.over([f64([1, 2]), { y: f64([10, 20]) }] as const)) {
    s.value = { a: s.value.a.add(x.mul(y)), b: [s.value.b[0].mul(2)] };
    pairs.push({ x, twice: y.mul(2) });
  }
  assertEquals(values(s.value), { a: 50, b: [4] });
  assertEquals(values(pairs.value), { x: [1, 2], twice: [20, 40] });
  assertEquals(values(pairs.count), 2);
});

loopTest("loop.until leaves after the step: later rows are 0", ({ mode }) => {
  const run = (limit: Tensor) => {
    const sum = loop.state(f64(0)), sums = loop.stack();
    for (const x of loop.over(f64([1, 2, 3, 4]))) {
      sum.value = sum.value.add(x);
      loop.until(sum.value.ge(limit));
      loop.until(sum.value.gt(1e6));
      sums.push(sum.value);
    }
    return [sum.value, sums.value, sums.count];
  };
  assertEquals(values(run(f64(3))), [3, [1, 3, 0, 0], 2]);
  assertEquals(values(jit(run, { mode })(f64(6))), [6, [1, 3, 6, 0], 3]);
  checkDerivatives(
    (x: Tensor) => {
      const c = loop.state(x);
      for (const w of loop.over(f64([1, 2, 3, 4, 5]))) {
        c.value = c.value.mul(w).add(x);
        loop.until(c.value.gt(20));
      }
      return c.value;
    },
    [f64(0.9)],
    { tolerance: 1e-6 },
  );
});

loopTest("ranges, also with a traced number of steps", ({ mode }) => {
  const sum = (n: number | Tensor) => {
    const s = loop.state(0);
    for (const i of loop.range(n)) s.value = s.value.add(i.mul(i));
    return s.value;
  };
  assertEquals([0, 4].map((n) => values(sum(n))), [0, 14]);
  assertEquals(sum(4).dtype, "int32");
  const compiled = jit((n: Tensor) => sum(n), { mode });
  assertEquals([0, 4, -1].map((n) => values(compiled(typed(n, "int32")))), [0, 14, 0]);
});

/** How near the square of a root must come. */
const enough = () => within(1e-12, 1e-5);

/** Newton's method for the square root. */
function root(a: Tensor): { root: Tensor; steps: Tensor; path: Tensor } {
  const x = loop.state(a), path = loop.stack({ max: 12 });
  for (const _ of loop.while(() => x.value.mul(x.value).sub(a).abs().gt(enough()))) {
    x.value = x.value.add(a.div(x.value)).mul(0.5);
    path.push(x.value);
  }
  return { root: x.value, steps: path.count, path: path.value };
}

loopTest("a while loop written as one, differentiated and batched", ({ mode }) => {
  const expected: number[] = [];
  for (let x = 2; Math.abs(x * x - 2) > enough();) expected.push(x = (x + 2 / x) / 2);
  const result = jit(root, { mode })(f64(2));
  assertEquals(values(result.steps), expected.length);
  const path = values(result.path) as number[];
  path.forEach((x, i) => assertNear(x, expected[i] ?? 0, 0));
  const slope = grad((a: Tensor) => root(a).root)(f64(4)).itemSync();
  assertNear(slope, 0.25, 1e-9);
  const roots = values(vmap((a: Tensor) => root(a).root)(f64([4, 9, 2]))) as number[];
  [2, 3, Math.SQRT2].forEach((e, i) => assertNear(roots[i], e, 1e-12));
  assertEquals(values(root(f64(1)).steps), 0);
});

loopTest("nested loops: states of the outer one, states of each step, stacks of stacks", ({ mode }) => {
  const run = (x: Tensor) => {
    const total = loop.state(0), table = loop.stack();
    for (const i of loop.range(3)) {
      const y = loop.state(x.add(i));
      for (const j of loop.range(2)) {
        y.value = y.value.mul(x).add(j);
        total.value = total.value.add(y.value);
        table.push(y.value);
      }
      total.value = total.value.mul(0.5);
    }
    return [total.value, table.value];
  };
  let total = 0;
  const table: number[][] = [];
  for (let i = 0; i < 3; i++) {
    let y = 0.5 + i;
    const row: number[] = [];
    for (let j = 0; j < 2; j++) {
      y = y * 0.5 + j;
      total += y;
      row.push(y);
    }
    total *= 0.5;
    table.push(row);
  }
  for (const f of [run, jit(run, { mode })]) assertEquals(values(f(f64(0.5))), [total, table]);
  checkDerivatives((x: Tensor) => run(x)[0].add(run(x)[1].mul(run(x)[1]).sum()), [f64(0.7)]);
});

loopTest("Shared assigned in the body are carried and assigned once", ({ mode }) => {
  const s = shared(f64(1), { name: "s" });
  const run = () => {
    for (const i of loop.range(4)) s.value = s.value.mul(2).add(i);
  };
  run();
  assertEquals(values(s.value), 27);
  s.value = f64(1);
  jit(run, { mode })();
  assertEquals(values(s.value), 27);
});

loopTest("inside vmap", () => {
  assertEquals(
    values(vmap(recurrent)(f64([[1, 2], [3, 4]]), f64([0, 1]))),
    [7.5, 17.25 - 0.5 + 2.25].map((_, i) => values(recurrent(f64([[1, 2], [3, 4]]).at(i), f64(i)))),
  );
});
