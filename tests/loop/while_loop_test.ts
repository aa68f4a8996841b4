import { assertEquals, assertThrows } from "@std/assert";
import { forLoop, jit, LoopError, shared, type Tensor, tensor, vmap, whileLoop } from "@damo/damo";
import { f64, loopTest, typed, values } from "./both_executors.ts";

function collatz(n: number): number {
  let steps = 0;
  for (; n !== 1; steps++) n = n % 2 === 0 ? n / 2 : 3 * n + 1;
  return steps;
}

function collatzLoop(n: Tensor): Tensor {
  return whileLoop(
    ({ n }) => n.ne(1),
    ({ n, steps }) => ({
      n: n.mod(2).eq(0).cast("int32").mul(n.floorDiv(2)).add(n.mod(2).mul(n.mul(3).add(1))),
      steps: steps.add(1),
    }),
    { n, steps: typed(0, "int32") },
  ).steps;
}

loopTest("a while loop runs as long as its condition holds", ({ mode }) => {
  const compiled = jit(collatzLoop, { mode });
  for (const n of [1, 2, 7, 27]) {
    assertEquals(values(compiled(typed(n, "int32"))), collatz(n));
    assertEquals(values(collatzLoop(typed(n, "int32"))), collatz(n));
  }
  assertEquals(compiled.cacheSize, 1);
});

loopTest("a batched while loop runs until the last example is done and leaves finished ones alone", () => {
  const n = [1, 27, 2, 7, 97];
  assertEquals(values(vmap(collatzLoop)(typed(n, "int32"))), n.map(collatz));
});

loopTest("maxSteps bounds a while loop", () => {
  const run = (maxSteps: number) => whileLoop((x) => x.lt(100), (x) => x.mul(2), f64(1), { maxSteps });
  assertEquals([0, 3, 50].map((n) => values(run(n))), [1, 8, 128]);
});

loopTest("zero steps give the initial value", () => {
  assertEquals(values(whileLoop((x) => x.lt(0), (x) => x.mul(2), f64(3))), 3);
});

loopTest("condition and body may capture tensors, and read what the body assigns", () => {
  const limit = f64(20), factor = f64(3), s = shared(f64(1));
  const result = whileLoop((x) => x.lt(limit).and(s.value.lt(10)), (x) => {
    s.value = s.value.add(2);
    return x.mul(factor);
  }, f64(1));
  assertEquals([values(result), values(s.value)], [27, 7]);
});

loopTest("forLoop counts with an int32 step; n may be traced, zero or negative", ({ mode }) => {
  const sum = (n: number | Tensor) => forLoop(n, (i, c) => c.add(i.mul(i)), f64(0.5));
  assertEquals([0, 1, 4].map((n) => values(sum(n))), [0.5, 0.5, 14.5]);
  const compiled = jit((n: Tensor) => sum(n), { mode });
  assertEquals([-3, 0, 1, 4].map((n) => values(compiled(typed(n, "int32")))), [0.5, 0.5, 0.5, 14.5]);
  assertEquals(compiled.cacheSize, 1);
  const byNumber = jit((n: number) => sum(n), { mode });
  assertEquals([4, 3].map((n) => values(byNumber(n))), [14.5, 5.5]);
});

loopTest("trip counts that differ between examples", () => {
  const sum = vmap((n: Tensor, x: Tensor) => forLoop(n, (i, c) => c.mul(2).add(i), x));
  assertEquals(values(sum(typed([0, 3, -1, 1], "int32"), f64([1, 2, 3, 4]))), [1, 20, 3, 8]);
});

loopTest("many steps", () => {
  const half = whileLoop(([, i]) => i.lt(1e4), ([x, i]) => [x.mul(0.5).add(1), i.add(1)], [
    f64(0),
    typed(0, "int32"),
  ]);
  assertEquals(values(half), [2, 1e4]);
});

Deno.test("wrong conditions and counts", () => {
  assertThrows(() => whileLoop((x) => x, (x) => x, tensor(1)), LoopError, "must be one bool, got float32[]");
  assertThrows(
    () => whileLoop((x) => x.gt(0), (x) => x, tensor([1])),
    LoopError,
    "Reduce it with any() or all().",
  );
  assertThrows(() => forLoop(1.5, (_, c) => c, tensor(1)), LoopError, "n is 1.5");
  assertThrows(() => forLoop(tensor(1.5), (_, c) => c, tensor(1)), LoopError, 'Write n.cast("int32")');
  const s = shared(1, { name: "s" });
  const assigning = (x: Tensor) => {
    s.value = s.value.add(1);
    return x.lt(3);
  };
  assertThrows(
    () => whileLoop(assigning, (x) => x.add(1), tensor(1)),
    LoopError,
    'condition assigns shared variable "s"',
  );
});
