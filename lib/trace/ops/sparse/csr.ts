/** Sparse matrices in compressed rows (CSR), times dense ones: gathers and a scatter, with the derivatives of those. */
import { isInteger } from "../../dtype.ts";
import { DamoError, DTypeError, IndexError, ShapeError } from "../../errors.ts";
import { apply } from "../../primitives/elementwise_rules.ts";
import { cumulatives } from "../../primitives/cumulative.ts";
import { gatherPrimitive, scatterPrimitive } from "../../primitives/index_gather.ts";
import { reshapeTo } from "../../primitives/move.ts";
import { slicePrimitive } from "../../primitives/move_slice.ts";
import { filled } from "../../primitives/zeros.ts";
import { checkShape, describe } from "../../shape.ts";
import { Tensor } from "../../tensor.ts";
import { bindOne, currentTrace } from "../../trace.ts";
import { castTo, promoteOperands, strong, type TensorLike, toTensor } from "../convert.ts";
import { tensor } from "../creation.ts";

/**
 * A sparse matrix: the values that are stored, row by row, the column of each, and where each row begins. A plain object of
 * tensors, so that it can be an argument, a result and a parameter like any tree.
 */
export interface Csr {
  /** `[stored]`: the values. */
  readonly data: Tensor;
  /** `[stored]`, int32: their columns. */
  readonly indices: Tensor;
  /** `[rows + 1]`, int32: row i is stored from `indptr[i]` to before `indptr[i + 1]`. */
  readonly indptr: Tensor;
}

function integers(operation: string, name: string, x: TensorLike): Tensor {
  const value = Array.isArray(x) ? toTensor(x, { dtype: "int32", operation }) : strong(x, operation);
  if (!isInteger(value.dtype) || value.ndim !== 1) {
    const ErrorClass = value.ndim === 1 ? DTypeError : ShapeError;
    throw new ErrorClass(`${operation}: ${name} is ${describe(value.aval)}.`, {
      operation,
      arguments: [{ name, shape: value.shape, dtype: value.dtype }],
      remedy: "Pass a vector of integers.",
    });
  }
  return castTo(value, "int32");
}

/** Checks what can be checked without values. */
function checkParts(operation: string, matrix: Csr): void {
  const { data, indices, indptr }: Partial<Csr> = matrix ?? {};
  if (!(data instanceof Tensor && indices instanceof Tensor && indptr instanceof Tensor)) {
    throw new DamoError(`${operation}: a is no sparse matrix.`, {
      operation,
      arguments: [{ name: "a", value: matrix }],
      remedy: "Pass what sparse.csr gives: { data, indices, indptr }.",
    });
  }
  if (data.ndim === 1 && indices.size === data.size && indptr.size > 0) return;
  throw new ShapeError(
    `${operation}: data ${describe(data.aval)}, indices ${describe(indices.aval)} and indptr ${
      describe(indptr.aval)
    } are not the parts of a matrix.`,
    {
      operation,
      arguments: [
        { name: "data", shape: data.shape, dtype: data.dtype },
        { name: "indices", shape: indices.shape, dtype: indices.dtype },
        { name: "indptr", shape: indptr.shape, dtype: indptr.dtype },
      ],
      remedy: "data and indices are vectors of one length, indptr has one element more than there are rows.",
    },
  );
}

/**
 * A sparse matrix of its parts, which are checked when their values are known: rows in ascending order, columns not
 * negative. A place stored twice counts twice.
 *
 * @throws {ShapeError} for parts that do not belong together.
 * @throws {IndexError} for rows that do not begin in order, or a negative column.
 * @example
 * ```ts
 * import { sparse, tensor } from "@damo/damo";
 * // [[0, 2], [3, 0]]
 * const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
 * console.assert(String(sparse.matmul(a, tensor([1, 10])).arraySync()) === "20,3");
 * ```
 */
export function csr(data: TensorLike, indices: TensorLike, indptr: TensorLike): Csr {
  const matrix = {
    data: strong(data, "sparse.csr"),
    indices: integers("sparse.csr", "indices", indices),
    indptr: integers("sparse.csr", "indptr", indptr),
  };
  checkParts("sparse.csr", matrix);
  if (currentTrace() === null) checkValues(matrix);
  return matrix;
}

function checkValues({ data, indices, indptr }: Csr): void {
  const starts = indptr.dataSync(), columns = indices.dataSync();
  const disorder = starts.findIndex((start, i) => start < (i === 0 ? 0 : starts[i - 1]));
  const ends = starts[0] === 0 && starts[starts.length - 1] === data.size;
  if (disorder >= 0 || !ends) {
    throw new IndexError(
      `sparse.csr: indptr [${Array.from(starts.slice(0, 8)).join(", ")}${
        starts.length > 8 ? ", ..." : ""
      }] does not divide ${data.size} values into ${starts.length - 1} rows.`,
      {
        operation: "sparse.csr",
        arguments: [{ name: "indptr", shape: indptr.shape, dtype: indptr.dtype }],
        remedy: "It must begin with 0, never fall, and end with the number of values.",
      },
    );
  }
  const negative = columns.findIndex((column) => column < 0);
  if (negative >= 0) {
    throw new IndexError(`sparse.csr: column ${columns[negative]} at position ${negative} of indices.`, {
      operation: "sparse.csr",
      arguments: [{ name: "indices", shape: indices.shape, dtype: indices.dtype }],
      remedy: "Columns count from 0.",
    });
  }
}

/**
 * The values of a dense matrix that are not 0, as a sparse one. It reads the values, and so works outside traced functions
 * only.
 *
 * @throws {ShapeError} for anything but a matrix.
 * @example
 * ```ts
 * import { sparse, tensor } from "@damo/damo";
 * const a = sparse.fromDense(tensor([[0, 2], [3, 0]]));
 * console.assert(a.data.size === 2);
 * ```
 */
export function fromDense(x: TensorLike): Csr {
  const value = strong(x, "sparse.fromDense");
  if (value.ndim !== 2) {
    throw new ShapeError(`sparse.fromDense: x is ${describe(value.aval)}, not a matrix.`, {
      operation: "sparse.fromDense",
      arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
      remedy: "Pass a tensor of two axes.",
    });
  }
  const columns = value.shape[1], elements = value.dataSync(), { device } = value;
  const kept: number[] = [];
  const starts = new Int32Array(value.shape[0] + 1);
  elements.forEach((element, i) => {
    if (element === 0) return;
    kept.push(i);
    starts[Math.floor(i / columns) + 1] = kept.length;
  });
  for (let row = 1; row < starts.length; row++) starts[row] = Math.max(starts[row], starts[row - 1]);
  return {
    data: tensor(elements.filter((element) => element !== 0), { dtype: value.dtype, device }),
    indices: tensor(Int32Array.from(kept, (i) => i % columns), { device }),
    indptr: tensor(starts, { device }),
  };
}

/** The row of each stored value: a running count of the rows that begin up to there. */
function rowsOf({ data, indptr }: Csr): Tensor {
  const begins = bindOne(slicePrimitive, [indptr], {
    start: [1],
    stop: [Math.max(1, indptr.size - 1)],
    step: [1],
  });
  const none = filled(0, { shape: data.shape, dtype: "int32" });
  const ones = filled(1, { shape: begins.shape, dtype: "int32" });
  const counts = bindOne(scatterPrimitive, [none, ones, begins], { axes: [0], combiner: "add" });
  return bindOne(cumulatives.cumsum, [counts], { axis: 0, reverse: false });
}

/** x[places] times the values, added up at the targets. */
function combine(data: Tensor, x: Tensor, places: Tensor, targets: Tensor, rows: number): Tensor {
  const shape = [rows, ...x.shape.slice(1)];
  const base = filled(0, { shape, dtype: x.dtype });
  if (x.size === 0 || data.size === 0) return base;
  const taken = bindOne(gatherPrimitive, [x, places], { axes: [0] });
  const factors = reshapeTo(data, [data.size, ...x.shape.slice(1).map(() => 1)]);
  return bindOne(scatterPrimitive, [base, apply("mul", taken, factors), targets], {
    axes: [0],
    combiner: "add",
  });
}

function denseOperand(operation: string, matrix: Csr, x: TensorLike, rows?: number): [Tensor, Tensor] {
  checkParts(operation, matrix);
  const [data, value] = promoteOperands(operation, [matrix.data, x]).map((y) => strong(y, operation));
  const fits = (value.ndim === 1 || value.ndim === 2) && (rows === undefined || value.shape[0] === rows);
  if (fits) return [data, value];
  throw new ShapeError(
    `${operation}: x is ${describe(value.aval)}${
      rows === undefined ? "" : ` and the matrix has ${rows} rows`
    }.`,
    {
      operation,
      arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
      remedy: "Pass a vector or a matrix whose rows go with the summed axis of the sparse matrix.",
    },
  );
}

/**
 * The product of a sparse matrix and a dense vector or matrix `x` `[columns, k]`, with derivatives with respect to the values
 * and to `x`. The number of columns is that of the rows of `x`; columns beyond it read its last row.
 *
 * @throws {ShapeError} when `x` is neither vector nor matrix.
 * @example
 * ```ts
 * import { grad, sparse, tensor } from "@damo/damo";
 * const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
 * const g = grad((x) => sparse.matmul(a, x).sum())(tensor([1, 10]));
 * console.assert(String(g.arraySync()) === "3,2");
 * ```
 */
export function matmul(a: Csr, x: TensorLike): Tensor {
  const [data, value] = denseOperand("sparse.matmul", a, x);
  return combine(data, value, a.indices, rowsOf(a), a.indptr.size - 1);
}

/**
 * The product of the transpose of a sparse matrix of so many columns and a dense vector or matrix `x` `[rows, k]`.
 *
 * @throws {ShapeError} when the rows of `x` are not as many as those of the matrix.
 * @example
 * ```ts
 * import { sparse, tensor } from "@damo/damo";
 * const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
 * console.assert(String(sparse.matmulTransposed(a, tensor([1, 10]), 2).arraySync()) === "30,2");
 * ```
 */
export function matmulTransposed(a: Csr, x: TensorLike, columns: number): Tensor {
  checkShape("sparse.matmulTransposed", [columns], "columns");
  const [data, value] = denseOperand("sparse.matmulTransposed", a, x, a.indptr.size - 1);
  return combine(data, value, rowsOf(a), a.indices, columns);
}

/**
 * The dense matrix of so many columns. Values in columns beyond them are left out.
 *
 * @example
 * ```ts
 * import { sparse } from "@damo/damo";
 * const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
 * console.assert(String(sparse.toDense(a, 2).arraySync()) === "0,2,3,0");
 * ```
 */
export function toDense(a: Csr, columns: number): Tensor {
  checkShape("sparse.toDense", [columns], "columns");
  checkParts("sparse.toDense", a);
  const base = filled(0, { shape: [a.indptr.size - 1, columns], dtype: a.data.dtype });
  if (base.size === 0 || a.data.size === 0) return base;
  return bindOne(scatterPrimitive, [base, a.data, rowsOf(a), a.indices], { axes: [0, 1], combiner: "add" });
}
