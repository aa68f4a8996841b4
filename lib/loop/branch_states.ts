/** States of loops that the branches of a condition assign: results of the condition, like a Shared. */
import type { Tensor } from "../trace/tensor.ts";
import type { Trace } from "../trace/trace.ts";
import type { Carried } from "./imperative_body.ts";

const branches = new WeakMap<Trace, BranchStates>();

/** The branch of a condition that `trace` records, if it does. */
export function branchOf(trace: Trace): BranchStates | undefined {
  return branches.get(trace);
}

export class BranchStates {
  readonly #trace: Trace;
  readonly #assigned: Carried[] = [];

  constructor(trace: Trace) {
    this.#trace = trace;
    branches.set(trace, this);
  }

  /** From now on the state has a value of its own in the branch. */
  hold(carried: Carried, leaves: readonly Tensor[]): void {
    this.#assigned.push(carried);
    carried.enter(this.#trace, leaves);
  }

  /** The branch is over: what it assigned, innermost last. */
  close(): ReadonlyMap<Carried, readonly Tensor[]> {
    const values = new Map(this.#assigned.map((carried) => [carried, carried.leave().leaves]));
    for (const carried of this.#assigned) carried.drop();
    return values;
  }
}
