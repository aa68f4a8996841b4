/** qr: by Householder reflections. */
import { GradientError } from "../errors.ts";
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { type Aval, describe } from "../shape.ts";
import { bind, bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { block, checkMatrix, evaluateMatrices, partOf, product, swapped } from "./linalg_algebra.ts";
import { triangularSolvePrimitive } from "./linalg_triangular.ts";
import { concatPrimitive } from "./move_concat.ts";
import { batchAll, filled } from "./zeros.ts";

export interface QrParams {
  /** Q is square and R has the shape of A; otherwise Q has min(m, n) columns. */
  readonly complete: boolean;
}

/**
 * Reflections I - tau v v^T that turn a [m, n] into R in place, the vectors (with v_k = 1) below the diagonal; returns
 * the taus. The sign convention is LAPACK's: the diagonal of R has the sign opposite to the element it replaces.
 */
function householderInPlace(a: Float64Array, m: number, n: number): Float64Array {
  const k = Math.min(m, n);
  const taus = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    let below = 0;
    for (let i = j + 1; i < m; i++) below = Math.hypot(below, a[i * n + j]);
    if (below === 0) continue;
    const alpha = a[j * n + j];
    const beta = -Math.sign(alpha || 1) * Math.hypot(alpha, below);
    const tau = taus[j] = (beta - alpha) / beta;
    for (let i = j + 1; i < m; i++) a[i * n + j] /= alpha - beta;
    a[j * n + j] = beta;
    for (let c = j + 1; c < n; c++) {
      let sum = a[j * n + c];
      for (let i = j + 1; i < m; i++) sum += a[i * n + j] * a[i * n + c];
      sum *= tau;
      a[j * n + c] -= sum;
      for (let i = j + 1; i < m; i++) a[i * n + c] -= sum * a[i * n + j];
    }
  }
  return taus;
}

/** The first `columns` columns of the product of the reflections. */
function reflectionsProduct(
  a: Float64Array,
  taus: Float64Array,
  m: number,
  n: number,
  q: Float64Array,
  columns: number,
): void {
  q.fill(0);
  for (let j = 0; j < columns; j++) q[j * columns + j] = 1;
  for (let j = taus.length - 1; j >= 0; j--) {
    for (let c = 0; c < columns; c++) {
      let sum = q[j * columns + c];
      for (let i = j + 1; i < m; i++) sum += a[i * n + j] * q[i * columns + c];
      sum *= taus[j];
      q[j * columns + c] -= sum;
      for (let i = j + 1; i < m; i++) q[i * columns + c] -= sum * a[i * n + j];
    }
  }
}

function wideError(a: Aval): GradientError {
  return new GradientError(
    `qr: the rule is for matrices with at least as many rows as columns, not ${describe(a)}.`,
    {
      operation: "linalg.qr",
      arguments: [{ name: "a", shape: a.shape, dtype: a.dtype }],
      remedy: "Use linalg.qr, which decomposes the first columns and turns the others.",
    },
  );
}

/**
 * A = Q R. With C = Q^T A' R^-1 and the antisymmetric W = stril(C) - stril(C)^T: Q' = Q (W - C) + A' R^-1 and
 * R' = (C - W) R. The columns Z that complete Q have Z' = -Q Q'^T Z: they stay orthogonal and do not turn among
 * themselves. For more columns than rows the operation splits A first.
 */
export const qrPrimitive: Primitive<QrParams> = {
  name: "qr",
  infer([a], { complete }) {
    checkMatrix("linalg.qr", a);
    const lead = a.shape.slice(0, -2);
    const [m, n] = a.shape.slice(-2);
    const k = complete ? m : Math.min(m, n);
    return [{ shape: [...lead, m, k], dtype: a.dtype }, { shape: [...lead, k, n], dtype: a.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a], tangents: [tangent], outputs }) {
      if (!tangent) return [null, null];
      const [m, n] = a.shape.slice(-2);
      if (m < n) throw wideError(a.aval);
      const q = block(outputs[0], [0, m], [0, n]), r = block(outputs[1], [0, n], [0, n]);
      // T R^-1 is (R^-T T^T)^T.
      const scaled = swapped(bindOne(triangularSolvePrimitive, [r, swapped(tangent)], {
        lower: false,
        transpose: true,
        unit: false,
      }));
      const c = product(q, scaled, { a: true });
      const below = partOf(c, "strictlyLower");
      const turn = apply("sub", below, swapped(below));
      const tangentQ = apply("add", product(q, apply("sub", turn, c)), scaled);
      const tangentR = product(partOf(apply("sub", c, turn), "upper"), r);
      const columns = outputs[0].shape[a.ndim - 1];
      if (columns === n) return [tangentQ, tangentR];
      const rest = block(outputs[0], [0, m], [n, columns]);
      const tangentRest = apply("neg", product(q, product(tangentQ, rest, { a: true })));
      return [
        bindOne(concatPrimitive, [tangentQ, tangentRest], { axis: a.ndim - 1 }),
        bindOne(concatPrimitive, [
          tangentR,
          filled(0, { shape: [...a.shape.slice(0, -2), m - n, n], dtype: a.dtype }),
        ], {
          axis: a.ndim - 2,
        }),
      ];
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return bind(qrPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    const [m, n] = inputs[0].shape.slice(-2);
    const [, k] = outputs[0].shape.slice(-2);
    return evaluateMatrices(inputs, [2], outputs, [2, 2], ([a], [q, r]) => {
      const taus = householderInPlace(a, m, n);
      reflectionsProduct(a, taus, m, n, q, k);
      for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r[i * n + j] = a[i * n + j];
    });
  },
  lower({ complete }) {
    return { kind: "routine", routine: "qr", options: { complete } };
  },
  print({ complete }) {
    return complete ? "complete" : "";
  },
};
