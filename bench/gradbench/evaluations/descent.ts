/** What particle and saddle share: gradient descent as their definition has it, and the two modes of differentiation. */
import { and, cond, grad, jacfwd, not, type Tensor, tensor, where, whileLoop } from "@damo/damo";
import { doubles } from "../evaluation.ts";

/** A scalar function of a scalar or a vector. */
export type Objective = (x: Tensor) => Tensor;

/** From a function to its gradient, by forward ("f") or reverse ("r") mode. */
export const gradientBy: Readonly<Record<"f" | "r", (fn: Objective) => Objective>> = {
  f: (fn) => jacfwd(fn),
  r: (fn) => grad(fn),
};

interface Descent {
  readonly x: Tensor;
  readonly value: Tensor;
  readonly slope: Tensor;
  readonly rate: Tensor;
  /** How many steps in a row succeeded; the tenth doubles the rate. */
  readonly successes: Tensor;
  readonly stuck: Tensor;
}

const CLOSE = 1e-5;

/** Euclidean length of a scalar or a vector. */
function length(v: Tensor): Tensor {
  return v.square().sum().sqrt();
}

/**
 * Where `fn` is least, from `start`. A step that does not lower the value halves the rate instead; the search ends with a
 * gradient or a step shorter than 1e-5.
 */
export function argmin(fn: Objective, gradient: Objective, start: Tensor): Tensor {
  const attempt = (now: Descent): Descent => {
    const x = now.x.sub(now.slope.mul(now.rate));
    const value = fn(x);
    const stuck = length(x.sub(now.x)).le(CLOSE);
    const succeed = (x: Tensor, value: Tensor, { rate, successes }: Descent): Descent => {
      const tenth = successes.eq(9);
      return {
        x,
        value,
        slope: gradient(x),
        rate: where(tenth, rate.mul(2), rate),
        successes: where(tenth, 0, successes.add(1)),
        stuck,
      };
    };
    const fail = (_x: Tensor, _value: Tensor, now: Descent): Descent => ({
      ...now,
      rate: now.rate.mul(0.5),
      successes: now.successes.mul(0),
      stuck,
    });
    return cond(and(value.lt(now.value), not(stuck)), succeed, fail, x, value, now);
  };
  const initial: Descent = {
    x: start,
    value: fn(start),
    slope: gradient(start),
    rate: doubles(1e-5),
    successes: tensor(0, { dtype: "int32" }),
    stuck: tensor(false),
  };
  const searching = ({ slope, stuck }: Descent) => and(not(stuck), length(slope).gt(CLOSE));
  return whileLoop(searching, attempt, initial).x;
}

/** Where `fn` is greatest: the same search on its negative. */
export function argmax(fn: Objective, gradient: Objective, start: Tensor): Tensor {
  return argmin((x) => fn(x).neg(), (x) => gradient(x).neg(), start);
}
