/** eig: eigenvalues and eigenvectors of matrices that need not be symmetric. */
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { bind } from "../trace.ts";
import type { NoParams } from "./elementwise_rules.ts";
import { type Schur, toHessenberg, toSchur } from "./hessenberg.ts";
import { checkSquare, evaluateMatrices } from "./linalg_algebra.ts";
import { schurVector } from "./schur_vectors.ts";
import { batchAll } from "./zeros.ts";

function eigen(a: Float64Array, n: number, outputs: readonly Float64Array[]): void {
  const [re, im, vectorsRe, vectorsIm] = outputs;
  const values = { re: new Float64Array(n), im: new Float64Array(n) };
  const finite = a.every(Number.isFinite);
  const schur: Schur | null = finite ? { n, ...toHessenberg(a, n), ...values } : null;
  if (!schur || !toSchur(schur)) return outputs.forEach((output) => output.fill(NaN));
  const order = Array.from({ length: n }, (_, i) => i)
    .sort((i, j) => values.re[i] - values.re[j] || values.im[j] - values.im[i]);
  order.forEach((from, to) => {
    re[to] = values.re[from];
    im[to] = values.im[from];
    const sign = values.im[from] < 0 ? -1 : 1;
    const vector = schurVector(schur, sign < 0 ? from - 1 : from);
    for (let i = 0; i < n; i++) {
      vectorsRe[i * n + to] = vector.re[i];
      vectorsIm[i * n + to] = sign * vector.im[i];
    }
  });
}

/** Outputs: real and imaginary parts of the values [..., n], then of the vectors [..., n, n], columns. */
export const eigPrimitive: Primitive<NoParams> = {
  name: "eig",
  infer([a]) {
    checkSquare("linalg.eig", a);
    const { shape, dtype } = a, values = { shape: shape.slice(0, -1), dtype };
    return [values, values, { shape, dtype }, { shape, dtype }];
  },
  derivative: notDifferentiable(
    "Eigenvectors of matrices that are not symmetric have none where eigenvalues meet, and no rule is built. " +
      "Use linalg.eigh for symmetric matrices.",
    "error",
  ),
  linear: NOT_LINEAR,
  batch(args) {
    return bind(eigPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, _params, outputs) {
    const n = inputs[0].shape[inputs[0].shape.length - 1];
    return evaluateMatrices(inputs, [2], outputs, [1, 1, 2, 2], ([a], results) => eigen(a, n, results));
  },
  lower() {
    return { kind: "host" };
  },
  print() {
    return "";
  },
};
