/** ode: a chain of linear differential equations by the classical Runge-Kutta method. */
import { concat, forLoop, grad, jit, slice, type Tensor, zerosLike } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation } from "../evaluation.ts";

/** y_0' = x_0 and y_i' = x_i y_(i - 1). */
function rates(x: Tensor, y: Tensor): Tensor {
  return concat([x.at(slice(0, 1)), x.at(slice(1)).mul(y.at(slice(0, -1)))]);
}

/** y(2) from y(0) = 0 in `steps` steps of order 4. */
function solve(x: Tensor, steps: number): Tensor {
  const h = 2 / steps;
  return forLoop(steps, (_, y: Tensor) => {
    const k1 = rates(x, y);
    const k2 = rates(x, y.add(k1.mul(h / 2)));
    const k3 = rates(x, y.add(k2.mul(h / 2)));
    const k4 = rates(x, y.add(k3.mul(h)));
    return y.add(k1.add(k2.mul(2)).add(k3.mul(2)).add(k4).mul(h / 6));
  }, zerosLike(x));
}

interface Input {
  readonly x: readonly number[];
  readonly s: number;
}

const prepare = ({ x, s }: Input): [Tensor, number] => [doubles(x), s];

export const ode: Evaluation = {
  primal: evaluated(jit(solve, { static: [1] }), { prepare, output: arrayOf }),
  gradient: evaluated(jit(grad((x: Tensor, steps: number) => solve(x, steps).at(-1)), { static: [1] }), {
    prepare,
    output: arrayOf,
  }),
};
