/** What optimisers have in common: a pure form on trees of tensors, and a form that updates shared parameters. */
import { DamoError } from "../trace/errors.ts";
import { shared, zeros } from "../trace/ops/creation.ts";
import { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { unflatten } from "../trace/tree.ts";
import { withoutTrace } from "../trace/trace.ts";
import { applyStateDict, type StateDict } from "../nn/state_dict.ts";
import { type Leaves, matchGradients, parametersOf, tensorOf, type Tree } from "./trees.ts";

export type { Tree };

/** A learning rate: a number, a scalar, or a schedule: a function of the number of steps taken before. */
export type Rate = number | Tensor | Shared | ((step: Tensor) => Tensor | number);

/** The state of the pure form: the number of steps taken and, per parameter, its slots (momenta, second moments). */
export interface OptimizerState {
  /** int32 scalar. */
  readonly step: Tensor;
  /** Per parameter, in the order of the leaves, the tensors that the rule keeps. */
  readonly slots: readonly (readonly Tensor[])[];
}

/** Options of a step. */
export interface StepOptions {
  /** A learning rate for this step instead of the optimiser's own, for example an argument of the compiled function. */
  readonly lr?: Rate;
}

/**
 * One update rule on one parameter.
 *
 * @internal
 */
export interface UpdateRule {
  readonly name: string;
  /** What the tensors of the parameter's type that the rule keeps are called. */
  readonly slots: readonly string[];
  /** What slots start at; 0 when left out. */
  readonly initial?: number;
  /** The new parameter and slots. `step` counts from 1. */
  update(
    parameter: Tensor,
    gradient: Tensor,
    slots: readonly Tensor[],
    context: { readonly rate: Tensor | number; readonly step: Tensor },
  ): readonly [parameter: Tensor, slots: readonly Tensor[]];
}

/**
 * An optimiser over a tree of shared parameters: `step(gradients)` updates them, inside a trace as part of the
 * compiled function. The pure form, `init` and `apply`, keeps no state of its own. Make one with `optim.sgd` and the others.
 *
 * @example
 * ```ts
 * import { optim, tensor } from "@damo/damo";
 * const params = { w: tensor([1, 2]) };
 * const optimizer = optim.sgd(params, { lr: 0.5 });
 * const [next] = optimizer.apply({ w: tensor([1, 1]) }, optimizer.init(params), params);
 * console.assert(next.w.dataSync().join() === "0.5,1.5");
 * ```
 */
export class Optimizer {
  readonly #rule: UpdateRule;
  readonly #rate: Rate;
  readonly #parameters: Leaves;
  #shared: { readonly step: Shared; readonly slots: readonly (readonly Shared[])[] } | null = null;

  /** @internal */
  constructor(rule: UpdateRule, parameters: Tree, rate: Rate) {
    this.#rule = rule;
    this.#rate = checkRate(rule.name, rate);
    this.#parameters = parametersOf(`optim.${rule.name}`, parameters);
  }

  /** The state of the pure form for a tree of parameters. */
  init(parameters: Tree): OptimizerState {
    const { leaves } = parametersOf(`optim.${this.#rule.name}`, parameters);
    return {
      step: firstStep(leaves),
      slots: leaves.map((leaf) => this.#rule.slots.map(() => this.#initial(leaf))),
    };
  }

  #initial(leaf: Tensor | Shared): Tensor {
    const value = zeros(leaf.shape, { dtype: leaf.dtype, device: deviceOf(leaf) });
    return this.#rule.initial ? value.add(this.#rule.initial) : value;
  }

  /**
   * The next parameters and state, for gradients of the parameters' structure; nothing is changed.
   *
   * @throws {DamoError} when the gradients or the state have another structure.
   * @throws {ShapeError} for a gradient of another shape than its parameter.
   */
  apply<T extends Tree>(
    gradients: Tree,
    state: OptimizerState,
    parameters: T,
    options: StepOptions = {},
  ): [parameters: T, state: OptimizerState] {
    const operation = `optim.${this.#rule.name}`;
    const own = parametersOf(operation, parameters);
    const updates = matchGradients(operation, gradients, own);
    if (state?.slots?.length !== own.leaves.length) {
      throw new DamoError(
        `${operation}: the state is not one of ${own.leaves.length} parameter${
          own.leaves.length === 1 ? "" : "s"
        }.`,
        {
          operation,
          remedy: "Pass what init(parameters) or the last apply gave.",
        },
      );
    }
    const step = state.step.add(1);
    const rate = rateAt(options.lr ?? this.#rate, state.step);
    const slots: (readonly Tensor[])[] = [];
    const next = own.leaves.map((leaf, i) => {
      const [value, kept] = this.#update(tensorOf(leaf), updates[i], state.slots[i], rate, step);
      slots.push(kept);
      return value;
    });
    return [unflatten(own.spec, next) as T, { step, slots }];
  }

  #update(
    parameter: Tensor,
    gradient: Tensor,
    slots: readonly Tensor[],
    rate: Tensor | number,
    step: Tensor,
  ): readonly [Tensor, readonly Tensor[]] {
    const typed = typeof rate === "number" ? rate : rate.cast(parameter.dtype);
    return this.#rule.update(parameter, gradient, slots, { rate: typed, step });
  }

  /**
   * Updates the shared parameters by gradients of the same structure.
   *
   * @throws {DamoError} when the gradients have another structure, or a parameter is not shared.
   * @throws {ShapeError} for a gradient of another shape than its parameter.
   */
  step(gradients: Tree, options: StepOptions = {}): void {
    const operation = `optim.${this.#rule.name}`;
    const parameters = this.#sharedParameters(operation);
    const updates = matchGradients(operation, gradients, this.#parameters);
    const { step, slots } = this.#state();
    const taken = step.value, next = taken.add(1);
    const rate = rateAt(options.lr ?? this.#rate, taken);
    step.value = next;
    parameters.forEach((parameter, i) => {
      const kept = slots[i].map((slot) => slot.value);
      const [value, changed] = this.#update(parameter.value, updates[i], kept, rate, next);
      parameter.value = value;
      slots[i].forEach((slot, k) => slot.value = changed[k]);
    });
  }

  #sharedParameters(operation: string): readonly Shared[] {
    const { leaves, names } = this.#parameters;
    const plain = leaves.findIndex((leaf) => !(leaf instanceof Shared));
    if (plain < 0) return leaves as readonly Shared[];
    throw new DamoError(`${operation}: parameter ${names[plain]} is a tensor, which step cannot change.`, {
      operation,
      remedy:
        "Make it shared, or use the pure form: [parameters, state] = optimizer.apply(gradients, state, parameters).",
    });
  }

  /**
   * The shared state by name: `step`, and for each parameter what the rule keeps, such as `0.velocity` or `w.mean`.
   */
  state(): Map<string, Shared> {
    const { step, slots } = this.#state();
    const state = new Map<string, Shared>([["step", step]]);
    this.#parameters.names.forEach((name, i) => {
      this.#rule.slots.forEach((slot, k) => state.set(name === "" ? slot : `${name}.${slot}`, slots[i][k]));
    });
    return state;
  }

  /** The values of the state by name, to be saved beside those of the parameters. */
  stateDict(): StateDict {
    const dict: StateDict = {};
    for (const [name, shared] of this.state()) dict[name] = shared.value;
    return dict;
  }

  /**
   * Sets the state from what `stateDict` gave, or from the nested tree that `io.load` makes of it.
   *
   * @throws {DamoError} naming every missing, unexpected and misshapen entry.
   */
  loadStateDict(dict: Readonly<Record<string, unknown>>): void {
    applyStateDict(`loadStateDict of optim.${this.#rule.name}`, this.state(), dict);
  }

  /** The shared state, made at the first use: also inside a trace it is concrete. */
  #state(): { readonly step: Shared; readonly slots: readonly (readonly Shared[])[] } {
    return this.#shared ??= withoutTrace(() => {
      const { name, slots } = this.#rule;
      return {
        step: shared(firstStep(this.#parameters.leaves), { name: `${name}.step` }),
        slots: this.#parameters.leaves.map((leaf, i) =>
          slots.map((slot) =>
            shared(this.#initial(leaf), { name: `${name}.${this.#parameters.names[i]}.${slot}` })
          )
        ),
      };
    });
  }
}

/** Where a parameter lies, as its state should; a traced one is where its function runs. */
function deviceOf(leaf: Tensor | Shared): Device | undefined {
  return leaf instanceof Tensor && leaf.owner !== null ? undefined : leaf.device;
}

function firstStep(leaves: readonly (Tensor | Shared)[]): Tensor {
  return zeros([], { dtype: "int32", device: leaves.length > 0 ? deviceOf(leaves[0]) : undefined });
}

function rateAt(rate: Rate, step: Tensor): Tensor | number {
  const value = typeof rate === "function" ? rate(step) : rate;
  return value instanceof Shared ? value.value : value;
}

function checkRate(name: string, rate: Rate): Rate {
  const fits = typeof rate === "number" ? rate >= 0 : typeof rate === "function" || rate instanceof Tensor ||
    rate instanceof Shared;
  if (fits) return rate;
  throw new DamoError(`optim.${name}: lr is ${String(rate)}.`, {
    operation: `optim.${name}`,
    arguments: [{ name: "lr", value: rate }],
    remedy:
      "Pass a non-negative number, a scalar tensor or shared variable, or a schedule such as optim.schedule.cosine.",
  });
}

/** Checks a number of an update rule: at least `least` and below `below`. */
export function checkNumber(
  operation: string,
  name: string,
  value: number,
  least = 0,
  below = Infinity,
): number {
  if (typeof value === "number" && value >= least && value < below) return value;
  throw new DamoError(`${operation}: ${name} is ${String(value)}.`, {
    operation,
    arguments: [{ name, value }],
    remedy: `Pass a number from ${least}${below === Infinity ? " on" : ` to below ${below}`}.`,
  });
}
