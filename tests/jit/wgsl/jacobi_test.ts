/** eigh and svd as shaders: values against the reference, vectors by what they must be. */
import { assert, assertEquals } from "@std/assert";
import { linalg, type Tensor } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU } from "../../../lib/jit/wgsl/tuning.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";
import { runGraph } from "../../support/run_graph.ts";
import { EPSILON, faults, graphOf, noise, skewness, solid } from "./routine_support.ts";
import { backendWith, gpuTest } from "./support.ts";

type Body = (a: Tensor) => Tensor[];

const eigh: Body = (a) => Object.values(linalg.eigh(a));
const svd: Body = (a) => Object.values(linalg.svd(a, { fullMatrices: false }));

function run(backend: WgslBackend, body: Body, a: HostArray): HostArray[] {
  return runGraph(backend, graphOf(body, [a]), [a]);
}

/** The matrices of a batch, one by one. */
function matricesOf({ shape, data, dtype }: HostArray): HostArray[] {
  const own = shape.slice(-2), size = sizeOf(own);
  return Array.from({ length: sizeOf(shape.slice(0, -2)) }, (_, i): HostArray => ({
    shape: own,
    dtype,
    data: data.slice(i * size, (i + 1) * size),
  }));
}

/** The greatest difference between columns scaled, times rows, and a matrix; relative to its greatest element. */
function residual(columns: HostArray, values: ArrayLike<number>, rows: HostArray, a: HostArray): number {
  const [m, n] = a.shape, k = columns.shape[1];
  let worst = 0, scale = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = -a.data[i * n + j];
      for (let l = 0; l < k; l++) sum += columns.data[i * k + l] * values[l] * rows.data[l * n + j];
      scale = Math.max(scale, Math.abs(a.data[i * n + j]));
      if (!(Math.abs(sum) <= worst)) worst = Math.abs(sum);
    }
  }
  return scale === 0 ? worst : worst / scale;
}

function transposed({ shape: [m, n], data, dtype }: HostArray): HostArray {
  const result = Float64Array.from(data, (_, at) => data[(at % m) * n + Math.floor(at / m)]);
  return { shape: [n, m], dtype, data: result };
}

/** Whether of each column the first element of at least half the greatest magnitude is positive. */
function hasSigns({ shape: [m, n], data }: HostArray): boolean {
  return Array.from({ length: n }, (_, j) => {
    const column = Array.from({ length: m }, (_, i) => data[i * n + j]);
    const greatest = Math.max(...column.map(Math.abs));
    return column.find((x) => 2 * Math.abs(x) >= greatest)! > 0;
  }).every(Boolean);
}

function checkEigen(backend: WgslBackend, shapes: readonly (readonly number[])[]): void {
  for (const shape of shapes) {
    const n = shape[shape.length - 1], allowed = (10 + 2 * n) * EPSILON;
    const a = solid([...shape, n], 21, 0, true);
    assertEquals(faults(backend, `eigh [${shape}]`, (a) => [linalg.eigh(a).values], [a], 10), []);
    const [values, vectors] = run(backend, eigh, a);
    const columns = matricesOf(vectors);
    matricesOf(a).forEach((matrix, i) => {
      const own = values.data.subarray(i * n, (i + 1) * n);
      assert(own.every((x, k) => k === 0 || x >= own[k - 1]), `ascending [${shape}]`);
      assert(skewness(columns[i]) < allowed, `[${shape}] is off by ${skewness(columns[i])}`);
      assert(residual(columns[i], own, transposed(columns[i]), matrix) < allowed, `residual [${shape}]`);
      assert(hasSigns(columns[i]), `signs [${shape}]`);
    });
  }
}

gpuTest("eigh is shaders, ascending, with orthonormal vectors and their signs", (backend) => {
  checkEigen(backend, [[1], [2], [3], [5], [17], [64], [65], [2, 5], [3, 2, 12]]);
});

gpuTest("eigh means the same with the table of a real GPU", async () => {
  checkEigen(await backendWith(GPU), [[5], [33], [2, 9]]);
});

gpuTest("eigh of diagonal matrices is exact, and reads the lower triangle alone", (backend) => {
  const a = { shape: [3, 3], dtype: "float32" as const, data: new Float64Array(9) };
  a.data.set([3, NaN, NaN, 0, -1, NaN, 0, 0, 1e-6]);
  const graph = graphOf((x) => Object.values(linalg.eigh(x, { symmetrize: false })), [a]);
  const [values, vectors] = runGraph(backend, graph, [a]);
  assertEquals([...values.data], [-1, Math.fround(1e-6), 3]);
  assertEquals([...vectors.data], [0, 0, 1, 1, 0, 0, 0, 1, 0]);
});

gpuTest("a matrix of a batch that is not finite is NaN throughout, the others are as always", (backend) => {
  for (const body of [eigh, svd]) {
    const a = solid([3, 6, 6], 22, 0, true);
    a.data[36 + 7] = NaN;
    const results = run(backend, body, a);
    const clean = { ...a, data: a.data.map((x) => Number.isNaN(x) ? 0 : x) };
    run(backend, body, clean).forEach(({ data }, k) => {
      const size = data.length / 3, own = results[k].data;
      assert(own.slice(size, 2 * size).every(Number.isNaN), `result ${k}`);
      assertEquals([...own.slice(0, size)], [...data.slice(0, size)]);
      assertEquals([...own.slice(2 * size)], [...data.slice(2 * size)]);
    });
  }
});

function checkSingular(backend: WgslBackend, shapes: readonly (readonly number[])[]): void {
  for (const shape of shapes) {
    const k = Math.min(...shape.slice(-2)), allowed = (10 + 2 * k) * EPSILON;
    const a = noise(shape, 23);
    const name = `svd [${shape}]`;
    assertEquals(faults(backend, name, (a) => [svd(a)[1]], [a], 10), []);
    const [u, s, vt] = run(backend, svd, a).map((result) => result);
    const left = matricesOf(u), right = matricesOf(vt);
    matricesOf(a).forEach((matrix, i) => {
      const own = s.data.subarray(i * k, (i + 1) * k);
      assert(own.every((x, j) => j === 0 || x <= own[j - 1]), `descending ${name}`);
      assert(skewness(left[i]) < allowed, `u of ${name} is off by ${skewness(left[i])}`);
      assert(skewness(transposed(right[i])) < allowed, `vt of ${name}`);
      assert(residual(left[i], own, right[i], matrix) < allowed, `residual of ${name}`);
    });
  }
}

gpuTest("svd is shaders, descending, with orthonormal vectors", (backend) => {
  checkSingular(backend, [[1, 1], [3, 3], [5, 3], [3, 5], [17, 1], [64, 20], [20, 65], [2, 9, 9], [
    3,
    2,
    4,
    6,
  ]]);
});

gpuTest("svd means the same with the table of a real GPU", async () => {
  checkSingular(await backendWith(GPU), [[5, 3], [33, 40], [2, 9, 9]]);
});

gpuTest("singular vectors are orthonormal without full rank, and of zeros", (backend) => {
  for (const [n, value] of [[20, 1], [45, 1], [7, 0], [6, 1e-30], [6, 1e30]]) {
    const a = { ...noise([n, n], 1), data: new Float64Array(n * n).fill(Math.fround(value)) };
    const [u, s, vt] = run(backend, svd, a), name = `${n} x ${n} of ${value}`;
    assert(skewness(u) < 60 * EPSILON && skewness(vt) < 60 * EPSILON, name);
    assert(Math.abs(s.data[0] - n * a.data[0]) <= 4 * n * EPSILON * a.data[0], name);
    assert(s.data.slice(1).every((x) => Math.abs(x) <= 4 * n * EPSILON * a.data[0]), name);
  }
});

gpuTest("matrices with more rows than an invocation may have steps", async (backend) => {
  const a = noise([70_000, 2], 24);
  const wrong = [
    ...faults(backend, "svd", (a) => [svd(a)[1]], [a], 10),
    ...faults(backend, "qr", (a) => [linalg.qr(a).r], [a], 10),
    ...faults(await backendWith(GPU), "svd with the table of a real GPU", (a) => [svd(a)[1]], [a], 10),
  ];
  assertEquals(wrong, []);
});

gpuTest("singular vectors are orthonormal where values are of all magnitudes", (backend) => {
  const n = 48;
  const [left, right] = [25, 26].map((seed) => run(backend, (a) => [linalg.qr(a).q], noise([n, n], seed))[0]);
  const a = noise([n, n], 1);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += left.data[i * n + k] * 10 ** (-k / 6) * right.data[j * n + k];
      a.data[i * n + j] = Math.fround(sum);
    }
  }
  const [u, , vt] = run(backend, svd, a);
  assert(skewness(u) < 30 * EPSILON, `u is off by ${skewness(u)}`);
  assert(skewness(transposed(vt)) < 60 * EPSILON, `vt is off by ${skewness(vt)}`);
});
