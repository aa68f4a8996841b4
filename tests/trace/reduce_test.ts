/** Reductions, statistics and running results against NumPy; empty axes; integer sums. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../lib/trace/dtype.ts";
import { ShapeError } from "../../lib/trace/errors.ts";
import * as ops from "../../lib/trace/ops/mod.ts";
import type { Tensor } from "../../lib/trace/tensor.ts";
import golden from "../golden/operations.json" with { type: "json" };
import {
  assertNumbersClose,
  type GoldenNumber,
  goldenNumbers,
  hostArray,
  runTraced,
} from "../support/traced.ts";
import { deviceTest } from "../support/devices.ts";

const REDUCTIONS = [
  "sum",
  "prod",
  "max",
  "min",
  "mean",
  "variance",
  "std",
  "logsumexp",
  "any",
  "all",
  "norm",
] as const;
const ALONG_AXIS = ["argmax", "argmin", "cumsum", "cumprod", "cummax", "diff"] as const;

type Reduce = (x: Tensor, options: object) => Tensor;
const functions = ops as unknown as Record<string, Reduce>;

/** NumPy's float64 sums lose a few digits where terms cancel. */
const TOLERANCE = 1e-12;

deviceTest("reductions agree with NumPy over every axis, with NaN and infinities", () => {
  let checked = 0;
  for (const entry of golden.reductions) {
    const x = hostArray(goldenNumbers(entry.x as GoldenNumber[]), entry.shape);
    const axis = entry.axis ?? undefined;
    const { keepDims } = entry;
    for (const name of REDUCTIONS) {
      const [actual] = runTraced(([t]) => [functions[name](t, { axis, keepDims })], [x]);
      assertEquals(actual.shape, entry.outShape, name);
      const expected = goldenNumbers(entry[name] as GoldenNumber[]);
      const what = (i: number): string => `${name} of [${x.shape.join()}] axis ${axis}, element ${i}`;
      const near = name === "logsumexp" || name === "sum" || name === "mean";
      assertNumbersClose(near ? settle(actual.data, expected) : actual.data, expected, TOLERANCE, what);
      checked++;
    }
    for (const name of ALONG_AXIS) {
      const expected = entry[name];
      if (!expected) continue;
      const [actual] = runTraced(([t]) => [functions[name](t, { axis })], [x]);
      const what = (i: number): string => `${name} of [${x.shape.join()}] axis ${axis}, element ${i}`;
      const numbers = goldenNumbers(expected as GoldenNumber[]);
      assertNumbersClose(settle(actual.data, numbers), numbers, TOLERANCE, what);
      checked++;
    }
    if (entry.sample) {
      const [actual] = runTraced(([t]) => [ops.variance(t, { axis, ddof: 1 })], [x]);
      const expected = goldenNumbers(entry.sample as GoldenNumber[]);
      assertNumbersClose(actual.data, expected, TOLERANCE, (i) => `sample variance ${i}`);
    }
  }
  assert(checked > 500, String(checked));
});

/** Values that differ by less than 1e-14 are sums that cancelled: they count as equal. */
function settle(actual: Float64Array, expected: readonly number[]): Float64Array {
  return actual.map((value, i) => Math.abs(value - expected[i]) < 1e-14 ? expected[i] : value);
}

deviceTest("norms of every order agree with NumPy", () => {
  let checked = 0;
  for (const entry of golden.reductions) {
    const x = hostArray(goldenNumbers(entry.x as GoldenNumber[]), entry.shape);
    for (const [key, expected] of Object.entries(entry)) {
      if (!key.startsWith("norm ")) continue;
      const ord = Number(key.slice(5));
      const [actual] = runTraced(([t]) => [ops.norm(t, { axis: entry.axis as number, ord })], [x]);
      const numbers = goldenNumbers(expected as GoldenNumber[]);
      assertNumbersClose(actual.data, numbers, TOLERANCE, (i) => `norm ${ord} element ${i}`);
      checked++;
    }
  }
  assert(checked > 40, String(checked));
});

function reduceEmpty(fn: Reduce, dtype: DType = "float64"): number[] {
  return [...runTraced(([t]) => [fn(t, { axis: 0 })], [hostArray([], [0, 2], dtype)])[0].data];
}

deviceTest("an empty axis sums to 0, multiplies to 1, has mean NaN and no extremum", () => {
  assertEquals(reduceEmpty(ops.sum), [0, 0]);
  assertEquals(reduceEmpty(ops.prod), [1, 1]);
  assertEquals(reduceEmpty(ops.any), [0, 0]);
  assertEquals(reduceEmpty(ops.all), [1, 1]);
  assertEquals(reduceEmpty(ops.mean), [NaN, NaN]);
  assertEquals(reduceEmpty(ops.variance), [NaN, NaN]);
  assertEquals(reduceEmpty(ops.logsumexp), [-Infinity, -Infinity]);
  assertEquals(reduceEmpty(ops.norm), [0, 0]);
  for (const name of ["max", "min", "argmax", "argmin"]) {
    const error = assertThrows(
      () => reduceEmpty(functions[name]),
      ShapeError,
      `axis 0 of float64[0, 2] is empty`,
    );
    assertEquals(error.detail.operation, name);
  }
  const nothing = hostArray([], [2, 0]);
  assertEquals(runTraced(([t]) => [t.max({ axis: 0 })], [nothing])[0].shape, [0]);
});

deviceTest("bool and 8-bit integers are summed as int32, and int32 wraps", () => {
  const bytes = hostArray(new Array(3).fill(255), [3], "uint8");
  const [sum, product, running] = runTraced(([t]) => [t.sum(), t.prod(), t.cumsum()], [bytes]);
  assertEquals([sum.dtype, sum.data[0]], ["int32", 765]);
  assertEquals([product.dtype, product.data[0]], ["int32", 255 ** 3]);
  assertEquals([running.dtype, ...running.data], ["int32", 255, 510, 765]);
  const truth = hostArray([1, 0, 1, 1], [4], "bool");
  const [count, mean] = runTraced(([t]) => [t.sum(), t.mean()], [truth]);
  assertEquals([count.dtype, count.data[0]], ["int32", 3]);
  assertEquals([mean.dtype, mean.data[0]], ["float32", 0.75]);
  const big = hostArray([2147483647, 1], [2], "int32");
  assertEquals(runTraced(([t]) => [t.sum()], [big])[0].data[0], -2147483648);
});

deviceTest("float16 means are computed in float32", () => {
  const x = hostArray([60000, 60000, 60000], [3], "float16");
  const [mean, variance] = runTraced(([t]) => [t.mean(), t.variance()], [x]);
  assertEquals([mean.dtype, mean.data[0]], ["float16", 60000]);
  assertEquals([variance.dtype, variance.data[0]], ["float16", 0]);
});

deviceTest("argmax without an axis indexes the flat tensor", () => {
  const x = hostArray([1, 5, 3, 9, 2, 4], [2, 3]);
  const [flat, kept] = runTraced(([t]) => [t.argmax(), t.argmin({ keepDims: true })], [x]);
  assertEquals([flat.data[0], flat.dtype, flat.shape], [3, "int32", []]);
  assertEquals([kept.data[0], kept.shape], [0, [1, 1]]);
});

deviceTest("cumulative operations run from the end when asked", () => {
  const x = hostArray([1, 2, 3, 4], [4]);
  const run = (fn: (t: Tensor) => Tensor): number[] => [...runTraced(([t]) => [fn(t)], [x])[0].data];
  assertEquals(run((t) => t.cumsum({ reverse: true })), [10, 9, 7, 4]);
  assertEquals(run((t) => t.cumprod({ axis: 0, reverse: true })), [24, 24, 12, 4]);
  assertEquals(run((t) => t.cummin({ reverse: true })), [1, 2, 3, 4]);
});

deviceTest("diff of bool says where neighbours differ, and of one element is empty", () => {
  const truth = hostArray([1, 1, 0], [3], "bool");
  const [changes] = runTraced(([t]) => [t.diff()], [truth]);
  assertEquals([changes.dtype, ...changes.data], ["bool", 0, 1]);
  assertEquals(runTraced(([t]) => [t.diff()], [hostArray([4], [1])])[0].shape, [0]);
  assertEquals(runTraced(([t]) => [t.diff()], [hostArray([], [0])])[0].shape, [0]);
});

deviceTest("axes out of range, repeated or unknown options are refused", () => {
  const x = hostArray([1, 2], [1, 2]);
  const run = (options: object): unknown => runTraced(([t]) => [t.sum(options)], [x]);
  assertThrows(() => run({ axis: 2 }), ShapeError, "sum: axis 2 is out of range");
  assertThrows(() => run({ axis: [0, -2] }), ShapeError, "names an axis twice");
  assertThrows(() => run({ axes: 0 }), Error, 'unknown option "axes"');
  assertThrows(() => run({ axis: 0.5 }), ShapeError, "axis 0.5");
});
