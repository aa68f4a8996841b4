/** stackLimit(steps): the number of steps, after checking when it is computed that a stack had room for them. */
import { LoopError } from "../trace/errors.ts";
import type { Location } from "../trace/location.ts";
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../trace/primitive.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";

export interface StackLimitParams {
  readonly max: number;
  /** Where the loop is written; null outside a trace, where the error finds it by itself. */
  readonly location: Location | null;
}

export const stackLimit: Primitive<StackLimitParams> = {
  name: "stackLimit",
  effect: true,
  infer([steps]) {
    return [{ shape: steps.shape, dtype: steps.dtype }];
  },
  derivative: notDifferentiable("It counts steps."),
  linear: NOT_LINEAR,
  batch({ inputs, params }) {
    return [bindOne(stackLimit, inputs, params)];
  },
  masked([steps], params, applies) {
    const none = Tensor.literal(0, steps.dtype);
    return [bindOne(stackLimit, [bindOne(elementwise.select, [applies, steps, none], {})], params)];
  },
  evaluate([steps], { max, location }) {
    const most = steps.data.reduce((most, count) => Math.max(most, count), 0);
    if (most > max) {
      throw new LoopError(`A loop took more than the ${max} steps that its stack holds.`, {
        operation: "loop.stack",
        location: location ?? undefined,
        arguments: [{ name: "max", value: max }],
        remedy: "Give loop.stack a larger { max }, or end the loop earlier with loop.until.",
      });
    }
    return [steps];
  },
  lower() {
    return { kind: "host" };
  },
  print({ max }) {
    return `max=${max}`;
  },
};
