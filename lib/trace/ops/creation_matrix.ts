/** Matrices of zeros and ones, triangles, diagonals, one-hot rows. */
import { defaultFloat, type DType, isFloat } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import { stay } from "../following.ts";
import { apply, constantLike } from "../primitives/elementwise_rules.ts";
import { reshapeTo } from "../primitives/move.ts";
import { padPrimitive, slicePrimitive } from "../primitives/move_slice.ts";
import { checkShape, describe } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { castTo, strong, type TensorLike } from "./convert.ts";
import { iota, placed } from "./creation.ts";
import { installFunctions } from "./install.ts";
import { checkCreation, type CreationOptions } from "./options.ts";

type MatrixArguments = readonly (number | CreationOptions | undefined)[];

/** rows, columns, offset and options of eye and tri, whose later numbers may be left out. */
function matrixArguments(
  operation: string,
  given: MatrixArguments,
): [number, number, number, CreationOptions] {
  const end = given.findIndex((value) => typeof value === "object" && value !== null);
  const options = end < 0 ? {} : given[end];
  checkCreation(operation, options as CreationOptions);
  // Numbers keep their places: eye(3, undefined, 1) is eye(3, 3, 1).
  const numbers = (end < 0 ? given : given.slice(0, end)) as readonly (number | null | undefined)[];
  const rows = numbers[0] as number, columns = numbers[1] ?? rows, offset = numbers[2] ?? 0;
  checkShape(operation, [rows, columns], "sizes");
  checkOffset(operation, offset);
  return [rows, columns, offset, options as CreationOptions];
}

function checkOffset(operation: string, offset: unknown): void {
  if (Number.isInteger(offset)) return;
  throw new ShapeError(`${operation}: the diagonal k is ${String(offset)}.`, {
    operation,
    arguments: [{ name: "k", value: offset }],
    remedy: "Pass an integer: 0 for the main diagonal, positive above it.",
  });
}

/** Compares column - row with k over a matrix. */
function diagonalMask(op: "eq" | "le" | "ge", rows: number, columns: number, k: number): Tensor {
  const limit = apply("add", iota([rows, 1], 0, "int32"), Tensor.literal(k, "int32"));
  return apply(op, iota([1, columns], 1, "int32"), limit);
}

/**
 * Ones on a diagonal: the k-th above the main one, or below it for a negative k.
 *
 * @example
 * ```ts
 * import { eye } from "@damo/damo";
 * console.assert(String(eye(2).arraySync()) === "1,0,0,1");
 * console.assert(eye(2, 3, 1).sum().itemSync() === 2);
 * ```
 */
export function eye(n: number, options?: CreationOptions): Tensor;
/** n by m, with ones on the k-th diagonal. */
export function eye(n: number, m?: number, k?: number, options?: CreationOptions): Tensor;
export function eye(...given: (number | CreationOptions | undefined)[]): Tensor {
  const [rows, columns, k, { dtype = defaultFloat(), device }] = matrixArguments("eye", given);
  return stay(placed(castTo(diagonalMask("eq", rows, columns, k), dtype), device));
}

/**
 * Ones on and below the k-th diagonal.
 *
 * @example
 * ```ts
 * import { tri } from "@damo/damo";
 * console.assert(String(tri(2).arraySync()) === "1,0,1,1");
 * ```
 */
export function tri(n: number, options?: CreationOptions): Tensor;
/** n by m, with ones on and below the k-th diagonal. */
export function tri(n: number, m?: number, k?: number, options?: CreationOptions): Tensor;
export function tri(...given: (number | CreationOptions | undefined)[]): Tensor {
  const [rows, columns, k, { dtype = defaultFloat(), device }] = matrixArguments("tri", given);
  return stay(placed(castTo(diagonalMask("le", rows, columns, k), dtype), device));
}

function triangle(operation: string, x: TensorLike, k: number, op: "le" | "ge"): Tensor {
  const value = strong(x, operation);
  checkOffset(operation, k);
  if (value.ndim === 0) throw rankError(operation, value, "a matrix, a batch of matrices or a row");
  const columns = value.shape[value.ndim - 1];
  const mask = diagonalMask(op, value.shape[value.ndim - 2] ?? columns, columns, k);
  return apply("select", mask, value, constantLike(value, 0));
}

function rankError(operation: string, x: Tensor, wanted: string): ShapeError {
  return new ShapeError(`${operation}: ${describe(x.aval)} is not ${wanted}.`, {
    operation,
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: `Pass ${wanted}.`,
  });
}

/**
 * The matrix with zeros above the k-th diagonal; of a batch, each matrix; of a vector, the square matrix of such rows.
 *
 * @example
 * ```ts
 * import { tensor, tril } from "@damo/damo";
 * console.assert(String(tril(tensor([[1, 2], [3, 4]])).arraySync()) === "1,0,3,4");
 * ```
 */
export function tril(x: TensorLike, k: number = 0): Tensor {
  return triangle("tril", x, k, "le");
}

/**
 * The matrix with zeros below the k-th diagonal; of a batch, each matrix; of a vector, the square matrix of such rows.
 *
 * @example
 * ```ts
 * import { tensor, triu } from "@damo/damo";
 * console.assert(String(triu(tensor([[1, 2], [3, 4]])).arraySync()) === "1,2,0,4");
 * ```
 */
export function triu(x: TensorLike, k: number = 0): Tensor {
  return triangle("triu", x, k, "ge");
}

/**
 * Of a vector the matrix with it on the k-th diagonal; of a matrix its k-th diagonal.
 *
 * @throws {ShapeError} for other ranks.
 * @example
 * ```ts
 * import { diag, tensor } from "@damo/damo";
 * console.assert(String(diag(tensor([1, 2])).arraySync()) === "1,0,0,2");
 * console.assert(String(diag(tensor([[1, 2], [3, 4]])).arraySync()) === "1,4");
 * ```
 */
export function diag(x: TensorLike, k: number = 0): Tensor {
  const value = strong(x, "diag");
  checkOffset("diag", k);
  if (value.ndim === 1) return diagonalMatrix(value, k);
  if (value.ndim === 2) return diagonalOf(value, k);
  throw rankError("diag", value, "a vector or a matrix");
}

function diagonalMatrix(x: Tensor, k: number): Tensor {
  const missing = Math.abs(k), size = x.size + missing;
  const padded = bindOne(padPrimitive, [x], { low: [0], high: [missing], interior: [0], value: 0 });
  const spread = reshapeTo(padded, k >= 0 ? [size, 1] : [1, size]);
  return apply("select", diagonalMask("eq", size, size, k), spread, constantLike(x, 0));
}

/** Every (columns + 1)-th element of the flat matrix. */
function diagonalOf(x: Tensor, k: number): Tensor {
  const [rows, columns] = x.shape;
  const count = Math.max(0, Math.min(rows + Math.min(k, 0), columns - Math.max(k, 0)));
  const first = count === 0 ? 0 : k >= 0 ? k : -k * columns;
  const stop = count === 0 ? 0 : first + (count - 1) * (columns + 1) + 1;
  const flat = reshapeTo(x, [x.size]);
  return bindOne(slicePrimitive, [flat], { start: [first], stop: [stop], step: [columns + 1] });
}

/**
 * A new last axis of `classes` with 1 at each label and 0 elsewhere; labels outside have no 1.
 *
 * @throws {DTypeError} for bool labels.
 * @example
 * ```ts
 * import { oneHot } from "@damo/damo";
 * console.assert(String(oneHot([2, 0], 3).arraySync()) === "0,0,1,1,0,0");
 * ```
 */
export function oneHot(labels: TensorLike, classes: number, options: CreationOptions = {}): Tensor {
  checkCreation("oneHot", options);
  checkShape("oneHot", [classes], "classes");
  const given = strong(labels, "oneHot");
  if (given.dtype === "bool") {
    throw new DTypeError(`oneHot: labels are ${describe(given.aval)}.`, {
      operation: "oneHot",
      arguments: [{ name: "labels", shape: given.shape, dtype: given.dtype }],
      remedy: 'Pass numbers, for example labels.cast("int32").',
    });
  }
  const counting: DType = isFloat(given.dtype) ? "float32" : "int32";
  const column = reshapeTo(castTo(given, counting), [...given.shape, 1]);
  const { dtype = defaultFloat(), device } = options;
  return stay(placed(castTo(apply("eq", column, iota([classes], 0, counting)), dtype), device));
}

/** The methods of this file. */
export interface MatrixMethods {
  /** See {@link tril}. */
  tril(k?: number): Tensor;
  /** See {@link triu}. */
  triu(k?: number): Tensor;
  /** See {@link diag}. */
  diag(k?: number): Tensor;
}

installFunctions({ tril, triu, diag });
