import { assertEquals, assertThrows } from "@std/assert";
import { check, CheckError, forLoop, grad, jit, print, scan, shared, type Tensor } from "@damo/damo";
import { f64, loopTest, values } from "./both_executors.ts";

function printed(run: () => void): string[] {
  const lines: string[] = [];
  const log = console.log;
  console.log = (...parts: unknown[]) => void lines.push(parts.map(String).join(" "));
  try {
    run();
  } finally {
    console.log = log;
  }
  return lines;
}

loopTest("print in a body prints each step, in order", ({ mode }) => {
  const run = jit((xs: Tensor) => scan((c: Tensor, x) => [c.add(print(x, "x")), null], f64(0), xs)[0], {
    mode,
  });
  const lines = printed(() => assertEquals(values(run(f64([1, 2, 3]))), 6));
  assertEquals(lines.length, 3);
  [1, 2, 3].forEach((x, i) =>
    assertEquals(lines[i].includes("x") && lines[i].includes(String(x)), true, lines[i])
  );
});

loopTest("a check that fails in some step leaves shared state as it was", ({ mode }) => {
  const s = shared(f64(1));
  const run = jit((xs: Tensor) =>
    scan(
      (c: Tensor, x) => {
        s.value = s.value.add(x);
        return [c.add(check(x.lt(3), "x is small", x)), null];
      },
      f64(0),
      xs,
    )[0], { mode });
  assertThrows(() => run(f64([1, 5, 2])), CheckError, "x is small");
  assertEquals(values(s.value), 1);
  assertEquals(values(run(f64([1, 2]))), 3);
  assertEquals(values(s.value), 4);
});

loopTest("a derivative does not print again", ({ mode }) => {
  const f = (x: Tensor) => forLoop(3, (_, c) => print(c.mul(x), "c"), x);
  const slope = jit(grad(f), { mode });
  const lines = printed(() => assertEquals(values(slope(f64(2))), 32));
  assertEquals(lines.length, 3);
});
