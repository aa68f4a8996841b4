/** States in the condition of a while loop, also in what the condition itself is made of. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { cond, grad, jit, loop, LoopError, scan, type Tensor, vmap, whileLoop } from "@damo/damo";
import { checkDerivatives, f64, loopTest, values } from "./both_executors.ts";

/** Doubles x while `holds` says so, at most ten times. */
function doubledWhile(holds: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (start) => {
    const x = loop.state(start), steps = loop.state(0);
    for (const _ of loop.while(() => holds(x.value).and(steps.value.lt(10)))) {
      x.value = x.value.mul(2);
      steps.value = steps.value.add(1);
    }
    return x.value;
  };
}

/** What decides, and the same in plain numbers. */
const conditions: Record<string, [(x: Tensor) => Tensor, (x: number) => boolean]> = {
  "a branch": [(x) => cond(x.lt(5), () => x.lt(9), () => x.lt(30)), (x) => x < 30],
  "a branch in a branch": [
    (x) => cond(x.lt(5), () => cond(x.lt(2), () => x.gt(0), () => x.lt(9)), () => x.lt(30)),
    (x) => x < 2 ? x > 0 : x < 30,
  ],
  "a scan": [
    (x) => scan((c, v: Tensor) => [c.add(v.mul(x)), null], f64(0), f64([1, 2]))[0].lt(60),
    (x) => x < 20,
  ],
  "a whileLoop": [(x) => whileLoop((y) => y.lt(x), (y) => y.add(7), f64(0)).lt(20), (x) => x <= 14],
  "a derivative": [(x) => grad((y: Tensor) => y.mul(y).mul(x))(f64(3)).lt(100), (x) => 6 * x < 100],
};

for (const [name, [holds, same]] of Object.entries(conditions)) {
  loopTest(`the condition of a while loop reads a state inside ${name}`, ({ mode }) => {
    const run = doubledWhile(holds);
    const expected = (x: number): number => {
      for (let steps = 0; same(x) && steps < 10; steps++) x *= 2;
      return x;
    };
    const compiled = jit(run, { mode }), starts = [0.25, 1, 3, 8, 40, -1];
    for (const x of starts) {
      assertEquals(values(run(f64(x))), expected(x), `eager, from ${x}`);
      assertEquals(values(compiled(f64(x))), expected(x), `compiled, from ${x}`);
    }
    assertEquals(values(vmap(run)(f64(starts))), starts.map(expected));
    checkDerivatives(run, [f64(0.7)]);
  });
}

loopTest("a condition written with loops and states of its own", ({ mode }) => {
  // The body of the inner loop reads the outer state through the trace of the condition.
  const run = (xs: Tensor) => {
    const n = loop.state(f64(0));
    for (
      const _ of loop.while(() => {
        const sum = loop.state(n.value);
        for (const x of loop.over(xs)) sum.value = sum.value.add(n.value.mul(x));
        return sum.value.lt(30);
      })
    ) n.value = n.value.add(1);
    return n.value;
  };
  // n (1 + 1 + 2 + 3) < 30
  assertEquals(values(run(f64([1, 2, 3]))), 5);
  assertEquals(values(jit(run, { mode })(f64([1, 2, 3]))), 5);
});

loopTest("inside the body of another loop, a condition's branches see the states of both", ({ mode }) => {
  const run = (xs: Tensor) => {
    const far = loop.state(f64(0)), near = loop.state(f64(0));
    for (const x of loop.over(xs)) {
      for (
        const _ of loop.while(() =>
          cond(x.gt(0), () => near.value.lt(far.value.add(x)), () => near.value.lt(1))
        )
      ) {
        near.value = near.value.add(2);
      }
      far.value = far.value.add(near.value);
    }
    return [near.value, far.value];
  };
  let far = 0, near = 0;
  for (const x of [1, -1, 4]) {
    while (x > 0 ? near < far + x : near < 1) near += 2;
    far += near;
  }
  assertEquals(values(run(f64([1, -1, 4]))), [near, far]);
  assertEquals(values(jit(run, { mode })(f64([1, -1, 4]))), [near, far]);
});

loopTest("a state assigned in the condition of its loop throws LoopError naming it", () => {
  const direct = () => {
    const count = loop.state(f64(0));
    for (
      const _ of loop.while(() => {
        count.value = count.value.add(1);
        return count.value.lt(3);
      })
    ) count.value = count.value.add(1);
  };
  const inBranch = () => {
    const count = loop.state(f64(0));
    const more = (by: number) => () => {
      count.value = count.value.add(by);
      return count.value;
    };
    for (const _ of loop.while(() => cond(count.value.lt(2), more(1), more(2)).lt(3))) {
      count.value = count.value.add(1);
    }
  };
  const inLoop = () => {
    const count = loop.state(f64(0));
    for (
      const _ of loop.while(() => {
        for (const _ of loop.range(2)) count.value = count.value.add(1);
        return count.value.lt(3);
      })
    ) count.value = count.value.add(1);
  };
  for (const run of [direct, inBranch, inLoop, () => jit(direct)()]) {
    const { message } = assertThrows(run, LoopError, "was assigned in the condition of its loop");
    assert(message.includes('loop.state "count"') && message.includes("Assign it in the body"), message);
  }
});

loopTest("a condition that throws: the user's error is seen, and then that the loop was left", () => {
  const x = loop.state(f64(1));
  const failing = () => {
    const condition = () => {
      if (x.value.ndim === 0) throw new RangeError("mine");
      return true;
    };
    for (const _ of loop.while(condition)) x.value = x.value.mul(2);
  };
  assertThrows(failing, RangeError, "mine");
  assertThrows(() => x.value, LoopError, "was read after its loop had been left before its end");
  const y = loop.state(f64(1));
  for (const _ of loop.while(() => y.value.lt(4))) y.value = y.value.mul(3);
  assertEquals(values(y.value), 9);
});
