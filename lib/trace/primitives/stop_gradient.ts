/** stopGradient: the identity, through which no derivative passes and no dependence is seen. */
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { bindOne } from "../trace.ts";

export const stopGradientPrimitive: Primitive<Record<never, never>> = {
  name: "stopGradient",
  infer([x]) {
    return [x];
  },
  derivative: notDifferentiable("It is there to stop derivatives."),
  linear: NOT_LINEAR,
  batch({ inputs, params }) {
    return [bindOne(stopGradientPrimitive, inputs, params)];
  },
  evaluate([x]) {
    return [x];
  },
  lower() {
    return { kind: "reshape" };
  },
  print() {
    return "";
  },
};
