/** Systems of linear equations and inverses. */
import { identityLike } from "../../primitives/linalg_algebra.ts";
import { luPrimitive, luSolvePrimitive } from "../../primitives/linalg_lu.ts";
import { triangularSolvePrimitive } from "../../primitives/linalg_triangular.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import type { TensorLike } from "../convert.ts";
import { checkOptions } from "../options.ts";
import { constant, floats, squareMatrix, systemOf } from "./operands.ts";

/** a^-1 b through one factorisation, which derivatives of any order use again. */
function solveSquare(a: Tensor, b: Tensor): Tensor {
  const [lu, permutation] = bind(luPrimitive, [constant(a)], {});
  return bindOne(luSolvePrimitive, [a, lu, permutation, b], { transpose: false });
}

/**
 * The x with `a x = b`, by elimination with partial pivoting. `a` is `[..., n, n]`; `b` is a vector `[n]` or matrices
 * `[..., n, k]`; leading axes broadcast. Integers are computed in the default float. The solution of a system whose
 * matrix is singular to the last bit is NaN throughout, inside and outside compiled functions.
 *
 * @throws {ShapeError} when `a` is not square or `b` does not fit.
 * @throws {DTypeError} for float16.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const x = linalg.solve(tensor([[2, 0], [0, 4]]), tensor([2, 2]));
 * console.assert(String(x.arraySync()) === "1,0.5");
 * ```
 */
export function solve(a: TensorLike, b: TensorLike): Tensor {
  const [matrices, sides] = floats("linalg.solve", [a, b]);
  return whole("linalg.solve", solveOf, matrices, sides);
}

function solveOf(a: Tensor, b: Tensor): Tensor {
  const system = systemOf("linalg.solve", a, b, true);
  return system.finish(solveSquare(system.a, system.b));
}

/** Options of {@link solveTriangular}. */
export interface TriangularOptions {
  /** Reads the lower triangle of `a`; the upper one by default. */
  readonly lower?: boolean;
  /** Solves with the transpose of that triangle. */
  readonly transpose?: boolean;
  /** Takes the diagonal as ones without reading it. */
  readonly unitDiagonal?: boolean;
}

/**
 * The x with `t x = b`, or `transpose(t) x = b`, where t is one triangle of `a` and the other is not read. Shapes are
 * those of {@link solve}. A zero on the diagonal makes the solution NaN throughout.
 *
 * @throws {ShapeError} when `a` is not square or `b` does not fit.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const x = linalg.solveTriangular(tensor([[2, 0], [1, 1]]), tensor([2, 3]), { lower: true });
 * console.assert(String(x.arraySync()) === "1,2");
 * ```
 */
export function solveTriangular(a: TensorLike, b: TensorLike, options: TriangularOptions = {}): Tensor {
  checkOptions("linalg.solveTriangular", options, ["lower", "transpose", "unitDiagonal"]);
  const { lower = false, transpose = false, unitDiagonal = false } = options;
  const [matrices, sides] = floats("linalg.solveTriangular", [a, b]);
  const params = { lower, transpose, unit: unitDiagonal };
  return whole("linalg.solveTriangular", solveTriangularOf, matrices, sides, params);
}

type TriangularParams = { readonly lower: boolean; readonly transpose: boolean; readonly unit: boolean };

function solveTriangularOf(a: Tensor, b: Tensor, params: TriangularParams): Tensor {
  const system = systemOf("linalg.solveTriangular", a, b, true);
  return system.finish(bindOne(triangularSolvePrimitive, [system.a, system.b], params));
}

/**
 * The inverse of every matrix of `[..., n, n]`. Prefer {@link solve} to multiplying by an inverse. The inverse of a
 * matrix that is singular to the last bit is NaN throughout.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(String(linalg.inv(tensor([[2, 0], [0, 4]])).arraySync()) === "0.5,0,0,0.25");
 * ```
 */
export function inv(a: TensorLike): Tensor {
  return whole("linalg.inv", invOf, squareMatrix("linalg.inv", a));
}

function invOf(x: Tensor): Tensor {
  return solveSquare(x, identityLike(x.aval, x.shape[x.ndim - 1]));
}
