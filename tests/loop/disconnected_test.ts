/** What a cost does not depend on, where the way to it leads through loops, conditions and calls. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkpoint,
  cond,
  grad,
  GradientError,
  jit,
  loop,
  recurrence,
  scan,
  stopGradient,
  type Tensor,
  whileLoop,
} from "@damo/damo";
import { f64, loopTest, values } from "./both_executors.ts";

const x = () => f64([1, 2, 3]);

function assertDisconnected(f: (x: Tensor) => Tensor, at: Tensor = x()): void {
  for (const g of [grad(f), jit(grad(f)), grad(jit(f, { noinline: true })), grad(checkpoint(f))]) {
    assertThrows(() => g(at), GradientError, "the cost does not depend on");
  }
  const zeros = at.mul(0).arraySync();
  assertEquals(values(grad(f, { disconnected: "zero" })(at)), zeros);
}

Deno.test("stopGradient in the body of a loop disconnects", () => {
  assertDisconnected((x) => {
    const sum = loop.state(f64(0));
    for (const row of loop.over(x)) sum.value = stopGradient(sum.value.add(row));
    return sum.value;
  });
  assertDisconnected((x) => scan((c, row) => [c, stopGradient(row)], f64(0), x)[1].sum());
  assertDisconnected((x) =>
    scan((c) => [stopGradient(c).mul(2), null], x, undefined, { length: 3 })[0].sum()
  );
  assertDisconnected(
    (x) => whileLoop((c) => c.lt(5), (c) => c.add(stopGradient(x)), f64(0)),
    f64(4.5),
  );
  assertDisconnected((x) => {
    const sum = loop.state(f64(0));
    for (const row of loop.over(x)) {
      for (const _ of loop.range(2)) sum.value = sum.value.add(stopGradient(row));
    }
    return sum.value;
  });
});

Deno.test("a carry or an argument that the cost is not computed of is disconnected, and named", () => {
  assertDisconnected((x) =>
    scan(([a, b]) => [[a.mul(2), b.add(a)], null], [f64(1), x], undefined, { length: 3 })[0][0]
  );
  const unused = grad(
    (xs: Tensor, w: Tensor) =>
      recurrence({ sequences: xs, outputs: f64(0), nonSequences: w }, (a, h) => a.add(h)).at(-1),
    { argnums: [0, 1] },
  );
  assertThrows(() => unused(x(), f64(2)), GradientError, "the cost does not depend on w (float64[])");
});

Deno.test("stopGradient in both branches of a condition disconnects the operand, not what it is decided by", () => {
  const both = (flag: Tensor, x: Tensor) =>
    cond(flag.gt(0), (x) => stopGradient(x).sum(), (x) => stopGradient(x).mul(2).sum(), x);
  assertDisconnected((x) => both(f64(1), x));
  const one = (flag: Tensor, x: Tensor) => cond(flag.gt(0), (x) => stopGradient(x).sum(), (x) => x.sum(), x);
  assertEquals(values(grad(one, { argnums: 1 })(f64(1), x())), [0, 0, 0]);
  assertEquals(values(grad(both)(f64(1), x())), 0);
});

loopTest(
  "what leads into the cost over several carries, or stays in a loop without steps, is connected",
  ({ mode }) => {
    const chain = (x: Tensor) => {
      const [a, b, c] = [loop.state(f64(0)), loop.state(f64(0)), loop.state(f64(0))];
      for (const row of loop.over(x)) {
        c.value = c.value.add(b.value);
        b.value = b.value.add(a.value);
        a.value = a.value.add(row);
      }
      return c.value;
    };
    assertEquals(values(jit(grad(chain), { mode })(x())), [1, 0, 0]);
    const none = (x: Tensor) => whileLoop((c) => c.lt(0), () => f64(7), x);
    assertEquals(values(jit(grad(none), { mode })(f64(3))), 1);
    const replaced = (x: Tensor, n: number) => scan(() => [f64(7), null], x, undefined, { length: n })[0];
    assertEquals(values(grad((x: Tensor) => replaced(x, 0))(f64(3))), 1);
    assertThrows(() => grad((x: Tensor) => replaced(x, 1))(f64(3)), GradientError, "does not depend on x");
  },
);
