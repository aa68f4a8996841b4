/** What loop statements refuse, with the remedy that each message names. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { check, customVjp, DamoError, hostCallback, jit, loop, LoopError, type Tensor } from "@damo/damo";
import { f64, typed, values } from "./both_executors.ts";
import { assertNear } from "../support/devices.ts";
import { ramp, recurrent } from "./loop_statements.ts";

/** Runs `fn` outside and inside a trace; both must throw the same. */
function bothThrow(fn: () => unknown, ...texts: string[]): void {
  for (const run of [fn, () => jit(() => void fn())()]) {
    const error = assertThrows(run, LoopError);
    for (const text of texts) assert(error.message.includes(text), `${error.message}\nlacks: ${text}`);
    assert(/imperative_errors_test\.ts:\d+/.test(error.message), error.message);
  }
}

Deno.test("break and return say to use loop.until", () => {
  bothThrow(
    () => {
      for (const x of loop.over(ramp())) if (x) break;
    },
    "loop.over: the loop was left",
    "loop.until(condition)",
  );
  bothThrow((): unknown => {
    for (const i of loop.range(3)) return i;
    return null;
  }, "loop.range: the loop was left");
  assertEquals(values(recurrent(f64([]), f64(3))), 3, "the trace is closed again");
});

Deno.test("an error of the user's in a body is what is seen", () => {
  const thrower = () => {
    for (const x of loop.over(ramp())) throw new RangeError(`mine ${x.ndim}`);
  };
  assertThrows(thrower, RangeError, "mine 0");
  assertThrows(() => jit(thrower)(), RangeError, "mine 0");
  assertEquals(values(recurrent(f64([]), f64(3))), 3, "the trace is closed again");
});

Deno.test("a value of the body used after the loop is named, with the remedy", () => {
  bothThrow(
    () => {
      let last = f64(0);
      for (const x of loop.over(ramp())) last = x.mul(2);
      return last.add(1);
    },
    "loop.over: last, float64[], computed at",
    "used outside the body of the loop",
    "const last = loop.state(initial)",
  );
  bothThrow(
    () => {
      const twice: Tensor[] = [];
      for (const x of loop.over(ramp())) {
        const doubled: Tensor = x.mul(2);
        twice.push(doubled);
      }
      return twice[0].add(1);
    },
    "loop.over: doubled, float64[]",
  );
  bothThrow(
    () => {
      const h = loop.state(f64(0));
      let seen = f64(0);
      for (const x of loop.over(ramp())) {
        seen = h.value;
        h.value = h.value.add(x);
      }
      return seen.add(1);
    },
    "loop.over: h, float64[], is a value of one step",
    "Read h.value again after the loop",
  );
  bothThrow(() => {
    let last = f64(0);
    for (const x of loop.over(ramp())) last = x.mul(2);
    return last.dataSync();
  }, "used outside the body of the loop");
  bothThrow(
    () => {
      let last = f64(0);
      for (const row of loop.over(ramp())) last = row;
      return last.add(1);
    },
    "loop.over: row, float64[], of the loop at",
    "const last = loop.state(initial)",
  );
  bothThrow(() => {
    let last = f64(0);
    for (const i of loop.range(3)) last = i;
    return last.add(1);
  }, "loop.range: i, int32[], of the loop at");
});

Deno.test("a state that changes its type", () => {
  bothThrow(
    () => {
      const h = loop.state(f64([1, 2]), { name: "h" });
      for (const x of loop.over(ramp())) h.value = h.value.sum().add(x);
    },
    "h (made at imperative_errors_test.ts",
    "is float64[2] before the step and float64[] after it",
  );
  bothThrow(
    () => {
      const n = loop.state(typed(1, "int32"), { name: "n" });
      for (const x of loop.over(ramp())) n.value = n.value.add(x);
    },
    "is int32[] before the step and float64[] after it",
    '.cast("int32")',
  );
  bothThrow(
    () => {
      const n = loop.state([f64(1)], { name: "n" });
      // deno-lint-ignore no-explicit-any -- wrong on purpose
      for (const x of loop.over(ramp())) n.value = x as any;
    },
    'loop.state "n"',
    "another structure",
  );
});

Deno.test("a state is called by the name of its variable", () => {
  const add = (h: { value: Tensor }) => {
    for (const x of loop.over(ramp())) h.value = h.value.add(x).reshape([1]);
  };
  bothThrow(
    () => {
      const hidden = loop.state(f64(0));
      add(hidden);
    },
    "hidden (made at imperative_errors_test.ts",
    "is float64[] before the step and float64[1] after it",
  );
  bothThrow(() => {
    const hidden: { value: Tensor } = loop
      .state(f64(0));
    add(hidden);
  }, "hidden (made at");
  bothThrow(() => add({ cell: loop.state(f64(0)) }.cell), "cell (made at");
  bothThrow(() => add([loop.state(f64(0))][0]), "state (made at");
  bothThrow(() => {
    const tree = loop.state({ a: f64(0), b: [f64(1)] });
    for (const x of loop.over(ramp())) tree.value = { a: x, b: [tree.value.b[0].reshape([1])] };
  }, "tree.b[0] (made at");
});

Deno.test("a state read after its loop was abandoned, or outside its body", () => {
  bothThrow(
    () => {
      const h = loop.state(f64(0), { name: "h" });
      try {
        for (const x of loop.over(ramp())) {
          h.value = h.value.add(x);
          break;
        }
      } catch {
        // The error of the break is not what this test is about.
      }
      return h.value;
    },
    'loop.state "h", made at',
    "left before its end",
  );
  bothThrow(() => {
    let inner: { value: Tensor } | null = null;
    for (const i of loop.range(2)) inner = loop.state(i.add(1));
    return inner!.value;
  }, "body or function in which it was made had ended");
});

Deno.test("stacks: twice in a step, outside a loop, too early, without max, above max", () => {
  bothThrow(() => {
    const s = loop.stack();
    for (const x of loop.over(ramp())) {
      s.push(x);
      s.push(x);
    }
  }, "push was called twice");
  bothThrow(
    () => {
      const s = loop.stack();
      for (const x of loop.over(ramp())) s.push(x);
      for (const x of loop.over(ramp())) s.push(x);
    },
    "in a second loop",
    "with concat",
  );
  bothThrow(() => {
    const s = loop.stack();
    for (const x of loop.over(ramp())) {
      for (const i of loop.range(2)) s.push(x.mul(i));
      for (const i of loop.range(2)) s.push(x.add(i));
    }
  }, "push was called twice");
  bothThrow(() => loop.stack().push(ramp()), "outside the body");
  bothThrow(() => loop.stack().value, "read before a loop had filled it");
  const doubling = (options: { max?: number }) => {
    const x = loop.state(1), s = loop.stack(options);
    for (const _ of loop.while(() => x.value.lt(100))) {
      x.value = x.value.mul(2);
      s.push(x.value);
    }
    return [s.value, s.count];
  };
  bothThrow(() => doubling({}), "loop.stack({ max })");
  const error = assertThrows(() => values(doubling({ max: 6 })), LoopError, "more than the 6 steps");
  assert(error.message.includes("larger { max }"));
  assertThrows(() => jit(() => doubling({ max: 6 }))(), LoopError, "more than the 6 steps");
  assertEquals(values(doubling({ max: 7 })), [[2, 4, 8, 16, 32, 64, 128], 7]);
  // Also where the number of steps is known beforehand.
  const copied = (max: number, last: number) => {
    const s = loop.stack({ max });
    for (const x of loop.over(f64([1, 2, 3]))) {
      s.push(x);
      loop.until(x.ge(last));
    }
    return [s.value, s.count];
  };
  for (const run of [copied, jit(copied, { static: [0, 1] })]) {
    const error = assertThrows(() => values(run(2, 9)), LoopError, "more than the 2 steps");
    const here = assertThrows(() => copied(2, 9), LoopError).message.split("\n")[1];
    assertEquals(error.message.split("\n")[1], here, "the line of the loop");
    assertEquals(values(run(2, 2)), [[1, 2], 2]);
    assertEquals(values(run(4, 9)), [[1, 2, 3, 0], 3]);
  }
  bothThrow(() => {
    const s = loop.stack({ max: 2 });
    for (const x of loop.over(ramp())) s.push(x);
  }, "more than the 2 steps");
});

Deno.test("loop.until outside a loop", () => {
  bothThrow(() => loop.until(true), "outside the body of a loop");
});

Deno.test('functions compiled with mode "debug" trace bodies twice', () => {
  const rebinding = (xs: Tensor) => {
    let h = f64(0);
    for (const x of loop.over(xs)) h = h.add(x);
    return xs;
  };
  jit(rebinding)(ramp());
  assertThrows(
    () => jit(rebinding, { mode: "debug" })(ramp()),
    LoopError,
    "used outside the body of the loop",
  );
  const counting = (xs: Tensor) => {
    let i = 0;
    const sum = loop.state(f64(0));
    for (const x of loop.over(xs)) sum.value = sum.value.add(x.mul(i++));
    return sum.value;
  };
  jit(counting)(ramp());
  const error = assertThrows(() => jit(counting, { mode: "debug" })(ramp()), LoopError);
  assert(error.message.includes("not the same when it is traced a second time"), error.message);
  assert(/imperative_errors_test\.ts:\d+/.test(error.message), error.message);
  assertNear(jit(recurrent, { mode: "debug" })(ramp(), f64(1)).itemSync(), 3.85, 1e-14);
});

Deno.test('mode "debug" takes bodies that make their constants and functions anew for the same', () => {
  const body = (x: Tensor): Tensor => {
    const weighted = x.mul(f64([1, 2])).sum();
    const called = hostCallback((y: Tensor) => y.mul(2), { shape: [], dtype: "float64" }, weighted);
    const ruled = customVjp(
      (y: Tensor) => y.mul(3),
      (y: Tensor) => [y.mul(3), []],
      (_: unknown, g: Tensor) => [g.mul(3)],
    )(called);
    return check(ruled.gt(0), "positive", ruled);
  };
  const f = (xs: Tensor) => {
    const sum = loop.state(f64(0));
    for (const x of loop.over(xs)) sum.value = sum.value.add(body(x));
    return sum.value;
  };
  assertNear(jit(f, { mode: "debug" })(ramp()).itemSync(), 0.6 * 3 * 2 * 3, 1e-12);
  let factor = 1;
  const changing = (xs: Tensor) => {
    const sum = loop.state(f64(0));
    for (const x of loop.over(xs)) sum.value = sum.value.add(x.mul(f64([1, ++factor])).sum());
    return sum.value;
  };
  assertThrows(() => jit(changing, { mode: "debug" })(ramp()), LoopError, "not the same");
});

Deno.test("a loop says what it counts and how it is asked", () => {
  const from = loop.range as (start: number, end: number) => Iterable<Tensor>;
  bothThrow(() => [...from(2, 5)], "loop.range takes one argument", "start.add(i.mul(step))");
  const wrong = loop.while as (condition: unknown) => Iterable<Tensor>;
  assertThrows(() => wrong(true), DamoError, "loop.while: condition must be a function, got true.");
});
