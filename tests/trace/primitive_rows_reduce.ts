/** Rows of the primitive table: reductions and cumulative operations. */
import type { DType } from "../../lib/trace/dtype.ts";
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import { cumulatives } from "../../lib/trace/primitives/cumulative.ts";
import { reductions } from "../../lib/trace/primitives/reduce.ts";
import { positions } from "../../lib/trace/primitives/reduce_position.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import {
  ALL_DTYPES,
  anyInteger,
  distinctArray,
  NUMBERS,
  type PrimitiveCase,
  reals,
  sampleArray,
  showShapes,
  signedReals,
} from "./primitive_case.ts";

type Fill = (random: TestRandom, shape: Shape, dtype: DType) => HostArray;

const around: Fill = (random, shape, dtype) => sampleArray(random, shape, dtype, reals(-2, 2));
const nearOne: Fill = (random, shape, dtype) => sampleArray(random, shape, dtype, signedReals(0.6, 1.4));
const withZeros: Fill = (random, shape, dtype) =>
  sampleArray(random, shape, dtype, (r, d) => r.below(4) === 0 ? 0 : signedReals(0.6, 1.4)(r, d));

function row<P extends Params>(
  primitive: Primitive<P>,
  shape: Shape,
  params: P,
  fill: Fill,
  dtypes: readonly DType[],
  label = "",
): PrimitiveCase {
  const smooth = primitive.derivative.kind === "derivative";
  return {
    primitive: primitive as unknown as Primitive,
    name: `${label}${showShapes(shape)} ${primitive.print(params)}`,
    dtypes,
    differentiable: smooth ? [0] : [],
    make: (seed, dtype) => ({ inputs: [fill(new TestRandom(seed), shape, dtype)], params }),
  };
}

const REDUCED: readonly (readonly [Shape, readonly number[]])[] = [
  [[1], [0]],
  [[3], [0]],
  [[5, 17], [1]],
  [[5, 17], [0]],
  [[5, 17], [0, 1]],
  [[3, 5, 4], [1]],
  [[3, 5, 4], [0, 2]],
  [[0, 3], [1]],
];
const EMPTY: readonly (readonly [Shape, readonly number[]])[] = [[[0], [0]], [[0, 3], [0]]];

const CUMULATED: readonly (readonly [Shape, number])[] = [
  [[1], 0],
  [[3], 0],
  [[17], 0],
  [[5, 17], 1],
  [[5, 17], 0],
  [[3, 5, 4], 1],
  [[0, 3], 0],
  [[0, 3], 1],
];

const LONG = { axes: [0] };

export const REDUCE_ROWS: readonly PrimitiveCase[] = [
  ...[...REDUCED, ...EMPTY].flatMap(([shape, axes]) => [
    row(reductions.sum, shape, { axes }, around, NUMBERS),
    row(reductions.prod, shape, { axes }, nearOne, NUMBERS),
    row(reductions.any, shape, { axes }, (r, s, d) => sampleArray(r, s, d, anyInteger), ["bool"]),
    row(reductions.all, shape, { axes }, (r, s, d) => sampleArray(r, s, d, anyInteger), ["bool"]),
  ]),
  ...REDUCED.flatMap(([shape, axes]) => [
    row(reductions.max, shape, { axes }, distinctArray, ALL_DTYPES),
    row(reductions.min, shape, { axes }, distinctArray, ALL_DTYPES),
  ]),
  row(reductions.prod, [3, 5], { axes: [1] }, withZeros, ["float32", "float64"], "with zeros, "),
  row(reductions.sum, [1023], LONG, around, ["float32", "float64"], "odd length, "),
  row(reductions.max, [1023], LONG, distinctArray, ["float32", "float64"], "odd length, "),
  ...[[[3], 0], [[5, 17], 1], [[5, 17], 0], [[3, 5, 4], 1], [[0, 3], 1]].flatMap(([shape, axis]) => [
    row(positions.argmax, shape as Shape, { axis: axis as number }, distinctArray, ALL_DTYPES),
    row(positions.argmin, shape as Shape, { axis: axis as number }, distinctArray, ALL_DTYPES),
  ]),
  ...CUMULATED.flatMap(([shape, axis]) =>
    [false, true].flatMap((reverse) => [
      row(cumulatives.cumsum, shape, { axis, reverse }, around, NUMBERS),
      row(cumulatives.cumprod, shape, { axis, reverse }, nearOne, NUMBERS),
      row(cumulatives.cummax, shape, { axis, reverse }, distinctArray, NUMBERS),
      row(cumulatives.cummin, shape, { axis, reverse }, distinctArray, NUMBERS),
    ])
  ),
  row(
    cumulatives.cumprod,
    [3, 5],
    { axis: 1, reverse: false },
    withZeros,
    ["float32", "float64"],
    "with zeros, ",
  ),
];
