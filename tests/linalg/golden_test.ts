/** Linear algebra against NumPy and SciPy, in both dtypes, on the reference interpreter and on the device. */
import { assertEquals } from "@std/assert";
import { jit, linalg, matmul, ones, type Tensor, tensor } from "@damo/damo";
import golden from "../golden/linalg.json" with { type: "json" };
import {
  assertNear,
  assertSame,
  FLOAT_DTYPES,
  matrixOperand,
  positiveOperand,
  transposed,
} from "../support/matrices.ts";
import { type GoldenArray, testEverywhere } from "../support/operands.ts";

type Dtype = typeof FLOAT_DTYPES[number];
type Cases = readonly (readonly [number | string, GoldenArray])[];

/** Relative to the largest element; the matrices have condition numbers up to about 1000. */
const TOLERANCE = { float32: 2e-4, float64: 1e-12 };

function everywhere(promise: string, body: (dtype: Dtype, tolerance: number) => void): void {
  for (const dtype of FLOAT_DTYPES) {
    testEverywhere(`${promise}, ${dtype}`, () => body(dtype, TOLERANCE[dtype]));
  }
}

everywhere("det, slogdet, inv and matrixPower agree with NumPy", (dtype, tolerance) => {
  for (const row of golden.squares) {
    const a = matrixOperand(row.shape, 0, dtype), what = `[${row.shape}]`;
    assertNear(linalg.det(a), row.det as GoldenArray, tolerance, `det ${what}`);
    const { sign, logabsdet } = linalg.slogdet(a);
    assertNear(sign, row.sign as GoldenArray, 0, `sign ${what}`);
    assertNear(logabsdet, row.logabsdet as GoldenArray, tolerance, `logabsdet ${what}`);
    assertNear(linalg.inv(a), row.inv as GoldenArray, tolerance, `inv ${what}`);
    for (const [power, expected] of row.powers as unknown as Cases) {
      assertNear(linalg.matrixPower(a, power as number), expected, tolerance, `power ${power} ${what}`);
    }
    assertEquals(linalg.inv(a).dtype, dtype);
  }
});

everywhere("cholesky agrees with NumPy", (dtype, tolerance) => {
  for (const { shape, cholesky } of golden.squares) {
    assertNear(
      linalg.cholesky(positiveOperand(shape, dtype)),
      cholesky as GoldenArray,
      tolerance,
      `[${shape}]`,
    );
  }
});

everywhere("eigh: values as NumPy's, vectors orthonormal and of the matrix", (dtype, tolerance) => {
  for (const { shape, eigenvalues } of golden.squares) {
    const m = matrixOperand(shape, 0, dtype), a = m.add(transposed(m));
    const { values, vectors } = linalg.eigh(a);
    assertNear(values, eigenvalues as GoldenArray, tolerance, `values [${shape}]`);
    const turned = matmul(
      vectors.mul(values.reshape([...shape.slice(0, -2), 1, shape.at(-1)!])),
      transposed(vectors),
    );
    assertSame(turned, a, tolerance, `[${shape}]`);
    assertOrthonormal(vectors, tolerance);
  }
});

/** Columns have length 1 and stand at right angles. */
function assertOrthonormal(q: Tensor, tolerance: number): void {
  const gram = matmul(transposed(q), q), n = q.shape[q.ndim - 1];
  const data = gram.dataSync();
  for (let i = 0; i < data.length; i++) {
    const [row, column] = [Math.floor(i / n) % n, i % n];
    const error = Math.abs(data[i] - (row === column ? 1 : 0));
    if (!(error <= tolerance)) throw new Error(`column ${column} of [${q.shape}]: off by ${error}`);
  }
}

everywhere("qr has NumPy's signs, reduced and complete", (dtype, tolerance) => {
  for (const row of golden.shapes) {
    const a = matrixOperand(row.shape, 0, dtype), what = `[${row.shape}]`;
    const { q, r } = linalg.qr(a);
    assertNear(q, row.q as GoldenArray, tolerance, `q ${what}`);
    assertNear(r, row.r as GoldenArray, tolerance, `r ${what}`);
    const complete = linalg.qr(a, { mode: "complete" });
    assertNear(complete.r, row.completeR as GoldenArray, tolerance, `complete r ${what}`);
    assertSame(matmul(complete.q, complete.r), a, tolerance, `complete ${what}`);
    assertOrthonormal(complete.q, tolerance);
  }
});

everywhere("svd: values as NumPy's, vectors orthonormal and of the matrix", (dtype, tolerance) => {
  for (const { shape, singular } of golden.shapes) {
    const a = matrixOperand(shape, 0, dtype), [m, n] = shape.slice(-2), lead = shape.slice(0, -2);
    const thin = linalg.svd(a, { fullMatrices: false });
    assertNear(thin.s, singular as GoldenArray, tolerance, `[${shape}]`);
    const scaled = thin.u.mul(thin.s.reshape([...lead, 1, Math.min(m, n)]));
    assertSame(matmul(scaled, thin.vt), a, tolerance, `[${shape}]`);
    const full = linalg.svd(a);
    assertEquals([full.u.shape, full.vt.shape], [[...lead, m, m], [...lead, n, n]]);
    for (const q of [thin.u, transposed(thin.vt), full.u, full.vt]) assertOrthonormal(q, tolerance);
    const k = Math.min(m, n);
    assertSame(full.u.narrow(full.u.ndim - 1, 0, k), thin.u, 0, "u");
  }
});

everywhere("pinv and lstsq agree with NumPy, also without full rank", (dtype, tolerance) => {
  for (const { shape, pinv } of golden.shapes) {
    assertNear(linalg.pinv(matrixOperand(shape, 0, dtype)), pinv as GoldenArray, tolerance, `[${shape}]`);
  }
  for (const [a, b, expected] of golden.leastSquares as unknown as [number[], number[], GoldenArray][]) {
    const x = linalg.lstsq(matrixOperand(a, 0, dtype), matrixOperand(b, 1, dtype));
    assertNear(x, expected, tolerance, `[${a}] [${b}]`);
  }
  const flat = matmul(matrixOperand([5, 2], 0, dtype), matrixOperand([2, 4], 3, dtype));
  assertNear(linalg.pinv(flat), golden.deficient as GoldenArray, tolerance, "rank 2");
});

everywhere("solve agrees with NumPy, with leading axes broadcast", (dtype, tolerance) => {
  for (const [a, b, expected] of golden.systems as unknown as [number[], number[], GoldenArray][]) {
    const x = linalg.solve(matrixOperand(a, 0, dtype), matrixOperand(b, 1, dtype));
    assertNear(x, expected, tolerance, `[${a}] [${b}]`);
  }
});

everywhere("solveTriangular agrees with SciPy and does not read the other triangle", (dtype, tolerance) => {
  type Row = [number, number, boolean, boolean, boolean, GoldenArray];
  for (const [n, k, lower, transpose, unitDiagonal, expected] of golden.triangular as unknown as Row[]) {
    const data = Float64Array.from(matrixOperand([n, n]).dataSync());
    for (let i = 0; i < n; i++) {
      data[i * n + i] = unitDiagonal ? NaN : data[i * n + i] + 4;
      for (let j = 0; j < n; j++) if (lower ? j > i : j < i) data[i * n + j] = NaN;
    }
    // NaN stands where nothing may be read.
    const a = tensor(data, { shape: [n, n], dtype });
    const x = linalg.solveTriangular(a, matrixOperand([n, k], 1, dtype), { lower, transpose, unitDiagonal });
    assertNear(x, expected, tolerance, `${n} ${k} ${lower} ${transpose} ${unitDiagonal}`);
  }
});

everywhere("expm agrees with SciPy for small and large norms", (dtype, tolerance) => {
  for (
    const [shape, scale, expected] of golden.exponentials as unknown as [number[], number, GoldenArray][]
  ) {
    const x = linalg.expm(matrixOperand(shape, 0, dtype).mul(scale));
    assertNear(x, expected, dtype === "float32" ? 1e-4 : tolerance, `[${shape}] ${scale}`);
  }
});

everywhere("every norm of matrices and vectors agrees with NumPy", (dtype, tolerance) => {
  for (const row of golden.shapes) {
    const x = matrixOperand(row.shape, 0, dtype);
    for (const [ord, expected] of row.norms as unknown as Cases) {
      const order = typeof ord === "string" && ord.endsWith("Infinity") ? Number(ord) : ord;
      const value = linalg.norm(x, { ord: order as number, axis: [-2, -1] });
      assertNear(value, expected, tolerance, `${ord} [${row.shape}]`);
    }
    for (const [ord, expected] of row.vectorNorms as unknown as Cases) {
      assertNear(
        linalg.norm(x, { ord: Number(ord), axis: -1 }),
        expected,
        tolerance,
        `${ord} [${row.shape}]`,
      );
    }
    assertNear(linalg.norm(x), row.norm as GoldenArray, tolerance, `[${row.shape}]`);
    const kept = linalg.norm(x, { ord: 1, axis: [-1, -2], keepDims: true });
    assertEquals([...kept.shape], [...row.shape.slice(0, -2), 1, 1]);
  }
});

testEverywhere("an ill-conditioned matrix loses no more than its condition says, float64", () => {
  const hilbert = (n: number) =>
    tensor(Float64Array.from({ length: n * n }, (_, i) => 1 / (Math.floor(i / n) + i % n + 1)), {
      shape: [n, n],
    });
  assertNear(
    linalg.slogdet(hilbert(8)).logabsdet,
    golden.hilbert.logabsdet as GoldenArray,
    1e-8,
    "Hilbert 8",
  );
  assertNear(linalg.solve(hilbert(6), ones([6])), golden.hilbert.solution as GoldenArray, 1e-9, "Hilbert 6");
});

Deno.test("linear algebra inside jit is the same as outside", () => {
  const a = positiveOperand([2, 5, 5]), b = matrixOperand([5, 2], 1);
  const all = (x: Tensor, y: Tensor) => [
    linalg.solve(x, y),
    linalg.cholesky(x),
    linalg.det(x),
    linalg.expm(x.div(50)),
    linalg.eigh(x).values,
    linalg.svd(x).s,
    linalg.pinv(x),
    linalg.qr(x).r,
  ];
  const inside = jit(all)(a, b) as Tensor[];
  all(a, b).forEach((expected, i) => assertSame(inside[i], expected, 1e-13, `result ${i}`));
});
