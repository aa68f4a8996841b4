/** lu with partial pivoting, and luSolve: systems solved through it. */
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { bind, bindOne } from "../trace.ts";
import { apply, type NoParams } from "./elementwise_rules.ts";
import { checkSquare, evaluateMatrices, partOf, permuteRows, product, swapped } from "./linalg_algebra.ts";
import { checkSystem, triangularSolveInPlace, triangularSolvePrimitive } from "./linalg_triangular.ts";
import { batchAll } from "./zeros.ts";

/** In place; fills the permutation and returns its sign. A column without a pivot leaves a 0 on the diagonal. */
function luInPlace(a: Float64Array, permutation: Float64Array, n: number): number {
  let parity = 1;
  for (let i = 0; i < n; i++) permutation[i] = i;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i;
    if (best !== k) {
      parity = -parity;
      [permutation[k], permutation[best]] = [permutation[best], permutation[k]];
      for (let j = 0; j < n; j++) [a[k * n + j], a[best * n + j]] = [a[best * n + j], a[k * n + j]];
    }
    if (a[k * n + k] === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k] /= a[k * n + k];
      for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return parity;
}

/**
 * Outputs: L below the diagonal (whose own is ones) and U on and above it, in one matrix; the permutation p, row i of
 * L U being row p[i] of A (int32); its sign (int32). With X = L^-1 P A' U^-1: L' = L stril(X), U' = triu(X) U.
 */
export const luPrimitive: Primitive<NoParams> = {
  name: "lu",
  infer([a]) {
    checkSquare("linalg.lu", a);
    const lead = a.shape.slice(0, -2);
    return [
      { shape: a.shape, dtype: a.dtype },
      { shape: a.shape.slice(0, -1), dtype: "int32" },
      { shape: lead, dtype: "int32" },
    ];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], outputs: [lu, permutation] }) {
      if (!tangent) return [null, null, null];
      const left = bindOne(triangularSolvePrimitive, [lu, permuteRows(tangent, permutation)], {
        lower: true,
        transpose: false,
        unit: true,
      });
      const x = swapped(bindOne(triangularSolvePrimitive, [lu, swapped(left)], {
        lower: false,
        transpose: true,
        unit: false,
      }));
      const below = partOf(x, "strictlyLower");
      const lower = apply("add", product(partOf(lu, "strictlyLower"), below), below);
      const upper = product(partOf(x, "upper"), partOf(lu, "upper"));
      return [apply("add", lower, upper), null, null];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return bind(luPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2], outputs, [2, 1, 0], ([a], [lu, permutation, parity]) => {
      lu.set(a);
      parity[0] = luInPlace(lu, permutation, n);
    });
  },
  lower() {
    return { kind: "routine", routine: "lu", options: {} };
  },
  print() {
    return "";
  },
};

export interface LuSolveParams {
  /** Solves with the transpose of the matrix. */
  readonly transpose: boolean;
}

/**
 * X with op(A) X = B, of inputs (A, lu, p, B), where lu and p are A's own factors, which enter derivatives only through
 * A. Linear in B; X' = op(A)^-1 (B' - op(A') X), so that derivatives of any order use the one factorisation.
 */
export const luSolvePrimitive: Primitive<LuSolveParams> = {
  name: "luSolve",
  infer([a, , , b]) {
    checkSystem("linalg.solve", a, b);
    return [{ shape: b.shape, dtype: b.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a, lu, permutation], tangents: [tangentA, , , tangentB], params, outputs: [x] }) {
      let right = tangentB;
      if (tangentA) {
        const moved = product(tangentA, x, { a: params.transpose });
        right = right ? apply("sub", right, moved) : apply("neg", moved);
      }
      return [right && bindOne(luSolvePrimitive, [a, lu, permutation, right], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [a, lu, permutation, b], params }) {
      if (!cotangent || b || !a || !lu || !permutation) return [null, null, null, null];
      const transposed = { transpose: !params.transpose };
      return [null, null, null, bindOne(luSolvePrimitive, [a, lu, permutation, cotangent], transposed)];
    },
  },
  batch(args) {
    return [bindOne(luSolvePrimitive, batchAll(args), args.params)];
  },
  evaluate(inputs, { transpose }, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2, 2, 1, 2], outputs, [2], ([, lu, permutation, b], [x]) => {
      const columns = n === 0 ? 0 : b.length / n;
      const lower = { lower: true, transpose, unit: true }, upper = { lower: false, transpose, unit: false };
      const row = (from: Float64Array, i: number) => from.subarray(i * columns, (i + 1) * columns);
      if (!transpose) {
        for (let i = 0; i < n; i++) x.set(row(b, permutation[i]), i * columns);
        triangularSolveInPlace(lu, x, n, lower);
        triangularSolveInPlace(lu, x, n, upper);
        return;
      }
      triangularSolveInPlace(lu, b, n, upper);
      triangularSolveInPlace(lu, b, n, lower);
      for (let i = 0; i < n; i++) x.set(row(b, i), permutation[i] * columns);
    });
  },
  lower({ transpose }) {
    return { kind: "routine", routine: "luSolve", options: { transpose } };
  },
  print({ transpose }) {
    return transpose ? "transpose" : "";
  },
};
