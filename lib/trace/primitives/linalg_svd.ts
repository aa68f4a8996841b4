/** svd: the thin singular value decomposition. */
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { bind, bindOne } from "../trace.ts";
import { apply, type NoParams } from "./elementwise_rules.ts";
import {
  asColumn,
  asRow,
  checkMatrix,
  diagonalVector,
  evaluateMatrices,
  product,
  swapped,
} from "./linalg_algebra.ts";
import { reciprocalGap, vectorSign } from "./linalg_eigh.ts";
import { slicePrimitive } from "./move_slice.ts";
import { batchAll } from "./zeros.ts";

const SWEEPS = 60;

/** One-sided Jacobi (Hestenes 1958): rotates the columns of g [m, n], m >= n, until they are orthogonal; v collects the turns. */
function orthogonalise(g: Float64Array, v: Float64Array, m: number, n: number): void {
  for (let sweep = 0, turned = true; turned && sweep < SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        let alpha = 0, beta = 0, gamma = 0;
        for (let i = 0; i < m; i++) {
          const x = g[i * n + p], y = g[i * n + q];
          alpha += x * x;
          beta += y * y;
          gamma += x * y;
        }
        if (Math.abs(gamma) <= 1e-16 * Math.sqrt(alpha * beta) || gamma === 0) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(zeta, 1));
        const c = 1 / Math.hypot(t, 1), s = c * t;
        for (const [matrix, rows] of [[g, m], [v, n]] as const) {
          for (let i = 0; i < rows; i++) {
            const x = matrix[i * n + p], y = matrix[i * n + q];
            matrix[i * n + p] = c * x - s * y;
            matrix[i * n + q] = s * x + c * y;
          }
        }
      }
    }
  }
}

/** A unit vector orthogonal to the first `count` columns of u [m, n] as column `count`. */
function completeColumn(u: Float64Array, m: number, n: number, count: number): void {
  for (let axis = 0; axis < m; axis++) {
    const candidate = new Float64Array(m);
    candidate[axis] = 1;
    for (let round = 0; round < 2; round++) {
      for (let j = 0; j < count; j++) {
        let dot = 0;
        for (let i = 0; i < m; i++) dot += u[i * n + j] * candidate[i];
        for (let i = 0; i < m; i++) candidate[i] -= dot * u[i * n + j];
      }
    }
    const length = Math.hypot(...candidate);
    if (length * length < 0.5 / m) continue;
    for (let i = 0; i < m; i++) u[i * n + count] = candidate[i] / length;
    return;
  }
}

/** u [m, n], s [n], v [n, n] of a [m, n] with m >= n. */
function svdTall(
  a: Float64Array,
  m: number,
  n: number,
  u: Float64Array,
  s: Float64Array,
  v: Float64Array,
): void {
  if (a.some((x) => !Number.isFinite(x))) {
    for (const target of [u, s, v]) target.fill(NaN);
    return;
  }
  const scale = a.reduce((greatest, x) => Math.max(greatest, Math.abs(x)), 0) || 1;
  const g = a.map((x) => x / scale), turns = new Float64Array(n * n);
  for (let i = 0; i < n; i++) turns[i * n + i] = 1;
  orthogonalise(g, turns, m, n);
  const norms = Array.from({ length: n }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < m; i++) sum += g[i * n + j] ** 2;
    return Math.sqrt(sum);
  });
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => norms[j] - norms[i]);
  order.forEach((from, to) => {
    s[to] = norms[from] * scale;
    const sign = vectorSign(turns, n, n, from);
    for (let i = 0; i < n; i++) v[i * n + to] = sign * turns[i * n + from];
    if (norms[from] > 0) { for (let i = 0; i < m; i++) u[i * n + to] = sign * g[i * n + from] / norms[from]; }
    else completeColumn(u, m, n, to);
  });
}

function transposed(a: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = a[i * columns + j];
  return result;
}

/** The first element of the last axis, which is kept. */
function firstOf(s: Tensor): Tensor {
  return bindOne(slicePrimitive, [s], {
    start: s.shape.map(() => 0),
    stop: s.shape.map((extent, axis) => axis === s.ndim - 1 ? 1 : extent),
    step: s.shape.map(() => 1),
  });
}

/**
 * Outputs U [m, k], s [k] in descending order, V^T [k, n], k = min(m, n). With D = U^T A' V (Giles 2008, 3.2):
 * s' = diag(D), U' = U (F * (D S + S D^T)) + (I - U U^T) A' V S^-1, V' = V (F * (S D + D^T S)) + (I - V V^T) A'^T U S^-1,
 * where F_ij = 1 / ((s_j - s_i)(s_j + s_i)); terms of equal singular values and inverses of zeros are left out.
 */
export const svdPrimitive: Primitive<NoParams> = {
  name: "svd",
  infer([a]) {
    checkMatrix("linalg.svd", a);
    const lead = a.shape.slice(0, -2);
    const [m, n] = a.shape.slice(-2);
    const k = Math.min(m, n);
    const { dtype } = a;
    return [{ shape: [...lead, m, k], dtype }, { shape: [...lead, k], dtype }, {
      shape: [...lead, k, n],
      dtype,
    }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a], tangents: [tangent], outputs: [u, s, vt] }) {
      if (!tangent || a.size === 0) return [null, null, null];
      const [m, n] = a.shape.slice(-2);
      const size = Math.max(m, n), k = Math.min(m, n);
      const right = product(tangent, vt, { b: true }), left = product(tangent, u, { a: true });
      const d = product(u, right, { a: true });
      const row = asRow(s), column = asColumn(s);
      const greatest = asColumn(firstOf(s));
      const gap = apply(
        "mul",
        reciprocalGap(apply("sub", row, column), greatest, size),
        reciprocalGap(apply("add", row, column), greatest, size),
      );
      const scaled = apply("mul", d, row), mirrored = swapped(scaled);
      let tangentU = product(u, apply("mul", gap, apply("add", scaled, mirrored)));
      const scaledV = apply("mul", d, column);
      let tangentV = product(vt, apply("mul", gap, apply("add", scaledV, swapped(scaledV))), { a: true });
      const inverse = asRow(reciprocalGap(s, firstOf(s), size));
      if (m > k) {
        const outside = apply("sub", right, product(u, d));
        tangentU = apply("add", tangentU, apply("mul", outside, inverse));
      }
      if (n > k) {
        const outside = apply("sub", left, product(vt, d, { a: true, b: true }));
        tangentV = apply("add", tangentV, apply("mul", outside, inverse));
      }
      return [tangentU, diagonalVector(d), swapped(tangentV)];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return bind(svdPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    const [m, n] = inputs[0].shape.slice(-2);
    return evaluateMatrices(inputs, [2], outputs, [2, 1, 2], ([a], [u, s, vt]) => {
      const k = Math.min(m, n);
      if (m >= n) {
        const v = new Float64Array(k * k);
        svdTall(a, m, n, u, s, v);
        vt.set(transposed(v, k, k));
        return;
      }
      const v = new Float64Array(n * k), w = new Float64Array(k * k);
      svdTall(transposed(a, m, n), n, m, v, s, w);
      u.set(w);
      vt.set(transposed(v, n, k));
    });
  },
  lower() {
    return { kind: "routine", routine: "svd", options: {} };
  },
  print() {
    return "";
  },
};
