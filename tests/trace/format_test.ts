/** Tensors as text and as nested arrays. */
import { assert, assertEquals } from "@std/assert";
import { arange, jit, type Nested, ones, type Tensor, tensor, zeros } from "@damo/damo";

Deno.test("a tensor prints its elements aligned, with its type", () => {
  assertEquals(String(tensor(1.5)), "tensor(1.5, float32[])");
  assertEquals(String(tensor([1, -20, 300])), "tensor([  1, -20, 300], float32[3])");
  assertEquals(
    String(tensor([[1, 2], [30, 4]], { dtype: "int32" })),
    "tensor([[ 1,  2],\n        [30,  4]], int32[2, 2])",
  );
  assertEquals(
    String(zeros([2, 1, 2], { dtype: "uint8" })),
    "tensor([[[0, 0]],\n\n        [[0, 0]]], uint8[2, 1, 2])",
  );
  assertEquals(String(tensor([true, false])), "tensor([ true, false], bool[2])");
  assertEquals(String(tensor([NaN, -Infinity, -0])), "tensor([      NaN, -Infinity,        -0], float32[3])");
  assertEquals(String(zeros([0, 3])), "tensor([], float32[0, 3])");
});

Deno.test("numbers show the digits their dtype has", () => {
  const show = (value: number, dtype: "float16" | "float32" | "float64"): string =>
    String(tensor(value, { dtype })).split(/[(,]/)[1];
  assertEquals(show(0.1, "float16"), "0.1");
  assertEquals(show(0.1, "float32"), "0.1");
  assertEquals(show(0.1 + 0.2, "float64"), "0.3");
  assertEquals(show(1 / 3, "float32"), "0.3333333");
  assertEquals(show(16777216, "float32"), "16777216");
  assertEquals(show(123456789, "float64"), "123456789");
  assertEquals(show(1e20, "float32"), "100000000000000000000");
  assertEquals(show(1e-20, "float32"), "1e-20");
});

Deno.test("large tensors show the ends of each axis", () => {
  const text = String(arange(2000));
  assertEquals(text, "tensor([   0,    1,    2, ..., 1997, 1998, 1999], float32[2000])");
  const matrix = String(ones([100, 100]));
  assertEquals(matrix.split("\n").length, 7);
  assert(matrix.includes("..."));
  assertEquals(String(ones([1000])).includes("..."), false);
});

Deno.test("long rows go on in the next line, aligned, with at most 80 characters", () => {
  const lines = String(arange(60)).split("\n");
  assertEquals(lines[0], "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,");
  assertEquals(lines[1].slice(0, 15), "        18, 19,");
  assertEquals(lines.length, 4);
  assert(String(zeros([2, 500])).split("\n").every((line) => line.length <= 100));
});

Deno.test("a traced tensor shows its type and name, never a value", () => {
  let shown = "";
  jit((weights: Tensor) => {
    shown = `${weights} ${String(weights.add(1))}`;
    return weights;
  })(zeros([2, 3]));
  assertEquals(shown, "Traced(weights: float32[2, 3]) Traced(float32[2, 3])");
});

Deno.test("console.log shows the text", () => {
  assertEquals(Deno.inspect(tensor([1, 2])), "tensor([1, 2], float32[2])");
  assertEquals(Deno.inspect({ x: tensor(true) }), "{ x: tensor(true, bool[]) }");
});

Deno.test("array() nests by axis, and gives booleans for bool", () => {
  assertEquals(tensor([[[1], [2]]]).arraySync(), [[[1], [2]]]);
  assertEquals(tensor([[true], [false]]).arraySync() as Nested, [[true], [false]]);
  assertEquals(tensor(7).arraySync() as Nested, 7);
  assertEquals(tensor(true).arraySync() as Nested, true);
  assertEquals(zeros([2, 0]).arraySync(), [[], []]);
});
