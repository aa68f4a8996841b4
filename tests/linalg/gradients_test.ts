/** Derivatives of linear algebra: first and second order, forward and reverse, against finite differences and formulas. */
import { assert, assertEquals } from "@std/assert";
import { checkGrads, grad, jit, jvp, linalg, matmul, ones, type Tensor, tensor, vmap } from "@damo/damo";
import { assertSame, matrixOperand, positiveOperand, transposed } from "../support/matrices.ts";

const square = (): Tensor => matrixOperand([3, 3]);
const batch = (): Tensor => matrixOperand([2, 3, 3]);
const tall = (): Tensor => matrixOperand([4, 2]);
const wide = (): Tensor => matrixOperand([2, 2, 3]);
/** Values of about 1, so that finite differences keep their digits. */
const small = (x: Tensor): Tensor => x.div(8);

const CASES: readonly (readonly [string, (...xs: Tensor[]) => unknown, () => Tensor[]])[] = [
  ["inv", (a) => linalg.inv(a), () => [square().add(matrixOperand([3, 3], 5))]],
  ["inv, batched", (a) => linalg.inv(a), () => [batch()]],
  ["det", (a) => linalg.det(small(a)), () => [batch()]],
  ["slogdet", (a) => linalg.slogdet(a).logabsdet, () => [batch()]],
  ["solve", (a, b) => linalg.solve(a, b), () => [square(), matrixOperand([3], 1)]],
  ["solve, batched", (a, b) => linalg.solve(a, b), () => [batch(), matrixOperand([3, 2], 1)]],
  [
    "solveTriangular, lower",
    (a, b) => linalg.solveTriangular(a, b, { lower: true }),
    () => [positiveOperand([3, 3]), matrixOperand([3, 2], 1)],
  ],
  [
    "solveTriangular, upper transposed",
    (a, b) => linalg.solveTriangular(a, b, { transpose: true }),
    () => [positiveOperand([3, 3]), matrixOperand([3], 1)],
  ],
  ["cholesky", (a) => linalg.cholesky(a), () => [positiveOperand([2, 3, 3])]],
  ["cholesky of the lower triangle", (a) => linalg.cholesky(a, { symmetrize: false }), () => [
    positiveOperand([3, 3]),
  ]],
  ["qr, tall", (a) => linalg.qr(a), () => [tall()]],
  ["qr, wide", (a) => linalg.qr(a), () => [wide()]],
  ["eigh", (a) => linalg.eigh(a), () => [positiveOperand([3, 3])]],
  ["eigh, batched", (a) => linalg.eigh(a).values, () => [batch()]],
  ["svd, tall", (a) => linalg.svd(a, { fullMatrices: false }), () => [tall()]],
  ["svd, wide and batched", (a) => linalg.svd(a, { fullMatrices: false }), () => [wide()]],
  ["singular values alone", (a) => linalg.svd(a).s, () => [tall()]],
  ["pinv, tall", (a) => linalg.pinv(a), () => [tall()]],
  ["pinv, wide", (a) => linalg.pinv(a), () => [wide()]],
  ["lstsq", (a, b) => linalg.lstsq(a, b), () => [tall(), matrixOperand([4], 1)]],
  ["matrixPower 3", (a) => linalg.matrixPower(small(a), 3), () => [batch()]],
  ["matrixPower -2", (a) => linalg.matrixPower(a, -2), () => [positiveOperand([3, 3])]],
  ["expm", (a) => linalg.expm(small(a)), () => [batch()]],
  ["expm with squarings", (a) => linalg.expm(a.mul(4).sub(20)), () => [small(square())]],
  ["nuclear norm", (a) => linalg.norm(a, { ord: "nuc" }), () => [tall()]],
  ["spectral norm", (a) => linalg.norm(a, { ord: 2 }), () => [tall()]],
  ["Frobenius norm", (a) => linalg.norm(a), () => [tall()]],
  ["kron", (a, b) => linalg.kron(a, b), () => [small(tall()), small(square())]],
];

for (const [name, fn, args] of CASES) {
  Deno.test(`derivatives of first and second order: ${name}`, () => {
    const { checked } = checkGrads(fn, args(), { tolerance: 2e-6 });
    assert(checked >= 6);
  });
}

Deno.test("the gradient of log det is the inverse, through slogdet and through cholesky", () => {
  const a = positiveOperand([4, 4]), inverse = linalg.inv(a);
  const direct = grad((x: Tensor) => linalg.slogdet(x).logabsdet)(a);
  assertSame(direct, transposed(inverse), 1e-13, "slogdet");
  const factor = (x: Tensor) => {
    const l = linalg.cholesky(x);
    return l.mul(tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])).sum({ axis: 1 }).log()
      .sum().mul(2);
  };
  assertSame(grad(factor)(a), inverse, 1e-13, "cholesky");
});

Deno.test("gradients inside jit and vmap are those outside", () => {
  const cost = (a: Tensor) => linalg.solve(a, ones([3], { dtype: "float64" })).square().sum();
  const a = batch();
  const each = [0, 1].map((i) => grad(cost)(a.at(i)));
  const together = jit(vmap(grad(cost)))(a) as Tensor;
  each.forEach((expected, i) => assertSame(together.at(i), expected, 1e-12, `matrix ${i}`));
});

Deno.test("equal eigenvalues: functions that do not depend on the basis have their true derivative", () => {
  // The projection on the eigenspace of the two smallest eigenvalues, which are equal.
  const a = tensor([[2, 0, 0], [0, 1, 0], [0, 0, 1]], { dtype: "float64" });
  const direction = tensor([[0.3, 0.5, -0.2], [0.5, 0.1, 0.7], [-0.2, 0.7, -0.4]], { dtype: "float64" });
  const projection = (x: Tensor) => {
    const { vectors } = linalg.eigh(x);
    const kept = vectors.narrow(1, 0, 2);
    return matmul(kept, transposed(kept));
  };
  const [, tangent] = jvp(projection, [a], [direction]);
  // P' = -(P A' Q + Q A' P) / (2 - 1) with the projection Q on the other vector.
  const expected = tensor([[0, -0.5, 0.2], [-0.5, 0, 0], [0.2, 0, 0]], { dtype: "float64" });
  assertSame(tangent as Tensor, expected, 1e-14, "projection");
  const trace = grad((x: Tensor) => linalg.eigh(x).values.sum())(a);
  assertSame(trace, tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]], { dtype: "float64" }), 1e-14, "trace");
});

Deno.test("equal and zero singular values give finite derivatives, exact for what is smooth", () => {
  const identity = tensor([[1, 0], [0, 1], [0, 0]], { dtype: "float64" });
  const sum = grad((x: Tensor) => linalg.svd(x, { fullMatrices: false }).s.sum())(identity);
  assertSame(sum, identity, 1e-14, "sum of equal singular values");
  const flat = tensor([[1, 2], [2, 4], [3, 6]], { dtype: "float64" });
  const norm = grad((x: Tensor) => linalg.svd(x).s.square().sum())(flat);
  assertSame(norm, flat.mul(2), 1e-14, "squares");
  const space = grad((x: Tensor) => {
    const { u } = linalg.svd(x, { fullMatrices: false });
    return u.at(0, 0).square();
  })(flat);
  assert(space.dataSync().every(Number.isFinite));
});

Deno.test("the pseudoinverse of a matrix with equal singular values has its derivative", () => {
  const eye = tensor([[1, 0], [0, 1]], { dtype: "float64" });
  const [, tangent] = jvp((x: Tensor) => linalg.pinv(x), [eye], [matrixOperand([2, 2])]);
  assertSame(tangent as Tensor, matrixOperand([2, 2]).neg(), 1e-13, "-A'");
});

Deno.test("the vectors that complete a basis: their span has its derivative", () => {
  const a = tall();
  checkGrads(
    (x: Tensor) => {
      const { q } = linalg.qr(x, { mode: "complete" });
      const rest = q.narrow(1, 2, 2);
      return matmul(rest, transposed(rest));
    },
    [a],
    { tolerance: 2e-6 },
  );
  checkGrads(
    (x: Tensor) => {
      const { u } = linalg.svd(x);
      const rest = u.narrow(1, 2, 2);
      return matmul(rest, transposed(rest));
    },
    [a],
    { tolerance: 2e-6 },
  );
});

Deno.test("gradients of float32 are float32", () => {
  const g = grad((x: Tensor) => linalg.det(x))(tensor([[2, 1], [1, 3]]));
  assertEquals(g.dtype, "float32");
  assertSame(g, tensor([[3, -1], [-1, 2]]), 1e-6, "cofactors");
});
