/** Rows of the primitive table: gather, scatter, dynamicSlice, dynamicUpdate. */
import type { HostArray, Params, Primitive } from "../../lib/trace/primitive.ts";
import { dynamicSlicePrimitive, dynamicUpdatePrimitive } from "../../lib/trace/primitives/index_dynamic.ts";
import { gatherPrimitive, scatterPrimitive } from "../../lib/trace/primitives/index_gather.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import {
  ALL_DTYPES,
  integersBetween,
  NUMBERS,
  type PrimitiveCase,
  reals,
  sampleArray,
  showShapes,
} from "./primitive_case.ts";

/** Places in and around an axis: below 0 and beyond the end too. */
function indicesFor(random: TestRandom, places: Shape, size: number): HostArray {
  return sampleArray(random, places, "int32", integersBetween(-2, size + 1));
}

/** A row with value inputs of the main dtype followed by int32 index tensors for axes of the first. */
function indexRow<P extends Params>(
  primitive: Primitive<P>,
  values: readonly Shape[],
  places: Shape,
  axes: readonly number[],
  params: P,
  note = "",
): PrimitiveCase {
  return {
    primitive: primitive as unknown as Primitive,
    name: `${showShapes(...values)} at ${showShapes(places)} ${primitive.print(params)}${note}`,
    dtypes: primitive.name === "scatter" && primitive.print(params).startsWith("add") ? NUMBERS : ALL_DTYPES,
    differentiable: values.map((_, i) => i),
    make(seed, dtype) {
      const random = new TestRandom(seed);
      const inputs = values.map((shape) => sampleArray(random, shape, dtype, reals(-2, 2)));
      for (const axis of axes) inputs.push(indicesFor(random, places, values[0][axis]));
      return { inputs, params };
    },
  };
}

const GATHERS: readonly (readonly [Shape, Shape, readonly number[]])[] = [
  [[5], [3], [0]],
  [[5], [], [0]],
  [[5, 3], [7], [0]],
  [[5, 3], [7], [1]],
  [[5, 3], [2, 3], [0, 1]],
  [[4, 3, 5], [2], [0, 2]],
  [[4, 3, 5], [], [1, 2]],
  [[4, 3, 5], [2, 1], [1]],
  [[5, 3], [0], [0]],
  [[0, 3], [0], [0]],
  [[1, 17], [3], [1]],
];

function restOf(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, a) => !axes.includes(a));
}

const BLOCKS: readonly (readonly [Shape, Shape])[] = [
  [[7], [3]],
  [[7], [7]],
  [[5, 7], [1, 7]],
  [[5, 7], [2, 3]],
  [[3, 4, 5], [3, 1, 2]],
  [[5, 3], [0, 3]],
  [[0, 3], [0, 2]],
];

export const INDEX_ROWS: readonly PrimitiveCase[] = [
  ...GATHERS.map(([shape, places, axes]) => indexRow(gatherPrimitive, [shape], places, axes, { axes })),
  ...GATHERS.flatMap(([shape, places, axes]) =>
    (["set", "add"] as const).map((combiner) =>
      indexRow(scatterPrimitive, [shape, [...places, ...restOf(shape, axes)]], places, axes, {
        axes,
        combiner,
      })
    )
  ),
  ...BLOCKS.flatMap(([shape, sizes]) => {
    const axes = shape.map((_, a) => a);
    return [
      indexRow(dynamicSlicePrimitive, [shape], [], axes, { sizes }),
      indexRow(dynamicUpdatePrimitive, [shape, sizes], [], axes, {}),
    ];
  }),
];
