/** Products of vectors and matrices against NumPy: dtypes, empty sizes, and what is refused. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as damo from "@damo/damo";
import { matmul, ShapeError, type Tensor, tensor, tensordot, trace, zeros } from "@damo/damo";
import { convolvePrimitive } from "../../lib/trace/primitives/convolve.ts";
import { bindOne, traceFunction } from "../../lib/trace/trace.ts";
import golden from "../golden/arrays.json" with { type: "json" };
import {
  assertGolden,
  type GoldenArray,
  goldenOperand,
  numbers,
  testEverywhere,
} from "../support/operands.ts";

type Call = readonly [string, readonly number[][], readonly unknown[], GoldenArray];
type Operation = (...all: unknown[]) => Tensor;

testEverywhere("products agree with NumPy, as functions and as methods", () => {
  for (const [name, shapes, rest, expected] of golden.products as unknown as Call[]) {
    const operands = shapes.map((shape, k) => goldenOperand(shape, k));
    const what = JSON.stringify([name, shapes, rest]);
    assertGolden((damo as unknown as Record<string, Operation>)[name](...operands, ...rest), expected, what);
    const method = (operands[0] as unknown as Record<string, Operation | undefined>)[name];
    if (typeof method !== "function") continue;
    assertGolden(method.call(operands[0], ...operands.slice(1), ...rest), expected, `method ${what}`);
  }
});

type Convolution = readonly [
  readonly [number[], number[], number[], [number, number][], number[], number[], number, number],
  GoldenArray,
];

testEverywhere("convolve agrees with windows cut and summed by NumPy", () => {
  for (const [parameters, expected] of golden.convolutions as unknown as Convolution[]) {
    const [x, kernel, strides, padding, inputDilation, kernelDilation, groups, batchGroups] = parameters;
    const result = bindOne(convolvePrimitive, [goldenOperand(x), goldenOperand(kernel, 1)], {
      strides,
      padding,
      inputDilation,
      kernelDilation,
      groups,
      batchGroups,
    });
    assertGolden(result, expected, JSON.stringify(parameters));
  }
});

testEverywhere("integers are multiplied as integers, and wrap", () => {
  const a = tensor([[1, 2], [3, 4]], { dtype: "int32" });
  assertEquals(matmul(a, a).dtype, "int32");
  assertEquals(numbers(matmul(a, a)), [7, 10, 15, 22]);
  const big = tensor([2147483647, 2147483647], { dtype: "int32" });
  assertEquals(numbers(big.dot(tensor([2, 1], { dtype: "int32" }))), [2147483645]);
  const small = tensor(new Uint8Array([200, 100]));
  assertEquals(small.dot(small).dtype, "int32");
  assertEquals(numbers(small.dot(small)), [50000]);
  const mask = tensor([[true, true], [true, false]]);
  assertEquals(mask.matmul(mask).dtype, "int32");
  assertEquals(numbers(mask.matmul(mask)), [2, 1, 1, 1]);
});

testEverywhere("dtypes are promoted and plain arrays accepted", () => {
  const x = tensor([[1, 2]]);
  assertEquals(x.matmul([[0.5], [0.25]]).itemSync(), 1);
  assertEquals(x.matmul(tensor([[1], [2]], { dtype: "int32" })).dtype, "float32");
  assertEquals(x.cast("float16").dot(x.cast("float32").ravel()).dtype, "float32");
  assertEquals(numbers(damo.dot(3, x)), [3, 6]);
});

Deno.test("a product with float64 is float64", () => {
  const x = tensor([[1, 2]]);
  assertEquals(x.cast("float16").dot(x.cast("float64").ravel()).dtype, "float64");
});

testEverywhere("infinities and NaN go through a product as through its sums", () => {
  const row = tensor([Infinity, 1]), column = tensor([2, NaN]);
  assert(Number.isNaN(row.dot(column).itemSync() as number));
  assertEquals(row.dot(tensor([1, 1])).itemSync(), Infinity);
});

/** The primitives of a traced function. */
function primitivesOf(fn: (...xs: Tensor[]) => Tensor, ...shapes: readonly number[][]): string[] {
  const avals = shapes.map((shape) => ({ shape, dtype: "float32" as const }));
  return traceFunction((xs) => [fn(...xs)], avals).graph.nodes.map((node) => node.primitive.name);
}

Deno.test("products are one contraction, without transposes around it", () => {
  assertEquals(primitivesOf((a, b) => a.matmul(b), [2, 3], [3, 4]), ["contract"]);
  assertEquals(primitivesOf((a, b) => a.matmul(b), [5, 2, 3], [3, 4]), ["contract"]);
  assertEquals(primitivesOf((a, b) => a.matmul(b), [5, 2, 3], [5, 3, 4]), ["contract"]);
  assertEquals(primitivesOf((a, b) => a.dot(b), [3], [3]), ["contract"]);
  assertEquals(primitivesOf((a, b) => tensordot(a, b, [[0], [0]]), [3, 2], [3, 4]), ["contract"]);
  assertEquals(primitivesOf((a, b) => a.matmul(b), [1, 2, 3], [5, 3, 4]), [
    "reshape",
    "contract",
    "transpose",
  ]);
});

Deno.test("product errors name the sizes that differ and the remedy", () => {
  const a = zeros([2, 3]);
  const cases: [() => unknown, string, string][] = [
    [
      () => matmul(a, a),
      "matmul: float32[2, 3] and float32[2, 3] do not fit: the last axis of a has size 3",
      "Transpose",
    ],
    [() => matmul(a, 2), "matmul: float32[2, 3] and float32[]", "mul"],
    [
      () => matmul(zeros([2, 2, 3]), zeros([3, 3, 2])),
      "the leading axes [2] and [3] do not broadcast",
      "equal or 1",
    ],
    [
      () => a.dot(zeros([2])),
      "dot: float32[2, 3] and float32[2] do not fit: axis 1 of a has size 3",
      "equal sizes",
    ],
    [() => tensordot(a, a, 3), "there are no 3 axes", "fewer"],
    [() => tensordot(a, a, [[0, 1], [0]]), "do not pair up", "equally many"],
    [() => trace(zeros([3])), "trace: float32[3] has no diagonal", "two different axes"],
    [() => a.diagonal({ axis1: 0, axis2: -2 }), "diagonal", "two different axes"],
  ];
  for (const [body, what, remedy] of cases) {
    const error = assertThrows(body, ShapeError, what);
    assert(error.message.includes(remedy), `${error.message} should say ${remedy}`);
    assert(error.message.includes("contract_test.ts"), error.message);
  }
});
