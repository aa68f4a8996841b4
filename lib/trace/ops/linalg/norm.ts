/** Norms of vectors and matrices. */
import { DamoError, ShapeError } from "../../errors.ts";
import { apply } from "../../primitives/elementwise_rules.ts";
import { transposeTo } from "../../primitives/move.ts";
import { reductions } from "../../primitives/reduce.ts";
import { NO_PARAMS } from "../../primitives/elementwise_rules.ts";
import { svdPrimitive } from "../../primitives/linalg_svd.ts";
import { describe, normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { bind, bindOne } from "../../trace.ts";
import type { TensorLike } from "../convert.ts";
import { checkOptions } from "../options.ts";
import { expandDims } from "../shape.ts";
import { norm as vectorNorm } from "../statistics.ts";
import { floats } from "./operands.ts";

/** Which norm, and over what. */
export interface MatrixNormOptions {
  /**
   * Of vectors any number, Infinity or -Infinity. Of matrices "fro" (the root of the sum of squares, the default), "nuc" (the
   * sum of singular values), 1 and -1 (the greatest and least column sum of magnitudes), Infinity and -Infinity (of rows),
   * 2 and -2 (the greatest and least singular value).
   */
  readonly ord?: number | "fro" | "nuc";
  /** One axis: vectors along it. Two axes: matrices. Without it a tensor of one or two axes is taken as it is. */
  readonly axis?: number | readonly number[];
  /** Keeps the axes with size 1. */
  readonly keepDims?: boolean;
}

/** The singular values of matrices on the last two axes combined. */
function singular(x: Tensor, combine: "max" | "min" | "sum"): Tensor {
  const [, s] = bind(svdPrimitive, [x], NO_PARAMS);
  return along(s, combine);
}

/** Combines along the last axis; the greatest of no lengths is 0. */
function along(sizes: Tensor, combine: "max" | "min" | "sum"): Tensor {
  const last = sizes.ndim - 1;
  const empty = combine === "max" && sizes.shape[last] === 0;
  return bindOne(reductions[empty ? "sum" : combine], [sizes], { axes: [last] });
}

/** Norms of matrices on the last two axes. */
function matrixNorm(x: Tensor, ord: number | string): Tensor {
  const last = x.ndim - 1;
  const sums = (axis: number): Tensor => bindOne(reductions.sum, [apply("abs", x)], { axes: [axis] });
  const over = (sum: Tensor, combine: "max" | "min"): Tensor => along(sum, combine);
  switch (ord) {
    case "fro":
      return vectorNorm(x, { axis: [last - 1, last] });
    case "nuc":
      return singular(x, "sum");
    case 1:
      return over(sums(last - 1), "max");
    case -1:
      return over(sums(last - 1), "min");
    case Infinity:
      return over(sums(last), "max");
    case -Infinity:
      return over(sums(last), "min");
    case 2:
      return singular(x, "max");
    case -2:
      return singular(x, "min");
    default:
      throw new DamoError(`linalg.norm: ord ${JSON.stringify(ord)} is not a norm of matrices.`, {
        operation: "linalg.norm",
        arguments: [{ name: "ord", value: ord }, { name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: 'Use "fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity; other numbers are norms of vectors.',
      });
  }
}

/**
 * NumPy's linalg.norm. Without options the root of the sum of all squares; with `ord` the norm of that order of a vector or
 * a matrix; with one axis of vectors, with two of matrices. The derivative of the root at 0 is 0.
 *
 * @throws {DamoError} for an order that does not exist.
 * @throws {ShapeError} when the tensor is neither vector nor matrix and no axis is given.
 * @example
 * ```ts
 * import { linalg, tensor } from "@damo/damo";
 * console.assert(linalg.norm(tensor([[3, 4], [0, 0]])).itemSync() === 5);
 * console.assert(linalg.norm(tensor([[1, -2], [3, 4]]), { ord: 1 }).itemSync() === 6);
 * ```
 */
export function norm(x: TensorLike, options: MatrixNormOptions = {}): Tensor {
  checkOptions("linalg.norm", options, ["ord", "axis", "keepDims"]);
  const [value] = floats("linalg.norm", [x]);
  const { ord, keepDims = false } = options;
  if (options.axis === undefined && ord === undefined) return vectorNorm(value, { keepDims });
  const given = options.axis === undefined ? value.shape.map((_, d) => d) : [options.axis].flat() as number[];
  if (given.length !== 1 && given.length !== 2) {
    throw new ShapeError(
      `linalg.norm: ${describe(value.aval)} over ${given.length} axes is neither vectors nor matrices.`,
      {
        operation: "linalg.norm",
        arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
        remedy: "Give one axis for vectors or two for matrices.",
      },
    );
  }
  if (given.length === 1) {
    if (typeof ord === "string") {
      throw new DamoError(`linalg.norm: ord ${JSON.stringify(ord)} is not a norm of vectors.`, {
        operation: "linalg.norm",
        arguments: [{ name: "ord", value: ord }],
        remedy: "Use a number, or give two axes.",
      });
    }
    return vectorNorm(value, { ord, axis: given[0], keepDims });
  }
  const axes = given.map((axis) => normalizeAxis("linalg.norm", axis, value.aval));
  if (axes[0] === axes[1]) {
    throw new ShapeError(`linalg.norm: axis [${given.join(", ")}] names an axis twice.`, {
      operation: "linalg.norm",
      remedy: "Name each axis once.",
    });
  }
  const rest = value.shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const result = matrixNorm(transposeTo(value, [...rest, ...axes]), ord ?? "fro");
  return keepDims ? [...axes].sort((a, b) => a - b).reduce((y, axis) => expandDims(y, axis), result) : result;
}
