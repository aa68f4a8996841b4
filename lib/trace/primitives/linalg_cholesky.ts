/** cholesky: the lower triangular L with L L^T = A. */
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { bindOne } from "../trace.ts";
import type { NoParams } from "./elementwise_rules.ts";
import {
  checkSquare,
  evaluateMatrices,
  lowerHalf,
  product,
  swapped,
  symmetricFromLower,
} from "./linalg_algebra.ts";
import { triangularSolvePrimitive } from "./linalg_triangular.ts";
import { batchAll } from "./zeros.ts";

/** In place, from the lower triangle of a; all NaN when a is not positive definite. */
function choleskyInPlace(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      if (i > j) a[i * n + j] = sum / a[j * n + j];
      else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
      else {
        a.fill(NaN);
        return;
      }
    }
    a.fill(0, i * n + i + 1, (i + 1) * n);
  }
}

/**
 * Reads the lower triangle only. L' = L Phi(L^-1 A' L^-T), where Phi takes the lower triangle and half of the diagonal
 * (Murray, "Differentiation of the Cholesky decomposition", 2016), and A' is mirrored from its lower triangle.
 */
export const choleskyPrimitive: Primitive<NoParams> = {
  name: "cholesky",
  infer([a]) {
    checkSquare("linalg.cholesky", a);
    return [{ shape: a.shape, dtype: a.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], outputs: [l] }) {
      if (!tangent) return [null];
      const solve = { lower: true, transpose: false, unit: false };
      const left = bindOne(triangularSolvePrimitive, [l, symmetricFromLower(tangent)], solve);
      // The transpose of L^-1 A' is A' L^-T.
      const both = bindOne(triangularSolvePrimitive, [l, swapped(left)], solve);
      return [product(l, lowerHalf(both))];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return [bindOne(choleskyPrimitive, batchAll(args), args.params)];
  },
  evaluate(inputs, _params, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2], outputs, [2], ([a], [l]) => {
      l.set(a);
      choleskyInPlace(l, n);
    });
  },
  lower() {
    return { kind: "routine", routine: "cholesky", options: {} };
  },
  print() {
    return "";
  },
};
