/** Rows of the primitive table: elementwise primitives that compile as compositions of others. */
import type { Primitive } from "../../lib/trace/primitive.ts";
import { j0Primitive, j1Primitive } from "../../lib/trace/primitives/composed_bessel.ts";
import { erfcinvPrimitive } from "../../lib/trace/primitives/composed_erfcinv.ts";
import { gammaPrimitive, polygammaPrimitive } from "../../lib/trace/primitives/composed_gamma.ts";
import { incompleteBetaPrimitives } from "../../lib/special/incomplete_beta.ts";
import { incompleteGammaPrimitives } from "../../lib/special/incomplete_gamma.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import { TestRandom } from "../support/random.ts";
import {
  FLOATS,
  type PrimitiveCase,
  reals,
  sampleArray,
  type Sampler,
  showShapes,
} from "./primitive_case.ts";

const NONE = {};
const FUNCTIONS: readonly (readonly [primitive: unknown, label: string, sampler: Sampler, params: object])[] =
  [
    [gammaPrimitive, "", reals(0.5, 4), NONE],
    [gammaPrimitive, "large ", reals(10.5, 11.5), NONE],
    [gammaPrimitive, "negative ", reals(-2.7, -2.3), NONE],
    [polygammaPrimitive, "order 1 ", reals(0.7, 6), { order: 1 }],
    [polygammaPrimitive, "order 1, negative ", reals(-2.7, -2.3), { order: 1 }],
    [polygammaPrimitive, "order 2 ", reals(0.7, 6), { order: 2 }],
    [j0Primitive, "", reals(-7, 7), NONE],
    [j0Primitive, "large ", reals(9, 20), NONE],
    [j1Primitive, "", reals(-7, 7), NONE],
    [j1Primitive, "large ", reals(9, 20), NONE],
    [erfcinvPrimitive, "", reals(0.1, 1.7), NONE],
  ];
const SHAPES: readonly Shape[] = [[], [3], [5, 17], [0, 3]];

/** Functions of parameters and a place; only the place has a derivative. */
function incompleteRow(
  primitive: unknown,
  shapes: readonly Shape[],
  parameters: Sampler,
  place: Sampler,
): PrimitiveCase {
  const last = shapes.length - 1;
  return {
    primitive: primitive as Primitive,
    name: showShapes(...shapes),
    dtypes: ["float32", "float64"],
    differentiable: [last],
    make(seed, dtype) {
      const random = new TestRandom(seed);
      const inputs = shapes.map((shape, i) =>
        sampleArray(random, shape, dtype, i === last ? place : parameters)
      );
      return { inputs, params: NONE };
    },
  };
}

const GAMMA_SHAPES: readonly (readonly Shape[])[] = [[[], []], [[5, 1], [17]]];
const BETA_SHAPES: readonly (readonly Shape[])[] = [[[], [], []], [[5, 1], [], [17]]];

export const COMPOSED_ROWS: readonly PrimitiveCase[] = [
  ...FUNCTIONS.flatMap(([primitive, label, sampler, params]) =>
    SHAPES.map((shape): PrimitiveCase => ({
      primitive: primitive as Primitive,
      name: label + showShapes(shape),
      dtypes: FLOATS,
      differentiable: [0],
      make: (seed, dtype) => ({ inputs: [sampleArray(new TestRandom(seed), shape, dtype, sampler)], params }),
    }))
  ),
  ...incompleteGammaPrimitives.flatMap((primitive) =>
    GAMMA_SHAPES.map((shapes) => incompleteRow(primitive, shapes, reals(0.5, 3), reals(0.5, 5)))
  ),
  ...incompleteBetaPrimitives.flatMap((primitive) =>
    BETA_SHAPES.map((shapes) => incompleteRow(primitive, shapes, reals(0.7, 4), reals(0.2, 0.8)))
  ),
];
