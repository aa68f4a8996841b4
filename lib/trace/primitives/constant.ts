/** The scalar constant: what a JS number or boolean becomes inside a graph. */
import { castValue, type DType } from "../dtype.ts";
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";

export interface ConstantParams {
  readonly value: number;
  readonly dtype: DType;
}

export const constantPrimitive: Primitive<ConstantParams> = {
  name: "constant",
  infer(_inputs, { dtype }) {
    return [{ shape: [], dtype }];
  },
  derivative: notDifferentiable("A constant depends on nothing."),
  linear: NOT_LINEAR,
  batch() {
    throw new Error("A constant has no inputs and is never batched.");
  },
  evaluate(_inputs, { value, dtype }) {
    const data = Float64Array.of(castValue(value, "float64", dtype));
    return [{ shape: [], dtype, data }];
  },
  lower({ value }) {
    return { kind: "constant", value };
  },
  print({ value }) {
    return Object.is(value, -0) ? "-0" : String(value);
  },
};
