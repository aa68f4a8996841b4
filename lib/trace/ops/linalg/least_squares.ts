/** Pseudoinverses and least squares. */
import { DamoError } from "../../errors.ts";
import { apply, constantLike, NO_PARAMS } from "../../primitives/elementwise_rules.ts";
import { asColumn, epsilonOf, product, swapped } from "../../primitives/linalg_algebra.ts";
import { pinvOfPrimitive } from "../../primitives/linalg_pinv.ts";
import { svdPrimitive } from "../../primitives/linalg_svd.ts";
import { slicePrimitive } from "../../primitives/move_slice.ts";
import { filled } from "../../primitives/zeros.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import { whole } from "../../whole.ts";
import type { TensorLike } from "../convert.ts";
import { checkOptions } from "../options.ts";
import { constant, floats, matrix, systemOf } from "./operands.ts";

/** Options of {@link pinv} and {@link lstsq}. */
export interface RankOptions {
  /** Singular values up to this fraction of the greatest count as 0; max(m, n) times the rounding of the dtype by default. */
  readonly rtol?: number;
}

function checkTolerance(operation: string, options: RankOptions): number | undefined {
  checkOptions(operation, options, ["rtol"]);
  const { rtol } = options;
  if (rtol === undefined || (typeof rtol === "number" && rtol >= 0)) return rtol;
  throw new DamoError(`${operation}: rtol is ${String(rtol)}.`, {
    operation,
    arguments: [{ name: "rtol", value: rtol }],
    remedy: "Pass a number of at least 0.",
  });
}

function pseudoinverse(x: Tensor, rtol: number | undefined): Tensor {
  const [m, n] = x.shape.slice(-2);
  if (x.size === 0) return filled(0, { shape: [...x.shape.slice(0, -2), n, m], dtype: x.dtype });
  const [u, s, vt] = bind(svdPrimitive, [constant(x)], NO_PARAMS);
  const greatest = bindOne(slicePrimitive, [s], {
    start: s.shape.map(() => 0),
    stop: s.shape.map((extent, axis) => axis === s.ndim - 1 ? 1 : extent),
    step: s.shape.map(() => 1),
  });
  const limit = apply(
    "mul",
    greatest,
    constantLike(greatest, rtol ?? Math.max(m, n) * epsilonOf(x.dtype)),
  );
  const small = apply("le", s, limit);
  const inverse = apply(
    "select",
    small,
    constantLike(s, 0),
    apply("reciprocal", apply("select", small, constantLike(s, 1), s)),
  );
  const value = product(vt, apply("mul", asColumn(inverse), swapped(u)), { a: true });
  return bindOne(pinvOfPrimitive, [value, x], NO_PARAMS);
}

/**
 * The Moore-Penrose pseudoinverse of matrices `[..., m, n]`, by singular values. Its derivative is that of Golub and
 * Pereyra (1973), exact where the rank does not change.
 *
 * @throws {DamoError} for a negative tolerance.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(String(linalg.pinv(tensor([[2, 0], [0, 0]])).arraySync()) === "0.5,0,0,0");
 * ```
 */
export function pinv(a: TensorLike, options: RankOptions = {}): Tensor {
  const rtol = checkTolerance("linalg.pinv", options);
  return whole("linalg.pinv", pseudoinverse, matrix("linalg.pinv", a), rtol);
}

/**
 * The x of least length among those that minimise the length of `a x - b`, for `a` `[..., m, n]` and `b` a vector `[m]` or
 * matrices `[..., m, k]`.
 *
 * @throws {ShapeError} when `b` does not fit.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * const x = linalg.lstsq(tensor([[1], [1]]), tensor([1, 3]));
 * console.assert(Math.abs(x.itemSync() - 2) < 1e-6);
 * ```
 */
export function lstsq(a: TensorLike, b: TensorLike, options: RankOptions = {}): Tensor {
  const rtol = checkTolerance("linalg.lstsq", options);
  const [matrices, sides] = floats("linalg.lstsq", [a, b]);
  return whole("linalg.lstsq", lstsqOf, matrices, sides, rtol);
}

function lstsqOf(a: Tensor, b: Tensor, rtol: number | undefined): Tensor {
  const system = systemOf("linalg.lstsq", a, b, false);
  return system.finish(product(pseudoinverse(system.a, rtol), system.b));
}
