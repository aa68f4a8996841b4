import { assertEquals, assertThrows } from "@std/assert";
import { DTypeError, ShapeError, shared, tensor } from "@damo/damo";

Deno.test("A number, a boolean, an array or a tensor can be assigned to a Shared, and read back", () => {
  const w = shared(20);
  w.value = 30;
  assertEquals(w.value.itemSync(), 30);
  assertEquals(w.value.dtype, "float32");
  const flag = shared(true);
  flag.value = false;
  assertEquals(flag.value.itemSync<boolean>(), false);
  const count = shared(tensor(0, { dtype: "int32" }));
  count.value = 7;
  assertEquals([count.dtype, count.value.itemSync()], ["int32", 7]);
  const row = shared([1, 2]);
  row.value = [3, 4];
  assertEquals(row.value.arraySync(), [3, 4]);
  row.value = tensor([5, 6]);
  assertEquals(row.value.arraySync(), [5, 6]);
});

Deno.test("A value of another shape or dtype is refused and the old one stays", () => {
  const row = shared([1, 2]);
  assertThrows(() => (row.value = 3), ShapeError, "was assigned");
  assertThrows(() => (row.value = Float64Array.of(1, 2)), DTypeError, `cast("float32")`);
  assertEquals(row.value.arraySync(), [1, 2]);
});
