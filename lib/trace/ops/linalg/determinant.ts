/** Determinants. */
import { castPrimitive } from "../../primitives/cast.ts";
import { apply } from "../../primitives/elementwise_rules.ts";
import { diagonalVector } from "../../primitives/linalg_algebra.ts";
import { luPrimitive } from "../../primitives/linalg_lu.ts";
import { reductions } from "../../primitives/reduce.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import type { TensorLike } from "../convert.ts";
import { squareMatrix } from "./operands.ts";

/** The diagonal of U and the sign of the permutation. */
function pivots(operation: string, a: TensorLike): { diagonal: Tensor; parity: Tensor } {
  const x = squareMatrix(operation, a);
  const [lu, , parity] = bind(luPrimitive, [x], {});
  return { diagonal: diagonalVector(lu), parity: bindOne(castPrimitive, [parity], { dtype: x.dtype }) };
}

/**
 * The determinant of every matrix of `[..., n, n]`; of an empty one 1. Where it may overflow, see {@link slogdet}. Its
 * derivative, `det(a) inv(a)^T`, is NaN at a singular matrix.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(linalg.det(tensor([[2, 0], [0, 4]])).itemSync() === 8);
 * ```
 */
export function det(a: TensorLike): Tensor {
  const { diagonal, parity } = pivots("linalg.det", a);
  return apply("mul", bindOne(reductions.prod, [diagonal], { axes: [diagonal.ndim - 1] }), parity);
}

/** What {@link slogdet} gives. */
export interface SignAndLog {
  /** -1, 0 or 1. */
  readonly sign: Tensor;
  /** The natural logarithm of the magnitude; -Infinity for a determinant of 0. */
  readonly logabsdet: Tensor;
}

/**
 * Sign and logarithm of the magnitude of the determinant, so that `det(a) = sign * exp(logabsdet)`. A singular matrix
 * gives 0 and -Infinity. The derivative of the logarithm is `inv(a)^T`; the sign is locally constant.
 *
 * @throws {ShapeError} when `a` is not square.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const { sign, logabsdet } = linalg.slogdet(tensor([[0, 1], [1, 0]]));
 * console.assert(sign.itemSync() === -1 && logabsdet.itemSync() === 0);
 * ```
 */
export function slogdet(a: TensorLike): SignAndLog {
  const { diagonal, parity } = pivots("linalg.slogdet", a);
  const axes = [diagonal.ndim - 1];
  return {
    sign: apply("mul", bindOne(reductions.prod, [apply("sign", diagonal)], { axes }), parity),
    logabsdet: bindOne(reductions.sum, [apply("log", apply("abs", diagonal))], { axes }),
  };
}
