/** API.md, section 2: elementwise operations, reductions, order. */
import { assert, assertEquals } from "@std/assert";
import * as damo from "@damo/damo";
import {
  argmax,
  argmin,
  bincount,
  concat,
  cumprod,
  cumsum,
  diff,
  DTypeError,
  grad,
  jit,
  norm,
  ones,
  searchsorted,
  ShapeError,
  sort,
  sum,
  type Tensor,
  tensor,
  topk,
  where,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";
import { f64, int, near } from "./support.ts";

const UNARY: Record<string, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  expm1: Math.expm1,
  log: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

Deno.test("elementwise functions: free, as methods, of numbers, in jit, with NaN and infinities", () => {
  const points = [0.3, -0.7, 1.5, 2.5, -2, 0, -0, NaN, Infinity, -Infinity];
  for (const [name, truth] of Object.entries(UNARY)) {
    const free = (damo as unknown as Record<string, (x: unknown) => Tensor>)[name];
    const x = f64(points);
    const wanted = points.map(truth);
    near(list(free(x)), wanted);
    near(list((x as unknown as Record<string, () => Tensor>)[name]()), wanted);
    near(list(jit((t: Tensor) => free(t))(x)), wanted);
    near(list(free(0.3)), truth(0.3), 1e-6);
    assertEquals(free(zeros([0, 2])).shape, [0, 2]);
  }
  assertEquals(list(f64([0.5, 1.5, 2.5, -0.5, -1.5, 2.4]).round()), [0, 2, 2, -0, -2, 2]);
  assertEquals(list(jit((x: Tensor) => x.round())(tensor([0.5, 1.5, 2.5, -2.5]))), [0, 2, 2, -2]);
  near(list(f64([0.5, -1, 0]).erf()), [0.5204998778130465, -0.8427007929497149, 0]);
  near(list(f64([0.5, 3]).erfc()), [0.4795001221869535, 2.2090496998585441e-5]);
  near(list(f64([0.5, -0.5, 0, 1, -1, 2]).erfinv()), [
    0.4769362762044699,
    -0.4769362762044699,
    0,
    Infinity,
    -Infinity,
    NaN,
  ]);
  near(list(f64([0.5, 5, 1]).lgamma()), [0.5723649429247001, Math.log(24), 0]);
  near(list(f64([1, 0.5]).digamma()), [-0.5772156649015329, -1.9635100260214235]);
  assertEquals(list(int([-3, 0, 3]).abs()), [3, 0, 3]);
  assertEquals(list(int([-3, 0, 3]).sign()), [-1, 0, 1]);
  assertEquals([int([3]).floor().dtype, int([3]).round().dtype, int([3]).square().dtype], [
    "int32",
    "int32",
    "int32",
  ]);
});

Deno.test("binary operations", () => {
  const a = f64([7, -7, 7, -7]), b = f64([2, 2, -2, -2]);
  assertEquals(list(a.add(b)), [9, -5, 5, -9]);
  assertEquals(list(a.sub(b)), [5, -9, 9, -5]);
  assertEquals(list(a.mul(b)), [14, -14, -14, 14]);
  assertEquals(list(a.div(b)), [3.5, -3.5, -3.5, 3.5]);
  assertEquals(list(a.floorDiv(b)), [3, -4, -4, 3]);
  assertEquals(list(a.mod(b)), [1, 1, -1, -1]);
  assertEquals(list(f64([5.5]).mod(2)), [1.5]);
  assertEquals(list(a.pow(2)), [49, 49, 49, 49]);
  near(list(f64([2, 4]).pow(f64([0.5, -1]))), [Math.SQRT2, 0.25]);
  assertEquals(list(int([2, 3]).pow(3)), [8, 27]);
  near(list(f64([1, -1]).atan2(f64([-1, 0]))), [Math.atan2(1, -1), Math.atan2(-1, 0)]);
  near(list(f64([3, 1e200]).hypot(f64([4, 1e200]))), [5, Math.SQRT2 * 1e200]);
  near(list(f64([0, 1000, -Infinity]).logaddexp(f64([0, 1000, -Infinity]))), [
    Math.LN2,
    1000 + Math.LN2,
    -Infinity,
  ]);
  assertEquals(list(f64([1, NaN, 3]).minimum(f64([2, 2, NaN]))), [1, NaN, NaN]);
  assertEquals(list(f64([1, NaN, 3]).maximum(f64([2, 2, NaN]))), [2, NaN, NaN]);
  assertEquals(list(jit((x: Tensor, y: Tensor) => x.maximum(y))(tensor([1, NaN]), tensor([NaN, 1]))), [
    NaN,
    NaN,
  ]);
  assertEquals(list(f64([-5, 0.5, 5]).clip(-1, 1)), [-1, 0.5, 1]);
  assertEquals(list(int([-5, 0, 5]).clip(-1, 1)), [-1, 0, 1]);
  assertEquals(list(where(tensor([true, false]), 1, f64([5, 6]))), [1, 6]);
  assertEquals(list(tensor([true, false]).where(f64([1, 2]), 0)), [1, 0]);
  for (
    const [name, wanted] of Object.entries({
      eq: [0, 1, 0],
      ne: [1, 0, 1],
      lt: [1, 0, 0],
      le: [1, 1, 0],
      gt: [0, 0, 1],
      ge: [0, 1, 1],
    })
  ) {
    const result = (f64([1, 2, 3]) as unknown as Record<string, (x: number) => Tensor>)[name](2);
    assertEquals([result.dtype, list(result)], ["bool", wanted.map(Boolean)]);
  }
  assertEquals(list(f64([NaN]).eq(NaN)), [false]);
  assertEquals(list(f64([NaN, 1, Infinity]).isNaN()), [true, false, false]);
  assertEquals(list(f64([NaN, 1, Infinity]).isFinite()), [false, true, false]);
  assertEquals(list(int([1]).isFinite()), [true]);
});

Deno.test("and, or, xor, not on bool and integers", () => {
  const p = tensor([true, true, false, false]), q = tensor([true, false, true, false]);
  assertEquals(list(p.and(q)), [true, false, false, false]);
  assertEquals(list(p.or(q)), [true, true, true, false]);
  assertEquals(list(p.xor(q)), [false, true, true, false]);
  assertEquals(list(p.not()), [false, false, true, true]);
  assertEquals(list(int([12, -1]).and(int([10, 7]))), [8, 7]);
  assertEquals(list(int([12]).or(3)), [15]);
  assertEquals(list(int([12]).xor(10)), [6]);
  assertEquals(list(int([0, 5]).not()), [-1, -6]);
  assertEquals(list(tensor(Uint8Array.of(5)).not()), [250]);
  message(() => f64([1]).and(f64([1])), DTypeError, "and", "float64[1]");
  message(() => f64([1]).not(), DTypeError, "not", "float64[1]");
});

Deno.test("reductions take { axis, keepDims }; no axis means all", () => {
  const x = f64([[1, 5, 3], [4, 2, 6]]);
  assertEquals([x.sum().itemSync(), list(x.sum({ axis: 0 })), list(x.sum({ axis: -1 }))], [21, [5, 7, 9], [
    9,
    12,
  ]]);
  assertEquals(x.sum({ axis: [0, 1], keepDims: true }).shape, [1, 1]);
  assertEquals(x.sum({ keepDims: true }).shape, [1, 1]);
  assertEquals(x.sum({ axis: 1, keepDims: true }).shape, [2, 1]);
  assertEquals(list(x.sum({ axis: [] })), list(x));
  assertEquals([list(x.mean({ axis: 0 })), x.mean().itemSync()], [[2.5, 3.5, 4.5], 3.5]);
  assertEquals([x.prod().itemSync(), list(x.max({ axis: 1 })), list(x.min({ axis: 1 }))], [720, [5, 6], [
    1,
    2,
  ]]);
  assertEquals([x.max().itemSync(), x.min().itemSync()], [6, 1]);
  assertEquals([argmax(x).itemSync(), list(x.argmax({ axis: 1 })), list(x.argmin({ axis: 0 }))], [5, [1, 2], [
    0,
    1,
    0,
  ]]);
  assertEquals([x.argmax().dtype, x.argmax({ axis: 1, keepDims: true }).shape], ["int32", [2, 1]]);
  assertEquals([list(f64([1, 3, 3]).argmax()), list(f64([3, 1, 1]).argmin())], [1, 1]);
  assertEquals(list(f64([1, NaN, 3]).argmax()), 1);
  assertEquals([f64([1, NaN]).max().itemSync(), f64([1, NaN]).min().itemSync()], [NaN, NaN]);
  const flags = tensor([[true, false], [true, true]]);
  assertEquals([flags.any().itemSync() as unknown, list(flags.all({ axis: 1 }))], [true, [false, true]]);
  assertEquals(list(f64([0, 2]).any()), true);
  near(x.variance().itemSync(), 35 / 12);
  near(x.variance({ ddof: 1 }).itemSync(), 3.5);
  near(x.std({ ddof: 1 }).itemSync(), Math.sqrt(3.5));
  near(list(x.std({ axis: 0 })), [1.5, 1.5, 1.5]);
  near(x.logsumexp().itemSync(), Math.log([1, 5, 3, 4, 2, 6].reduce((s, v) => s + Math.exp(v), 0)));
  near(f64([1000, 1000]).logsumexp().itemSync(), 1000 + Math.LN2);
  near(f64([-Infinity, -Infinity]).logsumexp().itemSync(), -Infinity);
  near(norm(f64([3, -4])).itemSync(), 5);
  near([1, Infinity, -Infinity, 0, 3].map((ord) => norm(f64([3, -4]), { ord }).itemSync()), [
    7,
    4,
    3,
    2,
    Math.cbrt(91),
  ]);
  near(list(f64([[3, 4], [6, 8]]).norm({ axis: 1 })), [5, 10]);
  near(list(f64([[3, 4]]).norm({ axis: 1, keepDims: true })), [5]);
  assertEquals(list(grad((v: Tensor) => v.norm())(f64([0, 0]))), [0, 0]);
  assertEquals(list(grad((v: Tensor) => v.norm({ ord: 3 }))(f64([0, 0]))), [0, 0]);
  near(list(grad((v: Tensor) => v.norm())(f64([3, 4]))), [0.6, 0.8]);
  message(() => x.sum({ axis: 2 }), ShapeError, "sum", "2");
  message(() => x.sum({ axis: [0, 0] }), ShapeError, "sum");
});

Deno.test("reductions of nothing", () => {
  const none = zeros([0]), rows = zeros([0, 3]), columns = zeros([2, 0]);
  assertEquals([none.sum().itemSync(), none.prod().itemSync(), none.mean().itemSync()], [0, 1, NaN]);
  assertEquals([none.any().itemSync() as unknown, none.all().itemSync() as unknown], [false, true]);
  assertEquals([list(rows.sum({ axis: 0 })), list(columns.sum({ axis: 1 })), list(rows.sum({ axis: 1 }))], [
    [0, 0, 0],
    [0, 0],
    [],
  ]);
  for (const name of ["max", "min", "argmax", "argmin"] as const) {
    message(() => none[name](), ShapeError, name, "[0]");
    assertEquals(rows[name]({ axis: 1 }).shape, [0]);
  }
  assertEquals(none.logsumexp().itemSync(), -Infinity);
  assertEquals(none.norm().itemSync(), 0);
  assertEquals([cumsum(none).shape, sort(none).shape, none.diff().shape], [[0], [0], [0]]);
});

Deno.test("cumsum, cumprod, diff take { axis }", () => {
  const x = f64([[1, 2], [3, 4]]);
  assertEquals(list(cumsum(x, { axis: 0 })), [[1, 2], [4, 6]]);
  assertEquals(list(x.cumsum({ axis: -1 })), [[1, 3], [3, 7]]);
  assertEquals(list(x.cumsum()), [1, 3, 6, 10]);
  assertEquals(list(cumprod(x, { axis: 1 })), [[1, 2], [3, 12]]);
  assertEquals(list(diff(x)), [[1], [1]]);
  assertEquals(list(diff(x, { axis: 0 })), [[2, 2]]);
});

Deno.test("sort, argsort, topk, bincount, searchsorted", () => {
  const x = f64([[3, 1, 2], [9, 8, 7]]);
  assertEquals(list(x.sort()), [[1, 2, 3], [7, 8, 9]]);
  assertEquals(list(x.sort({ axis: 0, descending: true })), [[9, 8, 7], [3, 1, 2]]);
  assertEquals(list(x.sort({ descending: true })), [[3, 2, 1], [9, 8, 7]]);
  assertEquals(list(x.argsort()), [[1, 2, 0], [2, 1, 0]]);
  assertEquals(x.argsort().dtype, "int32");
  assertEquals(list(f64([2, 1, 2, 1]).argsort()), [1, 3, 0, 2]);
  assertEquals(list(f64([2, 1, 2, 1]).argsort({ descending: true })), [0, 2, 1, 3]);
  assertEquals(list(f64([NaN, 1, -Infinity]).sort()), [-Infinity, 1, NaN]);
  assertEquals(list(int([3, -1]).sort()), [-1, 3]);
  assertEquals(list(tensor([true, false]).sort()), [false, true]);
  const { values, indices } = topk(x, 2);
  assertEquals([list(values), list(indices)], [[[3, 2], [9, 8]], [[0, 2], [0, 1]]]);
  assertEquals(list(x.topk(1, { axis: 0 }).values), [[9, 8, 7]]);
  message(() => topk(x, 4), ShapeError, "topk", "4");
  assertEquals(list(bincount([0, 2, 2])), [1, 0, 2]);
  assertEquals(list(bincount(int([0, 2, 2]), { length: 5 })), [1, 0, 2, 0, 0]);
  assertEquals(list(bincount(int([0, 2, 2]), { weights: f64([0.5, 1, 2]) })), [0.5, 0, 3]);
  assertEquals(list(jit((v: Tensor) => bincount(v, { length: 3 }))(int([0, 2, 2]))), [1, 0, 2]);
  assertEquals(list(searchsorted([1, 3, 5], [0, 3, 4, 9])), [0, 1, 2, 3]);
  assertEquals(searchsorted([1, 3, 5], 3).shape, []);
});

Deno.test("sums of float32 are accurate to a few ulp of the sum of magnitudes at any length", () => {
  for (const n of [1, 17, 1023, 100_000, 1_000_003]) {
    const data = new Float32Array(n);
    let state = 12345;
    for (let i = 0; i < n; i++) {
      state = Math.imul(state, 1103515245) + 12345 >>> 0;
      data[i] = state / 2 ** 32 - 0.3;
    }
    const exact = data.reduce((s, v) => s + v, 0), magnitude = data.reduce((s, v) => s + Math.abs(v), 0);
    for (const f of [sum, jit((x: Tensor) => sum(x))]) {
      assert(Math.abs(f(tensor(data)).itemSync() - exact) <= 4 * 2 ** -24 * magnitude, `${n}`);
    }
    assert(
      Math.abs(tensor(data).reshape([n, 1]).sum({ axis: 0 }).itemSync() - exact) <= 4 * 2 ** -24 * magnitude,
    );
    assert(Math.abs(tensor(data).mean().itemSync() * n - exact) <= 6 * 2 ** -24 * magnitude);
  }
});

Deno.test("free functions take numbers and arrays, methods exist on Shared too", () => {
  const w = damo.shared([1, 2, 3]);
  assertEquals([w.sum().itemSync(), list(w.mul(2)), list(damo.mul(w, w))], [6, [2, 4, 6], [1, 4, 9]]);
  assertEquals(damo.maximum(1, 2).itemSync(), 2);
  assertEquals(list(concat([[1], [2]])), [1, 2]);
  assertEquals(argmin([3, 1, 2]).itemSync(), 1);
  assertEquals(ones([2]).add(new Float32Array([1, 2])).shape, [2]);
});
