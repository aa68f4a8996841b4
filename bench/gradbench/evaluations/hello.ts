/** hello: the square of a number and its derivative. */
import { grad, jit, type Tensor } from "@damo/damo";
import { doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

function square(x: Tensor): Tensor {
  return x.mul(x);
}

const number = { prepare: (x: number): [Tensor] => [doubles(x)], output: numberOf };

export const hello: Evaluation = {
  square: evaluated(jit(square), number),
  double: evaluated(jit(grad(square)), number),
};
