/** Rows of the primitive table: matrix decompositions and Fourier transforms. */
import type { DType } from "../../lib/trace/dtype.ts";
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import { fftPrimitive, irfftPrimitive, rfftPrimitive } from "../../lib/trace/primitives/fft.ts";
import { choleskyPrimitive } from "../../lib/trace/primitives/linalg_cholesky.ts";
import { eigPrimitive } from "../../lib/trace/primitives/linalg_eig.ts";
import { eighPrimitive } from "../../lib/trace/primitives/linalg_eigh.ts";
import { luPrimitive, luSolvePrimitive } from "../../lib/trace/primitives/linalg_lu.ts";
import { pinvOfPrimitive } from "../../lib/trace/primitives/linalg_pinv.ts";
import { qrPrimitive } from "../../lib/trace/primitives/linalg_qr.ts";
import { svdPrimitive } from "../../lib/trace/primitives/linalg_svd.ts";
import { triangularSolvePrimitive } from "../../lib/trace/primitives/linalg_triangular.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import { type PrimitiveCase, reals, sampleArray, showShapes } from "./primitive_case.ts";
import { plainRow } from "./primitive_rows_move.ts";

const DTYPES: readonly DType[] = ["float32", "float64"];

/** Noise of up to 0.3 and, on the diagonal shifted by `shift` rows, 2, 3, 4, ...: well conditioned, nothing equal. */
function steppedMatrix(random: TestRandom, shape: Shape, dtype: DType, shift = 0): HostArray {
  const array = sampleArray(random, shape, dtype, reals(-0.3, 0.3));
  const [rows, columns] = shape.slice(-2);
  const size = rows * columns;
  for (let start = 0; size > 0 && start < array.data.length; start += size) {
    for (let j = 0; j < Math.min(rows, columns); j++) {
      const i = (j + shift) % rows;
      array.data[start + i * columns + j] = 2 + j;
    }
  }
  return array;
}

function row<P extends Params>(
  primitive: Primitive<P>,
  shapes: readonly Shape[],
  params: P,
  differentiable: readonly number[],
  inputs: (random: TestRandom, dtype: DType) => HostArray[],
): PrimitiveCase {
  return {
    primitive: primitive as unknown as Primitive,
    name: `${showShapes(...shapes)} ${primitive.print(params)}`,
    dtypes: DTYPES,
    differentiable,
    make: (seed, dtype) => ({ inputs: inputs(new TestRandom(seed), dtype), params }),
  };
}

const SQUARES: readonly Shape[] = [[1, 1], [3, 3], [5, 5], [2, 3, 3], [0, 0], [0, 2, 2]];
const MATRICES: readonly Shape[] = [[1, 1], [3, 3], [5, 3], [2, 4, 2], [3, 0]];
const NONE = {};

function decompositions(): PrimitiveCase[] {
  const one = (primitive: Primitive, shape: Shape, shift = 0): PrimitiveCase =>
    row(primitive, [shape], NONE, [0], (random, dtype) => [steppedMatrix(random, shape, dtype, shift)]);
  return [
    ...SQUARES.flatMap((shape) => [
      one(choleskyPrimitive as Primitive, shape),
      one(luPrimitive as Primitive, shape, 1),
      one(eighPrimitive as Primitive, shape),
    ]),
    ...[...MATRICES, [3, 5], [2, 2, 4], [0, 3]].map((shape) => one(svdPrimitive as Primitive, shape)),
    ...MATRICES.flatMap((shape) =>
      [false, true].map((complete) =>
        row(
          qrPrimitive,
          [shape],
          { complete },
          complete && shape.at(-2) !== shape.at(-1) ? [] : [0],
          (random, dtype) => [steppedMatrix(random, shape, dtype)],
        )
      )
    ),
    ...SQUARES.map((shape) =>
      row(eigPrimitive, [shape], {}, [], (random, dtype) => [steppedMatrix(random, shape, dtype)])
    ),
    row(qrPrimitive, [[3, 5]], { complete: false }, [], (random, dtype) => [
      steppedMatrix(random, [3, 5], dtype),
    ]),
  ];
}

function systems(): PrimitiveCase[] {
  const sizes: readonly (readonly [Shape, Shape])[] = [
    [[1, 1], [1, 2]],
    [[3, 3], [3, 1]],
    [[5, 5], [5, 3]],
    [[2, 3, 3], [2, 3, 2]],
    [[0, 0], [0, 2]],
    [[3, 3], [3, 0]],
  ];
  const flags = [false, true];
  return sizes.flatMap(([shapeA, shapeB]) => {
    const right = (random: TestRandom, dtype: DType) => sampleArray(random, shapeB, dtype, reals(-2, 2));
    return [
      ...flags.flatMap((lower) =>
        flags.flatMap((transpose) =>
          flags.map((unit) =>
            row(
              triangularSolvePrimitive,
              [shapeA, shapeB],
              { lower, transpose, unit },
              [0, 1],
              (random, dtype) => [
                steppedMatrix(random, shapeA, dtype),
                right(random, dtype),
              ],
            )
          )
        )
      ),
      // The factors enter derivatives only through the matrix itself, which `evaluate` does not look at.
      ...flags.map((transpose) =>
        row(luSolvePrimitive, [shapeA, shapeB], { transpose }, [3], (random, dtype) => {
          const a = steppedMatrix(random, shapeA, dtype, 1);
          const avals = luPrimitive.infer([a], {});
          const [lu, permutation] = luPrimitive.evaluate([a], {}, avals);
          return [a, lu, permutation, right(random, dtype)];
        })
      ),
    ];
  });
}

const SIGNALS: readonly Shape[] = [[1], [2], [3], [8], [12], [17], [2, 5], [3, 16], [2, 2, 6], [0, 4]];

export const LINALG_ROWS: readonly PrimitiveCase[] = [
  ...decompositions(),
  ...systems(),
  plainRow(pinvOfPrimitive, [[3, 5], [5, 3]], NONE, DTYPES),
].map((entry) => entry.primitive.name === "pinvOf" ? { ...entry, differentiable: [] } : entry);

export const FFT_ROWS: readonly PrimitiveCase[] = SIGNALS.flatMap((shape) => {
  const length = shape[shape.length - 1];
  const half = [...shape.slice(0, -1), Math.floor(length / 2) + 1];
  return [
    plainRow(fftPrimitive, [shape, shape], { inverse: false }, DTYPES),
    plainRow(fftPrimitive, [shape, shape], { inverse: true }, DTYPES),
    plainRow(rfftPrimitive, [shape], NONE, DTYPES),
    plainRow(irfftPrimitive, [half, half], { length }, DTYPES),
  ];
});
