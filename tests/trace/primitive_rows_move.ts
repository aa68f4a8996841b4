/** Rows of the primitive table: what moves elements without computing. */
import type { DType } from "../../lib/trace/dtype.ts";
import type { Params, Primitive } from "../../lib/trace/primitive.ts";
import {
  broadcastToPrimitive,
  reshapePrimitive,
  transposePrimitive,
} from "../../lib/trace/primitives/move.ts";
import { concatPrimitive } from "../../lib/trace/primitives/move_concat.ts";
import { flipPrimitive, padPrimitive, slicePrimitive } from "../../lib/trace/primitives/move_slice.ts";
import {
  unwindowPrimitive,
  type WindowsParams,
  windowsPrimitive,
} from "../../lib/trace/primitives/windows.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import { ALL_DTYPES, NUMBERS, type PrimitiveCase, reals, sampleArray, showShapes } from "./primitive_case.ts";

/** A row whose inputs are all of the main dtype and differentiable. */
export function plainRow<P extends Params>(
  primitive: Primitive<P>,
  shapes: readonly Shape[],
  params: P,
  dtypes: readonly DType[] = ALL_DTYPES,
): PrimitiveCase {
  return {
    primitive: primitive as unknown as Primitive,
    name: `${showShapes(...shapes)} ${primitive.print(params)}`,
    dtypes,
    differentiable: shapes.map((_, i) => i),
    make(seed, dtype) {
      const random = new TestRandom(seed);
      return { inputs: shapes.map((shape) => sampleArray(random, shape, dtype, reals(-2, 2))), params };
    },
  };
}

const BROADCASTS: readonly (readonly [Shape, Shape])[] = [
  [[], [3]],
  [[], []],
  [[3], [5, 3]],
  [[5, 1], [5, 17]],
  [[1, 3, 1], [4, 5, 3, 2]],
  [[1], [0]],
  [[0, 1], [0, 3]],
];

const RESHAPES: readonly (readonly [Shape, Shape])[] = [
  [[], [1]],
  [[1023], [3, 341]],
  [[2, 3, 5], [6, 5]],
  [[3, 4], [2, 6]],
  [[1, 5], [5]],
  [[0, 3], [5, 0]],
];

const TRANSPOSES: readonly (readonly [Shape, readonly number[]])[] = [
  [[5, 17], [1, 0]],
  [[2, 3, 5], [2, 0, 1]],
  [[2, 3, 4, 5], [0, 2, 1, 3]],
  [[2, 3, 4, 5], [3, 1, 0, 2]],
  [[0, 3], [1, 0]],
  [[1, 1, 3], [2, 1, 0]],
];

const SLICES: readonly (readonly [Shape, readonly number[], readonly number[], readonly number[]])[] = [
  [[17], [3], [11], [1]],
  [[17], [1], [17], [3]],
  [[5, 7], [1, 0], [4, 7], [2, 5]],
  [[5, 7], [2, 3], [2, 4], [1, 1]],
  [[0, 3], [0, 1], [0, 3], [1, 1]],
  [[3, 4, 5], [0, 1, 4], [3, 3, 5], [2, 1, 1]],
];

const FLIPS: readonly (readonly [Shape, readonly number[]])[] = [
  [[17], [0]],
  [[3, 5], [1]],
  [[3, 5], [0, 1]],
  [[2, 3, 4], [1]],
  [[0, 3], [0]],
];

type Pads = readonly [Shape, readonly number[], readonly number[], readonly number[], number];
const PADS: readonly Pads[] = [
  [[5], [1], [2], [0], 0],
  [[5], [-1], [-2], [0], 0],
  [[5], [2], [-1], [2], 0],
  [[3, 4], [0, 1], [1, 0], [1, 0], 0],
  [[3, 4], [-1, 2], [2, -1], [0, 2], 1],
  [[5], [1], [1], [0], -3],
  [[0], [2], [1], [1], 0],
  [[1], [0], [3], [2], 0],
];

const WINDOWS: readonly (readonly [Shape, Omit<WindowsParams, "value">])[] = [
  [[9], { sizes: [3], strides: [1], dilations: [1], padding: [[0, 0]] }],
  [[9], { sizes: [3], strides: [3], dilations: [1], padding: [[0, 0]] }],
  [[10], { sizes: [2], strides: [2], dilations: [1], padding: [[1, 1]] }],
  [[2, 9], { sizes: [3], strides: [2], dilations: [1], padding: [[1, 1]] }],
  [[9], { sizes: [3], strides: [2], dilations: [2], padding: [[2, 1]] }],
  [[11], { sizes: [2], strides: [3], dilations: [1], padding: [[0, 0]] }],
  [[13], { sizes: [9], strides: [1], dilations: [1], padding: [[3, -1]] }],
  [[23], { sizes: [9], strides: [1], dilations: [2], padding: [[0, 0]] }],
  [[2, 5, 7], { sizes: [2, 3], strides: [2, 1], dilations: [1, 2], padding: [[0, 1], [-1, 2]] }],
  [[3, 5, 5], { sizes: [2, 2], strides: [2, 2], dilations: [1, 1], padding: [[0, 0], [0, 0]] }],
  [[2], { sizes: [3], strides: [1], dilations: [1], padding: [[0, 0]] }],
];

/** Rows of unwindow from the same windows: positions and offsets come from the shape rule of windows. */
function unwindowRow(
  shape: Shape,
  { sizes, strides, dilations, padding }: Omit<WindowsParams, "value">,
): PrimitiveCase {
  const params = { sizes, strides, dilations, padding, value: 0 };
  const [{ shape: windows }] = windowsPrimitive.infer([{ shape, dtype: "float32" }], params);
  const whole = shape.slice(shape.length - sizes.length);
  return plainRow(unwindowPrimitive, [windows], { shape: whole, strides, dilations, padding }, NUMBERS);
}

export const MOVE_ROWS: readonly PrimitiveCase[] = [
  ...BROADCASTS.map(([from, shape]) => plainRow(broadcastToPrimitive, [from], { shape })),
  ...RESHAPES.map(([from, shape]) => plainRow(reshapePrimitive, [from], { shape })),
  ...TRANSPOSES.map(([from, permutation]) => plainRow(transposePrimitive, [from], { permutation })),
  ...SLICES.map(([from, start, stop, step]) => plainRow(slicePrimitive, [from], { start, stop, step })),
  ...FLIPS.map(([from, axes]) => plainRow(flipPrimitive, [from], { axes })),
  ...PADS.map(([from, low, high, interior, value]) =>
    plainRow(
      padPrimitive,
      [from],
      { low, high, interior, value },
      value === 0 ? ALL_DTYPES : ["float32", "int32"],
    )
  ),
  plainRow(concatPrimitive, [[3], [5], [1]], { axis: 0 }),
  plainRow(concatPrimitive, [[3, 2], [3, 0], [3, 5]], { axis: 1 }),
  plainRow(concatPrimitive, [[1, 5], [3, 5]], { axis: 0 }),
  plainRow(concatPrimitive, [[2, 1, 3], [2, 4, 3]], { axis: 1 }),
  ...WINDOWS.flatMap(([shape, params]) => [
    plainRow(windowsPrimitive, [shape], { ...params, value: 0 }),
    unwindowRow(shape, params),
  ]),
  plainRow(windowsPrimitive, [[2, 5]], {
    sizes: [3],
    strides: [2],
    dilations: [1],
    padding: [[1, 1]],
    value: 7,
  }, ["float32", "float64"]),
];
