/** What the rules of matrix primitives are written with. Matrices stand on the last two axes, the axes before them are a batch. */
import { castValue, isFloat } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import type { HostArray } from "../primitive.ts";
import { type Aval, describe, sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { contractPrimitive } from "./contract.ts";
import { apply, broadcastShape, constantLike } from "./elementwise_rules.ts";
import { gatherPrimitive } from "./index_gather.ts";
import { iotaPrimitive } from "./iota.ts";
import { reshapeTo, transposeTo } from "./move.ts";
import { slicePrimitive } from "./move_slice.ts";
import { sumPrimitive } from "./reduce.ts";

function wrongArgument(
  operation: string,
  name: string,
  x: Aval,
  what: string,
  remedy: string,
): ShapeError {
  return new ShapeError(`${operation}: ${name} is ${describe(x)}, ${what}.`, {
    operation,
    arguments: [{ name, shape: x.shape, dtype: x.dtype }],
    remedy,
  });
}

/** Matrices of float32 or float64 on the last two axes. */
export function checkMatrix(operation: string, x: Aval, name = "a"): void {
  if (x.dtype !== "float32" && x.dtype !== "float64") {
    throw new DTypeError(`${operation}: ${name} is ${describe(x)}.`, {
      operation,
      arguments: [{ name, shape: x.shape, dtype: x.dtype }],
      remedy: isFloat(x.dtype)
        ? 'Matrix decompositions are computed in float32 or float64: use cast("float32").'
        : 'Use cast("float32") or cast("float64").',
    });
  }
  if (x.shape.length < 2) {
    throw wrongArgument(
      operation,
      name,
      x,
      "not a matrix",
      "Pass a tensor whose last two axes are the rows and columns of a matrix; use expandDims to add an axis.",
    );
  }
}

export function checkSquare(operation: string, x: Aval, name = "a"): void {
  checkMatrix(operation, x, name);
  const [rows, columns] = x.shape.slice(-2);
  if (rows === columns) return;
  throw wrongArgument(
    operation,
    name,
    x,
    `not square: it has ${rows} rows and ${columns} columns`,
    "Pass a matrix with as many rows as columns; for other shapes there are lstsq, pinv, qr and svd.",
  );
}

/** The transpose of every matrix. */
export function swapped(x: Tensor): Tensor {
  const rank = x.ndim;
  const order = Array.from({ length: rank }, (_, d) => d);
  order[rank - 2] = rank - 1;
  order[rank - 1] = rank - 2;
  return transposeTo(x, order);
}

/** a b, where either may be taken transposed; the leading axes are equal. */
export function product(a: Tensor, b: Tensor, transposed: { a?: boolean; b?: boolean } = {}): Tensor {
  const rank = a.ndim;
  const batch = Array.from({ length: rank - 2 }, (_, d) => d);
  return bindOne(contractPrimitive, [a, b], {
    batchA: batch,
    batchB: batch,
    contractA: [transposed.a ? rank - 2 : rank - 1],
    contractB: [transposed.b ? rank - 1 : rank - 2],
  });
}

/** True where column - row stands in the relation to 0. */
function mask(rows: number, columns: number, relation: "le" | "lt" | "ge" | "gt" | "eq"): Tensor {
  const row = bindOne(iotaPrimitive, [], { shape: [rows, 1], dtype: "int32", axis: 0 });
  const column = bindOne(iotaPrimitive, [], { shape: [1, columns], dtype: "int32", axis: 1 });
  return apply(relation, column, row);
}

export type Part = "lower" | "strictlyLower" | "upper" | "strictlyUpper" | "diagonal";

const RELATION = {
  lower: "le",
  strictlyLower: "lt",
  upper: "ge",
  strictlyUpper: "gt",
  diagonal: "eq",
} as const;

/** Every matrix with `value` outside the part. */
export function partOf(x: Tensor, part: Part, value = 0): Tensor {
  const [rows, columns] = x.shape.slice(-2);
  return apply("select", mask(rows, columns, RELATION[part]), x, constantLike(x, value));
}

/** The lower triangle and its mirror image: the symmetric matrix that algorithms reading the lower triangle see. */
export function symmetricFromLower(x: Tensor): Tensor {
  return apply("add", partOf(x, "lower"), swapped(partOf(x, "strictlyLower")));
}

/** The lower triangle with half of the diagonal (Murray 2016's Phi). */
export function lowerHalf(x: Tensor): Tensor {
  const half = apply("mul", x, constantLike(x, 0.5));
  const [rows, columns] = x.shape.slice(-2);
  const below = apply("select", mask(rows, columns, "lt"), x, constantLike(x, 0));
  return apply("select", mask(rows, columns, "eq"), half, below);
}

/** The main diagonals of square matrices as the last axis. */
export function diagonalVector(x: Tensor): Tensor {
  return bindOne(sumPrimitive, [partOf(x, "diagonal")], { axes: [x.ndim - 1] });
}

/** A vector on the last axis as the rows (every row the vector) of matrices, to be broadcast. */
export function asRow(x: Tensor): Tensor {
  return reshapeTo(x, [...x.shape.slice(0, -1), 1, x.shape[x.ndim - 1]]);
}

/** A vector on the last axis as the columns of matrices, to be broadcast. */
export function asColumn(x: Tensor): Tensor {
  return reshapeTo(x, [...x.shape, 1]);
}

/** Some rows and columns of every matrix. */
export function block(
  x: Tensor,
  rows: readonly [number, number],
  columns: readonly [number, number],
): Tensor {
  const [m, n] = x.shape.slice(-2);
  if (rows[0] === 0 && rows[1] === m && columns[0] === 0 && columns[1] === n) return x;
  const lead = x.shape.slice(0, -2);
  return bindOne(slicePrimitive, [x], {
    start: [...lead.map(() => 0), rows[0], columns[0]],
    stop: [...lead, rows[1], columns[1]],
    step: x.shape.map(() => 1),
  });
}

/** out[.., i, :] = x[.., permutation[.., i], :]. */
export function permuteRows(x: Tensor, permutation: Tensor): Tensor {
  const [rows, columns] = x.shape.slice(-2);
  if (x.size === 0) return x;
  const matrices = sizeOf(x.shape.slice(0, -2));
  const flat = reshapeTo(x, [matrices, rows, columns]);
  const which = bindOne(iotaPrimitive, [], { shape: [matrices, rows], dtype: "int32", axis: 0 });
  const taken = bindOne(gatherPrimitive, [flat, which, reshapeTo(permutation, [matrices, rows])], {
    axes: [0, 1],
  });
  return reshapeTo(taken, x.shape);
}

/** The identity matrix in the dtype and with the leading axes of `like`. */
export function identityLike(like: Aval, size: number): Tensor {
  const [one, zero] = [1, 0].map((value) => Tensor.literal(value, like.dtype));
  return broadcastShape(apply("select", mask(size, size, "eq"), one, zero), [
    ...like.shape.slice(0, -2),
    size,
    size,
  ]);
}

/** The relative rounding of a float dtype. */
export function epsilonOf(dtype: string): number {
  return dtype === "float64" ? 2 ** -52 : 2 ** -23;
}

/**
 * Evaluates matrix by matrix: `body` gets a copy of each matrix of each input and fills one array per output, whose
 * sizes are those of the last axes.
 */
export function evaluateMatrices(
  inputs: readonly HostArray[],
  ranks: readonly number[],
  outputs: readonly Aval[],
  outputRanks: readonly number[],
  body: (inputs: readonly Float64Array[], outputs: readonly Float64Array[]) => void,
): HostArray[] {
  const results = outputs.map(({ shape, dtype }): HostArray => ({
    shape,
    dtype,
    data: new Float64Array(sizeOf(shape)),
  }));
  const count = sizeOf(inputs[0].shape.slice(0, inputs[0].shape.length - ranks[0]));
  for (let b = 0; b < count; b++) {
    const parts = inputs.map(({ data }) =>
      data.slice(b * data.length / count, (b + 1) * data.length / count)
    );
    const targets = results.map(({ shape, data }, i) => {
      const size = sizeOf(shape.slice(shape.length - outputRanks[i]));
      return data.subarray(b * size, (b + 1) * size);
    });
    body(parts, targets);
  }
  for (const { data, dtype } of results) {
    if (dtype === "float64") continue;
    for (let i = 0; i < data.length; i++) data[i] = castValue(data[i], "float64", dtype);
  }
  return results;
}
