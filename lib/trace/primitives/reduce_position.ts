/** argmax and argmin along one axis, which is dropped. */
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { bindOne } from "../trace.ts";
import { checkNotEmpty } from "./reduce.ts";
import { evaluateReduction } from "./reduce_evaluate.ts";

export interface PositionParams {
  readonly axis: number;
}

/** The position, int32, of the first extremum along the axis; of the first NaN if there is one. */
function position(name: "argmax" | "argmin"): Primitive<PositionParams> {
  return {
    name,
    infer([x], { axis }) {
      checkNotEmpty(name, x, [axis]);
      return [{ shape: x.shape.filter((_, i) => i !== axis), dtype: "int32" }];
    },
    derivative: notDifferentiable("Its result is an index."),
    linear: NOT_LINEAR,
    batch({ inputs, params: { axis } }) {
      return [bindOne(positions[name], inputs, { axis: axis + 1 })];
    },
    evaluate([x], { axis }) {
      return [evaluateReduction(x, name, [axis], "int32")];
    },
    lower({ axis }) {
      return { kind: "reduce", combiner: name, axes: [axis] };
    },
    print({ axis }) {
      return `axis=${axis}`;
    },
  };
}

export const positions: {
  readonly argmax: Primitive<PositionParams>;
  readonly argmin: Primitive<PositionParams>;
} = {
  argmax: position("argmax"),
  argmin: position("argmin"),
};
