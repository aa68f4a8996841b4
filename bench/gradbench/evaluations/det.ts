/** det: the determinant by expansion along rows. */
import { grad, jit, type Tensor, tensor } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/** The sets of `size` columns out of `count`, each in order, in lexicographic order. */
function columnSets(count: number, size: number): number[][] {
  if (size === 0) return [[]];
  const sets: number[][] = [];
  for (let first = 0; first <= count - size; first++) {
    for (const rest of columnSets(count - first - 1, size - 1)) {
      sets.push([first, ...rest.map((column) => column + first + 1)]);
    }
  }
  return sets;
}

/**
 * Expansion by minors from the last row up. The minors of the last `size` rows are a vector, one for each set of
 * columns, so that a minor which occurs in several expansions is computed once:
 * minor(S) = sum_t (-1)^t A[row, S_t] minor(S without S_t).
 */
function determinant(matrix: Tensor): Tensor {
  const n = matrix.shape[0];
  let minors = matrix.at(n - 1);
  let numbers = new Map(columnSets(n, 1).map((set, i) => [String(set), i]));
  for (let size = 2; size <= n; size++) {
    const sets = columnSets(n, size);
    const factors = matrix.at(n - size).take(tensor(sets, { dtype: "int32" }));
    const smaller = sets.map((set) => set.map((_, t) => numbers.get(String(set.toSpliced(t, 1)))!));
    const signs = doubles(Array.from({ length: size }, (_, t) => t % 2 === 0 ? 1 : -1));
    minors = factors.mul(signs).mul(minors.take(tensor(smaller, { dtype: "int32" }))).sum({ axis: 1 });
    numbers = new Map(sets.map((set, i) => [String(set), i]));
  }
  return minors.at(0);
}

interface Input {
  readonly A: readonly number[];
  readonly ell: number;
}

const prepare = ({ A, ell }: Input): [Tensor] => [doubles(A).reshape([ell, ell])];

export const det: Evaluation = {
  primal: evaluated(jit(determinant), { prepare, output: numberOf }),
  gradient: evaluated(jit(grad(determinant)), { prepare, output: (g) => arrayOf(g.ravel()) }),
};
