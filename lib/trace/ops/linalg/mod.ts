/**
 * Linear algebra on the last two axes, batched over those before.
 *
 * @module
 */
export { kron } from "../linear_algebra.ts";
export {
  cholesky,
  type Eigen,
  eigh,
  type Qr,
  qr,
  type QrOptions,
  type Svd,
  svd,
  type SvdOptions,
  type SymmetricOptions,
} from "./decompositions.ts";
export { type Complex, type ComplexEigen, eig } from "./eig.ts";
export { det, type SignAndLog, slogdet } from "./determinant.ts";
export { lstsq, pinv, type RankOptions } from "./least_squares.ts";
export { type MatrixNormOptions, norm } from "./norm.ts";
export { expm, matrixPower } from "./power.ts";
export { inv, solve, solveTriangular, type TriangularOptions } from "./solve.ts";
