import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  cond,
  DamoError,
  einsum,
  forLoop,
  jit,
  loop,
  LoopError,
  recurrence,
  scan,
  shared,
  stack,
  type Tensor,
  tensor,
  whileLoop,
  zeros,
} from "@damo/damo";
import { f64, loopTest, typed, values } from "./both_executors.ts";
import { wide } from "../support/devices.ts";

loopTest("scan is a loop over rows that carries trees and stacks trees", ({ mode }) => {
  const xs = { a: f64([[1, 2], [3, 4], [5, 6]]), b: f64([10, 20, 30]) };
  const run = () =>
    scan(
      ({ sum, last }: { sum: Tensor; last: Tensor }, { a, b }) => [
        { sum: sum.add(a.mul(b)), last: b },
        [a.sum(), { last }] as const,
      ],
      { sum: f64([0, 0]), last: f64(-1) },
      xs,
    );
  const expected = [{ sum: [10 + 60 + 150, 20 + 80 + 180], last: 30 }, [[3, 7, 11], { last: [-1, 10, 20] }]];
  assertEquals(values(run()), expected);
  assertEquals(values(jit(run, { mode })()), expected);
});

loopTest("a reversed scan leaves results at the places of their rows", () => {
  const [carry, ys] = scan((c: Tensor, x) => [c.mul(10).add(x), c], f64(0), f64([1, 2, 3]), {
    reverse: true,
  });
  assertEquals(values([carry, ys]), [321, [32, 3, 0]]);
});

loopTest("without sequences the length says how many steps", () => {
  const [carry, ys] = scan((c: Tensor) => [c.mul(2), c], f64(1), null, { length: 5 });
  assertEquals(values([carry, ys]), [32, [1, 2, 4, 8, 16]]);
});

loopTest("no steps give the initial carry and no rows", ({ mode }) => {
  const run = (xs: Tensor) => scan((c: Tensor, x) => [c.add(x), x.mul(2)], f64(7), xs);
  for (const f of [run, jit(run, { mode })]) {
    const [carry, ys] = f(zeros([0], { dtype: wide() }));
    assertEquals([values(carry), ys.shape, ys.dtype], [7, [0], wide()]);
  }
});

loopTest("until stops after the step that meets it, and later rows are 0", ({ mode }) => {
  const run = (limit: Tensor, reverse: boolean) =>
    scan((c: Tensor, x) => [c.add(x), c.add(x)], f64(0), f64([1, 2, 3, 4]), {
      reverse,
      until: (c, y) => c.ge(limit).and(y.ge(limit)),
    });
  assertEquals(values(run(f64(3), false)), [3, [1, 3, 0, 0], 2]);
  assertEquals(values(run(f64(7), true)), [7, [0, 0, 7, 4], 2]);
  assertEquals(values(run(f64(1e9), false)), [10, [1, 3, 6, 10], 4]);
  const compiled = jit(run, { mode, static: [1] });
  assertEquals(values(compiled(f64(3), false)), [3, [1, 3, 0, 0], 2]);
});

loopTest("the body is traced once, whatever the length", () => {
  let traces = 0;
  scan((c: Tensor, x) => (traces++, [c.add(x), null]), f64(0), f64(new Array(1000).fill(1)));
  assertEquals(traces, 1);
});

loopTest("a plain number as carry takes the dtype that the body gives it", ({ mode }) => {
  const sums = (xs: Tensor) => scan((c, x) => [c.add(x), null], 0, xs)[0];
  assertEquals(sums(typed([1, 2], "int32")).dtype, "int32");
  assertEquals(sums(f64([1, 2])).dtype, wide());
  assertEquals(scan((c) => [c.add(1), null], 0, null, { length: 2 })[0].dtype, "float32");
  const compiled = jit(
    (start: number, xs: Tensor) => scan((c, x) => [c.add(x), null], start, xs)[0] as Tensor,
    { mode },
  );
  const result = compiled(5, f64([1, 2]));
  assertEquals([result.dtype, values(result)], [wide(), 8]);
});

loopTest("bool and integer carries", () => {
  const [[any, count]] = scan(
    ([any, count]: [Tensor, Tensor], x) => [[any.or(x.gt(2)), count.add(x.gt(1).cast("int32"))], null],
    [false, typed(0, "int32")] as [boolean, Tensor],
    typed([1, 2, 3], "int32"),
  );
  assertEquals([any.dtype, values(any), count.dtype, values(count)], ["bool", true, "int32", 2]);
});

loopTest("a Shared assigned in the body is carried, and assigned once", ({ mode }) => {
  const s = shared(f64(1), { name: "s" }), w = shared(f64(2), { name: "w" });
  const run = (xs: Tensor) =>
    scan(
      (c: Tensor, x) => {
        s.value = s.value.mul(w.value).add(x);
        return [c.add(s.value), s.value];
      },
      f64(0),
      xs,
    );
  const expected = [30, [3, 8, 19]];
  const before = s.version;
  assertEquals(values(run(f64([1, 2, 3]))), expected);
  assertEquals([values(s.value), s.version - before], [19, 1]);
  s.value = f64(1);
  assertEquals(values(jit(run, { mode })(f64([1, 2, 3]))), expected);
  assertEquals(values(s.value), 19);
  run(zeros([0], { dtype: wide() }));
  assertEquals(values(s.value), 19, "no steps change nothing");
});

loopTest("a Shared that is assigned but not read keeps its value when there are no steps", () => {
  const s = shared(f64(5));
  const run = (xs: Tensor) =>
    scan(
      (c: Tensor, x) => {
        s.value = x;
        return [c, null];
      },
      f64(0),
      xs,
    );
  run(zeros([0], { dtype: wide() }));
  assertEquals(values(s.value), 5);
  run(f64([8, 9]));
  assertEquals(values(s.value), 9);
});

loopTest("scans nest", () => {
  const table = f64([[1, 2, 3], [4, 5, 6]]);
  const [total, rows] = scan(
    (c: Tensor, row) => {
      const [inner, partial] = scan((d: Tensor, x) => [d.add(x).mul(c), d], c, row);
      return [inner, partial.sum()];
    },
    f64(1),
    table,
  );
  let c = 1;
  const expected: number[] = [];
  for (const row of [[1, 2, 3], [4, 5, 6]]) {
    let d = c, sum = 0;
    for (const x of row) {
      sum += d;
      d = (d + x) * c;
    }
    c = d;
    expected.push(sum);
  }
  assertEquals(values([total, rows]), [c, expected]);
});

Deno.test("a carry that changes its type is an error with both types, the place and the remedy", () => {
  const error = assertThrows(
    () =>
      scan(
        (carry: { h: Tensor }, x) => [{ h: carry.h.mul(x).sum() }, null],
        { h: tensor([1, 2]) },
        tensor([1]),
      ),
    LoopError,
    "carry.h is float32[2] before the step and float32[] after it, computed at",
  );
  assertEquals(/scan_test\.ts:\d+/.test(error.message), true);
  assertEquals(/Return carry\.h with shape \[2\]/.test(error.message), true);
  assertThrows(
    () => scan((n: Tensor, x) => [n.add(x), null], typed(1, "int32"), tensor([0.5])),
    LoopError,
    "n is int32[] before the step and float32[] after it",
  );
  assertThrows(
    () => scan((n: Tensor, x) => [n.add(x), null], typed(1, "int32"), tensor([0.5])),
    LoopError,
    'Write .cast("int32") on the result, or start from a value of dtype float32.',
  );
  // deno-lint-ignore no-explicit-any -- wrong on purpose
  const dropping = (carry: { h: Tensor; c: Tensor }): any => [{ h: carry.h }, null];
  assertThrows(
    () => scan(dropping, { h: tensor(1), c: tensor(2) }, null, { length: 1 }),
    LoopError,
    "carry.c is missing from it",
  );
});

Deno.test("sequences that do not fit are named", () => {
  const step = (c: Tensor) => [c, null] as const;
  assertThrows(
    () => scan(step, tensor(1), [tensor([1, 2]), tensor([1, 2, 3])]),
    LoopError,
    "xs[1] is float32[3], xs[0] float32[2]",
  );
  assertThrows(() => scan(step, tensor(1), tensor([1, 2]), { length: 3 }), LoopError, "length is 3");
  assertThrows(() => scan(step, tensor(1)), LoopError, "neither sequences nor a length");
  assertThrows(() => scan(step, tensor(1), tensor(3)), LoopError, "is a scalar");
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => scan((c: Tensor) => c as any, tensor(1), tensor([1])),
    LoopError,
    "must return [carry, y], got a tensor",
  );
  assertThrows(
    () => scan(step, tensor(1), tensor([1]), { until: (c) => c }),
    LoopError,
    "the result of until must be one bool, got float32[]",
  );
});

loopTest("a body hands a tensor of its surroundings on without using it", ({ mode }) => {
  const f = (w: Tensor, xs: Tensor) => {
    const [last, rows] = scan(({ b }: { a: Tensor; b: Tensor }, x) => [{ a: w, b: b.add(x) }, w], {
      a: xs.at(0),
      b: xs.at(1),
    }, xs);
    return [last.a, last.b, rows];
  };
  for (const run of [f, jit(f, { mode })]) {
    assertEquals(values(run(f64(7), f64([1, 2]))), [7, 5, [7, 7]]);
  }
  const stops = (stop: Tensor) =>
    scan((c: Tensor) => [c.add(1), c], 0, undefined, { length: 3, until: () => stop });
  assertEquals(values(jit(stops, { mode })(typed(1, "bool"))), [1, [0, 0, 0], 1]);
  const goes = (on: Tensor) => whileLoop(() => on, (c: Tensor) => c.add(1), f64(0), { maxSteps: 3 });
  assertEquals([1, 0].map((on) => values(jit(goes, { mode })(typed(on, "bool")))), [3, 0]);
});

loopTest("products over axes that do not lie side by side, in bodies and branches", ({ mode }) => {
  const data = f64(Array.from({ length: 12 }, (_, i) => [i, i * 0.5, -i])).reshape([2, 3, 6]);
  const product = (a: Tensor, b: Tensor) => einsum("ijk,ilk->jl", a, b);
  const expected = values(product(data, data));
  const inLoop = (a: Tensor) =>
    forLoop(2, (_, c) => c.mul(0).add(product(a, a.add(c.sum().mul(0)))), product(a, a).mul(0));
  const inBranch = (a: Tensor) =>
    cond(a.sum().lt(1e9), (a: Tensor) => product(a, a), () => product(a, a).neg(), a);
  for (const f of [inLoop, inBranch]) {
    assertEquals(values(f(data)), expected);
    assertEquals(values(jit(f, { mode })(data)), expected);
  }
});

Deno.test("a traced length, and a carry without a name of its own, in errors", () => {
  const counted = (n: Tensor) =>
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    scan((c: Tensor) => [c.add(1), c], 0, undefined, { length: n as any })[0];
  const length = assertThrows(() => jit(counted)(tensor(3, { dtype: "int32" })), LoopError);
  for (const text of ["scan: length is Traced", "{ static: [position] }", "forLoop"]) {
    assertStringIncludes(length.message, text);
  }
  const wider = () =>
    scan(({ a }: { a: Tensor }) => [{ a: stack([a, a]) }, null], { a: tensor(1) }, null, { length: 2 });
  assertStringIncludes(assertThrows(wider, LoopError).message, "carry.a is float32[] before the step");
  const other = () =>
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    scan(({ a }: { a: Tensor }) => [{ b: a } as any, null], { a: tensor(1) }, null, { length: 2 });
  assertStringIncludes(
    assertThrows(other, LoopError).message,
    "carry.a is missing from it, carry.b is new in it",
  );
});

Deno.test("options that loops do not know are refused", () => {
  const xs = f64([1, 2]);
  const wrong: Record<string, () => unknown> = {
    'scan: unknown option "revers"': () => scan((c, x) => [c.add(x), c], 0, xs, { revers: true } as never),
    'whileLoop: unknown option "max"': () =>
      whileLoop((c) => c.lt(3), (c) => c.add(1), 0, { max: 2 } as never),
    'recurrence: unknown option "sequence"': () =>
      recurrence({ sequence: xs, steps: 1 } as never, () => f64(1)),
    'recurrence: outputs[0]: unknown option "tap"': () =>
      recurrence({ outputs: [{ initial: f64(1), tap: [-1] }], steps: 1 } as never, (a) => a),
    'recurrence: sequences[0]: unknown option "tap"': () =>
      recurrence({ sequences: [{ input: xs, tap: [0] }] } as never, (a) => a),
    'loop.stack: unknown option "maximum"': () => loop.stack({ maximum: 3 } as never),
    'loop.state: unknown option "title"': () => loop.state(0, { title: "h" } as never),
  };
  for (const [message, program] of Object.entries(wrong)) assertThrows(program, DamoError, message);
});
