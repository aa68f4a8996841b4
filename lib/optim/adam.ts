/** Adam and AdamW. */
import { pow } from "../trace/ops/arithmetic.ts";
import { Optimizer, type Rate, type Tree, type UpdateRule } from "./optimizer.ts";

/** Options of adam. */
export interface AdamOptions {
  readonly lr?: Rate;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
}

/** Options of adamW. */
export interface AdamWOptions extends AdamOptions {
  readonly weightDecay?: number;
}

function adamRule(name: string, options: AdamWOptions, weightDecay: number): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
  return {
    name,
    slots: 2,
    update(parameter, gradient, [mean, square], { rate, step }) {
      // m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  both divided by 1 - b^t for their start at 0
      const m = mean.mul(beta1).add(gradient.mul(1 - beta1));
      const v = square.mul(beta2).add(gradient.square().mul(1 - beta2));
      const t = step.cast(parameter.dtype);
      const mHat = m.div(pow(beta1, t).neg().add(1));
      const vHat = v.div(pow(beta2, t).neg().add(1));
      const change = mHat.div(vHat.sqrt().add(eps)).mul(rate);
      const decayed = weightDecay === 0 ? parameter : parameter.sub(parameter.mul(weightDecay).mul(rate));
      return [decayed.sub(change), [m, v]];
    },
  };
}

/**
 * Adam (Kingma and Ba, ICLR 2015).
 *
 * @example
 * ```ts
 * import { grad, jit, optim, shared } from "@damo/damo";
 * const w = shared(3);
 * const optimizer = optim.adam([w], { lr: 0.1 });
 * const step = jit(() => optimizer.step(grad(w.value.square(), [w])));
 * for (let i = 0; i < 200; i++) step();
 * console.assert(Math.abs(w.value.itemSync()) < 0.05);
 * ```
 */
export function adam(parameters: Tree, options: AdamOptions = {}): Optimizer {
  return new Optimizer(adamRule("adam", options, 0), parameters, options.lr ?? 0.001);
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019); `weightDecay` is 0.01 by default.
 *
 * @example
 * ```ts
 * import { optim, shared } from "@damo/damo";
 * const optimizer = optim.adamW([shared([1, 2])], { lr: 1e-3, weightDecay: 0.1 });
 * console.assert(optimizer !== undefined);
 * ```
 */
export function adamW(parameters: Tree, options: AdamWOptions = {}): Optimizer {
  return new Optimizer(
    adamRule("adamW", options, options.weightDecay ?? 0.01),
    parameters,
    options.lr ?? 0.001,
  );
}
