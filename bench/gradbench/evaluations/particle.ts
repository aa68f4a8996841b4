/** particle: the parameter for which a charged particle hits the origin, by descent through a simulation. */
import { jit, stack, sub, type Tensor, whileLoop } from "@damo/damo";
import { doubles, evaluated, type EvaluatedFunction, type Evaluation, numberOf } from "../evaluation.ts";
import { argmin, gradientBy, type Objective } from "./descent.ts";

const STEP = 0.1;

/** The sum of the inverse distances of `x` from two charges, at (10, 10 - w) and (10, 0). */
function potential(x: Tensor, w: Tensor): Tensor {
  const charges = stack([stack([doubles(10), sub(10, w)]), doubles([10, 0])]);
  return x.sub(charges).square().sum({ axis: 1 }).sqrt().reciprocal().sum();
}

/** The square of the place where the path crosses the axis: Euler's steps until it is below, then along the last velocity. */
function miss(w: Tensor, gradient: (fn: Objective) => Objective): Tensor {
  const slope = gradient((x) => potential(x, w));
  const move = (x: Tensor, v: Tensor) => x.add(v.mul(STEP));
  const [x, v] = whileLoop(
    ([x, v]) => move(x, v).at(1).gt(0),
    ([x, v]) => [move(x, v), v.sub(slope(x).mul(STEP))],
    [doubles([0, 8]), doubles([0.75, 0])],
  );
  const end = move(x, v);
  const crossing = end.sub(v.mul(end.at(1).div(v.at(1))));
  return crossing.at(0).square();
}

interface Input {
  readonly w: number;
}

/** Descent by the mode of the first letter, the force by that of the second. */
function particleBy(descent: "f" | "r", force: "f" | "r"): EvaluatedFunction {
  const objective = (w: Tensor) => miss(w, gradientBy[force]);
  const solve = (start: Tensor) => argmin(objective, gradientBy[descent](objective), start);
  return evaluated(jit(solve, { name: `particle ${descent}${force}` }), {
    prepare: ({ w }: Input): [Tensor] => [doubles(w)],
    output: numberOf,
  });
}

export const particle: Evaluation = {
  ff: particleBy("f", "f"),
  fr: particleBy("f", "r"),
  rf: particleBy("r", "f"),
  rr: particleBy("r", "r"),
};
