/** Stochastic gradient descent. */
import { DamoError } from "../trace/errors.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { checkNumber, Optimizer, type Rate, type Tree } from "./optimizer.ts";

/** Options of sgd. */
export interface SgdOptions {
  /** The learning rate: a number, a scalar or a schedule; 0.01 by default. */
  readonly lr?: Rate;
  /** How much of the velocity is kept from step to step; 0 by default. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. */
  readonly nesterov?: boolean;
  /** Added to the gradient: `weightDecay * parameter`. */
  readonly weightDecay?: number;
}

/**
 * `p - lr g`, with momentum `v = momentum v + g` and `p - lr v` (Polyak 1964; Nesterov's form, `p - lr (g + momentum v)`:
 * Sutskever, Martens, Dahl and Hinton, ICML 2013).
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
 * @example
 * ```ts
 * import { grad, jit, optim, shared } from "@damo/damo";
 * const w = shared(3);
 * const optimizer = optim.sgd([w], { lr: 0.1 });
 * const step = jit(() => {
 *   const cost = w.value.square();
 *   optimizer.step(grad(cost, [w]));
 *   return cost;
 * });
 * for (let i = 0; i < 50; i++) step();
 * console.assert(Math.abs(w.value.itemSync()) < 1e-3);
 * ```
 */
export function sgd(parameters: Tree, options: SgdOptions = {}): Optimizer {
  checkOptions("optim.sgd", options, ["lr", "momentum", "nesterov", "weightDecay"]);
  const { lr = 0.01, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkNumber("optim.sgd", "momentum", momentum, 0, 1);
  checkNumber("optim.sgd", "weightDecay", weightDecay);
  if (nesterov && momentum === 0) {
    throw new DamoError("optim.sgd: nesterov without momentum.", {
      operation: "optim.sgd",
      remedy: "Pass { momentum: 0.9, nesterov: true }, or leave nesterov out.",
    });
  }
  return new Optimizer(
    {
      name: "sgd",
      slots: momentum === 0 ? [] : ["velocity"],
      update(parameter, gradient, [velocity], { rate }) {
        const g = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
        if (momentum === 0) return [parameter.sub(g.mul(rate)), []];
        const v = velocity.mul(momentum).add(g);
        const direction = nesterov ? g.add(v.mul(momentum)) : v;
        return [parameter.sub(direction.mul(rate)), [v]];
      },
    },
    parameters,
    lr,
  );
}
