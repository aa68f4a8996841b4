/** Stochastic gradient descent. */
import { Optimizer, type Rate, type Tree, type UpdateRule } from "./optimizer.ts";

/** Options of sgd. */
export interface SgdOptions {
  /** The learning rate: a number, a traced scalar or a schedule. */
  readonly lr: Rate;
  /** Velocity kept from step to step; 0 by default. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. */
  readonly nesterov?: boolean;
  /** Added to the gradient: `weightDecay * parameter`. */
  readonly weightDecay?: number;
}

/**
 * `p - lr g`, with momentum `v = momentum v + g` and `p - lr v` (Polyak 1964; Nesterov's form: Sutskever et al. 2013).
 *
 * @example
 * ```ts
 * import { grad, jit, optim, shared, type Tensor } from "@damo/damo";
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
export function sgd(parameters: Tree, options: SgdOptions): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  const rule: UpdateRule = {
    name: "sgd",
    slots: momentum === 0 ? 0 : 1,
    update(parameter, gradient, [velocity], { rate }) {
      const g = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
      if (momentum === 0) return [parameter.sub(g.mul(rate)), []];
      const v = velocity.mul(momentum).add(g);
      const direction = nesterov ? g.add(v.mul(momentum)) : v;
      return [parameter.sub(direction.mul(rate)), [v]];
    },
  };
  return new Optimizer(rule, parameters, options.lr);
}
