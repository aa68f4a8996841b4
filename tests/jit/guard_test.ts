import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { IndexError, jit, NonFiniteError, type Tensor, tensor } from "@damo/damo";

Deno.test("a guard names the operation that made the first NaN, and its line", () => {
  const f = jit((x: Tensor) => {
    const y = x.log();
    return y.add(1).sum();
  }, { guard: { nan: true } });
  assertEquals(Number.isFinite(f(tensor([1, 2])).itemSync()), true);
  const error = assertThrows(() => f(tensor([1, -1])), NonFiniteError);
  assertMatch(
    error.message,
    /^log: element 1 of its result float32\[2\] is NaN\.\n {4}at .*guard_test\.ts:6:/,
  );
});

Deno.test("guards for infinities and for magnitude are separate", () => {
  const inverse = (x: Tensor) => x.reciprocal();
  const zero = tensor([0]), small = tensor([1e-3]);
  assertEquals(jit(inverse, { guard: { nan: true } })(zero).arraySync(), [Infinity]);
  assertThrows(() => jit(inverse, { guard: { inf: true } })(zero), NonFiniteError, "is Infinity");
  assertThrows(() => jit(inverse, { guard: { big: 100 } })(small), NonFiniteError, "above 100");
  assertEquals(jit(inverse, { guard: { big: 1e4 } })(tensor([0.5])).arraySync(), [2]);
});

Deno.test("mode debug refuses a traced index outside its axis, which otherwise is clamped", () => {
  const row = (x: Tensor, i: Tensor) => x.at(i);
  const x = tensor([10, 20, 30]), i = tensor(7, { dtype: "int32" });
  assertEquals(jit(row)(x, i).itemSync(), 30);
  assertThrows(() => jit(row, { mode: "debug" })(x, i), IndexError, "outside axis 0");
  assertEquals(jit(row, { mode: "debug" })(x, tensor(-1, { dtype: "int32" })).itemSync(), 30);
});
