/** API.md, section 2: elementwise operations, reductions, linear algebra. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as damo from "@damo/damo";
import {
  argmax,
  argmin,
  bincount,
  concat,
  cumprod,
  cumsum,
  diff,
  dot,
  DTypeError,
  einsum,
  eye,
  fft,
  grad,
  inner,
  jit,
  linalg,
  matmul,
  norm,
  ones,
  outer,
  searchsorted,
  ShapeError,
  slice,
  sort,
  stack,
  sum,
  type Tensor,
  tensor,
  tensordot,
  topk,
  trace,
  where,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";

const f64 = (data: number | number[] | number[][] | number[][][]): Tensor =>
  tensor(data, { dtype: "float64" });
const int = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "int32" });

function near(actual: unknown, expected: unknown, tolerance = 1e-12): void {
  const a = [actual].flat(9) as number[], e = [expected].flat(9) as number[];
  assertEquals(a.length, e.length);
  a.forEach((value, i) => {
    if (Number.isNaN(e[i])) assert(Number.isNaN(value), `${value} is not NaN`);
    else if (!Number.isFinite(e[i])) assertEquals(value, e[i]);
    else assertAlmostEquals(value, e[i], tolerance * Math.max(1, Math.abs(e[i])));
  });
}

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

Deno.test("dot has NumPy's meaning, matmul batches", () => {
  assertEquals(dot(f64([1, 2]), f64([3, 4])).itemSync(), 11);
  assertEquals(list(dot(f64([[1, 2], [3, 4]]), f64([1, 1]))), [3, 7]);
  assertEquals(list(f64([1, 1]).dot(f64([[1, 2], [3, 4]]))), [4, 6]);
  assertEquals(list(dot(f64([1, 2]), 3)), [3, 6]);
  assertEquals(zeros([2, 3, 4]).dot(zeros([5, 4, 6])).shape, [2, 3, 5, 6]);
  assertEquals(matmul(zeros([5, 2, 3]), zeros([3, 4])).shape, [5, 2, 4]);
  assertEquals(matmul(zeros([1, 7, 2, 3]), zeros([5, 1, 3, 4])).shape, [5, 7, 2, 4]);
  assertEquals(matmul(zeros([3]), zeros([5, 3, 4])).shape, [5, 4]);
  assertEquals(list(matmul(f64([1, 2]), f64([3, 4]))), 11);
  assertEquals(list(matmul(zeros([2, 0]), zeros([0, 2]))), [[0, 0], [0, 0]]);
  assertEquals(matmul(zeros([0, 3]), zeros([3, 2])).shape, [0, 2]);
  message(() => matmul(zeros([2, 3]), zeros([2, 3])), ShapeError, "matmul", "float32[2, 3]");
  message(() => matmul(zeros([2]), 3), ShapeError, "matmul");
  assertEquals(list(int([[1, 2]]).matmul(int([[3], [4]]))), [[11]]);
  assertEquals(list(tensor([[true, false]]).matmul(tensor([[true], [true]]))), [[1]]);
});

Deno.test("tensordot, outer, inner, einsum, trace", () => {
  const a = f64([[1, 2], [3, 4]]), b = f64([[5, 6], [7, 8]]);
  assertEquals(tensordot(a, b).itemSync(), 70);
  assertEquals(list(tensordot(a, b, 1)), [[19, 22], [43, 50]]);
  assertEquals(tensordot(zeros([2, 3, 4]), zeros([4, 3, 5]), [[1, 2], [1, 0]]).shape, [2, 5]);
  assertEquals(tensordot(zeros([2]), zeros([3]), 0).shape, [2, 3]);
  assertEquals(list(outer([1, 2], [3, 4])), [[3, 4], [6, 8]]);
  assertEquals(outer(a, b).shape, [4, 4]);
  assertEquals(list(inner(a, b)), [[17, 23], [39, 53]]);
  assertEquals(list(einsum("ij,jk->ik", a, b)), [[19, 22], [43, 50]]);
  assertEquals(list(einsum("ij,jk", a, b)), [[19, 22], [43, 50]]);
  assertEquals(list(einsum("ii", a)), 5);
  assertEquals(list(einsum("ii->i", a)), [1, 4]);
  assertEquals(list(einsum("ij->ji", a)), [[1, 3], [2, 4]]);
  assertEquals(list(einsum("i,j->ij", [1, 2], [3, 4])), [[3, 4], [6, 8]]);
  assertEquals(list(einsum("ij,ij->", a, b)), 70);
  assertEquals(einsum("...ij,...jk->...ik", zeros([5, 2, 3]), zeros([3, 4])).shape, [5, 2, 4]);
  assertEquals(list(einsum("i,i,i->i", [1, 2], [3, 4], [5, 6])), [15, 48]);
  message(() => einsum("ij,jk->ik", zeros([2, 3]), zeros([4, 5])), ShapeError, "einsum", "ij,jk->ik");
  message(() => einsum("ij->k", a), ShapeError, "einsum");
  assertEquals(trace(a).itemSync(), 5);
  assertEquals(
    list(trace(f64([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]))),
    [8, 10],
  );
});

Deno.test("linalg", () => {
  const a = f64([[4, 1], [2, 3]]), s = f64([[4, 1], [1, 3]]), b = f64([1, 2]);
  near(list(linalg.inv(a)), [[0.3, -0.1], [-0.2, 0.4]]);
  near(list(linalg.det(a)), 10);
  const { sign, logabsdet } = linalg.slogdet(a.neg().at([1, 0]));
  near([list(sign), list(logabsdet)], [-1, Math.log(10)]);
  near(list(linalg.solve(a, b)), [0.1, 0.6]);
  near(list(linalg.solve(a, b.reshape([2, 1]))), [[0.1], [0.6]]);
  near(list(linalg.solveTriangular(f64([[2, 9], [1, 4]]), b, { lower: true })), [0.5, 0.375]);
  near(list(linalg.solveTriangular(f64([[2, 1], [9, 4]]), b, { lower: false })), [0.25, 0.5]);
  near(list(linalg.solveTriangular(f64([[2, 9], [1, 4]]), b, { lower: true, transpose: true })), [0.25, 0.5]);
  const l = linalg.cholesky(s);
  near(list(l.matmul(l.transpose())), list(s));
  assertEquals(l.at(0, 1).itemSync(), 0);
  const { q, r } = linalg.qr(f64([[1, 2], [3, 4], [5, 6]]));
  assertEquals([q.shape, r.shape], [[3, 2], [2, 2]]);
  near(list(q.matmul(r)), [[1, 2], [3, 4], [5, 6]]);
  near(list(q.transpose().matmul(q)), [[1, 0], [0, 1]]);
  const { u, s: values, vt } = linalg.svd(f64([[1, 2, 3], [4, 5, 6]]));
  assertEquals([u.shape, values.shape, vt.shape], [[2, 2], [2], [3, 3]]);
  near(list(u.mul(values).matmul(vt.at(slice(0, 2)))), [[1, 2, 3], [4, 5, 6]]);
  const eig = linalg.eigh(s);
  near(list(eig.values), [(7 - Math.sqrt(5)) / 2, (7 + Math.sqrt(5)) / 2]);
  near(list(eig.vectors.mul(eig.values).matmul(eig.vectors.transpose())), list(s));
  near(list(linalg.pinv(f64([[1, 0], [0, 2], [0, 0]]))), [[1, 0, 0], [0, 0.5, 0]]);
  const fit = linalg.lstsq(f64([[1, 0], [1, 1], [1, 2]]), f64([1, 3, 5])) as unknown;
  near(list((fit as { x?: Tensor }).x ?? fit as Tensor), [1, 2]);
  near(list(linalg.matrixPower(a, 3)), list(a.matmul(a).matmul(a)));
  near(list(linalg.matrixPower(a, 0)), list(eye(2)));
  near(list(linalg.matrixPower(a, -1)), list(linalg.inv(a)));
  near(list(linalg.norm(a)), Math.sqrt(30));
  near(list(linalg.kron(f64([[1, 2]]), f64([[1], [3]]))), [[1, 2], [3, 6]]);
  near(list(linalg.expm(f64([[0, 1], [-1, 0]]))), [[Math.cos(1), Math.sin(1)], [-Math.sin(1), Math.cos(1)]]);
  // Batches, and nothing.
  near(list(linalg.det(stack([a, s]))), [10, 11]);
  assertEquals(linalg.inv(zeros([0, 2, 2])).shape, [0, 2, 2]);
  assertEquals(linalg.det(zeros([0, 0])).itemSync(), 1);
  message(() => linalg.inv(zeros([2, 3])), ShapeError, "inv", "float32[2, 3]");
  message(() => linalg.solve(a, zeros([3])), ShapeError, "solve");
  assertEquals(linalg.det(int([[1, 2], [3, 4]])).dtype, "float32");
});

Deno.test("fft: rfft, irfft over the last axis as { re, im }", () => {
  const x = f64([1, 2, 3, 4, 5]);
  const { re, im } = fft.rfft(x);
  const angle = (k: number, n: number) => -2 * Math.PI * k * n / 5;
  near(list(re), [0, 1, 2].map((k) => [1, 2, 3, 4, 5].reduce((s, v, n) => s + v * Math.cos(angle(k, n)), 0)));
  near(list(im), [0, 1, 2].map((k) => [1, 2, 3, 4, 5].reduce((s, v, n) => s + v * Math.sin(angle(k, n)), 0)));
  near(list(fft.irfft({ re, im }, 5 as never)), [1, 2, 3, 4, 5]);
  const even = fft.rfft(f64([[1, 2, 3, 4], [0, 0, 1, 0]]));
  assertEquals(even.re.shape, [2, 3]);
  near(list(fft.irfft(even)), [[1, 2, 3, 4], [0, 0, 1, 0]]);
});

Deno.test("free functions take numbers and arrays, methods exist on Shared too", () => {
  const w = damo.shared([1, 2, 3]);
  assertEquals([w.sum().itemSync(), list(w.mul(2)), list(damo.mul(w, w))], [6, [2, 4, 6], [1, 4, 9]]);
  assertEquals(damo.maximum(1, 2).itemSync(), 2);
  assertEquals(list(concat([[1], [2]])), [1, 2]);
  assertEquals(argmin([3, 1, 2]).itemSync(), 1);
  assertEquals(ones([2]).add(new Float32Array([1, 2])).shape, [2]);
});
