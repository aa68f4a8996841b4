/** Matrix decompositions as shaders: sizes around those of blocks, batches, loops, and both tuning tables. */
import { assert, assertEquals } from "@std/assert";
import { linalg, type Tensor } from "@damo/damo";
import { scan } from "../../../lib/mod.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { GPU } from "../../../lib/jit/wgsl/tuning.ts";
import { runGraph } from "../../support/run_graph.ts";
import { faults, graphOf, noise, solid } from "./routine_support.ts";
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
