/** lse: the logarithm of a sum of exponentials. */
import { grad, jit, stopGradient, type Tensor } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/** a + log sum_i exp(x_i - a) with a = max x, in which the value does not depend on a. */
function logSumExp(x: Tensor): Tensor {
  const a = stopGradient(x.max());
  return x.sub(a).exp().sum().log().add(a);
}

interface Input {
  readonly x: readonly number[];
}

const prepare = ({ x }: Input): [Tensor] => [doubles(x)];

export const lse: Evaluation = {
  primal: evaluated(jit(logSumExp), { prepare, output: numberOf }),
  gradient: evaluated(jit(grad(logSumExp)), { prepare, output: arrayOf }),
};
