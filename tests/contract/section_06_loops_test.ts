/** API.md, section 6: loops and conditions. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cond,
  DamoError,
  foldl,
  foldr,
  forLoop,
  grad,
  jit,
  loop,
  LoopError,
  map,
  ones,
  random,
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
import { list, message } from "./support.ts";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const int = (data: number | number[]): Tensor => tensor(data, { dtype: "int32" });
/** Runs outside a trace and inside. */
const BOTH = [<F>(f: F): F => f, <F>(f: F): F => jit(f as never) as F];

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
  let calls = 0;
  const host = jit((p: Tensor, x: Tensor) =>
    cond(p, () => x.mul(2), () => whileLoop((c: Tensor) => c.lt(1e9), (c: Tensor) => c.add(1), x))
  );
  assertEquals(list(host(tensor(true), f64(1))), 2);
  calls++;
  assertEquals(calls, 1);
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

Deno.test("loops written as loops: states, stacks, over, range, while, until", () => {
  let bodies = 0;
  const rnn = (xs: Tensor, h0: Tensor) => {
    const h = loop.state(h0), hs = loop.stack();
    for (const x of loop.over(xs)) {
      bodies++;
      h.value = h.value.mul(0.5).add(x);
      hs.push(h.value);
    }
    return { last: h.value, all: hs.value, count: hs.count };
  };
  for (const run of BOTH) {
    bodies = 0;
    const { last, all, count } = run(rnn)(f64([1, 2, 3]), f64(0));
    assertEquals([list(last), list(all), list(count as Tensor)], [4.25, [1, 2.5, 4.25], 3]);
    assertEquals(bodies, 1);
    const stopping = run((xs: Tensor) => {
      const s = loop.state(f64(0)), rows = loop.stack();
      for (const x of loop.over(xs)) {
        s.value = s.value.add(x);
        rows.push(s.value);
        loop.until(s.value.ge(3));
      }
      return [s.value, rows.value, rows.count];
    });
    assertEquals(stopping(f64([1, 2, 3, 4])).map(list as never), [3, [1, 3, 0, 0], 2] as never);
    const pairs = run((a: Tensor, b: Tensor) => {
      const s = loop.state(f64(0));
      for (const [x, y] of loop.over([a, b])) s.value = s.value.add(x.mul(y));
      return s.value;
    });
    assertEquals(list(pairs(f64([1, 2]), f64([3, 4]))), 11);
    const ranged = run((n: Tensor) => {
      const s = loop.state(f64(0)), steps = loop.stack({ max: 6 });
      for (const i of loop.range(n)) {
        assertEquals([i.dtype, i.shape], ["int32", []]);
        s.value = s.value.add(i);
        steps.push(i);
      }
      return [s.value, steps.value, steps.count];
    });
    assertEquals(ranged(int(4)).map(list as never), [6, [0, 1, 2, 3, 0, 0], 4] as never);
    assertEquals(ranged(int(0)).map(list as never), [0, [0, 0, 0, 0, 0, 0], 0] as never);
    message(() => ranged(int(7)), LoopError, "max");
    const newton = run((a: Tensor) => {
      const x = loop.state(a);
      for (const _ of loop.while(() => x.value.square().sub(a).abs().gt(1e-12))) {
        x.value = x.value.add(a.div(x.value)).mul(0.5);
      }
      return x.value;
    });
    assertAlmostEquals(newton(f64(2)).itemSync(), Math.SQRT2, 1e-12);
    assertAlmostEquals(grad(newton)(f64(2)).itemSync(), 0.5 / Math.SQRT2, 1e-9);
    assertEquals(list(newton(f64(1))), 1);
    const fixed = run((x: Tensor) => {
      const s = loop.state({ a: x, b: [x] });
      for (const _ of loop.range(3)) s.value = { a: s.value.a.mul(2), b: [s.value.b[0].add(1)] };
      return s.value;
    });
    const out = fixed(f64(1));
    assertEquals([list(out.a), list(out.b[0])], [8, 4]);
  }
});

Deno.test("errors of loops: rebound variables, break, unbounded stacks", () => {
  const rebound = (xs: Tensor) => {
    let h = f64(0);
    for (const x of loop.over(xs)) h = h.add(x);
    return h;
  };
  for (const run of BOTH) message(() => list(run(rebound)(f64([1, 2]))), LoopError, "state");
  const unused = (xs: Tensor) => {
    let h = f64(0);
    const s = loop.state(f64(0));
    for (const x of loop.over(xs)) {
      h = h.add(x);
      s.value = s.value.add(h);
    }
    return s.value;
  };
  message(() => jit(unused, { mode: "debug" })(f64([1, 2])), LoopError, "state");
  for (const leave of ["break", "return", "throw"]) {
    const f = (xs: Tensor) => {
      const s = loop.state(f64(0));
      for (const x of loop.over(xs)) {
        s.value = s.value.add(x);
        if (leave === "break") break;
        if (leave === "return") return s.value;
        if (leave === "throw") throw new Error("mine");
      }
      return s.value;
    };
    for (const run of BOTH) {
      const error = assertThrows(() => run(f)(f64([1, 2]))) as Error;
      if (leave !== "throw") {
        assert(error instanceof LoopError && error.message.includes("loop.until"), error.message);
      }
    }
  }
  message(
    () =>
      jit((x: Tensor) => {
        const s = loop.state(x), rows = loop.stack();
        for (const _ of loop.while(() => s.value.lt(10))) {
          s.value = s.value.add(1);
          rows.push(s.value);
        }
        return rows.value;
      })(f64(1)),
    LoopError,
    "max",
  );
  message(
    () =>
      jit((n: Tensor) => {
        const rows = loop.stack();
        for (const i of loop.range(n)) rows.push(i);
        return rows.value;
      })(int(3)),
    LoopError,
    "max",
  );
  message(() => loop.until(tensor(true)), LoopError, "until");
});

Deno.test("Shared assigned in a body is carried; random streams draw fresh numbers; loops nest and differentiate", () => {
  const total = shared(f64(0), { name: "total" });
  const f = jit((xs: Tensor) => {
    for (const x of loop.over(xs)) total.value = total.value.add(x);
    return total.value;
  });
  assertEquals([list(f(f64([1, 2]))), list(f(f64([3]))), list(total.value)], [3, 6, 6]);
  scan(
    (c: Tensor, x: Tensor): [Tensor, Tensor] => {
      total.value = total.value.add(x);
      return [c, x];
    },
    f64(0),
    f64([10, 20]),
  );
  assertEquals(list(total.value), 36);
  const stream = new random.RandomStream(7);
  const draws = jit(() => {
    const rows = loop.stack();
    for (const _ of loop.range(5)) rows.push(stream.uniform([]));
    return rows.value;
  });
  const a = list(draws()) as number[], b = list(draws()) as number[];
  assertEquals(new Set([...a, ...b]).size, 10);
  const nested = (m: Tensor) => {
    const sum = loop.state(f64(0));
    for (const row of loop.over(m)) {
      const product = loop.state(f64(1));
      for (const x of loop.over(row)) product.value = product.value.mul(x);
      sum.value = sum.value.add(product.value);
    }
    return sum.value;
  };
  for (const run of BOTH) {
    assertEquals(list(run(nested)(f64([[1, 2], [3, 4]]))), 14);
    assertEquals(list(run(grad(nested))(f64([[1, 2], [3, 4]]))), [[2, 1], [4, 3]]);
  }
  assertEquals(list(vmap(nested)(f64([[1, 2]]).reshape([1, 1, 2]))), [2]);
  assertEquals(list(jit((m: Tensor) => nested(m))(ones([0, 2]).cast("float64"))), 0);
});
