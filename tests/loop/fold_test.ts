import { assertEquals, assertThrows } from "@std/assert";
import { foldl, foldr, jit, LoopError, map, reduce, shared, type Tensor } from "@damo/damo";
import { checkDerivatives, f64, loopTest, values } from "./both_executors.ts";

loopTest("map vectorises a function over rows of trees", ({ mode }) => {
  const run = (a: Tensor, b: Tensor) => map(({ a, b }) => [a.mul(b).sum(), b], { a, b });
  const args = [f64([[1, 2], [3, 4]]), f64([10, 100])] as const;
  assertEquals(values(run(...args)), [[30, 700], [10, 100]]);
  assertEquals(values(jit(run, { mode })(...args)), [[30, 700], [10, 100]]);
});

loopTest("map runs row by row where state is assigned", () => {
  const s = shared(f64(0));
  const result = map((x: Tensor) => {
    s.value = s.value.add(x);
    return s.value;
  }, f64([1, 2, 3]));
  assertEquals([values(result), values(s.value)], [[1, 3, 6], 6]);
});

loopTest("folds go from the left or from the right", () => {
  const xs = f64([1, 2, 3]);
  assertEquals(values(foldl((a, x) => a.mul(10).add(x), xs, 0)), 123);
  assertEquals(values(foldr((a, x) => a.mul(10).add(x), xs, 0)), 321);
  assertEquals(values(reduce((a, x) => a.mul(10).add(x), xs, 0)), 123);
  assertEquals(values(foldl((a, [x, y]) => a.add(x.mul(y)), [xs, xs], 0)), 14);
});

loopTest("derivatives of map and folds", () => {
  const x = f64([0.3, -0.2, 0.5]);
  checkDerivatives((x: Tensor) => map((x) => x.sin().mul(x), x).sum(), [x]);
  checkDerivatives((x: Tensor) => foldl((a, x) => a.mul(x).add(x.sin()), x, x.at(0)), [x]);
  checkDerivatives((x: Tensor) => foldr((a, x) => a.mul(x).add(x.sin()), x, x.at(0)), [x]);
});

Deno.test("errors of folds name what was called", () => {
  for (const fold of [foldl, foldr, reduce]) {
    const narrowed = () => fold((sum, x) => sum.add(x).cast("int32"), f64([1]), f64(0));
    assertThrows(narrowed, LoopError, `${fold.name}: the carry must keep its type`);
    assertThrows(
      () => fold((sum, x) => sum.add(x), f64(1), f64(0)),
      LoopError,
      `${fold.name}: xs is a scalar`,
    );
  }
});

Deno.test("a fold without an initial accumulator says so", () => {
  for (const fold of [foldl, foldr, reduce]) {
    const without = fold as (fn: unknown, xs: Tensor) => unknown;
    const sum = (a: Tensor, x: Tensor) => a.add(x);
    assertThrows(() => without(sum, f64([1, 2])), LoopError, `${fold.name}: there is no initial accumulator`);
  }
});
