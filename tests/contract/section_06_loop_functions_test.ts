/** API.md, section 6: loops and conditions written as functions. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  check,
  CheckError,
  cond,
  DamoError,
  foldl,
  foldr,
  forLoop,
  grad,
  jit,
  LoopError,
  map,
  recurrence,
  reduce,
  scan,
  shared,
  switchCase,
  type Tensor,
  tensor,
  until,
  vmap,
  whileLoop,
  zeros,
} from "@damo/damo";
import { BOTH, f64, int, list, message } from "./support.ts";

Deno.test("scan: carry and ys, trees, length, reverse, until, traced once", () => {
  let traces = 0;
  const sum = (xs: Tensor) =>
    scan(
      (c: Tensor, x: Tensor): [Tensor, Tensor] => {
        traces++;
        return [c.add(x), c.mul(10)];
      },
      f64(0),
      xs,
    );
  for (const run of BOTH) {
    traces = 0;
    const [carry, ys] = run(sum)(f64([1, 2, 3]));
    assertEquals([list(carry), list(ys)], [6, [0, 10, 30]]);
    assert(traces <= 2, String(traces));
  }
  const [c, ys] = scan(
    (s: { n: Tensor; h: Tensor[] }, x: { a: Tensor; b: [Tensor] }) => {
      const next = { n: s.n.add(1), h: [s.h[0].add(x.a)] };
      return [next, { y: next.h[0].mul(x.b[0]), z: [s.n] }] as const;
    },
    { n: int(0), h: [f64([0, 0])] as Tensor[] },
    { a: f64([[1, 2], [3, 4]]), b: [f64([10, 100])] as [Tensor] },
  );
  assertEquals([list(c.n), list(c.h[0]), list(ys.y), list(ys.z[0])], [2, [4, 6], [[10, 20], [400, 600]], [
    0,
    1,
  ]]);
  const [last, none] = scan(
    (c: Tensor, x: undefined): [Tensor, Tensor] => {
      assertEquals(x, undefined);
      return [c.mul(2), c];
    },
    f64(1),
    undefined,
    { length: 4 },
  );
  assertEquals([list(last), list(none)], [16, [1, 2, 4, 8]]);
  const [back, places] = scan(
    (c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x), c.add(x)],
    f64(0),
    f64([1, 2, 3]),
    { reverse: true },
  );
  assertEquals([list(back), list(places)], [6, [6, 5, 3]]);
  for (const run of BOTH) {
    const [stopped, rows, count] = run((xs: Tensor) =>
      scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x), c.add(x)], f64(0), xs, {
        until: (c: Tensor) => c.ge(3),
      }) as unknown as [Tensor, Tensor, Tensor]
    )(f64([1, 2, 3, 4]));
    assertEquals([list(stopped), list(rows), list(count)], [3, [1, 3, 0, 0], 2]);
  }
  const [, , all] = scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c, x], f64(0), f64([1, 2]), {
    until: (_c: Tensor, y: Tensor) => y.gt(5),
  }) as unknown as [Tensor, Tensor, Tensor];
  assertEquals(list(all), 2);
  assertEquals(
    scan((c: Tensor, x: Tensor): [Tensor, undefined] => [c.add(x), undefined], f64(0), f64([1]))[1],
    undefined,
  );
  assertEquals(list(scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c, x], f64(5), zeros([0]))[0]), 5);
  message(
    () => scan((c: Tensor): [Tensor, Tensor] => [c.reshape([1]), c], f64(0), f64([1])),
    LoopError,
    "carry",
    "float64[]",
    "float64[1]",
  );
  message(
    () => scan((c: Tensor, _x: unknown): [Tensor, Tensor] => [c, c], f64(0), [f64([1, 2]), f64([1])]),
    DamoError,
    "2",
    "1",
  );
  message(() => scan((c: Tensor): [Tensor, Tensor] => [c, c], f64(0)), DamoError, "length");
  message(() => scan((c: Tensor) => c as never, f64(0), f64([1])), LoopError, "scan");
});

Deno.test("scan: truncateGradient, checkpointEvery", () => {
  const h = (options: object) => (w: Tensor) =>
    scan(
      (c: Tensor, x: Tensor): [Tensor, Tensor] => [c.mul(w).add(x), c],
      f64(0),
      f64([1, 1, 1]),
      options,
    )[0];
  // h3 = w^2 + w + 1
  assertEquals(grad(h({}))(f64(2)).itemSync(), 5);
  assertEquals(grad(h({ checkpointEvery: 2 }))(f64(2)).itemSync(), 5);
  assertEquals(grad(h({ truncateGradient: 1 }))(f64(2)).itemSync(), 3);
  assertEquals(grad(h({ truncateGradient: 3 }))(f64(2)).itemSync(), 5);
});

Deno.test("recurrence: Theano's scan", () => {
  const [cumulative] = [
    recurrence({ sequences: [f64([1, 2, 3])], outputs: [f64(0)] }, (x: Tensor, acc: Tensor) => acc.add(x)),
  ];
  assertEquals(list(cumulative as unknown as Tensor), [1, 3, 6]);
  // Fibonacci with taps -2 and -1.
  const fib = recurrence(
    { outputs: [{ initial: f64([0, 1]), taps: [-2, -1] }], steps: 5 },
    (a: Tensor, b: Tensor) => a.add(b),
  ) as unknown as Tensor;
  assertEquals(list(fib), [1, 2, 3, 5, 8]);
  // Sequence taps, and cut to the shortest.
  const windows = recurrence(
    { sequences: [{ input: f64([1, 2, 3, 4]), taps: [-1, 0, 1] }] },
    (a: Tensor, b: Tensor, c: Tensor) => a.add(b).add(c),
  ) as unknown as Tensor;
  assertEquals(list(windows), [6, 9]);
  const cut = recurrence(
    { sequences: [f64([1, 2, 3]), f64([10, 20])] },
    (a: Tensor, b: Tensor) => a.add(b),
  ) as unknown as Tensor;
  assertEquals(list(cut), [11, 22]);
  // Several outputs, null among them, nonSequences last.
  const several = recurrence(
    { sequences: [f64([1, 2])], outputs: [f64(0), null], nonSequences: [f64(100)] },
    (x: Tensor, acc: Tensor, k: Tensor) => [acc.add(x), x.mul(k)],
  ) as unknown as Tensor[];
  assertEquals(several.map(list), [[1, 3], [100, 200]]);
  // Reverse keeps the order of the walk.
  const backwards = recurrence(
    { sequences: [f64([1, 2, 3])], outputs: [f64(0)], reverse: true },
    (x: Tensor, acc: Tensor) => acc.add(x),
  ) as unknown as Tensor;
  assertEquals(list(backwards), [3, 5, 6]);
  // until: the crossing step is included, later rows are 0.
  for (const run of BOTH) {
    const [out, count] = run((limit: Tensor) =>
      recurrence(
        { outputs: [f64(1)], nonSequences: [limit], steps: 10 },
        (a: Tensor, l: Tensor) => [a.mul(2), until(a.mul(2).gt(l))] as never,
      ) as unknown as [Tensor, Tensor]
    )(f64(20));
    assertEquals([list(out), list(count)], [[2, 4, 8, 16, 32, 0, 0, 0, 0, 0], 5]);
  }
  assertEquals(
    grad((x: Tensor) =>
      (recurrence({ outputs: [x], steps: 3 }, (a: Tensor) => a.mul(a)) as unknown as Tensor).at(-1)
    )(f64(2)).itemSync(),
    8 * 2 ** 7,
  );
  message(() => recurrence({ outputs: [f64(0)] }, (a: Tensor) => a), DamoError, "steps");
  const w = f64(3);
  assertThrows(
    () => recurrence({ outputs: [f64(1)], steps: 2, strict: true }, (a: Tensor) => a.mul(w)),
    DamoError,
  );
  assertEquals(
    list(
      recurrence(
        { outputs: [f64(1)], nonSequences: [w], steps: 2, strict: true },
        (a: Tensor, k: Tensor) => a.mul(k),
      ) as unknown as Tensor,
    ),
    [3, 9],
  );
});

Deno.test("whileLoop, forLoop: zero steps, traced counts, gradients without a bound", () => {
  for (const run of BOTH) {
    const grow = run((x: Tensor) => whileLoop((c: Tensor) => c.lt(100), (c: Tensor) => c.mul(3), x));
    assertEquals([list(grow(f64(2))), list(grow(f64(500)))], [162, 500]);
    const power = run((x: Tensor, n: Tensor) => forLoop(n, (_i, c: Tensor) => c.mul(x), f64(1)));
    assertEquals([0, 1, 5].map((n) => list(power(f64(2), int(n)))), [1, 2, 32]);
    assertEquals(
      list(run((x: Tensor) => forLoop(3, (i, c: Tensor) => c.add(i.mul(x)), f64(0)))(f64(10))),
      30,
    );
  }
  const tree = whileLoop(
    (s: { i: Tensor; x: Tensor }) => s.i.lt(3),
    (s) => ({ i: s.i.add(1), x: s.x.mul(2) }),
    { i: int(0), x: f64(1) },
  );
  assertEquals([list(tree.i), list(tree.x)], [3, 8]);
  const g = grad((x: Tensor) => whileLoop((c: Tensor) => c.lt(100), (c: Tensor) => c.mul(x), x));
  assertEquals([g(f64(3)).itemSync(), jit(g)(f64(3)).itemSync()], [5 * 81, 5 * 81]);
  assertEquals(g(f64(200)).itemSync(), 1);
  assertEquals(
    list(whileLoop((c: Tensor) => c.lt(100), (c: Tensor) => c.add(1), f64(0), { maxSteps: 3 })),
    3,
  );
  message(() => whileLoop((c: Tensor) => c.add(1), (c: Tensor) => c, f64(0)), LoopError, "whileLoop");
  assertEquals(
    list(
      vmap((x: Tensor) => whileLoop((c: Tensor) => c.lt(10), (c: Tensor) => c.mul(2), x))(f64([1, 3, 50])),
    ),
    [16, 12, 50],
  );
  assertEquals(list(forLoop(-3, (_i, c: Tensor) => c.add(1), f64(0))), 0);
});

Deno.test("cond, switchCase: only the taken branch runs", () => {
  for (const run of BOTH) {
    const f = run((p: Tensor, x: Tensor) => cond(p, (v: Tensor) => v.mul(2), (v: Tensor) => v.neg(), x));
    assertEquals([list(f(tensor(true), f64(3))), list(f(tensor(false), f64(3)))], [6, -3]);
    const s = run((i: Tensor, x: Tensor) =>
      switchCase(i, [(v: Tensor) => v, (v: Tensor) => v.mul(10), (v: Tensor) => v.mul(100)], x)
    );
    assertEquals([-5, 0, 1, 2, 9].map((i) => list(s(int(i), f64(1)))), [1, 1, 10, 100, 100]);
  }
  const checked = jit((p: Tensor, x: Tensor) =>
    cond(p, () => x.mul(2), () => check(x.lt(0), "the other branch ran", x))
  );
  assertEquals(list(checked(tensor(true), f64(1))), 2);
  message(() => checked(tensor(false), f64(1)), CheckError, "the other branch ran");
  const trees = cond(tensor(true), () => ({ a: f64(1), b: [int(2)] }), () => ({ a: f64(3), b: [int(4)] }));
  assertEquals([list(trees.a), list(trees.b[0])], [1, 2]);
  message(() => cond(f64(1), () => f64(1), () => f64(2)), LoopError, "cond", "bool");
  message(() => cond(tensor(true), () => f64(1), () => f64([2])), LoopError, "float64[]", "float64[1]");
  assertEquals(list(cond(true, () => f64(1), () => f64(2))), 1);
  assertEquals(
    vmap((x: Tensor) => cond(x.gt(0), () => x, () => x.neg()))(f64([1, -2])).arraySync() as number[],
    [1, 2],
  );
  const w = shared(0);
  const assign = jit((p: Tensor) => {
    cond(p, () => {
      w.value = w.value.add(1);
      return w.value;
    }, () => w.value);
  });
  assign(tensor(true));
  assign(tensor(false));
  assertEquals(list(w.value), 1);
});

Deno.test("map, reduce, foldl, foldr", () => {
  assertEquals(list(map((x: Tensor) => x.square(), f64([1, 2, 3]))), [1, 4, 9]);
  const mapped = map((p: { a: Tensor; b: Tensor }) => ({ s: p.a.add(p.b), d: [p.a] }), {
    a: f64([1, 2]),
    b: f64([3, 4]),
  });
  assertEquals([list(mapped.s), list(mapped.d[0])], [[4, 6], [1, 2]]);
  const minus = (acc: Tensor, x: Tensor) => acc.mul(2).sub(x);
  assertEquals(list(reduce(minus, f64([1, 2, 3]), f64(10))), 69);
  assertEquals(list(foldl(minus, f64([1, 2, 3]), f64(10))), 69);
  assertEquals(list(foldr(minus, f64([1, 2, 3]), f64(10))), ((10 * 2 - 3) * 2 - 2) * 2 - 1);
  assertEquals(
    grad((x: Tensor) => reduce((a: Tensor, v: Tensor) => a.mul(v), x, f64(1)))(f64([2, 3, 4]))
      .arraySync() as number[],
    [12, 8, 6],
  );
  assertEquals(map((x: Tensor) => x.sum(), zeros([0, 2])).shape, [0]);
});

Deno.test("trees of different kinds keep their types without annotations", () => {
  const pair = [f64([1, 2]), { b: f64([3, 4]) }] as const;
  const [sum, ys] = scan((c, [a, { b }]) => [c.add(a.mul(b)), [a, { b }]], 0, pair);
  assertEquals([list(sum), list(ys[0]), list(ys[1].b)], [11, [1, 2], [3, 4]]);
  const mapped = map(([a, { b }]) => [a, { c: b.mul(2) }], pair);
  assertEquals([list(mapped[0]), list(mapped[1].c)], [[1, 2], [6, 8]]);
  const folded = foldl(([a, { n }], x) => [a.add(x), { n: n.add(1) }], f64([1, 2]), [0, { n: 0 }]);
  assertEquals([list(folded[0]), list(folded[1].n)], [3, 2]);
  assertEquals(list(reduce((a: Tensor, x: Tensor) => a.add(x), f64([1, 2]), 0)), 3);
  const chosen = cond(tensor(false), (x, [y]) => [x, { y }], (x, [y]) => [y, { y: x }], f64(1), [f64(2)]);
  assertEquals([list(chosen[0]), list(chosen[1].y)], [2, 1]);
  const cased = switchCase(1, [(x) => [x, { n: x }], (x) => [x.neg(), { n: x }]], f64(1));
  assertEquals([list(cased[0]), list(cased[1].n)], [-1, 1]);
});
