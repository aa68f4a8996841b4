/** saddle: the least of the greatest values of a function, by descent through another descent. */
import { concat, jit, type Tensor } from "@damo/damo";
import { arrayOf, doubles, evaluated, type EvaluatedFunction, type Evaluation } from "../evaluation.ts";
import { argmax, argmin, gradientBy } from "./descent.ts";

/** |x|^2 - |y|^2 */
function height(x: Tensor, y: Tensor): Tensor {
  return x.square().sum().sub(y.square().sum());
}

interface Input {
  readonly start: readonly number[];
}

/** The least over x by the mode of the first letter, the greatest over y by that of the second. */
function saddleBy(least: "f" | "r", greatest: "f" | "r"): EvaluatedFunction {
  const highest = (x: Tensor, start: Tensor) => {
    const along = (y: Tensor) => height(x, y);
    return argmax(along, gradientBy[greatest](along), start);
  };
  const solve = (start: Tensor) => {
    const ridge = (x: Tensor) => height(x, highest(x, start));
    const x = argmin(ridge, gradientBy[least](ridge), start);
    return concat([x, highest(x, start)]);
  };
  return evaluated(jit(solve, { name: `saddle ${least}${greatest}` }), {
    prepare: ({ start }: Input): [Tensor] => [doubles(start)],
    output: arrayOf,
  });
}

export const saddle: Evaluation = {
  ff: saddleBy("f", "f"),
  fr: saddleBy("f", "r"),
  rf: saddleBy("r", "f"),
  rr: saddleBy("r", "r"),
};
