/** Sparse times dense against dense times dense, derivatives, and errors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkGrads,
  DTypeError,
  grad,
  IndexError,
  jit,
  matmul,
  ShapeError,
  sparse,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import { assertSame, FLOAT_DTYPES } from "../support/matrices.ts";
import { widest } from "../support/devices.ts";
import { testEverywhere } from "../support/operands.ts";
import { TestRandom } from "../support/random.ts";

/** A matrix of which about one element in four is not 0, with an empty first, middle and last row where there is room. */
function dense(rows: number, columns: number, seed = 1): Tensor {
  const random = new TestRandom(seed);
  const data = Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    const value = Math.round(random.normal() * 8) / 8;
    return row % 3 === 0 || random.below(2) === 0 ? 0 : value;
  });
  return widest(data, [rows, columns]);
}

const SIZES = [[1, 1], [4, 3], [7, 5], [13, 17], [3, 0], [0, 4]];

for (const dtype of FLOAT_DTYPES) {
  testEverywhere(`products are those of the dense matrix, ${dtype}`, () => {
    for (const [rows, columns] of SIZES) {
      const whole = dense(rows, columns).cast(dtype), a = sparse.fromDense(whole);
      assertSame(sparse.toDense(a, columns), whole, 0, `toDense ${rows} ${columns}`);
      const x = dense(columns, 4, 2).cast(dtype), y = dense(rows, 2, 3).cast(dtype);
      assertSame(sparse.matmul(a, x), matmul(whole, x), 1e-6, `matmul ${rows} ${columns}`);
      const back = sparse.matmulTransposed(a, y, columns);
      assertSame(back, matmul(whole.transpose(), y), 1e-6, `transposed ${rows} ${columns}`);
      const vector = dense(1, columns, 4).cast(dtype).reshape([columns]);
      assertSame(sparse.matmul(a, vector), matmul(whole, vector), 1e-6, `vector ${rows} ${columns}`);
    }
  });
}

Deno.test("derivatives with respect to the values and the dense operand, of first and second order", () => {
  const a = sparse.fromDense(dense(7, 5));
  const matrix = (data: Tensor) => ({ ...a, data });
  checkGrads((data: Tensor, x: Tensor) => sparse.matmul(matrix(data), x).sin(), [a.data, dense(5, 2, 2)]);
  checkGrads((data: Tensor, x: Tensor) => sparse.matmulTransposed(matrix(data), x, 5).sin(), [
    a.data,
    dense(7, 2, 2),
  ]);
  checkGrads((data: Tensor) => sparse.toDense(matrix(data), 5).sin(), [a.data]);
});

Deno.test("a sparse matrix is a tree: an argument of jit and grad", () => {
  const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
  const product = jit((m: sparse.Csr, x: Tensor) => sparse.matmul(m, x));
  assertEquals(product(a, tensor([1, 10])).arraySync(), [20, 3]);
  const gradient = grad((data: Tensor) => sparse.matmul({ ...a, data }, tensor([1, 10])).square().sum())(
    a.data,
  );
  assertEquals(gradient.arraySync(), [2 * 20 * 10, 2 * 3 * 1]);
});

testEverywhere("a place stored twice counts twice", () => {
  const a = sparse.csr([1, 2, 4], [0, 0, 1], [0, 2, 3]);
  assertEquals(sparse.toDense(a, 2).arraySync(), [[3, 0], [0, 4]]);
  assertEquals(sparse.matmul(a, tensor([1, 1])).arraySync(), [3, 4]);
});

Deno.test("errors name the part that is wrong", () => {
  const a = sparse.csr([2, 3], [1, 0], [0, 1, 2]);
  const cases: [() => unknown, new (...args: never[]) => Error, string][] = [
    [
      () => sparse.csr([1, 2], [0], [0, 2]),
      ShapeError,
      "data float32[2], indices int32[1] and indptr int32[2]",
    ],
    [() => sparse.csr([1], [0], [0, 2]), IndexError, "indptr [0, 2] does not divide 1 values into 1 rows."],
    [() => sparse.csr([1, 2], [0, 1], [0, 2, 1]), IndexError, "indptr [0, 2, 1]"],
    [() => sparse.csr([1], [-1], [0, 1]), IndexError, "column -1 at position 0"],
    [() => sparse.csr([1], tensor([0.5]), [0, 1]), DTypeError, "indices is float32[1]"],
    [() => sparse.matmul(a, zeros([2, 2, 2])), ShapeError, "sparse.matmul: x is float32[2, 2, 2]"],
    [
      () => sparse.matmulTransposed(a, zeros([3]), 2),
      ShapeError,
      "x is float32[3] and the matrix has 2 rows",
    ],
    [() => sparse.fromDense(zeros([3])), ShapeError, "x is float32[3], not a matrix"],
  ];
  for (const [act, kind, message] of cases) {
    const error = assertThrows(act, kind as typeof Error);
    assert(error.message.includes(message), error.message);
  }
});
