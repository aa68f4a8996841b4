/** loop.state: a variable that is carried from step to step. */
import { declaredName } from "../trace/declared_name.ts";
import { LoopError } from "../trace/errors.ts";
import { type Location, userLocation } from "../trace/location.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { Tensor } from "../trace/tensor.ts";
import { currentTrace, type Trace } from "../trace/trace.ts";
import { sameStructure, type TreeSpec, unflatten } from "../trace/tree.ts";
import { branchOf, type BranchStates } from "./branch_states.ts";
import { bodyOf, type Carried } from "./imperative_body.ts";
import { flattenValues, type Values, type ValuesLike } from "./values.ts";

/** Options of loop.state. */
export interface StateOptions {
  /** What errors and graphs call it; errors alone find the name of the variable it is assigned to. */
  readonly name?: string;
}

/** Stands for the name in paths, as long as nobody asks for it. */
const ROOT = "state";

interface Frame {
  readonly trace: Trace | null;
  /** Of the condition of a while loop, which only reads. */
  readonly condition: boolean;
  leaves: readonly Tensor[];
  assigned: boolean;
}

/**
 * A loop-carried variable. Before its loop `value` is the initial value, in the body the value of the step, after the
 * loop the last one.
 */
export class LoopState<T> {
  readonly #given: string | undefined;
  #name: string | undefined;
  readonly #location: Location;
  readonly #spec: TreeSpec;
  readonly #paths: readonly string[];
  /** The value at the place where the state was made, then that of each body, branch or condition it is in, outermost first. */
  readonly #frames: Frame[];
  readonly #carried: Carried;

  /** @internal Made by `loop.state`. */
  constructor(initial: T, options: StateOptions = {}) {
    checkOptions("loop.state", options, ["name"]);
    this.#given = options.name;
    this.#location = userLocation();
    const flat = flattenValues(initial, ROOT);
    this.#spec = flat.spec;
    this.#paths = flat.paths;
    this.#frames = [{ trace: currentTrace(), condition: false, leaves: flat.tensors, assigned: false }];
    this.#carried = this.#asCarried();
  }

  /** What errors call it: the name it was given, or that of the variable it was assigned to. */
  get name(): string {
    return this.#name ??= this.#given ?? declaredName(this.#location) ?? ROOT;
  }

  #asCarried(): Carried {
    const frames = this.#frames;
    return {
      given: this.#given,
      nameOf: () => this.name,
      enter: (trace, leaves) => frames.push({ trace, condition: false, leaves, assigned: false }),
      enterCondition: (trace, leaves) => frames.push({ trace, condition: true, leaves, assigned: false }),
      current: () => this.#read(currentTrace()),
      leave: () => {
        const { leaves, assigned } = frames[frames.length - 1];
        return { leaves, assigned };
      },
      pathOf: (i) => this.#pathOf(i),
      assign: (leaves) => this.#write(leaves),
      drop: () => frames.pop(),
    };
  }

  #pathOf(leaf: number): string {
    return `${this.name}${this.#paths[leaf].slice(ROOT.length)} (made at ${this.#location.short()})`;
  }

  /** The value at this place: initial, of the step, or last. Assigning it in the body carries it on. */
  get value(): Values<T> {
    return unflatten(this.#spec, this.#read(currentTrace())) as Values<T>;
  }

  set value(value: ValuesLike<T> | Values<T>) {
    const flat = flattenValues(value, ROOT);
    if (!sameStructure(flat.spec, this.#spec)) {
      throw new LoopError(`${this.#shown} was assigned a value of another structure.`, {
        operation: "loop.state",
        remedy: "Assign the same arrays and objects, with a tensor in the place of each tensor.",
      });
    }
    this.#write(flat.tensors);
  }

  #read(trace: Trace | null): readonly Tensor[] {
    const top = this.#frames[this.#frames.length - 1];
    if (top.trace === trace) return top.leaves;
    // The traces from here out to the innermost one that knows the state.
    const between: Trace[] = [];
    let outer = trace;
    while (outer !== null && outer !== top.trace) {
      between.push(outer);
      outer = outer.parent;
    }
    if (outer !== top.trace) throw this.#outOfReach(top.trace);
    for (let i = between.length - 1; i >= 0; i--) {
      const { leaves } = this.#frames[this.#frames.length - 1];
      bodyOf(between[i])?.carry(this.#carried, leaves);
    }
    return this.#frames[this.#frames.length - 1].leaves;
  }

  #write(leaves: readonly Tensor[]): void {
    const trace = currentTrace();
    this.#read(trace);
    if (this.#frames[this.#frames.length - 1].condition) {
      throw new LoopError(`${this.#shown} was assigned in the condition of its loop.`, {
        operation: "loop.state",
        remedy: "Assign it in the body: the condition only decides whether another step is taken.",
      });
    }
    if (!this.#enterBranches(trace)) {
      throw new LoopError(
        `${this.#shown} was assigned inside a traced function that is neither the body of its loop nor a branch in it.`,
        {
          operation: "loop.state",
          remedy: "Return the new value from that function, and assign it in the body itself.",
        },
      );
    }
    const top = this.#frames[this.#frames.length - 1];
    top.leaves = leaves;
    top.assigned = true;
  }

  /** Gives the state a value in the branches from the innermost body out to here; false where there is more between. */
  #enterBranches(trace: Trace | null): boolean {
    const { trace: known, leaves } = this.#frames[this.#frames.length - 1];
    const between: BranchStates[] = [];
    for (let outer = trace; outer !== known; outer = outer.parent) {
      const branch = outer && branchOf(outer);
      if (!outer || !branch) return false;
      between.push(branch);
    }
    for (const branch of between.reverse()) branch.hold(this.#carried, leaves);
    return true;
  }

  get #shown(): string {
    const place = this.#location.describe();
    return `loop.state "${this.name}"${place ? `, made at ${place},` : ""}`;
  }

  #outOfReach(trace: Trace | null): LoopError {
    const body = bodyOf(trace);
    const why = body?.abandoned
      ? "was read after its loop had been left before its end"
      : "was used after the body or function in which it was made had ended";
    return new LoopError(`${this.#shown} ${why}.`, {
      operation: "loop.state",
      remedy: body?.abandoned
        ? "Leave loops with loop.until(condition) instead of break or return."
        : "Make the state before the loop whose last value you want.",
    });
  }
}

/**
 * A variable that a loop written with `for...of` carries: read and assign `.value` in the body. The initial value is a
 * tensor, a number or a tree of them; a number takes the dtype that the body gives it.
 *
 * @example
 * ```ts
 * import { loop, tensor } from "@damo/damo";
 * const total = loop.state(0);
 * for (const x of loop.over(tensor([1, 2, 3]))) total.value = total.value.add(x);
 * console.assert(total.value.itemSync() === 6);
 * ```
 */
export function state<T>(initial: T, options: StateOptions = {}): LoopState<T> {
  return new LoopState(initial, options);
}
