/** Optimisers that divide by the size of past gradients: RMSProp, AdaGrad, AdaDelta. */
import { checkOptions } from "../trace/ops/options.ts";
import { checkNumber, Optimizer, type Rate, type Tree } from "./optimizer.ts";

/** Options of rmsProp. */
export interface RmsPropOptions {
  /** The learning rate: a number, a scalar or a schedule; 0.001 by default. */
  readonly lr?: Rate;
  /** How much of the mean squared gradient is kept from step to step; 0.9 by default. */
  readonly rho?: number;
  /** How much of the velocity is kept from step to step; 0 by default. */
  readonly momentum?: number;
  /** Added to the root of the mean square; 1e-8 by default. */
  readonly eps?: number;
}

/** Options of adaGrad. */
export interface AdaGradOptions {
  /** The learning rate: a number, a scalar or a schedule; 0.01 by default. */
  readonly lr?: Rate;
  /** What the sum of squares starts at; 0 by default. */
  readonly initial?: number;
  /** Added to the root of the sum; 1e-10 by default. */
  readonly eps?: number;
}

/** Options of adaDelta. */
export interface AdaDeltaOptions {
  /** The learning rate: a number, a scalar or a schedule; 1 by default. */
  readonly lr?: Rate;
  /** How much of the mean squares is kept from step to step; 0.95 by default. */
  readonly rho?: number;
  /** Added to the mean squares; 1e-6 by default. */
  readonly eps?: number;
}

/**
 * RMSProp (Tieleman and Hinton 2012): `s = rho s + (1 - rho) g^2` and `p - lr g / (sqrt(s) + eps)`, with momentum
 * `v = momentum v + g / (sqrt(s) + eps)` and `p - lr v`.
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
 * @example
 * ```ts
 * import { optim, shared, tensor } from "@damo/damo";
 * const w = shared([1, 1]);
 * optim.rmsProp([w], { lr: 0.1, rho: 0.75 }).step([tensor([3, -5])]);
 * console.assert(Math.abs(w.value.dataSync()[0] - 0.8) < 1e-6);
 * ```
 */
export function rmsProp(parameters: Tree, options: RmsPropOptions = {}): Optimizer {
  checkOptions("optim.rmsProp", options, ["lr", "rho", "momentum", "eps"]);
  const { lr = 0.001, rho = 0.9, momentum = 0, eps = 1e-8 } = options;
  checkNumber("optim.rmsProp", "rho", rho, 0, 1);
  checkNumber("optim.rmsProp", "momentum", momentum, 0, 1);
  checkNumber("optim.rmsProp", "eps", eps);
  return new Optimizer(
    {
      name: "rmsProp",
      slots: momentum === 0 ? ["square"] : ["square", "velocity"],
      update(parameter, gradient, [square, velocity], { rate }) {
        const s = square.mul(rho).add(gradient.square().mul(1 - rho));
        const direction = gradient.div(s.sqrt().add(eps));
        if (momentum === 0) return [parameter.sub(direction.mul(rate)), [s]];
        const v = velocity.mul(momentum).add(direction);
        return [parameter.sub(v.mul(rate)), [s, v]];
      },
    },
    parameters,
    lr,
  );
}

/**
 * AdaGrad (Duchi, Hazan and Singer, JMLR 2011): `s = s + g^2` and `p - lr g / (sqrt(s) + eps)`.
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
 * @example
 * ```ts
 * import { optim, shared, tensor } from "@damo/damo";
 * const w = shared([1, 1]);
 * optim.adaGrad([w], { lr: 0.1 }).step([tensor([3, -5])]);
 * console.assert(Math.abs(w.value.dataSync()[1] - 1.1) < 1e-6);
 * ```
 */
export function adaGrad(parameters: Tree, options: AdaGradOptions = {}): Optimizer {
  checkOptions("optim.adaGrad", options, ["lr", "initial", "eps"]);
  const { lr = 0.01, initial = 0, eps = 1e-10 } = options;
  checkNumber("optim.adaGrad", "initial", initial);
  checkNumber("optim.adaGrad", "eps", eps);
  return new Optimizer(
    {
      name: "adaGrad",
      slots: ["square"],
      initial,
      update(parameter, gradient, [square], { rate }) {
        const s = square.add(gradient.square());
        return [parameter.sub(gradient.div(s.sqrt().add(eps)).mul(rate)), [s]];
      },
    },
    parameters,
    lr,
  );
}

/**
 * AdaDelta (Zeiler 2012): `s = rho s + (1 - rho) g^2`, `d = g sqrt(u + eps) / sqrt(s + eps)`,
 * `u = rho u + (1 - rho) d^2` and `p - lr d`.
 *
 * @throws {DamoError} for options that make no sense.
 * @throws {DTypeError} for parameters that are no floats.
 * @example
 * ```ts
 * import { optim, shared, tensor } from "@damo/damo";
 * const w = shared([1, 1]);
 * optim.adaDelta([w]).step([tensor([3, -5])]);
 * console.assert(w.value.dataSync()[0] < 1 && w.value.dataSync()[1] > 1);
 * ```
 */
export function adaDelta(parameters: Tree, options: AdaDeltaOptions = {}): Optimizer {
  checkOptions("optim.adaDelta", options, ["lr", "rho", "eps"]);
  const { lr = 1, rho = 0.95, eps = 1e-6 } = options;
  checkNumber("optim.adaDelta", "rho", rho, 0, 1);
  checkNumber("optim.adaDelta", "eps", eps);
  return new Optimizer(
    {
      name: "adaDelta",
      slots: ["square", "change"],
      update(parameter, gradient, [square, change], { rate }) {
        const s = square.mul(rho).add(gradient.square().mul(1 - rho));
        const d = gradient.mul(change.add(eps).sqrt()).div(s.add(eps).sqrt());
        const u = change.mul(rho).add(d.square().mul(1 - rho));
        return [parameter.sub(d.mul(rate)), [s, u]];
      },
    },
    parameters,
    lr,
  );
}
