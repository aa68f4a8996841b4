/** Eigenvalues of matrices that are not symmetric, against NumPy (tests/golden/eig.py) and their definition. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { grad, GradientError, jit, linalg, ShapeError, type Tensor, tensor, vmap, zeros } from "@damo/damo";
import { deviceTest } from "../support/devices.ts";
import golden from "../golden/eig.json" with { type: "json" };

type Eigen = ReturnType<typeof linalg.eig>;

/** The largest component of a v - v diag(w), relative to the matrix. */
function residual(a: number[][], { values, vectors }: Eigen): number {
  const n = a.length, size = Math.max(...a.flat().map(Math.abs), 1e-300);
  const [wr, wi] = [values.re.dataSync(), values.im.dataSync()];
  const [vr, vi] = [vectors.re.dataSync(), vectors.im.dataSync()];
  let worst = 0;
  for (let k = 0; k < n; k++) {
    let length = 0;
    for (let i = 0; i < n; i++) {
      let re = wi[k] * vi[i * n + k] - wr[k] * vr[i * n + k];
      let im = -wr[k] * vi[i * n + k] - wi[k] * vr[i * n + k];
      for (let j = 0; j < n; j++) {
        re += a[i][j] * vr[j * n + k];
        im += a[i][j] * vi[j * n + k];
      }
      length += vr[i * n + k] ** 2 + vi[i * n + k] ** 2;
      worst = Math.max(worst, Math.hypot(re, im) / size);
    }
    worst = Math.max(worst, Math.abs(length - 1));
  }
  return worst;
}

/** Each expected value has one of its own among those found. */
function distance(found: Eigen, re: number[], im: number[]): number {
  const actual = [...found.values.re.dataSync()].map((x, i) => [x, found.values.im.dataSync()[i]]);
  let worst = 0;
  re.forEach((x, i) => {
    const apart = actual.map(([a, b]) => Math.hypot(a - x, b - im[i]));
    const nearest = apart.indexOf(Math.min(...apart));
    worst = Math.max(worst, apart[nearest]);
    actual.splice(nearest, 1);
  });
  return worst;
}

Deno.test("eig has NumPy's eigenvalues, and vectors that are eigenvectors of length 1", () => {
  for (const { a, re, im } of golden) {
    const size = Math.max(...a.flat().map(Math.abs));
    const found = linalg.eig(tensor(a, { dtype: "float64" }));
    assert(distance(found, re, im) < 1e-13 * size * a.length, `${a.length}: ${distance(found, re, im)}`);
    assert(residual(a, found) < 1e-14 * a.length, `${a.length}: ${residual(a, found)}`);
    const order = [...found.values.re.dataSync()];
    assertEquals(order, order.toSorted((x, y) => x - y));
  }
});

Deno.test("eig of matrices with equal eigenvalues, without enough eigenvectors, of zeros and of nothing", () => {
  for (const a of [[[1, 1, 0], [0, 1, 1], [0, 0, 1]], [[0, 0], [0, 0]], [[2, 0], [0, 2]], [[0, 1], [0, 0]]]) {
    assert(residual(a, linalg.eig(tensor(a, { dtype: "float64" }))) < 1e-14, JSON.stringify(a));
  }
  assertEquals([...linalg.eig(zeros([0, 0])).values.re.shape], [0]);
  const { values } = linalg.eig(tensor([[1, NaN], [0, 1]]));
  assertEquals([...values.re.dataSync(), ...values.im.dataSync()], [NaN, NaN, NaN, NaN]);
});

deviceTest("eig is batched and compiles", (device) => {
  const a = [[[0, -2], [2, 0]], [[1, 4], [1, 1]]];
  const modulus = (x: Tensor): Tensor => {
    const { re, im } = linalg.eig(x).values;
    return re.square().add(im.square()).sqrt();
  };
  for (const found of [modulus(tensor(a)), jit(modulus)(tensor(a)), vmap(modulus)(tensor(a))]) {
    const expected = [2, 2, 1, 3];
    [...found.dataSync()].forEach((x, i) => assert(Math.abs(x - expected[i]) < 1e-6, `${device}: ${x}`));
  }
});

Deno.test("eig refuses derivatives and matrices that are not square", () => {
  const a = tensor([[1, 2], [3, 4]]);
  assertThrows(() => grad((x: Tensor) => linalg.eig(x).values.re.sum())(a), GradientError, "linalg.eigh");
  assertThrows(() => linalg.eig(zeros([2, 3])), ShapeError, "linalg.eig");
});
