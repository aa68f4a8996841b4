/** Adam and AdamW. */
import { expm1 } from "../trace/ops/exponential.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { Tensor } from "../trace/tensor.ts";
import { checkNumber, Optimizer, type Rate, type Tree, type UpdateRule } from "./optimizer.ts";

/** Options of adam. */
export interface AdamOptions {
  /** The learning rate: a number, a scalar or a schedule; 0.001 by default. */
  readonly lr?: Rate;
  /** How much of the mean gradient is kept from step to step; 0.9 by default. */
  readonly beta1?: number;
  /** How much of the mean squared gradient is kept from step to step; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the mean square; 1e-8 by default. */
  readonly eps?: number;
}

/** Options of adamW. */
export interface AdamWOptions extends AdamOptions {
  /** The share of the parameter that a step of rate 1 would take away; 0.01 by default. */
  readonly weightDecay?: number;
}

/** 1 - beta^t without the cancellation that float32 would have near t = 1. */
function warmth(beta: number, t: Tensor): Tensor | number {
  return beta === 0 ? 1 : expm1(t.mul(Math.log(beta))).neg();
}

function adamRule(name: string, options: AdamWOptions, weightDecay: number): UpdateRule {
  const operation = `optim.${name}`;
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
  checkNumber(operation, "beta1", beta1, 0, 1);
  checkNumber(operation, "beta2", beta2, 0, 1);
  checkNumber(operation, "eps", eps);
  checkNumber(operation, "weightDecay", weightDecay);
  return {
    name,
    slots: ["mean", "square"],
    update(parameter, gradient, [mean, square], { rate, step }) {
      // m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  both divided by 1 - b^t for their start at 0
      const m = mean.mul(beta1).add(gradient.mul(1 - beta1));
      const v = square.mul(beta2).add(gradient.square().mul(1 - beta2));
      const { dtype } = parameter;
      const t = step.cast(dtype === "float64" ? "float64" : "float32");
      const scale = (value: Tensor | number) => typeof value === "number" ? value : value.cast(dtype);
      const mHat = m.div(scale(warmth(beta1, t))), vHat = v.div(scale(warmth(beta2, t)));
      const change = mHat.div(vHat.sqrt().add(eps)).mul(rate);
      const decayed = weightDecay === 0 ? parameter : parameter.sub(parameter.mul(weightDecay).mul(rate));
      return [decayed.sub(change), [m, v]];
    },
  };
}

const ADAM_OPTIONS = ["lr", "beta1", "beta2", "eps"];

/**
 * Adam (Kingma and Ba, ICLR 2015).
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
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
  checkOptions("optim.adam", options, ADAM_OPTIONS);
  return new Optimizer(adamRule("adam", options, 0), parameters, options.lr ?? 0.001);
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
 * @example
 * ```ts
 * import { optim, shared, tensor } from "@damo/damo";
 * const w = shared([1, 2]);
 * optim.adamW([w], { lr: 0.1, weightDecay: 0.5 }).step([tensor([0, 0])]);
 * console.assert(Math.abs(w.value.dataSync()[0] - 0.95) < 1e-6);
 * ```
 */
export function adamW(parameters: Tree, options: AdamWOptions = {}): Optimizer {
  checkOptions("optim.adamW", options, [...ADAM_OPTIONS, "weightDecay"]);
  const rule = adamRule("adamW", options, options.weightDecay ?? 0.01);
  return new Optimizer(rule, parameters, options.lr ?? 0.001);
}
