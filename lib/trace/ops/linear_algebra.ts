/** Products of vectors and matrices: dot, matmul, tensordot, outer, inner, kron, and the diagonal of a matrix. */
import { isFloat, sumDType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { castPrimitive } from "../primitives/cast.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { reshapeTo } from "../primitives/move.ts";
import { sumPrimitive } from "../primitives/reduce.ts";
import { broadcastShapes, describe, normalizeAxis, show } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { contractLabels, diagonalOf, dropLabels, type Labelled } from "./contract_labels.ts";
import { strong, type TensorLike } from "./convert.ts";
import { strongAll } from "./strong.ts";
import { installFunctions } from "./install.ts";
import { checkOptions } from "./options.ts";

/** The operands of a product in one dtype; bool and 8-bit integers are multiplied and summed as int32, as in `sum`. */
export function productOperands(operation: string, xs: readonly TensorLike[]): Tensor[] {
  return strongAll(operation, xs).map((x) => {
    const dtype = isFloat(x.dtype) ? x.dtype : sumDType(x.dtype);
    return dtype === x.dtype ? x : bindOne(castPrimitive, [x], { dtype });
  });
}

function productError(operation: string, a: Tensor, b: Tensor, what: string, remedy: string): ShapeError {
  return new ShapeError(`${operation}: ${describe(a.aval)} and ${describe(b.aval)} do not fit: ${what}.`, {
    operation,
    arguments: [{ name: "a", shape: a.shape, dtype: a.dtype }, { name: "b", shape: b.shape, dtype: b.dtype }],
    remedy,
  });
}

/**
 * NumPy's matmul: matrices over broadcast leading axes; a vector on the left is a row and on the right a column, whose
 * axis is dropped from the result. Integers are multiplied as integers; bool and 8-bit operands give int32 counts.
 *
 * @throws {ShapeError} when the summed axes differ, the leading axes do not broadcast, or an operand is a scalar.
 * @example
 * ```ts
 * import { matmul, ones } from "@damo/damo";
 * console.assert(matmul(ones([5, 2, 3]), ones([3, 4])).shape.join() === "5,2,4");
 * ```
 */
export function matmul(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = productOperands("matmul", [a, b]);
  if (left.ndim === 0 || right.ndim === 0) {
    throw productError(
      "matmul",
      left,
      right,
      "a scalar has no axis to sum over",
      "Use mul to multiply by a scalar.",
    );
  }
  const rows = left.ndim > 1, columns = right.ndim > 1;
  const inner = left.shape[left.ndim - 1], other = right.shape[columns ? right.ndim - 2 : 0];
  if (inner !== other) {
    throw productError(
      "matmul",
      left,
      right,
      `the last axis of a has size ${inner} and the ${
        columns ? "second to last" : "only"
      } axis of b ${other}`,
      "Transpose or reshape an operand so that these two sizes are equal.",
    );
  }
  const leadA = left.shape.slice(0, Math.max(0, left.ndim - 2));
  const leadB = right.shape.slice(0, Math.max(0, right.ndim - 2));
  const lead = broadcastShapes(leadA, leadB);
  if (!lead) {
    throw productError(
      "matmul",
      left,
      right,
      `the leading axes [${leadA.join(", ")}] and [${leadB.join(", ")}] do not broadcast`,
      "Leading axes must be equal or 1, counted from the last.",
    );
  }
  const label = (count: number) => lead.map((_, d) => `batch${d}`).slice(lead.length - count);
  const narrow = (x: Labelled) =>
    dropLabels(x, (name) => {
      const d = Number(name.slice("batch".length));
      return lead[d] !== 1 && x.tensor.shape[x.labels.indexOf(name)] === 1 && name.startsWith("batch");
    });
  const product = contractLabels(
    narrow({ tensor: left, labels: [...label(leadA.length), ...(rows ? ["row"] : []), "inner"] }),
    narrow({ tensor: right, labels: [...label(leadB.length), "inner", ...(columns ? ["column"] : [])] }),
    [...label(lead.length), ...(rows ? ["row"] : []), ...(columns ? ["column"] : [])],
  );
  return product.tensor;
}

/**
 * NumPy's dot: scalars multiply, vectors give their inner product, and otherwise the last axis of `a` is summed with the
 * second to last (or only) axis of `b`; the other axes of `a` are followed by those of `b`.
 *
 * @throws {ShapeError} when the summed axes have different sizes.
 * @example
 * ```ts
 * import { dot, tensor } from "@damo/damo";
 * console.assert(dot(tensor([1, 2]), tensor([3, 4])).itemSync() === 11);
 * ```
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = productOperands("dot", [a, b]);
  if (left.ndim === 0 || right.ndim === 0) return apply("mul", left, right);
  return sumAxes("dot", left, right, [left.ndim - 1], [Math.max(0, right.ndim - 2)]);
}

/** Sums over pairs of axes; the free axes of a, then those of b. */
function sumAxes(
  operation: string,
  a: Tensor,
  b: Tensor,
  axesA: readonly number[],
  axesB: readonly number[],
): Tensor {
  axesA.forEach((axis, i) => {
    if (a.shape[axis] === b.shape[axesB[i]]) return;
    throw productError(
      operation,
      a,
      b,
      `axis ${axis} of a has size ${a.shape[axis]} and axis ${axesB[i]} of b ${b.shape[axesB[i]]}`,
      "Axes that are summed together must have equal sizes; transpose or choose other axes.",
    );
  });
  const labelsA = a.shape.map((_, d) => axesA.includes(d) ? `sum${axesA.indexOf(d)}` : `a${d}`);
  const labelsB = b.shape.map((_, d) => axesB.includes(d) ? `sum${axesB.indexOf(d)}` : `b${d}`);
  const out = [...labelsA, ...labelsB].filter((label) => !label.startsWith("sum"));
  return contractLabels({ tensor: a, labels: labelsA }, { tensor: b, labels: labelsB }, out).tensor;
}

/**
 * Sums over the last `axes` axes of `a` with the first of `b`, or over the axes listed for each.
 *
 * @throws {ShapeError} when the axes do not pair up in number and size.
 * @example
 * ```ts
 * import { ones, tensordot } from "@damo/damo";
 * console.assert(tensordot(ones([2, 3, 4]), ones([4, 3, 5]), [[1, 2], [1, 0]]).shape.join() === "2,5");
 * ```
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): Tensor {
  const [left, right] = productOperands("tensordot", [a, b]);
  let axesA: number[], axesB: number[];
  if (typeof axes === "number") {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(left.ndim, right.ndim)) {
      throw productError(
        "tensordot",
        left,
        right,
        `there are no ${axes} axes to sum over`,
        "Pass fewer axes.",
      );
    }
    axesA = Array.from({ length: axes }, (_, i) => left.ndim - axes + i);
    axesB = Array.from({ length: axes }, (_, i) => i);
  } else if (!Array.isArray(axes) || axes.length !== 2) {
    const remedy = "Pass a number of axes, or a pair of lists: the axes of a and those of b.";
    throw productError("tensordot", left, right, `axes is ${show(axes)}`, remedy);
  } else {
    axesA = [axes[0]].flat().map((axis) => normalizeAxis("tensordot", axis as number, left.aval, "axes[0]"));
    axesB = [axes[1]].flat().map((axis) => normalizeAxis("tensordot", axis as number, right.aval, "axes[1]"));
  }
  const distinct = new Set(axesA).size === axesA.length && new Set(axesB).size === axesB.length;
  if (axesA.length !== axesB.length || !distinct) {
    throw productError(
      "tensordot",
      left,
      right,
      `axes [${axesA.join(", ")}] of a and [${axesB.join(", ")}] of b do not pair up`,
      "List equally many axes for both, each once.",
    );
  }
  return sumAxes("tensordot", left, right, axesA, axesB);
}

/**
 * Every element of `a` times every element of `b`, both taken flat.
 *
 * @example
 * ```ts
 * import { outer, tensor } from "@damo/damo";
 * console.assert(outer(tensor([1, 2]), tensor([3, 4, 5])).shape.join() === "2,3");
 * ```
 */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = productOperands("outer", [a, b]);
  return apply("mul", reshapeTo(left, [left.size, 1]), reshapeTo(right, [1, right.size]));
}

/**
 * Sums over the last axes of both; scalars multiply.
 *
 * @throws {ShapeError} when the last axes have different sizes.
 * @example
 * ```ts
 * import { inner, ones } from "@damo/damo";
 * console.assert(inner(ones([2, 3]), ones([4, 3])).shape.join() === "2,4");
 * ```
 */
export function inner(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = productOperands("inner", [a, b]);
  if (left.ndim === 0 || right.ndim === 0) return apply("mul", left, right);
  return sumAxes("inner", left, right, [left.ndim - 1], [right.ndim - 1]);
}

/**
 * The Kronecker product: blocks of `b`, each multiplied by an element of `a`. The tensor with fewer axes gets leading
 * axes of size 1.
 *
 * @example
 * ```ts
 * import { kron, ones } from "@damo/damo";
 * console.assert(kron(ones([2, 3]), ones([4, 5])).shape.join() === "8,15");
 * ```
 */
export function kron(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = productOperands("kron", [a, b]);
  const rank = Math.max(left.ndim, right.ndim);
  const sizes = (x: Tensor) => [...new Array<number>(rank - x.ndim).fill(1), ...x.shape];
  const sizesA = sizes(left), sizesB = sizes(right);
  const product = apply(
    "mul",
    reshapeTo(left, sizesA.flatMap((size) => [size, 1])),
    reshapeTo(right, sizesB.flatMap((size) => [1, size])),
  );
  return reshapeTo(product, sizesA.map((size, d) => size * sizesB[d]));
}

/** Options of {@link diagonal} and {@link trace}. */
export interface DiagonalOptions {
  /** Above (positive) or below (negative) the main diagonal. */
  readonly offset?: number;
  /** The axis of the rows; 0 at first. */
  readonly axis1?: number;
  /** The axis of the columns; 1 at first. */
  readonly axis2?: number;
}

/**
 * The diagonal of the matrices that stand on two axes, as the last axis of the result.
 *
 * @throws {ShapeError} when `x` has less than two axes or the two are the same.
 * @example
 * ```ts
 * import { diagonal, tensor } from "@damo/damo";
 * console.assert(String(diagonal(tensor([[1, 2], [3, 4]])).arraySync()) === "1,4");
 * ```
 */
export function diagonal(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  return diagonalFor("diagonal", strong(x), options);
}

function diagonalFor(operation: string, x: Tensor, options: DiagonalOptions): Tensor {
  checkOptions(operation, options, ["offset", "axis1", "axis2"]);
  const { offset = 0, axis1 = 0, axis2 = 1 } = options;
  const first = x.ndim < 2 ? 0 : normalizeAxis(operation, axis1, x.aval, "axis1");
  const second = x.ndim < 2 ? 0 : normalizeAxis(operation, axis2, x.aval, "axis2");
  if (first === second || !Number.isInteger(offset)) {
    throw new ShapeError(
      `${operation}: ${describe(x.aval)} has no diagonal ${offset} along axes ${axis1} and ${axis2}.`,
      {
        operation,
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: "Pass two different axes and an integer offset.",
      },
    );
  }
  return diagonalOf(x, first, second, offset);
}

/**
 * The sum of the diagonal.
 *
 * @throws {ShapeError} when `x` has less than two axes or the two are the same.
 * @example
 * ```ts
 * import { tensor, trace } from "@damo/damo";
 * console.assert(trace(tensor([[1, 2], [3, 4]])).itemSync() === 5);
 * ```
 */
export function trace(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  const [source] = productOperands("trace", [x]);
  const line = diagonalFor("trace", source, options);
  return bindOne(sumPrimitive, [line], { axes: [line.ndim - 1] });
}

/** The methods of this file. */
export interface LinearAlgebraMethods {
  /** See {@link matmul}. */
  matmul(b: TensorLike): Tensor;
  /** See {@link dot}. */
  dot(b: TensorLike): Tensor;
  /** See {@link tensordot}. */
  tensordot(
    b: TensorLike,
    axes?: number | readonly [number | readonly number[], number | readonly number[]],
  ): Tensor;
  /** See {@link outer}. */
  outer(b: TensorLike): Tensor;
  /** See {@link inner}. */
  inner(b: TensorLike): Tensor;
  /** See {@link kron}. */
  kron(b: TensorLike): Tensor;
  /** See {@link diagonal}. */
  diagonal(options?: DiagonalOptions): Tensor;
  /** See {@link trace}. */
  trace(options?: DiagonalOptions): Tensor;
}

installFunctions({ matmul, dot, tensordot, outer, inner, kron, diagonal, trace });
