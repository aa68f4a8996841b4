/** API.md, section 6: loops written as loops. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  grad,
  jit,
  loop,
  LoopError,
  ones,
  random,
  scan,
  shared,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { BOTH, f64, int, list, message } from "./support.ts";

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
      if (leave === "throw") assertEquals(error.message, "mine");
      else assert(error instanceof LoopError && error.message.includes("loop.until"), error.message);
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
