/** Checks where the examples of a batch go different ways: what an example does not do does not fail for it. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  check,
  CheckError,
  cond,
  forLoop,
  grad,
  jit,
  loop,
  LoopError,
  map,
  switchCase,
  type Tensor,
  vmap,
} from "@damo/damo";
import { f64, loopTest, typed, values } from "./both_executors.ts";

const positive = (x: Tensor) => check(x.gt(0), "positive", x);

loopTest("a check in a branch is that of the examples that take it", ({ mode }) => {
  const f = (x: Tensor) => cond(x.gt(0), positive, (x) => x.neg(), x);
  const xs = f64([1, -4, 2]);
  assertEquals(values(jit(vmap(f), { mode })(xs)), [1, 4, 2]);
  assertEquals(values(jit((xs: Tensor) => map(f, xs), { mode })(xs)), [1, 4, 2]);
  assertEquals(values(jit(vmap(grad((x: Tensor) => f(x).square())), { mode })(xs)), [2, -8, 4]);
  assertEquals(values(jit(vmap(vmap(f)), { mode })(f64([[1, -4], [-1, -2]]))), [[1, 4], [1, 2]]);
  const never = (x: Tensor) => cond(x.gt(0), (x) => check(false, "never", x), (x) => x, x);
  assertEquals(values(jit(vmap(never), { mode })(f64([-1, -2]))), [-1, -2]);
  assertThrows(() => jit(vmap(never), { mode })(xs), CheckError, "never (false in 2 of 3 places)");
  const chosen = vmap((k: Tensor) =>
    switchCase(k, [0, 1, 2].map((own) => (x: Tensor) => check(x.eq(own), `is ${own}`, x)), k)
  );
  assertEquals(values(jit(chosen, { mode })(typed([1, 0, 2], "int32"))), [1, 0, 2]);
});

loopTest("a check in a body or condition is that of the examples that still go on", ({ mode }) => {
  const below = (x: Tensor) => {
    const s = loop.state(x);
    for (const _ of loop.while(() => check(s.value.ne(6), "not 6", s.value).lt(5))) {
      s.value = check(s.value.lt(5), "below", s.value).add(1);
    }
    return s.value;
  };
  assertEquals(values(jit(vmap(below), { mode })(f64([1, 4, 7]))), [5, 5, 7]);
  assertThrows(() => jit(vmap(below), { mode })(f64([1, 6])), CheckError, "not 6");
  const stopping = (x: Tensor) => {
    const s = loop.state(x);
    for (const _ of loop.range(5)) {
      s.value = check(s.value.le(3), "at most 3", s.value).add(1);
      loop.until(s.value.gt(3));
    }
    return s.value;
  };
  assertEquals(values(jit(vmap(stopping), { mode })(f64([1, 3, -1]))), [4, 4, 4]);
  const counted = (n: Tensor) => forLoop(n, (_, c) => check(c.lt(n), "less", c).add(1), typed(0, "int32"));
  assertEquals(values(jit(vmap(counted), { mode })(typed([1, 3, 0], "int32"))), [1, 3, 0]);
});

loopTest("a branch hands what it is decided by to the checks of its own loops and branches", ({ mode }) => {
  const f = (x: Tensor) =>
    cond(x.gt(0), (x) => {
      const s = loop.state(x);
      for (const _ of loop.range(3)) {
        s.value = cond(s.value.gt(3), (s) =>
          check(s.gt(3), "above", s).add(2), (s) =>
          positive(s).add(1), s.value);
      }
      return s.value;
    }, (x) =>
      x.neg(), x);
  const one = (x: number) => {
    if (x <= 0) return -x;
    for (let i = 0; i < 3; i++) x += x > 3 ? 2 : 1;
    return x;
  };
  const xs = [1, -4, 5, 2.5, 0];
  assertEquals(values(jit(vmap(f), { mode })(f64(xs))), xs.map(one));
});

loopTest("the room of a stack is checked for the examples whose loop is in the branch taken", ({ mode }) => {
  const f = (x: Tensor) =>
    cond(
      x.lt(3),
      (x) => {
        const s = loop.state(x), seen = loop.stack({ max: 3 });
        for (const _ of loop.while(() => s.value.gt(0.5))) {
          s.value = s.value.sub(1);
          seen.push(s.value);
        }
        return seen.value.sum();
      },
      (x) => x,
      x,
    );
  assertEquals(values(jit(vmap(f), { mode })(f64([1, 2, 7]))), [0, 1, 7]);
  const strict = vmap((x: Tensor) => {
    const s = loop.state(x), seen = loop.stack({ max: 3 });
    for (const _ of loop.while(() => s.value.gt(0.5))) {
      s.value = s.value.sub(1);
      seen.push(s.value);
    }
    return seen.value.sum();
  });
  assertThrows(() => jit(strict, { mode })(f64([1, 7])), LoopError, "more than the 3 steps");
});
