/** sort, argsort, topk, searchsorted and bincount against NumPy. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  argsort,
  bincount,
  jit,
  searchsorted,
  ShapeError,
  slice,
  sort,
  type Tensor,
  tensor,
  topk,
  TracedValueError,
  zeros,
} from "@damo/damo";
import golden from "../golden/arrays.json" with { type: "json" };
import { wide, widest } from "../support/devices.ts";
import { goldenOperand, numbers, testEverywhere } from "../support/operands.ts";
import { type GoldenNumber, goldenNumbers } from "../support/traced.ts";

const { order } = golden;

function vector(values: readonly unknown[]): Tensor {
  return widest(goldenNumbers(values as GoldenNumber[]));
}

testEverywhere("vectors are sorted stably with NaN last, in both directions", () => {
  for (const row of order.vectors) {
    const x = vector(row.values);
    assertEquals(numbers(sort(x)), goldenNumbers(row.sort as GoldenNumber[]));
    assertEquals(numbers(argsort(x)), row.argsort);
    assertEquals(numbers(x.sort({ descending: true })), goldenNumbers(row.descending as GoldenNumber[]));
    assertEquals(numbers(x.argsort({ descending: true })), row.argsortDescending);
  }
});

testEverywhere("any axis is sorted", () => {
  const grid = goldenOperand([3, 4, 5]);
  for (const row of order.axes) {
    assertEquals(numbers(sort(grid, { axis: row.axis })), row.sort);
    assertEquals(numbers(argsort(grid, { axis: row.axis })), row.argsort);
  }
  assertEquals(argsort(grid).dtype, "int32");
});

testEverywhere("long vectors and every dtype are sorted", () => {
  for (const dtype of [wide(), "float32", "float16", "int32", "uint32", "int8", "uint8"] as const) {
    const data = Array.from({ length: 1023 }, (_, i) => (i * 7919) % 101);
    const x = tensor(data, { dtype });
    assertEquals(numbers(sort(x)), [...data].sort((a, b) => a - b), dtype);
    assertEquals(sort(x).dtype, dtype);
    const places = data.map((_, i) => i).sort((i, j) => data[i] - data[j] || i - j);
    assertEquals(numbers(argsort(x)), places, dtype);
  }
  assertEquals(numbers(sort(tensor([true, false, true]))), [0, 1, 1]);
});

testEverywhere("topk gives the largest first and where they are", () => {
  const x = tensor([[3, 9, 1, 7], [5, 5, 8, 2]]);
  const { values, indices } = topk(x, 3);
  assertEquals(numbers(values), [9, 7, 3, 8, 5, 5]);
  assertEquals(numbers(indices), [1, 3, 0, 2, 0, 1]);
  assertEquals(indices.dtype, "int32");
  assertEquals(numbers(x.topk(1, { axis: 0 }).values), [5, 9, 8, 7]);
  assertEquals([...topk(x, 0).values.shape], [2, 0]);
  assertThrows(() => topk(x, 5), ShapeError, "topk: k is 5 and axis 1 of float32[2, 4] has size 4");
});

testEverywhere("searchsorted agrees with NumPy, also in short and empty vectors", () => {
  const { search } = order;
  const sorted = vector(search.sorted), values = vector(search.values);
  assertEquals(numbers(searchsorted(sorted, values)), search.left);
  assertEquals(numbers(sorted.searchsorted(values, { side: "right" })), search.right);
  for (const [size, expected] of order.searchSizes as [number, number[]][]) {
    const even = widest(Array.from({ length: size }, (_, i) => 2 * i));
    const wanted = widest(Array.from({ length: expected.length }, (_, i) => i - 1));
    assertEquals(numbers(searchsorted(even, wanted)), expected, `size ${size}`);
  }
  assertEquals(searchsorted(sorted, 1).itemSync(), 3);
});

testEverywhere("bincount counts and weighs", () => {
  const { x: bins, counts, weighted, long } = order.bincount;
  const x = tensor(bins, { dtype: "int32" });
  assertEquals(numbers(bincount(x)), counts);
  assertEquals(numbers(bincount(x, { weights: [1, 2, 3, 4, 5] })), weighted);
  assertEquals(numbers(x.bincount({ length: 9 })), long);
  assertEquals(numbers(bincount(x, { length: 2 })), counts.slice(0, 2));
  assertEquals(numbers(bincount(tensor([-1, 0, -2], { dtype: "int32" }), { length: 2 })), [1, 0]);
  assertEquals(numbers(bincount(zeros([0], { dtype: "int32" }))), []);
  assertEquals(numbers(jit((y: Tensor) => bincount(y, { length: 7 }))(x)), counts);
  assertThrows(() => jit((y: Tensor) => bincount(y))(x), TracedValueError, "{ length }");
});

testEverywhere("sorting works inside compiled functions", () => {
  const median = jit((x: Tensor) => sort(x).at("...", slice(1, 2)));
  assertEquals(numbers(median(tensor([[3, 1, 2], [9, 7, 8]]))), [2, 8]);
});

Deno.test("a scalar has no order", () => {
  assertThrows(() => sort(tensor(1)), ShapeError, "sort: a scalar");
  assertThrows(() => argsort(zeros([2]), { axis: 1 }), ShapeError, "argsort: axis 1");
  assertThrows(() => searchsorted(zeros([2, 2]), 1), ShapeError, "not a vector");
});
