/** What linear algebra says of operands that do not fit, and what it gives for matrices that cannot be decomposed. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  DTypeError,
  jit,
  linalg,
  matmul,
  ones,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import { FLOAT_DTYPES, matrixOperand } from "../support/matrices.ts";
import { testEverywhere } from "../support/operands.ts";

type ErrorClass = new (...args: never[]) => Error;

const ERRORS: readonly (readonly [() => unknown, ErrorClass, string, string])[] = [
  [
    () => linalg.inv(zeros([2, 3])),
    ShapeError,
    "linalg.inv: a is float32[2, 3], not square: it has 2 rows and 3 columns.",
    "lstsq, pinv, qr and svd",
  ],
  [() => linalg.det(zeros([3])), ShapeError, "linalg.det: a is float32[3], not a matrix.", "expandDims"],
  [
    () => linalg.cholesky(zeros([4, 2, 3])),
    ShapeError,
    "linalg.cholesky: a is float32[4, 2, 3], not square",
    "as many rows",
  ],
  [() => linalg.eigh(5), ShapeError, "linalg.eigh: a is float32[], not a matrix.", "last two axes"],
  [
    () => linalg.qr(zeros([3], { dtype: "float64" })),
    ShapeError,
    "linalg.qr: a is float64[3], not a matrix.",
    "expandDims",
  ],
  [
    () => linalg.svd(zeros([2, 2], { dtype: "float16" })),
    DTypeError,
    "linalg.svd: a is float16[2, 2].",
    'cast("float32")',
  ],
  [
    () => linalg.solve(zeros([3, 3]), zeros([2])),
    ShapeError,
    "linalg.solve: the right side b is float32[2] and the matrix a is float32[3, 3]: b has 2 rows instead of 3.",
    "Pass b as a vector of as many elements",
  ],
  [
    () => linalg.solve(zeros([2, 3, 3]), zeros([4, 3, 1])),
    ShapeError,
    "linalg.solve: the right side b is float32[4, 3, 1] and the matrix a is float32[2, 3, 3]: their leading axes do not broadcast.",
    "matrices of as many rows",
  ],
  [
    () => linalg.solve(zeros([3, 3]), 1),
    ShapeError,
    "linalg.solve: the right side b is float32[] and",
    "Pass b as a vector",
  ],
  [
    () => linalg.solveTriangular(zeros([3, 2]), zeros([3])),
    ShapeError,
    "linalg.solveTriangular: a is float32[3, 2], not square",
    "rows",
  ],
  [
    () => linalg.solveTriangular(ones([2, 2]), ones([2]), { uplo: "L" } as never),
    DamoError,
    'linalg.solveTriangular: unknown option "uplo".',
    '"lower", "transpose", "unitDiagonal"',
  ],
  [
    () => linalg.lstsq(zeros([3, 2]), zeros([2])),
    ShapeError,
    "linalg.lstsq: the right side b is float32[2]",
    "as a has rows",
  ],
  [() => linalg.pinv(zeros([3, 2]), { rtol: -1 }), DamoError, "linalg.pinv: rtol is -1.", "at least 0"],
  [() => linalg.matrixPower(zeros([2, 2]), 0.5), ShapeError, "linalg.matrixPower: the power is 0.5.", "eigh"],
  [
    () => linalg.qr(zeros([2, 2]), { mode: "full" } as never),
    DamoError,
    'linalg.qr: mode is "full".',
    '"complete"',
  ],
  [
    () => linalg.norm(zeros([2, 2, 2]), { ord: 2 }),
    ShapeError,
    "linalg.norm: float32[2, 2, 2] over 3 axes is neither vectors nor matrices.",
    "two for matrices",
  ],
  [
    () => linalg.norm(zeros([2, 2]), { ord: 3 }),
    DamoError,
    "linalg.norm: ord 3 is not a norm of matrices.",
    '"nuc"',
  ],
  [
    () => linalg.norm(zeros([2]), { ord: "fro" }),
    DamoError,
    'linalg.norm: ord "fro" is not a norm of vectors.',
    "two axes",
  ],
  [
    () => linalg.norm(zeros([2, 2]), { ord: 1, axis: [0, -2] }),
    ShapeError,
    "linalg.norm: axis [0, -2] names an axis twice.",
    "once",
  ],
];

Deno.test("errors name the operation, the argument and the remedy", () => {
  for (const [act, kind, what, remedy] of ERRORS) {
    const error = assertThrows(act, kind as typeof Error);
    assert(error.message.includes(what), error.message);
    assert(error.message.includes(remedy), error.message);
  }
});

Deno.test("the same errors come from inside jit, at the user's line", () => {
  const f = jit((x: Tensor) => linalg.inv(x));
  const error = assertThrows(() => f(zeros([2, 3])), ShapeError);
  assert(error.message.includes("errors_test.ts"), error.message);
});

function allNaN(x: Tensor): boolean {
  return x.size > 0 && Array.from(x.dataSync()).every(Number.isNaN);
}

for (const dtype of FLOAT_DTYPES) {
  testEverywhere(
    `singular matrices: solve and inv give NaN, det 0, slogdet 0 and -Infinity, ${dtype}`,
    () => {
      // The second matrix of the batch is sound and stays so.
      const a = tensor([[[1, 2], [2, 4]], [[2, 0], [0, 4]]], { dtype });
      const inverse = linalg.inv(a);
      assert(allNaN(inverse.at(0)));
      assertEquals(inverse.at(1).arraySync(), [[0.5, 0], [0, 0.25]]);
      const x = linalg.solve(a, ones([2], { dtype }));
      assert(allNaN(x.at(0)));
      assertEquals(x.at(1).arraySync(), [0.5, 0.25]);
      assertEquals(Array.from(linalg.det(a).dataSync(), (x) => x + 0), [0, 8]);
      const { sign, logabsdet } = linalg.slogdet(a);
      assertEquals(Array.from(sign.dataSync(), (x) => x + 0), [0, 1]);
      assertEquals(logabsdet.dataSync()[0], -Infinity);
      const zero = zeros([3, 3], { dtype });
      assert(allNaN(linalg.inv(zero)));
      assert(linalg.det(zero).itemSync() === 0);
      assert(linalg.pinv(zero).dataSync().every((x) => x === 0));
    },
  );

  testEverywhere(`a zero on the diagonal of a triangle makes the solution NaN, ${dtype}`, () => {
    const a = tensor([[1, 2], [0, 0]], { dtype });
    assert(allNaN(linalg.solveTriangular(a, ones([2, 3], { dtype }))));
    const x = linalg.solveTriangular(a, ones([2], { dtype }), { unitDiagonal: true });
    assertEquals(x.arraySync(), [-1, 1]);
  });

  testEverywhere(`cholesky of a matrix that is not positive definite is NaN, ${dtype}`, () => {
    const a = tensor([[[1, 2], [2, 1]], [[4, 2], [2, 5]], [[0, 0], [0, 0]]], { dtype });
    const l = linalg.cholesky(a);
    assert(allNaN(l.at(0)) && allNaN(l.at(2)));
    assertEquals(l.at(1).arraySync(), [[2, 0], [1, 2]]);
  });

  testEverywhere(`NaN and infinities make eigh, svd and expm NaN, ${dtype}`, () => {
    for (const bad of [NaN, Infinity]) {
      const a = tensor([[1, bad], [bad, 1]], { dtype });
      const { values, vectors } = linalg.eigh(a);
      assert(allNaN(values) && allNaN(vectors));
      const { u, s, vt } = linalg.svd(a);
      assert(allNaN(u) && allNaN(s) && allNaN(vt));
      assert(allNaN(linalg.expm(a)));
    }
  });

  testEverywhere(`zero and rank-deficient matrices have orthonormal singular vectors, ${dtype}`, () => {
    const flat = matmul(matrixOperand([6, 2], 0, dtype), matrixOperand([2, 5], 1, dtype));
    for (const x of [zeros([4, 3], { dtype }), ones([3, 4], { dtype }), ones([5, 5], { dtype }), flat]) {
      const { u, s, vt } = linalg.svd(x, { fullMatrices: false });
      const k = s.size;
      const gram = u.transpose().matmul(u).dataSync(), other = vt.matmul(vt.transpose()).dataSync();
      for (let i = 0; i < k * k; i++) {
        const expected = i % (k + 1) === 0 ? 1 : 0;
        assert(Math.abs(gram[i] - expected) < 1e-6 && Math.abs(other[i] - expected) < 1e-6);
      }
    }
  });

  testEverywhere(`very large and very small matrices do not overflow, ${dtype}`, () => {
    const [large, little] = dtype === "float32" ? [1e30, 1e-30] : [1e250, 1e-250];
    for (const factor of [large, little]) {
      const a = matrixOperand([3, 3], 0, dtype), scaled = a.mul(factor);
      const close = (x: Tensor, y: Tensor) => {
        const [p, q] = [x.dataSync(), y.dataSync()];
        p.forEach((value, i) => assert(Math.abs(value / factor - q[i]) < 1e-5 * 5, `${value} ${q[i]}`));
      };
      close(linalg.svd(scaled).s, linalg.svd(a).s);
      close(linalg.eigh(scaled).values, linalg.eigh(a).values);
      close(linalg.qr(scaled).r, linalg.qr(a).r);
    }
  });
}

testEverywhere("integers and plain arrays are computed in the default float", () => {
  const x = linalg.solve([[2, 0], [0, 4]], tensor([2, 4], { dtype: "int32" }));
  assertEquals([x.dtype, ...x.dataSync()], ["float32", 1, 1]);
  assertEquals(linalg.det(tensor([[1, 2], [3, 4]], { dtype: "uint8" })).dtype, "float32");
});
