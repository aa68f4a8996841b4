/** Elementwise functions against NumPy and SciPy, at ordinary and extreme values. */
import { assert, assertEquals } from "@std/assert";
import type { DType } from "../../lib/trace/dtype.ts";
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

type Function1 = (x: Tensor) => Tensor;
type Function2 = (a: Tensor, b: Tensor) => Tensor;

function apply1(name: string, values: readonly number[], dtype: DType = "float64"): Float64Array {
  const fn = (ops as unknown as Record<string, Function1>)[name];
  return runTraced(([x]) => [fn(x)], [hostArray(values, [values.length], dtype)])[0].data;
}

function apply2(
  name: string,
  a: readonly number[],
  b: readonly number[],
  dtype: DType = "float64",
): Float64Array {
  const fn = (ops as unknown as Record<string, Function2>)[name];
  return runTraced(([x, y]) => [fn(x, y)], [
    hostArray(a, [a.length], dtype),
    hostArray(b, [b.length], dtype),
  ])[0]
    .data;
}

const points = goldenNumbers(golden.points as GoldenNumber[]);

deviceTest("functions of one argument agree with NumPy and SciPy", () => {
  let count = 0;
  for (const [name, expected] of Object.entries(golden.unary)) {
    const zeros = name !== "sign";
    assertNumbersClose(
      apply1(name, points),
      goldenNumbers(expected as GoldenNumber[]),
      4e-15,
      (i) => `${name}(${points[i]})`,
      zeros,
    );
    count++;
  }
  assertEquals(count, 36);
});

deviceTest("lgamma and digamma agree with mpmath", () => {
  const x = goldenNumbers(golden.gamma.x as GoldenNumber[]);
  for (const name of ["lgamma", "digamma"] as const) {
    const expected = goldenNumbers(golden.gamma[name] as GoldenNumber[]);
    assertNumbersClose(apply1(name, x), expected, 2e-14, (i) => `${name}(${x[i]})`);
  }
});

deviceTest("functions of two arguments agree with NumPy", () => {
  const { a, b, ...functions } = golden.binary;
  const left = goldenNumbers(a as GoldenNumber[]), right = goldenNumbers(b as GoldenNumber[]);
  for (const [name, expected] of Object.entries(functions)) {
    assertNumbersClose(
      apply2(name, left, right),
      goldenNumbers(expected as GoldenNumber[]),
      2e-15,
      (i) => `${name}(${left[i]}, ${right[i]})`,
    );
  }
});

deviceTest("integers wrap, divide and shift as in NumPy", () => {
  for (const [dtype, entry] of Object.entries(golden.integers)) {
    const { a, b, ...functions } = entry;
    for (const [name, expected] of Object.entries(functions)) {
      const actual = name in { neg: 1, abs: 1, sign: 1, square: 1, not: 1 }
        ? apply1(name, a, dtype as DType)
        : name === "cube"
        ? runTraced(([x]) => [x.pow(3)], [hostArray(a, [a.length], dtype as DType)])[0].data
        : name.startsWith("shift")
        ? apply2(name, a, a.map(() => 3), dtype as DType)
        : apply2(name, a, b, dtype as DType);
      assertEquals([...actual], expected, `${name} ${dtype}`);
    }
  }
});

deviceTest("a power of integers multiplies modulo two to the bits", () => {
  const bases = hostArray([-3, 2, 7, 0, -1], [5], "int32");
  const exponents = hostArray([5, 31, 13, 0, 3], [5], "int32");
  const [result] = runTraced(([a, b]) => [a.pow(b)], [bases, exponents]);
  assertEquals([...result.data], [-243, -2147483648, Number(BigInt.asIntN(32, 7n ** 13n)), 1, -1]);
  const [negative] = runTraced(([a, b]) => [a.pow(b)], [
    hostArray([1, -1, -1, 2, 0], [5], "int32"),
    hostArray([-4, -4, -3, -1, -1], [5], "int32"),
  ]);
  assertEquals([...negative.data], [1, 1, -1, 0, 0]);
});

deviceTest("where chooses and broadcasts all three operands", () => {
  const condition = hostArray([1, 0, 1], [3], "bool");
  const a = hostArray([1, 2], [2, 1]), b = hostArray([NaN], []);
  const [result] = runTraced(([c, x, y]) => [ops.where(c, x, y)], [condition, a, b]);
  assertEquals(result.shape, [2, 3]);
  assertEquals([...result.data], [1, NaN, 1, 2, NaN, 2]);
});

deviceTest("clip limits with numbers, tensors, one side or both, and lets NaN through", () => {
  const x = hostArray([-5, -1, 0, 3, NaN], [5]);
  const clip = (low: number | null, high: number | null): number[] => [
    ...runTraced(([t]) => [t.clip(low, high)], [x])[0].data,
  ];
  assertEquals(clip(-1, 1), [-1, -1, 0, 1, NaN]);
  assertEquals(clip(null, 0), [-5, -1, 0, 0, NaN]);
  assertEquals(clip(0, null), [0, 0, 0, 3, NaN]);
  const bytes = hostArray([0, 5, 250], [3], "uint8");
  assertEquals([...runTraced(([t]) => [t.clip(-7, 900)], [bytes])[0].data], [0, 5, 250]);
});

deviceTest("bool arithmetic is logic, and what has no meaning for bool is refused", () => {
  const a = hostArray([1, 1, 0, 0], [4], "bool"), b = hostArray([1, 0, 1, 0], [4], "bool");
  const run = (fn: Function2): number[] => {
    const [result] = runTraced(([x, y]) => [fn(x, y)], [a, b]);
    assertEquals(result.dtype, "bool");
    return [...result.data];
  };
  assertEquals(run(ops.add), [1, 1, 1, 0]);
  assertEquals(run(ops.mul), [1, 0, 0, 0]);
  assertEquals(run(ops.maximum), [1, 1, 1, 0]);
  assertEquals(run(ops.minimum), [1, 0, 0, 0]);
  assertEquals(run(ops.xor), [0, 1, 1, 0]);
  let message = "";
  try {
    run(ops.sub);
  } catch (error) {
    message = (error as Error).message;
  }
  assert(message.includes("sub does not take bool") && message.includes("xor"), message);
});

deviceTest("numbers outside an integer dtype compare as numbers", () => {
  const x = hostArray([0, 1, 255], [3], "uint8");
  const compare = (fn: (t: Tensor) => Tensor): number[] => [...runTraced(([t]) => [fn(t)], [x])[0].data];
  assertEquals(compare((t) => t.lt(256)), [1, 1, 1]);
  assertEquals(compare((t) => t.ge(256)), [0, 0, 0]);
  assertEquals(compare((t) => t.gt(-1)), [1, 1, 1]);
  assertEquals(compare((t) => t.eq(-1)), [0, 0, 0]);
  assertEquals(compare((t) => t.ne(300)), [1, 1, 1]);
  assertEquals(compare((t) => ops.lt(-1, t)), [1, 1, 1]);
  assertEquals(compare((t) => t.lt(0.5)), [1, 0, 0]);
});

deviceTest("isClose follows NumPy, infinities and NaN included", () => {
  const a = hostArray([1, 1, Infinity, Infinity, NaN, 1e-9, 0], [7]);
  const b = hostArray([1.000001, 1.1, Infinity, -Infinity, NaN, 0, Infinity], [7]);
  const run = (options: ops.CloseOptions): number[] => [
    ...runTraced(([x, y]) => [x.isClose(y, options)], [a, b])[0].data,
  ];
  assertEquals(run({}), [1, 0, 1, 0, 0, 1, 0]);
  assertEquals(run({ equalNaN: true }), [1, 0, 1, 0, 1, 1, 0]);
  assertEquals(run({ rtol: 0.2, atol: 0 }), [1, 1, 1, 0, 0, 0, 0]);
});
