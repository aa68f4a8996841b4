/** Matrix decompositions: Cholesky, QR, singular values, symmetric eigenvalues. */
import { DamoError } from "../../errors.ts";
import { apply, constantLike, NO_PARAMS } from "../../primitives/elementwise_rules.ts";
import { block, identityLike, product, swapped } from "../../primitives/linalg_algebra.ts";
import { choleskyPrimitive } from "../../primitives/linalg_cholesky.ts";
import { eighPrimitive } from "../../primitives/linalg_eigh.ts";
import { qrPrimitive } from "../../primitives/linalg_qr.ts";
import { svdPrimitive } from "../../primitives/linalg_svd.ts";
import { concatPrimitive } from "../../primitives/move_concat.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import type { TensorLike } from "../convert.ts";
import { checkOptions } from "../options.ts";
import { matrix, squareMatrix } from "./operands.ts";

/** Options of {@link cholesky} and {@link eigh}. */
export interface SymmetricOptions {
  /**
   * Takes the mean of the matrix and its transpose, so that gradients are symmetric; true by default. Otherwise only the
   * lower triangle is read, as in NumPy, and gradients are lower triangular.
   */
  readonly symmetrize?: boolean;
}

function symmetricOperand(
  operation: string,
  a: TensorLike,
  options: SymmetricOptions,
): readonly [x: Tensor, symmetrize: boolean] {
  checkOptions(operation, options, ["symmetrize"]);
  return [squareMatrix(operation, a), options.symmetrize !== false];
}

function symmetric(x: Tensor, symmetrize: boolean): Tensor {
  if (!symmetrize) return x;
  const half = constantLike(x, 0.5);
  return apply("add", apply("mul", x, half), apply("mul", swapped(x), half));
}

/**
 * The lower triangular L with a positive diagonal and `L transpose(L) = a`, for symmetric positive definite matrices
 * `[..., n, n]`. A matrix that is not positive definite gives NaN throughout, inside and outside compiled functions.
 * Derivatives: Murray, "Differentiation of the Cholesky decomposition", 2016.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(String(linalg.cholesky(tensor([[4, 2], [2, 5]])).arraySync()) === "2,0,1,2");
 * ```
 */
export function cholesky(a: TensorLike, options: SymmetricOptions = {}): Tensor {
  return whole("linalg.cholesky", choleskyOf, ...symmetricOperand("linalg.cholesky", a, options));
}

function choleskyOf(x: Tensor, symmetrize: boolean): Tensor {
  return bindOne(choleskyPrimitive, [symmetric(x, symmetrize)], NO_PARAMS);
}

/** What {@link eigh} gives. */
export interface Eigen {
  /** `[..., n]`, in ascending order. */
  readonly values: Tensor;
  /** `[..., n, n]`: the columns are orthonormal eigenvectors. */
  readonly vectors: Tensor;
}

/**
 * Eigenvalues and eigenvectors of symmetric matrices `[..., n, n]`. The sign of each vector is chosen so that its first
 * component of at least half the greatest magnitude is positive. A matrix with NaN or infinities gives NaN.
 *
 * Derivatives (Giles, "Collected matrix derivative results", 2008): where eigenvalues are equal to rounding, the
 * derivative of their vectors is taken as 0 within the group, which is exact for everything that does not depend on
 * the choice of a basis of the group, and otherwise arbitrary.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const { values } = linalg.eigh(tensor([[3, 0], [0, 1]]));
 * console.assert(String(values.arraySync()) === "1,3");
 * ```
 */
export function eigh(a: TensorLike, options: SymmetricOptions = {}): Eigen {
  const [values, vectors] = whole("linalg.eigh", eighOf, ...symmetricOperand("linalg.eigh", a, options));
  return { values, vectors };
}

function eighOf(x: Tensor, symmetrize: boolean): readonly Tensor[] {
  return bind(eighPrimitive, [symmetric(x, symmetrize)], NO_PARAMS);
}

/** Options of {@link qr}. */
export interface QrOptions {
  /** "reduced" (the default): Q has min(m, n) columns; "complete": Q is square. */
  readonly mode?: "reduced" | "complete";
}

/** What {@link qr} gives. */
export interface Qr {
  /** Orthonormal columns. */
  readonly q: Tensor;
  /** Upper triangular. */
  readonly r: Tensor;
}

/**
 * `a = q r` with orthonormal columns q and upper triangular r, for matrices `[..., m, n]`, by Householder reflections with
 * LAPACK's signs (the diagonal of r may be negative). The derivative of the
 * columns that complete q is taken as 0 within the space they span, which is exact for everything that does not depend on
 * the choice of its basis. Derivatives at a matrix without full rank are not finite.
 *
 * @throws {DamoError} for an unknown mode.
 * @example
 * ```ts
 * import { linalg, matmul, tensor } from "@damo/damo";
 * const { q, r } = linalg.qr(tensor([[3, 1], [4, 2], [0, 5]]));
 * console.assert(q.shape.join() === "3,2" && matmul(q, r).sub(tensor([[3, 1], [4, 2], [0, 5]])).abs().max().itemSync() < 1e-5);
 * ```
 */
export function qr(a: TensorLike, options: QrOptions = {}): Qr {
  checkOptions("linalg.qr", options, ["mode"]);
  const { mode = "reduced" } = options;
  if (mode !== "reduced" && mode !== "complete") {
    throw new DamoError(`linalg.qr: mode is ${JSON.stringify(mode)}.`, {
      operation: "linalg.qr",
      arguments: [{ name: "mode", value: mode }],
      remedy: 'Use "reduced" or "complete".',
    });
  }
  const x = matrix("linalg.qr", a);
  const [m, n] = x.shape.slice(-2);
  if (m >= n) {
    const [q, r] = bind(qrPrimitive, [x], { complete: mode === "complete" && m > n });
    return { q, r };
  }
  // The first m columns determine Q, and the others are turned by it.
  const [q, first] = bind(qrPrimitive, [block(x, [0, m], [0, m])], { complete: false });
  const rest = product(q, block(x, [0, m], [m, n]), { a: true });
  return { q, r: bindOne(concatPrimitive, [first, rest], { axis: x.ndim - 1 }) };
}

/** Options of {@link svd}. */
export interface SvdOptions {
  /**
   * Square u and vt, as in NumPy by default; with false u has min(m, n) columns and vt as many rows.
   */
  readonly fullMatrices?: boolean;
}

/** What {@link svd} gives: `a = u diag(s) vt`. */
export interface Svd {
  /** Orthonormal columns. */
  readonly u: Tensor;
  /** `[..., min(m, n)]`, in descending order. */
  readonly s: Tensor;
  /** Orthonormal rows. */
  readonly vt: Tensor;
}

/** Orthonormal columns [.., m, k] completed to a square matrix; the added ones are arbitrary. */
function completeColumns(u: Tensor): Tensor {
  const [m, k] = u.shape.slice(-2);
  if (k === 0) return identityLike(u.aval, m);
  const [q] = bind(qrPrimitive, [u], { complete: true });
  return bindOne(concatPrimitive, [u, block(q, [0, m], [k, m])], { axis: u.ndim - 1 });
}

/**
 * The singular value decomposition of matrices `[..., m, n]`. The sign of each pair of vectors is chosen so that, of the
 * shorter one (of v when they are equally long), the first component of at least half the greatest magnitude is positive. A
 * matrix with NaN or infinities gives NaN.
 *
 * Derivatives (Giles 2008) follow the rule of {@link eigh} where singular values are equal to rounding; inverses of
 * those that are 0 to rounding are taken as 0. The vectors that `fullMatrices` adds follow the rule of {@link qr}.
 *
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const { u, s, vt } = linalg.svd(tensor([[3, 0], [0, 4], [0, 0]]), { fullMatrices: false });
 * console.assert(u.shape.join() === "3,2" && String(s.arraySync()) === "4,3" && vt.shape.join() === "2,2");
 * ```
 */
export function svd(a: TensorLike, options: SvdOptions = {}): Svd {
  checkOptions("linalg.svd", options, ["fullMatrices"]);
  const x = matrix("linalg.svd", a);
  const [m, n] = x.shape.slice(-2);
  const [u, s, vt] = bind(svdPrimitive, [x], NO_PARAMS);
  if (options.fullMatrices === false || m === n) return { u, s, vt };
  return m > n ? { u: completeColumns(u), s, vt } : { u, s, vt: swapped(completeColumns(swapped(vt))) };
}
