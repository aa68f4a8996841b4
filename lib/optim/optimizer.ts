/** What optimisers have in common: a pure form on trees of tensors, and a form that updates shared parameters. */
import { DamoError } from "../trace/errors.ts";
import { shared, zeros } from "../trace/ops/creation.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten, type TreeSpec, unflatten } from "../trace/tree.ts";
import { withoutTrace } from "../trace/trace.ts";

/** Parameters, gradients and states: a tensor or shared variable, or arrays and objects of them. */
// deno-lint-ignore no-explicit-any -- trees are given back with the user's own type, which no checker can follow
export type Tree = any;

/** A learning rate: a number, a traced scalar, or a schedule of the step number. */
export type Rate = number | Tensor | ((step: Tensor) => Tensor);

/** The state of an optimiser: the step number and, per parameter, its slots (momenta, second moments). */
export interface OptimizerState {
  readonly step: Tensor;
  readonly slots: readonly (readonly Tensor[])[];
}

/** One update rule on one parameter. */
export interface UpdateRule {
  readonly name: string;
  /** How many tensors of the parameter's type the rule keeps for it. */
  readonly slots: number;
  /** The new parameter and slots. `step` counts from 1. */
  update(
    parameter: Tensor,
    gradient: Tensor,
    slots: readonly Tensor[],
    context: { readonly rate: Tensor | number; readonly step: Tensor },
  ): readonly [parameter: Tensor, slots: readonly Tensor[]];
}

function isLeaf(value: unknown): value is Tensor | Shared {
  return value instanceof Tensor || value instanceof Shared;
}

function tensorsOf(tree: Tree): { leaves: Tensor[]; spec: TreeSpec } {
  const { leaves, spec } = flatten(tree, isLeaf);
  return { leaves: leaves.map((leaf) => leaf instanceof Shared ? leaf.value : leaf), spec };
}

/**
 * An optimiser over a tree of shared parameters: `step(gradients)` updates them, inside a trace as part of the
 * compiled function. The pure form, `init` and `apply`, keeps no state of its own.
 */
export class Optimizer {
  readonly #rule: UpdateRule;
  readonly #rate: Rate;
  readonly #parameters: readonly Shared[];
  #slots: readonly (readonly Shared[])[] | null = null;
  #step: Shared | null = null;

  constructor(rule: UpdateRule, parameters: Tree, rate: Rate) {
    this.#rule = rule;
    this.#rate = rate;
    const { leaves } = flatten(parameters, isLeaf);
    this.#parameters = leaves.filter((leaf): leaf is Shared => leaf instanceof Shared);
  }

  #rateAt(step: Tensor): Tensor | number {
    return typeof this.#rate === "function" ? this.#rate(step) : this.#rate;
  }

  /** The state for a tree of parameters: zeros. */
  init(parameters: Tree): OptimizerState {
    const { leaves } = tensorsOf(parameters);
    return {
      step: zeros([], { dtype: "int32" }),
      slots: leaves.map((leaf) =>
        Array.from({ length: this.#rule.slots }, () => zeros(leaf.shape, { dtype: leaf.dtype }))
      ),
    };
  }

  /** The next parameters and state, for gradients of the parameters' structure. */
  apply(gradients: Tree, state: OptimizerState, parameters: Tree): [parameters: Tree, state: OptimizerState] {
    const { leaves, spec } = tensorsOf(parameters);
    const updates = tensorsOf(gradients).leaves;
    checkCounts(this.#rule.name, updates.length, leaves.length);
    const step = state.step.add(1);
    const rate = this.#rateAt(step);
    const slots: (readonly Tensor[])[] = [];
    const next = leaves.map((leaf, i) => {
      const [value, kept] = this.#rule.update(leaf, updates[i], state.slots[i], { rate, step });
      slots.push(kept);
      return value;
    });
    return [unflatten(spec, next), { step, slots }];
  }

  /** Updates the shared parameters by gradients of the same structure. */
  step(gradients: Tree): void {
    const updates = tensorsOf(gradients).leaves;
    checkCounts(this.#rule.name, updates.length, this.#parameters.length);
    const { slots, step } = this.#state();
    const next = step.value.add(1);
    step.value = next;
    const rate = this.#rateAt(next);
    this.#parameters.forEach((parameter, i) => {
      const kept = slots[i].map((slot) => slot.value);
      const [value, changed] = this.#rule.update(parameter.value, updates[i], kept, { rate, step: next });
      parameter.value = value;
      slots[i].forEach((slot, k) => slot.value = changed[k]);
    });
  }

  /** The shared state, made at the first step: also inside a trace it is concrete. */
  #state(): { slots: readonly (readonly Shared[])[]; step: Shared } {
    if (!this.#slots || !this.#step) {
      withoutTrace(() => {
        const { name, slots } = this.#rule;
        this.#step = shared(zeros([], { dtype: "int32" }), { name: `${name}.step` });
        this.#slots = this.#parameters.map((p) =>
          Array.from(
            { length: slots },
            (_, k) => shared(zeros(p.shape, { dtype: p.dtype }), { name: `${name}.${p.name}.${k}` }),
          )
        );
      });
    }
    return { slots: this.#slots!, step: this.#step! };
  }
}

function checkCounts(name: string, gradients: number, parameters: number): void {
  if (gradients === parameters) return;
  throw new DamoError(`optim.${name}: ${gradients} gradients for ${parameters} parameters.`, {
    operation: `optim.${name}`,
    remedy: "Pass the gradients in the structure of the parameters: optimizer.step(grad(cost, parameters)).",
  });
}
