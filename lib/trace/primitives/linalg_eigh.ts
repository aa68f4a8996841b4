/** eigh: eigenvalues and eigenvectors of symmetric matrices. */
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bind, bindOne } from "../trace.ts";
import { apply, constantLike, type NoParams } from "./elementwise_rules.ts";
import {
  asColumn,
  asRow,
  checkSquare,
  diagonalVector,
  epsilonOf,
  evaluateMatrices,
  product,
  symmetricFromLower,
} from "./linalg_algebra.ts";
import { reductions } from "./reduce.ts";
import { batchAll } from "./zeros.ts";

/** Rotations stop when no off-diagonal element matters any more; sweeps beyond these do not occur. */
const SWEEPS = 60;

/** The rotation (c, s) that makes the off-diagonal element of [[a, b], [b, d]] zero. */
function jacobiRotation(a: number, b: number, d: number): [number, number] {
  const theta = (d - a) / (2 * b);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  return [c, t * c];
}

/**
 * A sign for each vector (a column of v [n, columns]) that does not depend on the algorithm: the first component of at
 * least half the greatest magnitude is positive.
 */
export function vectorSign(v: Float64Array, n: number, columns: number, column: number): number {
  let greatest = 0;
  for (let i = 0; i < n; i++) greatest = Math.max(greatest, Math.abs(v[i * columns + column]));
  for (let i = 0; i < n; i++) {
    const value = v[i * columns + column];
    if (2 * Math.abs(value) >= greatest && value !== 0) return value < 0 ? -1 : 1;
  }
  return 1;
}

/** Cyclic Jacobi (Golub and Van Loan, 8.5) on a symmetric a, destroyed. */
function jacobiEigen(a: Float64Array, values: Float64Array, vectors: Float64Array, n: number): void {
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  if (a.some((x) => !Number.isFinite(x))) {
    values.fill(NaN);
    vectors.fill(NaN);
    return;
  }
  for (let sweep = 0, turned = true; turned && sweep < SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const b = a[p * n + q];
        if (
          Math.abs(b) <= 1e-17 * Math.sqrt(Math.abs(a[p * n + p])) * Math.sqrt(Math.abs(a[q * n + q])) ||
          Math.abs(b) < 1e-300
        ) {
          continue;
        }
        turned = true;
        const [c, s] = jacobiRotation(a[p * n + p], b, a[q * n + q]);
        for (let k = 0; k < n; k++) {
          const x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
        }
        a[p * n + q] = a[q * n + p] = 0;
        for (let k = 0; k < n; k++) {
          const x = v[k * n + p], y = v[k * n + q];
          v[k * n + p] = c * x - s * y;
          v[k * n + q] = s * x + c * y;
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[i * n + i] - a[j * n + j]);
  order.forEach((from, to) => {
    values[to] = a[from * n + from];
    const sign = vectorSign(v, n, n, from);
    for (let k = 0; k < n; k++) vectors[k * n + to] = sign * v[k * n + from];
  });
}

/**
 * 1 / difference where the difference is greater than what rounding makes of equal values of size up to `scale`, else
 * 0: within a group of equal values the derivative of the vectors is taken as 0. That is exact for everything that does not
 * depend on which basis of the group was chosen.
 */
export function reciprocalGap(difference: Tensor, scale: Tensor, size: number): Tensor {
  const limit = apply("mul", scale, constantLike(scale, size * epsilonOf(scale.dtype)));
  const apart = apply("gt", apply("abs", difference), limit);
  const safe = apply("select", apart, difference, constantLike(difference, 1));
  return apply("select", apart, apply("reciprocal", safe), constantLike(difference, 0));
}

/**
 * Outputs: the eigenvalues in ascending order, the eigenvectors as columns; reads the lower triangle only. With
 * D = V^T A' V: w' = diag(D), V' = V (F * D), where F_ij = 1 / (w_j - w_i) (Giles 2008, 3.1).
 */
export const eighPrimitive: Primitive<NoParams> = {
  name: "eigh",
  infer([a]) {
    checkSquare("linalg.eigh", a);
    return [{ shape: a.shape.slice(0, -1), dtype: a.dtype }, { shape: a.shape, dtype: a.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a], tangents: [tangent], outputs: [values, vectors] }) {
      if (!tangent) return [null, null];
      if (a.size === 0) return [null, null];
      const turned = product(vectors, product(symmetricFromLower(tangent), vectors), { a: true });
      const greatest = bindOne(reductions.max, [apply("abs", values)], { axes: [values.ndim - 1] });
      const gap = reciprocalGap(
        apply("sub", asRow(values), asColumn(values)),
        asColumn(asColumn(greatest)),
        a.shape[a.ndim - 1],
      );
      return [diagonalVector(turned), product(vectors, apply("mul", turned, gap))];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return bind(eighPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2], outputs, [1, 2], ([a], [values, vectors]) => {
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) a[i * n + j] = a[j * n + i];
      jacobiEigen(a, values, vectors, n);
    });
  },
  lower() {
    return { kind: "routine", routine: "eigh", options: {} };
  },
  print() {
    return "";
  },
};
