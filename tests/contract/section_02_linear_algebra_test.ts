/** API.md, section 2: products, linear algebra and Fourier transforms. */
import { assertEquals } from "@std/assert";
import {
  dot,
  einsum,
  eye,
  fft,
  inner,
  linalg,
  matmul,
  outer,
  ShapeError,
  slice,
  stack,
  type Tensor,
  tensor,
  tensordot,
  trace,
  zeros,
} from "@damo/damo";
import { list, message } from "./support.ts";
import { f64, int, near } from "./support.ts";

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
