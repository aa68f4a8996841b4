/** Derivatives where functions have kinks, poles or ties: each one decided. Float64 unless said otherwise. */
import { assert, assertEquals } from "@std/assert";
import { type DType, grad, type Tensor, tensor } from "@damo/damo";
import * as ops from "../../lib/trace/ops/mod.ts";

type Fn = (x: Tensor) => Tensor;

function vector(values: readonly number[], dtype: DType = "float64"): Tensor {
  return tensor([...values], { dtype });
}

/** The gradient of the sum of `fn`. */
function gradient(fn: Fn, values: readonly number[]): number[] {
  const g = grad((x: Tensor) => fn(x).sum(), { disconnected: "zero" })(vector(values));
  // Without the sign of zeros, and without the rounding of a few operations.
  return [...g.dataSync()].map((value) => Number((value + 0).toPrecision(14)));
}

/** The diagonal of the Hessian of the sum of an elementwise `fn`. */
function second(fn: Fn, values: readonly number[]): number[] {
  return gradient((x) => grad((y: Tensor) => fn(y).sum(), { disconnected: "zero" })(x), values);
}

Deno.test("abs, sign and rounding have derivative 0 at their kinks", () => {
  assertEquals(gradient((x) => x.abs(), [-2, 0, 3]), [-1, 0, 1]);
  assertEquals(gradient((x) => x.floor().add(x), [0.5, 1]), [1, 1]);
  assertEquals(gradient((x) => x.sign().mul(x), [-2, 0, 3]), [-1, 0, 1]);
});

Deno.test("ties of minimum, maximum, max and min share evenly", () => {
  assertEquals(gradient((x) => x.maximum(1), [0, 1, 2]), [0, 0.5, 1]);
  assertEquals(gradient((x) => x.minimum(1), [0, 1, 2]), [1, 0.5, 0]);
  assertEquals(gradient((x) => x.max(), [3, 1, 3, 3, 3]), [0.25, 0, 0.25, 0.25, 0.25]);
  assertEquals(gradient((x) => x.min(), [1, 1, 2]), [0.5, 0.5, 0]);
  assertEquals(gradient((x) => x.reshape([2, 2]).max({ axis: 1 }), [1, 1, 4, 2]), [0.5, 0.5, 1, 0]);
});

Deno.test("clip passes the derivative inside and at its limits", () => {
  assertEquals(gradient((x) => x.clip(-1, 1), [-2, -1, 0, 1, 2]), [0, 1, 1, 1, 0]);
});

Deno.test("powers at base 0 and exponent 0 have derivative 0 where the formula has 0 times infinity", () => {
  assertEquals(gradient((x) => x.pow(2), [0, -3]), [0, -6]);
  assertEquals(second((x) => x.pow(2), [0, -3]), [2, 2]);
  assertEquals(second((x) => x.pow(3), [0, -1]), [0, -6]);
  assertEquals(second((x) => x.pow(1), [0, 2]), [0, 0]);
  assertEquals(gradient((x) => x.pow(0), [0, 2]), [0, 0]);
  assertEquals(gradient((x) => x.pow(vector([0, 0, 1, 2])), [0, 2, 0, 0]), [0, 0, 1, 0]);
  assertEquals(gradient((y) => vector([0, 0, 1, 0]).pow(y), [0, 2, 5, -1]), [0, 0, 0, 0]);
  assertEquals(gradient((x) => x.pow(0.5), [0]), [Infinity]);
  assertEquals(gradient((x) => x.pow(-1), [2, -2]), [-0.25, -0.25]);
});

Deno.test("sqrt is infinitely steep at 0, norm and std are flat there", () => {
  assertEquals(gradient((x) => x.sqrt(), [0, 4]), [Infinity, 0.25]);
  assertEquals(gradient((x) => x.norm(), [0, 0]), [0, 0]);
  assertEquals(gradient((x) => x.norm(), [3, 4]), [0.6, 0.8]);
  assertEquals(gradient((x) => x.norm({ ord: 3 }), [0, 0]), [0, 0]);
  assertEquals(gradient((x) => x.norm({ ord: 1 }), [0, -2]), [0, -1]);
  assertEquals(gradient((x) => x.std(), [2, 2, 2]), [0, 0, 0]);
  assertEquals(gradient((x) => ops.hypot(x, 0), [0, -3]), [0, -1]);
});

Deno.test("a NaN or infinity that where masks out leaves no trace in the gradient", () => {
  const masked = (fn: Fn): Fn => (x) => ops.where(x.gt(0), fn(x), 0);
  const functions: [string, Fn, number][] = [
    ["sqrt", (x) => x.sqrt(), 0.5],
    ["log", (x) => x.log(), 1],
    ["div", (x) => ops.div(1, x), -1],
    ["reciprocal", (x) => x.reciprocal(), -1],
    ["rsqrt", (x) => x.rsqrt(), -0.5],
    ["pow", (x) => x.pow(-1.5), -1.5],
    ["log1p", (x) => x.sub(1).log1p(), 1],
    ["erfinv", (x) => x.sub(1).erfinv().mul(2 / Math.sqrt(Math.PI)), 1],
    ["digamma", (x) => x.digamma().mul(6 / Math.PI ** 2), 1],
    ["lgamma", (x) => x.add(1).lgamma().sub(x.lgamma()), 1],
    ["acosh", (x) => x.add(0.25).acosh().mul(0.75), 1],
    ["atanh", (x) => x.mul(0.5).sub(x.eq(0).cast("float64")).atanh(), 2 / 3],
  ];
  for (const [name, fn, slope] of functions) {
    const [zero, one] = gradient(masked(fn), [0, 1]);
    assertEquals(zero, 0, name);
    assert(Math.abs(one - slope) < 1e-12, `${name}: ${one}`);
    const [again, finite] = second(masked(fn), [0, 1]);
    assertEquals(again, 0, `${name} twice`);
    assert(Number.isFinite(finite), `${name} twice: ${finite}`);
  }
  const overflow: Fn = (x) => ops.where(x.lt(0), x.exp(), 0);
  assertEquals(gradient(overflow, [1000, 0]), [0, 0]);
  assertEquals(second(overflow, [1000, 0]), [0, 0]);
});

Deno.test("products have exact derivatives with no, one and several zeros, twice", () => {
  assertEquals(gradient((x) => x.prod(), [2, 3, 4]), [12, 8, 6]);
  assertEquals(gradient((x) => x.prod(), [2, 0, 4]), [0, 8, 0]);
  assertEquals(gradient((x) => x.prod(), [0, 0, 4]), [0, 0, 0]);
  // d2 (x y z) = z dx dy + ...: the sum of a column of the Hessian.
  assertEquals(second((x) => x.prod(), [2, 0, 4]), [4, 6, 2]);
  assertEquals(second((x) => x.prod(), [0, 0, 4]), [4, 4, 0]);
  assertEquals(gradient((x) => x.cumprod(), [2, 0, 4]), [1, 2 + 8, 0]);
  assertEquals(gradient((x) => x.reshape([2, 2]).prod({ axis: 0 }), [0, 2, 3, 5]), [3, 5, 0, 2]);
  assertEquals(gradient((x) => x.prod(), []), []);
});

Deno.test("log-sum-exp and its relatives take infinities and ties", () => {
  assertEquals(gradient((x) => x.logsumexp(), [-Infinity, 0]), [0, 1]);
  assertEquals(gradient((x) => x.logsumexp(), [5, 5]), [0.5, 0.5]);
  assertEquals(gradient((x) => ops.logaddexp(x, 0), [-Infinity, 0, 800]), [0, 0.5, 1]);
  assertEquals(second((x) => ops.logaddexp(x, 0), [0]), [0.25]);
  const [big, small] = gradient((x) => x.logsumexp(), [1000, 900]);
  assert(big === 1 && small > 0 && small < 1e-40);
});

Deno.test("running extrema give the derivative to the first of equals", () => {
  assertEquals(gradient((x) => x.cummax(), [1, 3, 3, 2]), [1, 3, 0, 0]);
  assertEquals(gradient((x) => x.cummin({ reverse: true }), [2, 5, 2]), [0, 0, 3]);
});

Deno.test("integers and bool take no part", () => {
  const g = grad((x: Tensor) => x.mul(tensor(new Int32Array([2, 3]))).add(x.gt(1)).sum())(tensor([1, 2]));
  assertEquals([...g.dataSync()], [2, 3]);
  assertEquals(gradient((x) => x.mul(x.cast("int32")), [1.5, 2.5]), [1, 2]);
});

Deno.test("erfcx keeps the digits of its slope far out, and the Bessel functions theirs at 0", () => {
  // mpmath, 2 x erfcx(x) - 2 / sqrt(pi) with 40 digits.
  const slopes: [number, number][] = [
    [-1, -11.1463393286200795],
    [0, -1.1283791670955126],
    [9.5, -0.00615027839679864767],
    [10.5, -0.00504927241766612265],
    [1e3, -5.64188737265496669e-7],
    [1e8, -5.64189583547756202e-17],
  ];
  for (const [x, slope] of slopes) {
    const [found] = gradient((y) => ops.erfcx(y), [x]);
    assert(Math.abs(found / slope - 1) < 2e-13, `${x}: ${found}, not ${slope}`);
  }
  assertEquals(gradient((y) => ops.i0(y), [0]), [0]);
  assertEquals(gradient((y) => ops.i1(y), [0]), [0.5]);
  assertEquals(second((y) => ops.i0(y), [0]), [0.5]);
  assertEquals(second((y) => ops.i1(y), [0]), [0]);
});

Deno.test("derivatives of the Bessel functions of every order at 0 and beside it", () => {
  const derivatives = (fn: Fn, order: number): Fn =>
    order === 0
      ? fn
      : (x) => grad((y: Tensor) => derivatives(fn, order - 1)(y).sum(), { disconnected: "zero" })(x);
  // i0 = sum x^2k / (4^k k!^2), i1 = i0'.
  assertEquals(second((x) => derivatives(ops.i1, 1)(x), [0]), [0.375]);
  assertEquals(gradient(derivatives(ops.i0, 3), [0]), [0.375]);
  assertEquals(gradient(derivatives(ops.i1, 4), [0]), [0.3125]);
  // The third derivative of i1, by mpmath.
  for (
    const [x, third] of [[1e-8, 0.375], [1e-3, 0.375000156250011], [0.5, 0.414779939310597], [
      2,
      1.20565978347279,
    ]]
  ) {
    const [found] = gradient(derivatives(ops.i1, 2), [x]);
    assert(Math.abs(found / third - 1) < 1e-13, `${x}: ${found}, not ${third}`);
  }
});
