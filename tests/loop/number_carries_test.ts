import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cond,
  DTypeError,
  forLoop,
  grad,
  jit,
  loop,
  LoopError,
  recurrence,
  reduce,
  scan,
  shared,
  type Tensor,
  tensor,
  vmap,
  whileLoop,
} from "@damo/damo";
import { assertNear, wide } from "../support/devices.ts";
import { f64, loopTest, typed, values } from "./both_executors.ts";

/** `f` outside a trace and compiled. */
function both<A extends unknown[], R>(
  f: (...args: A) => R,
  mode: "reference" | "fast",
): ((...args: A) => R)[] {
  return [f, jit(f, { mode }) as unknown as (...args: A) => R];
}

Deno.test("a body whose carry begins as a plain number is traced once", () => {
  let calls = 0;
  const counted = <T>(value: T): T => (calls++, value);
  const programs: (() => unknown)[] = [
    () => scan((c, x) => counted([c.add(x), c]), 0, f64([1, 2, 3])),
    () => scan((c, x) => counted([c.mul(0.5).add(x).tanh(), c.mul(2)]), 0.1, f64([1, 2, 3])),
    () => forLoop(4, (_i, c) => counted(c.mul(2)), 1),
    () => whileLoop((c) => c.lt(10), (c) => counted(c.add(1)), 0),
    () => recurrence({ sequences: [f64([1, 2])], outputs: [0] }, (x, c) => counted(c.add(x))),
    () => reduce((sum, x) => counted(sum.add(x)), f64([1, 2]), 0),
    () => {
      const sum = loop.state(0);
      for (const x of loop.over(f64([1, 2]))) sum.value = counted(sum.value.mul(0.5).add(x));
    },
  ];
  for (const program of programs) {
    for (const run of [program, jit(program)]) {
      calls = 0;
      run();
      assertEquals(calls, 1, String(program));
    }
  }
});

loopTest("an integer that began as a plain number wraps from the first step on", ({ mode }) => {
  let expected = 7;
  for (let i = 0; i < 10; i++) expected = (Math.imul(expected, 31) + i) | 0;
  const hash = () => {
    const h = loop.state(7);
    for (const i of loop.range(10)) h.value = h.value.mul(31).add(i);
    return [h.value, forLoop(10, (i, h) => h.mul(31).add(i), 7)];
  };
  for (const f of both(hash, mode)) {
    assertEquals(values(f()), [expected, expected]);
    assertEquals(f().map(({ dtype }) => dtype), ["int32", "int32"]);
  }
});

loopTest(
  "a number that meets an integer tensor keeps its fraction where the loop makes it a float",
  ({ mode }) => {
    let expected = 1;
    for (let i = 0; i < 3; i++) expected = expected * 0.5 + i * expected;
    const mixed = () => {
      const h = loop.state(1);
      for (const i of loop.range(3)) h.value = h.value.mul(0.5).add(i.mul(h.value));
      return [h.value, forLoop(3, (i, h) => h.mul(0.5).add(i.mul(h)), 1)];
    };
    for (const f of both(mixed, mode)) assertEquals(values(f()), [expected, expected]);
  },
);

Deno.test("a number that meets a narrower tensor first is carried in the wider dtype", () => {
  const f = (x: Tensor, y: Tensor) => {
    const h = loop.state(0.1);
    for (const _ of loop.range(3)) h.value = h.value.mul(x).add(y);
    return h.value;
  };
  const y = tensor(0.2, { dtype: "float64" });
  for (const run of both(f, "fast")) {
    const result = run(tensor(3), y);
    assertEquals(result.dtype, "float64");
    assertAlmostEquals(result.itemSync() as number, 0.1 * 27 + 0.2 * 13, 1e-12);
  }
});

loopTest("a stack of a number that becomes a float or an integer has its dtype", ({ mode }) => {
  const before = (xs: Tensor, first: number) => {
    const h = loop.state(first), hs = loop.stack();
    for (const x of loop.over(xs)) {
      hs.push(h.value);
      h.value = h.value.add(x);
    }
    return hs.value;
  };
  for (const f of both((xs: Tensor) => before(xs, 0.1), mode)) {
    const rows = f(f64([1, 2]));
    assertEquals(rows.dtype, wide());
    assertNear((rows.arraySync() as number[])[1], 1.1, 1e-15);
  }
  for (const f of both((xs: Tensor) => before(xs, 16777217), mode)) {
    const rows = f(typed([1, 2], "int32"));
    assertEquals([rows.dtype, values(rows)], ["int32", [16777217, 16777218]]);
  }
});

loopTest("numbers that move from one carry to the next take the dtype of what comes in", ({ mode }) => {
  const registers = (xs: Tensor) => {
    const s = loop.state([0, 0, 0] as [number, number, number]);
    for (const x of loop.over(xs)) s.value = [s.value[1], s.value[2], x];
    return [s.value, scan((c, x) => [[c[1], c[2], x] as const, c[0]], [0, 0, 0] as const, xs)];
  };
  const expected = [[2, 3, 4], [[2, 3, 4], [0, 0, 0, 1]]];
  for (const f of both(registers, mode)) {
    assertEquals(values(f(f64([1, 2, 3, 4]))), expected);
    assertEquals(values(f(typed([1, 2, 3, 4], "int32"))), expected);
  }
});

loopTest(
  "number states in nested loops, conditions and inner scans, with derivatives and in batches",
  ({ mode }) => {
    const f = (m: Tensor) => {
      const total = loop.state(0), count = loop.state(1);
      for (const row of loop.over(m)) {
        const product = loop.state(1);
        for (const x of loop.over(row)) {
          product.value = product.value.mul(x);
          count.value = count.value.mul(0.5).sin().add(x);
        }
        total.value = cond(
          product.value.gt(0),
          () => scan((c, x) => [c.add(x), null], total.value, row)[0],
          () => total.value.sub(product.value),
        );
      }
      return total.value.add(count.value);
    };
    const plain = (m: number[][]) => {
      let total = 0, count = 1;
      for (const row of m) {
        let product = 1;
        for (const x of row) {
          product *= x;
          count = Math.sin(count * 0.5) + x;
        }
        total = product > 0 ? total + row[0] + row[1] : total - product;
      }
      return total + count;
    };
    const m = [[0.5, 0.3], [-0.2, 0.7], [0.9, 0.4]];
    const slope = m.map((row, i) =>
      row.map((_, j) => {
        const moved = (by: number) =>
          plain(m.map((r, k) => r.map((x, l) => i === k && j === l ? x + by : x)));
        return (moved(1e-6) - moved(-1e-6)) / 2e-6;
      })
    );
    for (const run of both(f, mode)) assertNear(run(f64(m)).itemSync() as number, plain(m), 1e-12);
    for (const g of both(grad(f), mode)) {
      (g(f64(m)).arraySync() as number[][]).forEach((row, i) =>
        row.forEach((x, j) => assertNear(x, slope[i][j], 1e-8))
      );
    }
    const batch = f64(m.flat()).reshape([1, 3, 2]);
    assertNear((jit(vmap(f), { mode })(batch).arraySync() as number[])[0], plain(m), 1e-12);
  },
);

loopTest("a batched loop whose carry began as a number", ({ mode }) => {
  const f = (x: Tensor) => {
    const s = loop.state(0.3);
    for (const _ of loop.range(5)) s.value = s.value.mul(0.5).sin().add(x);
    return s.value;
  };
  let expected = 0.3;
  for (let i = 0; i < 5; i++) expected = Math.sin(expected * 0.5) + 0.25;
  for (const run of both(vmap(f), mode)) {
    assertNear((run(f64([0.25, 0.5])).arraySync() as number[])[0], expected, 1e-12);
  }
  const slopes = values(jit(vmap(grad(f)), { mode })(f64([0.25, 0.5]))) as number[];
  assertNear(slopes[0], grad(f)(f64(0.25)).itemSync() as number, 1e-12);
});

loopTest("a while loop's condition compares a number state with tensors of any dtype", ({ mode }) => {
  const doubled = (limit: Tensor) => {
    const x = loop.state(1);
    for (const _ of loop.while(() => x.value.lt(limit))) x.value = x.value.mul(2);
    return x.value;
  };
  for (const f of both(doubled, mode)) {
    assertEquals([values(f(f64(100))), values(f(typed(100, "int32")))], [128, 128]);
  }
});

loopTest("a traced number as initial value, as argument of a recurrence and as a row", ({ mode }) => {
  const f = jit((start: number, xs: Tensor) => {
    const s = loop.state(start), rows = loop.stack<Tensor | number>();
    for (const i of loop.range(3)) {
      s.value = s.value.add(i);
      rows.push(start);
    }
    const twice = recurrence(
      { sequences: [xs], outputs: [null, null], nonSequences: [start] },
      (x, k) => [x, k.mul(2)],
    );
    return [s.value, rows.value, twice];
  }, { mode });
  assertEquals(values(f(1, f64([5, 6]))), [4, [1, 1, 1], [[5, 6], [2, 2]]]);
  assertEquals(values(f(0.5, f64([5, 6]))), [3.5, [0.5, 0.5, 0.5], [[5, 6], [1, 1]]]);
});

loopTest("a Shared assigned from a number state takes its value in its own dtype", ({ mode }) => {
  const f = (xs: Tensor) => {
    const last = shared(tensor(0, { dtype: "float32" })), h = loop.state(0.5);
    for (const x of loop.over(xs)) {
      h.value = h.value.add(x);
      last.value = h.value.cast("float32");
    }
    return [h.value, last.value];
  };
  assertEquals(values(f(f64([1, 2]))), [3.5, 3.5]);
  assertEquals(values(jit(f, { mode })(f64([1, 2]))), [3.5, 3.5]);
});

Deno.test("a fractional number that the body makes an integer is refused", () => {
  const f = () => {
    const h = loop.state(0.5);
    for (const i of loop.range(3)) h.value = h.value.mul(0).cast("int32").add(i);
    return h.value;
  };
  for (const run of both(f, "fast")) {
    assertThrows(run, LoopError, "h (made at");
    assertThrows(run, LoopError, "is float32[] before the step and int32[] after it");
  }
});

Deno.test("a number that the integer of a carry or a branch cannot hold is refused", () => {
  const large = 2 ** 40, one = typed(1, "int32");
  const programs: ((large: number) => unknown)[] = [
    (large) => forLoop(3, (i, c) => c.add(i), large),
    (large) => scan((_, x) => [large, x], one, typed([1], "int32")),
    (large) => {
      const s = loop.state(large);
      for (const i of loop.range(3)) s.value = s.value.add(i);
    },
    (large) => {
      const s = loop.state(one);
      for (const _ of loop.range(3)) s.value = large;
    },
  ];
  for (const program of programs) {
    for (const run of [program, jit(program), jit(() => program(large))]) {
      assertThrows(() => run(large), DTypeError, "the number 1099511627776 does not fit int32");
    }
  }
  assertThrows(() => cond(tensor(true), () => large, () => one as never), DTypeError, "does not fit int32");
  assertEquals(values(forLoop(3, (i, c) => c.add(i), 2 ** 31 - 4)), 2 ** 31 - 1);
});
