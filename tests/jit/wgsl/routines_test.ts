/** Matrix decompositions as shaders: sizes around those of blocks, batches, loops, and both tuning tables. */
import { assert, assertEquals } from "@std/assert";
import { cond, linalg, scan, type Tensor, whileLoop, zeros } from "@damo/damo";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU } from "../../../lib/jit/wgsl/tuning.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { runGraph } from "../../support/run_graph.ts";
import { EPSILON, faults, graphOf, noise, skewness, solid } from "./routine_support.ts";
import { backendWith, gpuTest } from "./support.ts";

/** Sizes and leading axes. */
const SHAPES: readonly (readonly number[])[] = [[1], [3], [5], [17], [64], [65], [130], [2, 5], [3, 2, 33]];

function squareOf(shape: readonly number[]): number[] {
  return [...shape, shape[shape.length - 1]];
}

function compareFactorisations(backend: WgslBackend, shapes = SHAPES): void {
  const wrong: string[] = [];
  let choice = 0;
  for (const shape of shapes) {
    const square = squareOf(shape), n = shape[shape.length - 1];
    const positive = solid(square, 1, 3 * Math.sqrt(n), true), general = solid(square, 2, 2 * Math.sqrt(n));
    // Every row is exchanged.
    const turned = { ...general, data: general.data.slice().reverse() };
    const right = noise([...shape, 7], 3), vector = noise([...shape, 1], 4);
    wrong.push(
      ...faults(backend, `cholesky [${square}]`, (a) => [linalg.cholesky(a)], [positive], 20),
      ...faults(backend, `slogdet [${square}]`, (a) => Object.values(linalg.slogdet(a)), [turned], 20),
      ...faults(backend, `solve [${square}]`, (a, b) => [linalg.solve(a, b)], [turned, right], 40),
      ...faults(backend, `solve [${square}] for one column`, (a, b) => [linalg.solve(a, b)], [
        general,
        vector,
      ], 40),
    );
    // Three of the eight kinds of triangles for each shape.
    for (const end = choice + 3; choice < end; choice++) {
      const [lower, transpose, unitDiagonal] = [1, 2, 4].map((bit) => (choice & bit) !== 0);
      const small = { ...general, data: general.data.map((x) => Math.fround(x / (2 * n))) };
      const body = (
        a: Tensor,
        b: Tensor,
      ) => [linalg.solveTriangular(a, b, { lower, transpose, unitDiagonal })];
      const matrix = unitDiagonal ? small : general;
      wrong.push(...faults(backend, `triangle ${choice % 8} [${square}]`, body, [matrix, right], 20));
    }
  }
  assertEquals(wrong, []);
}

gpuTest("cholesky, lu, solve and triangular solve are shaders, and right in every size", (backend) => {
  compareFactorisations(backend);
});

gpuTest("they mean the same with the table of a real GPU", async () => {
  compareFactorisations(await backendWith(GPU), [[5], [65], [2, 40]]);
});

gpuTest(
  "matrices of a batch that are singular or not positive definite are NaN, and the others are right",
  (backend) => {
    for (const n of [3, 40]) {
      const positive = solid([3, n, n], 5, 3 * Math.sqrt(n), true);
      // The second one has a negative element late on the diagonal.
      positive.data[n * n + (n - 1) * (n + 1)] = -1;
      const singular = solid([3, n, n], 6, n);
      for (let j = 0; j < n; j++) singular.data[n * n + (n - 1) * n + j] = singular.data[n * n + j] = 0;
      const right = noise([3, n, 2], 7);
      const wrong = [
        ...faults(backend, `cholesky ${n}`, (a) => [linalg.cholesky(a)], [positive], 20),
        ...faults(backend, `solve ${n}`, (a, b) => [linalg.solve(a, b)], [singular, right], 40),
        ...faults(backend, `sign ${n}`, (a) => [linalg.slogdet(a).sign], [singular], 40),
        ...faults(backend, `triangle ${n}`, (a, b) => [linalg.solveTriangular(a, b)], [singular, right], 40),
      ];
      assertEquals(wrong, []);
      const [l] = runGraph(backend, graphOf((a) => [linalg.cholesky(a)], [positive]), [positive]);
      const whole = l.data.slice(n * n, 2 * n * n);
      assert(whole.every((x) => Number.isNaN(x)));
    }
  },
);

gpuTest("a factorisation inside a loop reads and writes at the step's place", (backend) => {
  const matrices = solid([4, 6, 6], 8, 8, true), right = noise([6], 9);
  const wrong = faults(
    backend,
    "scan",
    (a, b) => {
      const [last, all] = scan((x: Tensor, m: Tensor) => [linalg.solve(m, x), linalg.cholesky(m)], b, a);
      return [last as Tensor, all as Tensor];
    },
    [matrices, right],
    40,
  );
  assertEquals(wrong, []);
});

/** Square, tall, wide, and batches; a panel has eight columns. */
const RECTANGLES: readonly (readonly number[])[] = [
  [1, 1],
  [3, 3],
  [5, 1],
  [17, 9],
  [9, 17],
  [64, 64],
  [65, 65],
  [130, 40],
  [2, 5, 3],
  [3, 2, 9, 10],
];

function compareQr(backend: WgslBackend, shapes = RECTANGLES): void {
  const wrong: string[] = [];
  for (const shape of shapes) {
    for (const mode of ["reduced", "complete"] as const) {
      const body = (a: Tensor) => Object.values(linalg.qr(a, { mode }));
      wrong.push(...faults(backend, `${mode} qr [${shape}]`, body, [wellConditioned(shape)], 40));
    }
  }
  assertEquals(wrong, []);
}

/** Noise, and more on the diagonal, so that signs and vectors are certain. */
function wellConditioned(shape: readonly number[]): HostArray {
  const array = noise(shape, 12), [m, n] = shape.slice(-2);
  for (let i = 0; i < array.data.length; i++) {
    if (i % n === Math.floor(i / n) % m) array.data[i] = Math.fround(array.data[i] + 2 * Math.sqrt(m));
  }
  return array;
}

gpuTest("qr is shaders, and right in every size", (backend) => compareQr(backend));

gpuTest("qr means the same with the table of a real GPU", async () => {
  compareQr(await backendWith(GPU), [[5, 3], [65, 33], [2, 9, 20]]);
});

gpuTest("qr of a matrix without full rank has orthonormal columns", (backend) => {
  for (const n of [20, 70]) {
    // What elimination leaves of equal columns shrinks from step to step, far below where squares vanish.
    const ones = { ...noise([n, n], 1), data: new Float64Array(n * n).fill(1) };
    const [q] = runGraph(backend, graphOf((a) => Object.values(linalg.qr(a)), [ones]), [ones]);
    assert(skewness(q) < 60 * EPSILON, `${n}: ${skewness(q)}`);
  }
});

gpuTest("routines run in branches and loops that the device decides about", (backend) => {
  const a = solid([5, 5], 31, 6, true), sign = noise([], 32), x = noise([5], 33);
  const branch = (a: Tensor, sign: Tensor) => [
    cond(sign.gt(0), () => linalg.eigh(a).values, () => linalg.cholesky(a).sum({ axis: 0 })) as Tensor,
  ];
  const wrong = [1, -1].flatMap((value) =>
    faults(backend, `branch ${value}`, branch, [a, { ...sign, data: Float64Array.of(value) }], 20)
  );
  const powers = (a: Tensor, x: Tensor) => {
    const [steps, last] = whileLoop(
      ([steps, x]) => x.abs().max().gt(1e-3).and(steps.lt(30)),
      ([steps, x]) => [steps.add(1), linalg.solve(a, x)],
      [zeros([], { dtype: "int32" }), x],
    );
    return [steps, last];
  };
  wrong.push(...faults(backend, "loop", powers, [a, x], 40));
  assertEquals(wrong, []);
});
