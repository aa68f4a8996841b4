/** Matrices large enough to be split into blocks: decompositions multiply back to the matrix. */
import { assert } from "@std/assert";
import { concat, eye, grad, jit, linalg, matmul, ones, type Tensor, tensor, tril, triu } from "@damo/damo";
import { TestRandom } from "../support/random.ts";
import { FLOAT_DTYPES, transposed } from "../support/matrices.ts";

/** One block, exactly two, a rest of 1, of a few, and of almost a block. */
const SIZES = [47, 96, 97, 144, 145, 150, 191];

function noise(shape: readonly number[], dtype: "float32" | "float64", seed = 1): Tensor {
  const random = new TestRandom(seed);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(Float64Array.from({ length: size }, () => random.normal()), { shape: [...shape], dtype });
}

/** The largest difference relative to the largest element. */
function error(actual: Tensor, expected: Tensor): number {
  return actual.sub(expected).abs().max().itemSync() / expected.abs().max().itemSync();
}

for (const dtype of FLOAT_DTYPES) {
  const epsilon = dtype === "float32" ? 2 ** -23 : 2 ** -52;

  Deno.test(`cholesky, solve and inv of large matrices, ${dtype}`, () => {
    for (const n of SIZES) {
      const a = noise([n, n], dtype), identity = eye(n, { dtype });
      const positive = matmul(a, transposed(a)).div(n).add(identity);
      const l = linalg.cholesky(positive);
      assert(error(matmul(l, transposed(l)), positive) < 20 * epsilon, `cholesky ${n}`);
      assert(l.dataSync().every((x, i) => i % n <= Math.floor(i / n) || x === 0), `cholesky ${n}`);
      const solid = positive.add(a.div(n));
      const b = noise([n, 11], dtype, 2);
      assert(error(matmul(solid, linalg.solve(solid, b)), b) < 200 * epsilon, `solve ${n}`);
      const column = b.narrow(1, 0, 1).reshape([n]);
      assert(error(matmul(solid, linalg.solve(solid, column)), column) < 200 * epsilon, `solve vector ${n}`);
      assert(error(matmul(solid, linalg.inv(solid)), identity) < 200 * epsilon, `inv ${n}`);
      // Rows in reverse order need every row exchanged; the gradient solves with the transpose.
      const reversed = solid.flip(0);
      const weights = ones([n, 11], { dtype });
      const gradient = grad((x: Tensor) => linalg.solve(reversed, x).mul(weights).sum())(b);
      const expected = linalg.solve(transposed(reversed), weights);
      assert(error(gradient, expected) < 400 * epsilon, `transposed ${n}`);
    }
  });

  Deno.test(`triangular systems of large matrices, ${dtype}`, () => {
    for (const n of [47, 97, 144, 150]) {
      for (const columns of [1, 8, 33]) {
        const b = noise([n, columns], dtype, 3);
        for (const lower of [false, true]) {
          for (const transpose of [false, true]) {
            for (const unitDiagonal of [false, true]) {
              const whole = noise([n, n], dtype, 4).div(n).add(eye(n, { dtype }).mul(unitDiagonal ? 0 : 2));
              const x = linalg.solveTriangular(whole, b, { lower, transpose, unitDiagonal });
              let triangle = lower ? tril(whole, unitDiagonal ? -1 : 0) : triu(whole, unitDiagonal ? 1 : 0);
              if (unitDiagonal) triangle = triangle.add(eye(n, { dtype }));
              const back = matmul(transpose ? transposed(triangle) : triangle, x);
              assert(error(back, b) < 30 * epsilon, `${n} ${columns} ${lower} ${transpose} ${unitDiagonal}`);
            }
          }
        }
      }
    }
  });

  Deno.test(`right sides of many columns, which are solved for in parts, ${dtype}`, () => {
    const n = 150, columns = 256;
    const a = noise([2, n, n], dtype, 5).div(n).add(eye(n, { dtype }).mul(2)),
      b = noise([2, n, columns], dtype, 6);
    for (const lower of [false, true]) {
      for (const transpose of [false, true]) {
        const x = linalg.solveTriangular(a, b, { lower, transpose });
        const triangle = lower ? tril(a) : triu(a);
        const back = matmul(transpose ? triangle.swapAxes(-1, -2) : triangle, x);
        assert(error(back, b) < 30 * epsilon, `${lower} ${transpose}`);
      }
    }
    const exchanged = a.flip(1);
    assert(error(matmul(exchanged, linalg.solve(exchanged, b)), b) < 200 * epsilon, "solve");
    const weights = noise([2, n, columns], dtype, 7);
    const gradient = grad((x: Tensor) => linalg.solve(exchanged, x).mul(weights).sum())(b);
    assert(error(matmul(exchanged.swapAxes(-1, -2), gradient), weights) < 200 * epsilon, "transposed");
    // A matrix without a solution leaves the others alone.
    const zeros = eye(n, { dtype }).mul(0).reshape([1, n, n]);
    const mixed = linalg.solveTriangular(concat([zeros, a.narrow(0, 1, 1)], 0), b, { lower: true });
    assert(mixed.at(0).dataSync().every((x) => Number.isNaN(x)), "NaN for the singular one");
    assert(mixed.at(1).dataSync().every((x) => Number.isFinite(x)), "numbers for the other");
  });

  Deno.test(`qr, eigh and svd of larger matrices, ${dtype}`, () => {
    for (const [m, n] of [[60, 60], [65, 33], [33, 65], [97, 97], [150, 150], [150, 110], [110, 150]]) {
      const a = noise([m, n], dtype);
      const { q, r } = linalg.qr(a);
      const k = Math.min(m, n), identity = eye(k, { dtype });
      assert(error(matmul(q, r), a) < 100 * epsilon, `qr ${m} ${n}`);
      assert(error(matmul(transposed(q), q), identity) < 100 * epsilon, `q ${m} ${n}`);
      const { u, s, vt } = linalg.svd(a, { fullMatrices: false });
      assert(error(matmul(u.mul(s), vt), a) < 60 * epsilon, `svd ${m} ${n}`);
      assert(error(matmul(transposed(u), u), identity) < 40 * epsilon, `u ${m} ${n}`);
      assert(error(matmul(vt, transposed(vt)), identity) < 40 * epsilon, `vt ${m} ${n}`);
      if (m !== n) continue;
      const symmetric = a.add(transposed(a));
      const { values, vectors } = linalg.eigh(symmetric);
      assert(error(matmul(vectors.mul(values), transposed(vectors)), symmetric) < 400 * epsilon, `eigh ${n}`);
      assert(error(matmul(transposed(vectors), vectors), identity) < 200 * epsilon, `vectors ${n}`);
      assert(values.dataSync().every((x, i, all) => i === 0 || x >= all[i - 1]), "ascending");
    }
  });

  Deno.test(`both forms of qr of equal matrices in one program, ${dtype}`, () => {
    const a = noise([200, 100], dtype, 8), double = a.mul(2);
    for (const modes of [["reduced", "complete"], ["complete", "reduced"]] as const) {
      const decompose = jit((
        a: Tensor,
        b: Tensor,
      ) => [linalg.qr(a, { mode: modes[0] }), linalg.qr(b, { mode: modes[1] })]);
      decompose(a, double).forEach(({ q, r }, i) => {
        const columns = modes[i] === "complete" ? 200 : 100;
        assert(error(matmul(q, r), i === 0 ? a : double) < 20 * epsilon, `${modes[i]} of ${modes}`);
        assert(
          error(matmul(transposed(q), q), eye(columns, { dtype })) < 40 * epsilon,
          `${modes[i]} of ${modes}`,
        );
      });
    }
  });

  Deno.test(`matrices without full rank keep orthonormal vectors, ${dtype}`, () => {
    // What elimination leaves of equal columns is noise that shrinks from step to step, far below where squares vanish.
    for (const n of [20, 80, 130]) {
      const a = ones([n, n], { dtype }), identity = eye(n, { dtype });
      const { q, r } = linalg.qr(a), { u, s, vt } = linalg.svd(a);
      for (const [name, rows] of [["q", transposed(q)], ["u", transposed(u)], ["vt", vt]] as const) {
        assert(error(matmul(rows, transposed(rows)), identity) < 60 * epsilon, `${name} ${n}`);
      }
      assert(error(matmul(q, r), a) < 4 * n * epsilon, `qr ${n}`);
      assert(error(matmul(u.mul(s), vt), a) < 4 * n * epsilon, `svd ${n}`);
      assert(Math.abs(s.at(0).itemSync() - n) < 10 * n * epsilon, `value ${n}`);
      assert(s.narrow(0, 1, n - 1).max().itemSync() < 10 * n * epsilon, `other values ${n}`);
    }
  });

  Deno.test(`singular values of special matrices, ${dtype}`, () => {
    const shifted = linalg.svd(eye(100, 100, 1, { dtype }));
    assert(shifted.s.dataSync().every((value, i) => value === (i < 99 ? 1 : 0)));
    const graded = tensor(Array.from({ length: 90 }, (_, i) => 2 ** -i), { dtype });
    const values = linalg.svd(eye(90, { dtype }).mul(graded)).s;
    assert(error(values, graded) === 0);
    // The triangle of ones: 1 / (2 sin((2 i - 1) pi / (4 n + 2))).
    const n = 100, triangle = triu(ones([n, n], { dtype }));
    const exact = Float64Array.from(
      { length: n },
      (_, i) => 0.5 / Math.sin((2 * i + 1) * Math.PI / (4 * n + 2)),
    );
    assert(error(linalg.svd(triangle).s, tensor(exact, { dtype })) < 20 * epsilon);
    const zero = linalg.svd(ones([80, 80], { dtype }).mul(0));
    assert(zero.s.dataSync().every((value) => value === 0));
  });
}
