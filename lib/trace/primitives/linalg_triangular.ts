/** triangularSolve: X with op(T) X = B for a triangular matrix T. */
import { DTypeError, ShapeError } from "../errors.ts";
import type { Primitive } from "../primitive.ts";
import { type Aval, describe, sameShape } from "../shape.ts";
import { bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { checkSquare, evaluateMatrices, type Part, partOf, product } from "./linalg_algebra.ts";
import { batchAll } from "./zeros.ts";

export interface TriangularSolveParams {
  /** Reads the lower triangle; otherwise the upper one. */
  readonly lower: boolean;
  /** Solves with the transpose of that triangle. */
  readonly transpose: boolean;
  /** Takes the diagonal as ones without reading it. */
  readonly unit: boolean;
}

/** In place on x [n, columns]; all NaN when an element of the diagonal is 0. */
export function triangularSolveInPlace(
  t: Float64Array,
  x: Float64Array,
  n: number,
  { lower, transpose, unit }: TriangularSolveParams,
): void {
  const columns = n === 0 ? 0 : x.length / n;
  const at = (i: number, j: number): number => transpose ? t[j * n + i] : t[i * n + j];
  const forward = lower !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    const pivot = unit ? 1 : at(i, i);
    if (pivot === 0) {
      x.fill(NaN);
      return;
    }
    for (let c = 0; c < columns; c++) {
      let sum = x[i * columns + c];
      for (let k = 0; k < step; k++) {
        const j = forward ? k : n - 1 - k;
        sum -= at(i, j) * x[j * columns + c];
      }
      x[i * columns + c] = sum / pivot;
    }
  }
}

/** Both operands are matrices of one dtype with equal leading axes and numbers of rows. */
export function checkSystem(operation: string, a: Aval, b: Aval): void {
  checkSquare(operation, a);
  const fits = b.shape.length === a.shape.length && sameShape(b.shape.slice(0, -1), a.shape.slice(0, -1));
  if (fits && a.dtype === b.dtype) return;
  const ErrorClass = fits ? DTypeError : ShapeError;
  throw new ErrorClass(
    `${operation}: the right side ${describe(b)} does not fit the matrix ${describe(a)}.`,
    {
      operation,
      arguments: [{ name: "a", shape: a.shape, dtype: a.dtype }, {
        name: "b",
        shape: b.shape,
        dtype: b.dtype,
      }],
      remedy: "The right side must have the dtype, the leading axes and as many rows as the matrix.",
    },
  );
}

/**
 * Linear in B: the cotangent is solved with the transposed matrix. In T: X' = -op(T)^-1 op(T') X, where T' is cut to the
 * triangle that is read.
 */
export const triangularSolvePrimitive: Primitive<TriangularSolveParams> = {
  name: "triangularSolve",
  infer([a, b]) {
    checkSystem("linalg.solveTriangular", a, b);
    return [{ shape: b.shape, dtype: b.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [a], tangents: [tangentA, tangentB], params, outputs: [x] }) {
      const { lower, transpose, unit } = params;
      let right = tangentB;
      if (tangentA) {
        const part: Part = lower ? (unit ? "strictlyLower" : "lower") : unit ? "strictlyUpper" : "upper";
        const moved = product(partOf(tangentA, part), x, { a: transpose });
        right = right ? apply("sub", right, moved) : apply("neg", moved);
      }
      return [right && bindOne(triangularSolvePrimitive, [a, right], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [a], params }) {
      if (!cotangent || !a) return [null, null];
      return [
        null,
        bindOne(triangularSolvePrimitive, [a, cotangent], { ...params, transpose: !params.transpose }),
      ];
    },
  },
  batch(args) {
    return [bindOne(triangularSolvePrimitive, batchAll(args), args.params)];
  },
  evaluate(inputs, params, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2, 2], outputs, [2], ([t, b], [x]) => {
      x.set(b);
      triangularSolveInPlace(t, x, n, params);
    });
  },
  lower({ lower, transpose, unit }) {
    return { kind: "routine", routine: "triangularSolve", options: { lower, transpose, unit } };
  },
  print({ lower, transpose, unit }) {
    return [lower ? "lower" : "upper", transpose ? "transpose" : "", unit ? "unit" : ""]
      .filter((word) => word !== "").join(" ");
  },
};
