import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  concat,
  GradientError,
  IndexError,
  jacobian,
  jit,
  ShapeError,
  slice,
  sparse,
  sparseJacobian,
  type SparsityPattern,
  type Tensor,
  tensor,
} from "@damo/damo";
import { groupColumns, transposeEntries } from "../../lib/autodiff/column_groups.ts";

const sine = (size: number) => tensor(Float64Array.from({ length: size }, (_, i) => Math.sin(1 + 3 * i)));

/** The entries of a matrix of marks. */
function patternOf(marks: readonly (readonly number[])[], columns: number): SparsityPattern {
  const indptr = [0];
  for (const row of marks) indptr.push(indptr.at(-1)! + row.length);
  return { indices: marks.flat(), indptr, columns };
}

/** Each result depends on its neighbours. */
function band(x: Tensor): Tensor {
  const inner = x.at(slice(1, -1)).mul(x.at(slice(0, -2))).sub(x.at(slice(2)).sin());
  return concat([x.at(slice(0, 1)).square(), inner, x.at(slice(-1)).mul(x.at(slice(-2, -1)))]);
}

const bandPattern = (n: number) =>
  patternOf(
    Array.from({ length: n }, (_, i) => i === 0 ? [0] : i === n - 1 ? [n - 2, n - 1] : [i - 1, i, i + 1]),
    n,
  );

/** One result depends on all, the others on two each: rows are better than columns. */
const wide = (x: Tensor) => concat([x.mul(x).sum().reshape([1]), x.at(slice(1)).mul(x.at(slice(0, 1)))]);
const widePattern = (n: number) =>
  patternOf([
    Array.from({ length: n }, (_, i) => i),
    ...Array.from({ length: n - 1 }, (_, i) => [0, i + 1]),
  ], n);

function assertSame(fn: (x: Tensor) => Tensor, pattern: SparsityPattern, n: number): void {
  const x = sine(n);
  const full = jacobian(fn)(x).dataSync() as Float64Array;
  for (const compute of [sparseJacobian(fn, pattern), jit(sparseJacobian(fn, pattern))]) {
    const found = sparse.toDense(compute(x), n).dataSync();
    full.forEach((value, i) => assertAlmostEquals(found[i], value, 1e-14, `entry ${i}`));
  }
}

Deno.test("a band: three derivatives, whatever its length", () => {
  for (const n of [3, 5, 17, 100]) assertSame(band, bandPattern(n), n);
  const { indices, indptr } = bandPattern(1000);
  const byRows = { indices: indices as number[], starts: indptr as number[] };
  assertEquals(groupColumns(byRows, transposeEntries(byRows, 1000)).count, 3);
});

Deno.test("groups of columns have at most one entry in each row", () => {
  const marks = Array.from({ length: 60 }, (_, i) => [...new Set([i * i % 37, i * 7 % 37, (i + 11) % 37])]);
  const { indices, indptr } = patternOf(marks, 37);
  const byRows = { indices: indices as number[], starts: indptr as number[] };
  const { groups, count } = groupColumns(byRows, transposeEntries(byRows, 37));
  for (const row of marks) assertEquals(new Set(row.map((column) => groups[column])).size, row.length);
  assert(count <= 8 && groups.every((group) => group >= 0 && group < count));
});

Deno.test("few rows that depend on all take reverse mode", () => {
  const few = (x: Tensor) => concat([x.square().sum().reshape([1]), x.sin().sum().reshape([1])]);
  const all = Array.from({ length: 9 }, (_, i) => i);
  assertSame(few, patternOf([all, all], 9), 9);
  assertSame(wide, widePattern(9), 9);
});

Deno.test("matrices as arguments and results, further arguments, empty rows", () => {
  const scaled = (x: Tensor, k: Tensor) => x.square().mul(k);
  const x = sine(6).reshape([2, 3]);
  const matrix = sparseJacobian(scaled, patternOf([[0], [1], [2], [3], [4], [5]], 6))(x, tensor(2));
  const expected = x.mul(4).ravel().dataSync();
  matrix.data.dataSync().forEach((value, i) => assertAlmostEquals(value, expected[i], 1e-15));
  const half = (x: Tensor) => concat([x.at(slice(0, 1)).exp(), x.at(slice(0, 1)).mul(0), x.at(slice(1))]);
  assertSame(half, patternOf([[0], [], [1]], 2), 2);
});

Deno.test("a tensor as pattern, and its parts in the result", () => {
  const pattern = {
    indices: tensor([0, 1], { dtype: "int32" }),
    indptr: tensor([0, 1, 2], { dtype: "int32" }),
  };
  const { data, indices, indptr } = sparseJacobian((x: Tensor) => x.exp(), { ...pattern, columns: 2 })(
    sine(2),
  );
  assertEquals([data.dtype, data.size], ["float64", 2]);
  assertEquals([indices.arraySync(), indptr.arraySync()], [[0, 1], [0, 1, 2]]);
});

Deno.test("what does not belong together is refused", () => {
  const f = (x: Tensor) => x.mul(2);
  const make = (indices: number[], indptr: number[], columns: number) =>
    sparseJacobian(f, { indices, indptr, columns });
  assertThrows(() => make([0, 1], [0, 1], 2), IndexError, "does not divide 2 entries into 1 rows");
  assertThrows(() => make([0, 1], [0, 2, 1, 2], 2), IndexError, "does not divide");
  assertThrows(() => make([0, 2], [0, 1, 2], 2), IndexError, "entry 1 has column 2 of 2");
  assertThrows(
    () => make([0, 1], [0, 1, 2], 2)(sine(3)),
    ShapeError,
    "has 3 elements, and the pattern has 2 columns",
  );
  assertThrows(() => make([0, 1], [0, 2], 2)(sine(2)), ShapeError, "the result float64[2] has 2 elements");
  const whole = tensor([1, 2], { dtype: "int32" });
  assertThrows(() => make([0, 1], [0, 1, 2], 2)(whole), GradientError, "int32[2], not of a float dtype");
});
