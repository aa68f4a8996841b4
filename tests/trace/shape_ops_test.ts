/** Operations on shapes against NumPy, and what they refuse. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as damo from "@damo/damo";
import { DTypeError, ShapeError, Tensor, tensor, zeros } from "@damo/damo";
import golden from "../golden/arrays.json" with { type: "json" };
import {
  assertGolden,
  type GoldenArray,
  goldenOperand,
  numbers,
  testEverywhere,
} from "../support/operands.ts";

type Call = readonly [string, readonly number[][], readonly unknown[], GoldenArray | readonly GoldenArray[]];
type Operation = (...all: unknown[]) => Tensor | Tensor[];

function operation(name: string): Operation {
  const fn = (damo as unknown as Record<string, Operation>)[name];
  assert(typeof fn === "function", `${name} is exported`);
  return fn;
}

function check(
  actual: Tensor | Tensor[],
  expected: GoldenArray | readonly GoldenArray[],
  what: string,
): void {
  if (actual instanceof Tensor) assertGolden(actual, expected as GoldenArray, what);
  else {
    assertEquals(actual.length, (expected as GoldenArray[]).length, what);
    actual.forEach((part, i) => assertGolden(part, (expected as GoldenArray[])[i], `${what} part ${i}`));
  }
}

testEverywhere("operations on shapes agree with NumPy, as functions and as methods", () => {
  for (const [name, shapes, rest, expected] of golden.shapes as unknown as Call[]) {
    const what = JSON.stringify([name, shapes, rest]);
    const operands = shapes.map((shape, k) => goldenOperand(shape, k));
    check(operation(name)(...operands, ...rest), expected, what);
    if (operands.length === 0) continue;
    const method = (operands[0] as unknown as Record<string, Operation>)[name];
    check(method.call(operands[0], ...operands.slice(1), ...rest), expected, `method ${what}`);
  }
});

testEverywhere("concat and stack agree with NumPy", () => {
  for (const [name, shapes, rest, expected] of golden.lists as unknown as Call[]) {
    const operands = shapes.map((shape, k) => goldenOperand(shape, k));
    check(operation(name)(operands, ...rest), expected, JSON.stringify([name, shapes, rest]));
  }
});

testEverywhere("moving elements keeps the dtype, and joining promotes", () => {
  for (const dtype of ["float32", "int32", "uint8", "bool", "float16"] as const) {
    const x = goldenOperand([2, 3], 0, dtype);
    for (const y of [x.T, x.reshape([3, 2]), x.flip(), x.tile(2), x.pad(1), x.roll(1), x.at(0)]) {
      assertEquals(y.dtype, dtype);
    }
  }
  assertEquals(damo.concat([tensor([1], { dtype: "int32" }), tensor([0.5])]).dtype, "float32");
  assertEquals(damo.stack([tensor([true]), tensor(new Uint8Array([2]))]).dtype, "uint8");
  assertEquals(numbers(damo.stack([1, tensor(2), 3])), [1, 2, 3]);
});

testEverywhere("T reverses the axes and iteration gives the rows", () => {
  const x = goldenOperand([2, 3, 4]);
  assertEquals([...x.T.shape], [4, 3, 2]);
  const rows = [...x];
  assertEquals(rows.length, 2);
  assertEquals(numbers(rows[1]), numbers(x).slice(12));
  assertThrows(() => [...tensor(1)], ShapeError, "scalar");
});

testEverywhere("roll takes a shift that is a tensor", () => {
  const x = goldenOperand([5]);
  for (const shift of [-7, -1, 0, 3, 12]) {
    const traced = x.roll(tensor(shift, { dtype: "int32" }), 0);
    assertEquals(numbers(traced), numbers(x.roll(shift, 0)));
  }
});

testEverywhere("a border may hold infinities, booleans and computed values", () => {
  assertEquals(numbers(tensor([1]).pad(1, { value: -Infinity })), [-Infinity, 1, -Infinity]);
  assertEquals(numbers(tensor([true]).pad(1, { value: true })), [1, 1, 1]);
  assertEquals(numbers(tensor([1, 2]).pad([1, 0], { value: tensor(7) })), [7, 1, 2]);
  assertEquals(numbers(tensor([1, 2, 3]).pad([-1, 1])), [2, 3, 0]);
  assertThrows(() => tensor([1], { dtype: "int32" }).pad(1, { value: 0.5 }), DTypeError, "0.5");
});

Deno.test("shape errors name the operation, the shapes and the remedy", () => {
  const x = zeros([2, 3]);
  const cases: [() => unknown, string, string][] = [
    [() => x.reshape([4, 2]), "reshape: float32[2, 3] has 6 elements, which do not fit into [4, 2]", "-1"],
    [() => x.reshape([4, -1]), "reshape", "no multiple of 4"],
    [() => zeros([0]).reshape([0, -1]), "reshape", "not determined"],
    [() => x.reshape([-1, -1]), "shape [-1, -1] has more than one -1", "only one can follow"],
    [() => x.transpose([0, 0]), "transpose: axes [0, 0]", "exactly once"],
    [() => x.squeeze(1), "squeeze: axis 1 of float32[2, 3] has size 3", "size 1"],
    [() => x.expandDims(3), "expandDims: axis 3", "-3 to 2"],
    [() => x.broadcastTo([3, 3]), "broadcastTo: float32[2, 3]", "equal to the wanted one or 1"],
    [() => x.split(4), "split: axis 0 of float32[2, 3] has 2 elements", "divisor of 2"],
    [() => x.dimshuffle(0), "dimshuffle: axis 1", "size 1 may be left out"],
    [() => damo.concat([x, zeros([2, 2])]), "concat: xs[1] is float32[2, 2]", "pad"],
    [() => damo.concat([]), "concat: xs", "concat([a, b])"],
    [() => damo.stack([x, zeros([2])]), "stack: xs[1] is float32[2]", "concat"],
    [() => x.pad([[1, 2]] as [number, number][]), "pad: widths [[1,2]]", "for each axis"],
    [() => zeros([0]).pad(1, { mode: "edge" }), "pad: axis 0 of float32[0] is empty", "constant"],
    [() => x.repeat([1, 2, 3], 0), "repeat", "one for each element"],
    [() => x.flatten(3), "flatten: ndim is 3", "1 to 2"],
  ];
  for (const [body, what, remedy] of cases) {
    const error = assertThrows(body, ShapeError, what);
    assert(error.message.includes(remedy), `${error.message} should say ${remedy}`);
    assert(error.message.includes("shape_ops_test.ts"), error.message);
  }
});
