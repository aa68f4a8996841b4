/** sparseJacobian: a Jacobian of few entries from a few derivatives. */
import { isFloat } from "../trace/dtype.ts";
import { GradientError, IndexError, ShapeError } from "../trace/errors.ts";
import type { Csr } from "../trace/ops/sparse/csr.ts";
import { iota, tensor } from "../trace/ops/creation.ts";
import { eq } from "../trace/ops/logic.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { take } from "../trace/ops/taking.ts";
import { adoptNames, functionName } from "../trace/parameter_names.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { describe } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { currentTrace } from "../trace/trace.ts";
import { castTo, strong, toTensor } from "../trace/ops/convert.ts";
import { type Entries, groupColumns, type Grouping, transposeEntries } from "./column_groups.ts";
import type { AnyArguments, ArgumentTrees } from "./types.ts";
import { jvp, vjp } from "./vjp.ts";
import { vmap } from "./vmap.ts";

/** Where a Jacobian may have entries other than zero, in compressed rows. */
export interface SparsityPattern {
  /** The columns of all entries, row by row. */
  readonly indices: ArrayLike<number> | Tensor;
  /** Row i has the entries from `indptr[i]` to before `indptr[i + 1]`. */
  readonly indptr: ArrayLike<number> | Tensor;
  /** How many columns there are: the elements of the argument. */
  readonly columns: number;
}

/** A pattern with the groups that the derivatives are computed in: of columns (forward) or of rows (reverse). */
interface Plan {
  readonly indices: Int32Array;
  readonly indptr: Int32Array;
  readonly columns: number;
  readonly forward: boolean;
  readonly grouping: Grouping;
  /** For each entry, where it is among the derivatives, group by group. */
  readonly places: Int32Array;
}

function integers(values: ArrayLike<number> | Tensor): Int32Array {
  return Int32Array.from(values instanceof Tensor ? values.dataSync() : values);
}

function refuse(what: string): IndexError {
  return new IndexError(`sparseJacobian: ${what}.`, {
    operation: "sparseJacobian",
    remedy:
      "Give the columns of all entries row by row as indices, where each row begins as indptr, and the number of columns.",
  });
}

function checkPattern(indices: Int32Array, indptr: Int32Array, columns: number): void {
  const falls = indptr.findIndex((start, i) => start < (i === 0 ? 0 : indptr[i - 1]));
  if (indptr.length === 0 || indptr[0] !== 0 || falls >= 0 || indptr.at(-1) !== indices.length) {
    throw refuse(
      `indptr does not divide ${indices.length} entries into ${Math.max(0, indptr.length - 1)} rows`,
    );
  }
  const outside = indices.findIndex((column) => column < 0 || column >= columns);
  if (outside >= 0) throw refuse(`entry ${outside} has column ${indices[outside]} of ${columns}`);
}

function planPattern({ indices: given, indptr: starts, columns }: SparsityPattern): Plan {
  const indices = integers(given), indptr = integers(starts);
  checkPattern(indices, indptr, columns);
  const rows = indptr.length - 1;
  const byRows: Entries = { indices, starts: indptr };
  const byColumns = transposeEntries(byRows, columns);
  // The longest row is the least number of groups of columns. A cotangent costs about twice what a tangent does.
  const forward = longest(byRows) <= 2 * longest(byColumns);
  const grouping = forward ? groupColumns(byRows, byColumns) : groupColumns(byColumns, byRows);
  const { groups } = grouping;
  const places = new Int32Array(indices.length);
  for (let i = 0; i < rows; i++) {
    for (let e = indptr[i]; e < indptr[i + 1]; e++) {
      places[e] = forward ? groups[indices[e]] * rows + i : groups[i] * columns + indices[e];
    }
  }
  return { indices, indptr, columns, forward, grouping, places };
}

/** Entries of the longest row. */
function longest({ starts }: Entries): number {
  let most = 0;
  for (let i = 0; i + 1 < starts.length; i++) most = Math.max(most, starts[i + 1] - starts[i]);
  return most;
}

/** One row of zeros and ones for each group: 1 at its members. */
function seeds({ groups, count }: Grouping, dtype: Tensor["dtype"]): Tensor {
  return castTo(eq(iota([count, 1], 0, "int32"), toTensor(groups)), dtype);
}

/**
 * The Jacobian of a function whose derivatives are mostly known to be zero, as a sparse matrix: rows are the elements of
 * its result and columns those of its first argument, both in row-major order. Columns without a common row are
 * differentiated together, so that a band of three takes three derivatives whatever its length; where rows can be grouped
 * much better than columns, reverse mode takes groups of those. What lies outside of the pattern must be zero: it would
 * be added to entries of the same group.
 *
 * The method is that of Curtis, Powell and Reid (1974); the groups are made once, when this is called.
 *
 * @throws {IndexError} when the parts of the pattern do not belong together.
 * @throws {ShapeError} when the argument or the result has another number of elements than the pattern.
 * @throws {GradientError} when the argument or the result is not of a float dtype.
 * @example
 * ```ts
 * import { sparse, sparseJacobian, Tensor, tensor } from "@damo/damo";
 * // Each result depends on one element: the diagonal.
 * const f = sparseJacobian((x: Tensor) => x.mul(x), { indices: [0, 1], indptr: [0, 1, 2], columns: 2 });
 * console.assert(String(f(tensor([3, 5])).data.arraySync()) === "6,10");
 * ```
 */
export function sparseJacobian<A extends AnyArguments>(
  fn: (...args: A) => Tensor,
  pattern: SparsityPattern,
): (...args: ArgumentTrees<A>) => Csr {
  checkFunction("sparseJacobian", fn);
  if (!pattern?.indices || !pattern.indptr) throw refuse("the pattern is not given");
  const plan = planPattern(pattern);
  const name = functionName(fn);
  return adoptNames((...args: ArgumentTrees<A>) => evaluate(fn, args, plan, name), fn, "sparseJacobian");
}

function checkSize(name: string, x: Tensor, size: number, part: string): void {
  if (!isFloat(x.dtype)) {
    throw new GradientError(`sparseJacobian: the ${name} is ${describe(x.aval)}, not of a float dtype.`, {
      operation: "sparseJacobian",
      arguments: [{ name, shape: x.shape, dtype: x.dtype }],
      remedy: "Derivatives exist for floats only.",
    });
  }
  if (x.size === size) return;
  throw new ShapeError(
    `sparseJacobian: the ${name} ${
      describe(x.aval)
    } has ${x.size} elements, and the pattern has ${size} ${part}.`,
    {
      operation: "sparseJacobian",
      arguments: [{ name, shape: x.shape, dtype: x.dtype }],
      remedy: `Give a pattern with one of its ${part} for each element.`,
    },
  );
}

function evaluate<A extends AnyArguments>(
  fn: (...args: A) => Tensor,
  args: ArgumentTrees<A>,
  plan: Plan,
  name: string,
): Csr {
  const [first, ...rest] = args;
  const x = strong(first, `sparseJacobian of ${name}`);
  checkSize("argument", x, plan.columns, "columns");
  const flat = (v: Tensor) => {
    const result = fn(...[reshapeTo(v, x.shape), ...rest] as unknown as A);
    checkSize("result", result, plan.indptr.length - 1, "rows");
    return reshapeTo(result, [result.size]);
  };
  const vector = reshapeTo(x, [x.size]);
  const derivative = plan.forward
    ? (seed: Tensor) => jvp(flat, [vector], [seed])[1] as Tensor
    : (seed: Tensor) => (vjp(flat, vector)[1](seed) as Tensor[])[0];
  const device = currentTrace() ? undefined : x.device;
  const compressed = vmap(derivative)(seeds(plan.grouping, x.dtype));
  return {
    data: take(reshapeTo(compressed, [compressed.size]), toTensor(plan.places)),
    indices: tensor(plan.indices, { device }),
    indptr: tensor(plan.indptr, { device }),
  };
}
