/** Eigenvalues of matrices that need not be symmetric. */
import { NO_PARAMS } from "../../primitives/elementwise_rules.ts";
import { eigPrimitive } from "../../primitives/linalg_eig.ts";
import type { Tensor } from "../../tensor.ts";
import { bind } from "../../trace.ts";
import type { TensorLike } from "../convert.ts";
import { squareMatrix } from "./operands.ts";

/** Complex numbers as two tensors of one shape. */
export interface Complex {
  /** The real parts. */
  readonly re: Tensor;
  /** The imaginary parts. */
  readonly im: Tensor;
}

/** What {@link eig} gives. */
export interface ComplexEigen {
  /** `[..., n]`, by ascending real part; of a conjugate pair the one with the positive imaginary part first. */
  readonly values: Complex;
  /** `[..., n, n]`: the columns are eigenvectors of length 1 whose first component of greatest size is real and positive. */
  readonly vectors: Complex;
}

/**
 * Eigenvalues and eigenvectors of matrices `[..., n, n]` that need not be symmetric; for symmetric ones `eigh` is faster
 * and has gradients. Computed on the host in float64, on every device, by QR steps with two shifts on the Hessenberg form
 * (J. H. Wilkinson and C. Reinsch, "Handbook for Automatic Computation II", 1971). A matrix with NaN or infinities gives
 * NaN. There is no gradient.
 *
 * @throws {ShapeError} when `a` is not square.
 * @throws {GradientError} when it is differentiated.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const { values } = linalg.eig(tensor([[0, -1], [1, 0]]));
 * console.assert(String(values.re.arraySync()) === "0,0" && String(values.im.arraySync()) === "1,-1");
 * ```
 */
export function eig(a: TensorLike): ComplexEigen {
  const [re, im, vectorsRe, vectorsIm] = bind(eigPrimitive, [squareMatrix("linalg.eig", a)], NO_PARAMS);
  return { values: { re, im }, vectors: { re: vectorsRe, im: vectorsIm } };
}
