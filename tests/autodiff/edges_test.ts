/** Derivatives where functions have kinks, poles, ties, masks and empty axes: each decided, each tested. */
import { assertEquals } from "@std/assert";
import {
  abs,
  argmax,
  atan2,
  clip,
  concat,
  cumprod,
  div,
  gather,
  grad,
  hessian,
  jacobian,
  jit,
  jvp,
  logsumexp,
  max,
  maximum,
  mean,
  min,
  minimum,
  mod,
  norm,
  pow,
  prod,
  sort,
  std,
  take,
  type Tensor,
  tensor,
  topk,
  variance,
  vmap,
  where,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });
const int32 = (data: number | number[]): Tensor => tensor(data, { dtype: "int32" });
/** Equal to within rounding; infinities and NaN exactly, the sign of zeros apart. */
function assertSame(actual: unknown, expected: unknown, what = ""): void {
  const a = [actual].flat(4) as number[], e = [expected].flat(4) as number[];
  const near = (x: number, y: number) =>
    x === y || Object.is(x, y) || Math.abs(x - y) <= 1e-14 * Math.max(1, Math.abs(y));
  if (a.length !== e.length || a.some((x, i) => !near(x, e[i]))) assertEquals(actual, expected, what);
}

type Scalar = (x: Tensor) => Tensor;

/** The gradient at a point, alone and compiled, by reverse and by forward mode: all must be the same. */
function gradientAt(f: Scalar, x: number | number[] | number[][]): unknown {
  const reverse = grad(f)(f64(x)).arraySync();
  assertSame(jit(grad(f))(f64(x)).arraySync(), reverse);
  assertSame(jacobian(f, { mode: "forward" })(f64(x)).arraySync(), reverse);
  assertSame(
    vmap(grad(f))(f64(x).reshape([1, ...f64(x).shape])).reshape(f64(x).shape).arraySync(),
    reverse,
  );
  return reverse;
}

/** The Hessian by forward over reverse and by reverse over reverse. */
function hessianAt(f: Scalar, x: number | number[]): unknown {
  const value = hessian(f)(f64(x)).arraySync();
  assertSame(jacobian((y: Tensor) => grad(f)(y), { mode: "reverse" })(f64(x)).arraySync(), value);
  return value;
}

Deno.test("prod without zeros, with one and with many, to second order", () => {
  const f = (x: Tensor) => prod(x);
  assertSame(gradientAt(f, [2, 3, 4]), [12, 8, 6]);
  assertSame(gradientAt(f, [2, 0, 4]), [0, 8, 0]);
  assertSame(gradientAt(f, [0, 0, 4]), [0, 0, 0]);
  assertSame(gradientAt(f, [0, 0, 0]), [0, 0, 0]);
  assertSame(hessianAt(f, [2, 3, 4]), [[0, 4, 3], [4, 0, 2], [3, 2, 0]]);
  assertSame(hessianAt(f, [2, 0, 4]), [[0, 4, 0], [4, 0, 2], [0, 2, 0]]);
  assertSame(hessianAt(f, [0, 0, 4]), [[0, 4, 0], [4, 0, 0], [0, 0, 0]]);
  assertSame(hessianAt(f, [0, 0, 0]), [[0, 0, 0], [0, 0, 0], [0, 0, 0]]);
  assertSame(hessianAt(f, [5]), [[0]]);
});

Deno.test("prod over one axis of a matrix with zeros", () => {
  const f = (x: Tensor) => prod(x, { axis: 1 }).sum();
  assertSame(gradientAt(f, [[1, 2, 3], [0, 5, 6], [0, 0, 7]]), [[6, 3, 2], [30, 0, 0], [0, 0, 0]]);
});

Deno.test("cumprod through zeros", () => {
  assertSame(gradientAt((x) => cumprod(x, { axis: 0 }).sum(), [2, 0, 3]), [1, 8, 0]);
});

Deno.test("max and min share the derivative among equal elements", () => {
  assertSame(gradientAt((x) => max(x), [1, 3, 3, 2]), [0, 0.5, 0.5, 0]);
  assertSame(gradientAt((x) => min(x), [1, 1, 1, 2]), [1 / 3, 1 / 3, 1 / 3, 0]);
  assertSame(gradientAt((x) => max(x, { axis: 0 }).sum(), [[1, 5], [1, 4]]), [[0.5, 1], [0.5, 0]]);
});

Deno.test("maximum and minimum give half to each in a tie", () => {
  assertSame(gradientAt((x) => maximum(x, 0).sum(), [-1, 0, 1]), [0, 0.5, 1]);
  assertSame(gradientAt((x) => minimum(x, x).sum(), [-1, 0, 1]), [1, 1, 1]);
});

Deno.test("abs, relu and norm at 0", () => {
  assertSame(gradientAt((x) => abs(x).sum(), [-2, 0, 3]), [-1, 0, 1]);
  assertSame(gradientAt((x) => where(x.gt(0), x, 0).sum(), [-2, 0, 3]), [0, 0, 1]);
  assertSame(gradientAt((x) => norm(x), [0, 0]), [0, 0]);
  assertSame(gradientAt((x) => norm(x), [3, 4]), [0.6, 0.8]);
  assertSame(gradientAt((x) => norm(x, { ord: 1 }), [0, -2]), [0, -1]);
});

Deno.test("clip outside, inside and on the bounds", () => {
  const g = gradientAt((x) => clip(x, -1, 1).sum(), [-2, 0.5, 2]);
  assertEquals(g, [0, 1, 0]);
});

Deno.test("pow at base 0 and exponent 0", () => {
  for (const [n, expected] of [[0, 0], [1, 1], [2, 0], [3, 0]]) {
    assertSame(gradientAt((x) => pow(x, n), 0), expected, `0^${n}`);
    assertSame(gradientAt((x) => pow(x, f64(n)), 0), expected, `0^tensor(${n})`);
  }
  assertSame(gradientAt((x) => pow(x, 0.5), 0), Infinity);
  assertSame(gradientAt((x) => pow(x, 2), -3), -6);
  assertSame(gradientAt((x) => pow(x, 3), -2), 12);
  assertSame(hessianAt((x) => pow(x, 2), 0), 2);
  assertSame(hessianAt((x) => pow(x, f64(2)), 0), 2);
  assertSame(hessianAt((x) => pow(x, 1), 0), 0);
  assertSame(hessianAt((x) => pow(x, 3), 0), 0);
  // With respect to the exponent: 0^b ln 0 counts as 0.
  assertSame(gradientAt((b) => pow(0, b), 2), 0);
  assertSame(gradientAt((b) => pow(f64(0), b), 0), 0);
  assertSame(gradientAt((b) => pow(Math.E, b), 0), 1);
});

Deno.test("sqrt, log and division at 0 are infinite", () => {
  assertSame(gradientAt((x) => x.sqrt(), 0), Infinity);
  assertSame(gradientAt((x) => x.log(), 0), Infinity);
  assertSame(gradientAt((x) => div(1, x), 0), -Infinity);
  assertSame(gradientAt((x) => x.div(0), 2), Infinity);
});

Deno.test("where that masks a pole lets no NaN or infinity through, to second order", () => {
  const masked: Scalar[] = [
    (x) => where(x.gt(0), x.sqrt(), 0).sum(),
    (x) => where(x.gt(0), x.log(), 0).sum(),
    (x) => where(x.gt(0), div(1, x), 0).sum(),
    (x) => where(x.gt(0), x.pow(0.5), x.mul(0)).sum(),
    (x) => where(x.gt(0), x.rsqrt(), 0).sum(),
    (x) => where(x.gt(0), x.div(x), 0).sum(),
    (x) => where(x.gt(0), atan2(x, x), 0).sum(),
    (x) => where(x.gt(0), x.mul(x.log()), 0).sum(),
    (x) => where(x.gt(0), x.log().square(), 0).sum(),
  ];
  masked.forEach((f, i) => {
    const g = gradientAt(f, [0, 4]) as number[];
    assertSame(g[0], 0, `gradient of masked function ${i}`);
    assertEquals(Number.isFinite(g[1]), true);
    const h = hessianAt(f, [0, 4]) as number[][];
    assertSame([h[0][0], h[0][1], h[1][0]], [0, 0, 0], `hessian of masked function ${i}`);
    assertEquals(Number.isFinite(h[1][1]), true, `hessian of masked function ${i}`);
  });
  assertSame(gradientAt((x) => where(x.lt(1), x.asin(), 0).sum(), [1, 0]), [0, 1]);
});

Deno.test("repeated indices accumulate", () => {
  assertSame(gradientAt((x) => take(x, int32([0, 2, 2, 2]), 0).mul(f64([1, 2, 3, 4])).sum(), [5, 6, 7]), [
    1,
    0,
    9,
  ]);
  assertSame(gradientAt((x) => x.at(int32([1, 1, -1])).sum(), [5, 6, 7]), [0, 2, 1]);
  assertSame(gradientAt((x) => x.at(int32([[0, 0], [1, 0]].flat())).square().sum(), [2, 3]), [12, 6]);
});

Deno.test("sort and topk of equal values are stable: each keeps its own derivative", () => {
  const weights = f64([1, 2, 3]);
  assertSame(gradientAt((x) => sort(x).mul(weights).sum(), [2, 2, 1]), [2, 3, 1]);
  assertSame(gradientAt((x) => topk(x, 2).values.mul(f64([1, 10])).sum(), [2, 2, 1]), [1, 10, 0]);
});

Deno.test("empty axes", () => {
  const empty = tensor([], { dtype: "float64", shape: [0, 3] });
  for (
    const f of [
      (x: Tensor) => x.sum(),
      (x: Tensor) => x.sum({ axis: 0 }).sum(),
      (x: Tensor) => prod(x, { axis: 0 }).sum(),
    ]
  ) {
    assertEquals(grad(f)(empty).shape, [0, 3]);
    assertEquals(jvp(f, [empty], [empty])[1].itemSync(), 0);
  }
  assertEquals(grad((x: Tensor) => concat([x, f64([[1, 2, 3]])], 0).sum())(empty).shape, [0, 3]);
  assertEquals(jacobian((x: Tensor) => x.mul(2))(empty).shape, [0, 3, 0, 3]);
});

Deno.test("integer and bool inputs have no derivative, and none passes through them", () => {
  const labels = int32([1, 0]);
  const f = (x: Tensor) => x.mul(labels).sum().add(argmax(x).cast("float64").mul(x.sum().floor()));
  assertSame(gradientAt(f, [3, 5]), [1, 0]);
  assertSame(gradientAt((x) => where(x.gt(0).cast("bool"), x, x.mul(2)).sum(), [1, -1]), [1, 2]);
  assertSame(gradientAt((x) => x.cast("int32").cast("float64").sum(), [1.5]), [0]);
});

Deno.test("mod, round and the like", () => {
  assertSame(gradientAt((x) => mod(x, 3).sum(), [-7.5, 4.5]), [1, 1]);
  assertSame(gradientAt((b) => mod(7.5, b), 2), -3);
  assertSame(gradientAt((x) => x.round().add(x.floor()).add(x.sign()).sum(), [1.4]), [0]);
});

Deno.test("means, variances and log-sum-exp of constants and of extreme values", () => {
  assertSame(gradientAt((x) => mean(x), [1, 2, 3, 4]), [0.25, 0.25, 0.25, 0.25]);
  assertSame(gradientAt((x) => variance(x), [2, 2]), [0, 0]);
  assertSame(gradientAt((x) => logsumexp(x), [1000, 1000]), [0.5, 0.5]);
  assertSame(gradientAt((x) => logsumexp(x), [-Infinity, 0]), [0, 1]);
  assertEquals((gradientAt((x) => std(x), [1, 3]) as number[]).map((v) => Number(v.toFixed(12))), [
    -0.5,
    0.5,
  ]);
});

Deno.test("gather outside the axis is clamped, and so is its derivative", () => {
  assertSame(gradientAt((x) => gather(x, int32([0, 9]), 0).sum(), [1, 2, 3]), [1, 0, 1]);
});
