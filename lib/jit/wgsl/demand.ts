/** What steps take where the device decides whether they happen. */
import type { KernelStep, LoopStep, Step, SwitchStep } from "../kernel/program.ts";
import { MAX_RECORDS, MAX_SCOPES } from "./predicates.ts";

export interface Demand {
  /** All dispatches, those that decide included. */
  readonly dispatches: number;
  /** Those that happen or not. */
  readonly predicated: number;
  /** Scopes. */
  readonly scopes: number;
  /** Kernels in one scope, each with a number of workgroups of its own at most. */
  readonly records: number;
}

/** How kernels are dispatched. */
export interface DispatchCounter {
  /** Dispatches of a kernel. */
  readonly ofKernel: (step: KernelStep) => number;
  /** Dispatches of a loop that is one shader; null for other loops. */
  readonly ofLoop: (step: LoopStep) => number | null;
}

const NOTHING: Demand = { dispatches: 0, predicated: 0, scopes: 0, records: 0 };

/** So many dispatches that always happen or not together. */
function together(count: number): Demand {
  return { dispatches: count, predicated: count, scopes: 0, records: count };
}

function plus(a: Demand, b: Demand): Demand {
  return {
    dispatches: a.dispatches + b.dispatches,
    predicated: a.predicated + b.predicated,
    scopes: a.scopes + b.scopes,
    records: a.records + b.records,
  };
}

/** A condition with all its branches; null where the host has to decide. */
export function demandOfSwitch({ branches }: SwitchStep, counter: DispatchCounter): Demand | null {
  let sum: Demand = { dispatches: 1, predicated: 0, scopes: branches.length, records: 0 };
  for (const branch of branches) {
    const own = demandOfSteps(branch, counter);
    if (own === null) return null;
    sum = plus(sum, { ...own, records: 0 });
  }
  return fitting(sum);
}

/** A step of a loop that may end early, its condition included; null where the host has to decide. */
export function demandOfStep(step: LoopStep, counter: DispatchCounter): Demand | null {
  const { condition, stop } = step;
  const parts = [
    condition === null ? NOTHING : demandOfSteps(condition.steps, counter),
    demandOfBody(step, counter),
  ];
  let sum: Demand = { ...NOTHING, dispatches: (condition ? 1 : 0) + (stop ? 1 : 0), scopes: 1 };
  for (const part of parts) {
    if (part === null) return null;
    sum = plus(sum, part);
  }
  return fitting(sum);
}

/** Null where it is too much for one scope. Other buffers may be dispatched otherwise: a scope has room for twice as much. */
function fitting(demand: Demand): Demand | null {
  return demand.records <= MAX_RECORDS / 2 && demand.scopes <= MAX_SCOPES ? demand : null;
}

function demandOfBody(step: LoopStep, counter: DispatchCounter): Demand | null {
  const body = demandOfSteps(step.body, counter);
  return body && plus(body, together(step.exchange.length + (step.stepNumber ? 1 : 0)));
}

function demandOfSteps(steps: readonly Step[], counter: DispatchCounter): Demand | null {
  let sum = NOTHING;
  for (const step of steps) {
    let own: Demand | null;
    if (step.kind === "kernel") own = together(counter.ofKernel(step));
    else if (step.kind === "switch") own = demandOfSwitch(step, counter);
    else if (step.kind === "loop") own = demandOfInnerLoop(step, counter);
    else return null;
    if (own === null) return null;
    sum = plus(sum, own);
  }
  return fitting(sum);
}

/** A loop whose length is known before it runs. */
function demandOfInnerLoop(step: LoopStep, counter: DispatchCounter): Demand | null {
  const isPlain = step.length >= 0 && !step.condition && !step.count && !step.stop && step.tapes.length === 0;
  if (!isPlain) return null;
  const last = together(step.taken === null ? 0 : 1);
  const dispatches = counter.ofLoop(step);
  if (dispatches !== null) return plus(last, { ...together(dispatches), records: 1 });
  const body = demandOfBody(step, counter);
  if (body === null) return null;
  return plus(last, {
    ...body,
    dispatches: step.length * body.dispatches,
    predicated: step.length * body.predicated,
  });
}
