/** Determinants. */
import { castPrimitive } from "../../primitives/cast.ts";
import { apply } from "../../primitives/elementwise_rules.ts";
import { diagonalVector } from "../../primitives/linalg_algebra.ts";
import { luPrimitive } from "../../primitives/linalg_lu.ts";
import { reductions } from "../../primitives/reduce.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import type { TensorLike } from "../convert.ts";
import { squareMatrix } from "./operands.ts";

/** The diagonal of U and the sign of the permutation. */
function pivots(x: Tensor): { diagonal: Tensor; parity: Tensor } {
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
  return whole("linalg.det", detOf, squareMatrix("linalg.det", a));
}

function detOf(x: Tensor): Tensor {
  const { diagonal, parity } = pivots(x);
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
  const [sign, logabsdet] = whole("linalg.slogdet", slogdetOf, squareMatrix("linalg.slogdet", a));
  return { sign, logabsdet };
}

function slogdetOf(x: Tensor): [sign: Tensor, logabsdet: Tensor] {
  const { diagonal, parity } = pivots(x);
  const axes = [diagonal.ndim - 1];
  return [
    apply("mul", bindOne(reductions.prod, [apply("sign", diagonal)], { axes }), parity),
    bindOne(reductions.sum, [apply("log", apply("abs", diagonal))], { axes }),
  ];
}
