/** llsq: how far a polynomial is from the sign function, in the least squares sense, on a grid of [-1, 1]. */
import { arange, grad, jit, scan, sign, type Tensor, zerosLike } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/** 1/2 sum_i (s_i - sum_j x_j t_i^j)^2 with t_i = -1 + 2 i / (n - 1) and s_i = sign(t_i); the polynomial by Horner's rule. */
function objective(x: Tensor, n: number): Tensor {
  const t = arange(n, { dtype: "float64" }).mul(2 / (n - 1)).sub(1);
  const horner = (value: Tensor, coefficient: Tensor): [Tensor, undefined] => [
    value.mul(t).add(coefficient),
    undefined,
  ];
  const [polynomial] = scan(horner, zerosLike(t), x, { reverse: true });
  return sign(t).sub(polynomial).square().sum().mul(0.5);
}

interface Input {
  readonly x: readonly number[];
  readonly n: number;
}

const prepare = ({ x, n }: Input): [Tensor, number] => [doubles(x), n];

export const llsq: Evaluation = {
  primal: evaluated(jit(objective, { static: [1] }), { prepare, output: numberOf }),
  gradient: evaluated(jit(grad(objective), { static: [1] }), { prepare, output: arrayOf }),
};
