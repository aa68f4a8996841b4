/**
 * Loops and conditions of a run. A loop over a small state is one shader, a loop of known length is encoded step by step,
 * and where the device has to say whether something happens, there are two ways: the host reads a flag and encodes what
 * it says, or everything is encoded in scopes of which the device lets some live (predicates.ts).
 */
import type { Binding, LoopStep, SwitchStep } from "../kernel/program.ts";
import { writtenTapes } from "../kernel/written_buffers.ts";
import type { LoopKernel } from "./compiled_step.ts";
import { type Demand, demandOfStep, demandOfSwitch, type DispatchCounter } from "./demand.ts";
import { MAX_DISPATCHES } from "./plan.ts";
import { SCOPE_WORDS } from "./predicates.ts";
import type { Run, RunContext } from "./run.ts";

/** Steps of a loop in one shader that may end early before the host looks for the first time whether it has. */
const FIRST_BLOCK = 32;

/** Steps of the first block at most, however many it was the last time. */
const MOST_EXPECTED = 32;

export class Control {
  readonly #run: Run;
  readonly #context: RunContext;
  /** Branches around what is encoded of which not all happen: they must agree on where buffers are. */
  #branches = 0;

  constructor(run: Run, context: RunContext) {
    this.#run = run;
    this.#context = context;
  }

  #writeInteger(binding: Binding, value: number): void {
    this.#run.kernel(this.#context.steps.integerStep(binding), [value]);
  }

  switch(step: SwitchStep): void {
    const run = this.#run;
    const last = step.branches.length - 1;
    if (last < 0) return;
    const demand = this.#demand(step);
    if (demand !== null) return this.#predicatedBranches(step, demand);
    const index = run.readInteger(step.index);
    run.steps(step.branches[Math.max(0, Math.min(last, index))]);
  }

  /** Encodes all branches, of which the device takes one. */
  #predicatedBranches(step: SwitchStep, { dispatches, scopes }: Demand): void {
    const run = this.#run, { heap, steps } = this.#context;
    const { index, branches } = step;
    run.together(dispatches, scopes, () => {
      const first = heap.predicates.scopesOf(step, branches.length);
      run.predicate(steps.choiceStep(index, branches.length), [first, run.scope ?? -1]);
      this.#branches++;
      branches.forEach((branch, i) => run.within(first + i * SCOPE_WORDS, () => run.steps(branch)));
      this.#branches--;
    });
  }

  loop(step: LoopStep): void {
    const run = this.#run, { tapes } = run;
    const written = writtenTapes(step);
    let bound = step.length < 0 ? Infinity : step.length;
    if (step.count !== null) bound = Math.min(bound, Math.max(0, run.readInteger(step.count)));
    else if (step.length < 0) {
      const read = step.tapes.find((tape) => !written.includes(tape));
      if (read !== undefined) bound = tapes.get(read).records;
    }
    for (const tape of written) {
      tapes.get(tape).records = 0;
      // Written from its end: there must be room for all records before the first.
      if (step.reverse && bound < Infinity) tapes.grow(tape, bound, run.encoder);
    }
    const kernel = this.#context.measure ? null : this.#context.steps.loop(step);
    let taken: number;
    if (kernel !== null) taken = this.#inOneShader(step, kernel, bound, written);
    else {
      const demand = step.condition || step.stop ? this.#demand(step) : null;
      taken = demand === null
        ? this.#stepByStep(step, bound, written)
        : this.#inBlocks(step, demand, bound, written);
    }
    if (step.taken !== null) this.#writeInteger(step.taken, taken);
  }

  /** Stands at a step. */
  #moveTo(step: LoopStep, taken: number, bound: number): void {
    this.#run.positions.set(step.loop, step.reverse && bound < Infinity ? bound - 1 - taken : taken);
  }

  #body(step: LoopStep, taken: number): void {
    if (step.stepNumber !== null) this.#writeInteger(step.stepNumber, taken);
    this.#run.steps(step.body);
    this.#exchange(step);
  }

  #stepByStep(step: LoopStep, bound: number, written: readonly number[]): number {
    const run = this.#run, { tapes } = run;
    let taken = 0;
    while (taken < bound) {
      this.#moveTo(step, taken, bound);
      if (step.condition !== null) {
        run.steps(step.condition.steps);
        if (!run.readFlag(step.condition.result)) break;
      }
      for (const tape of written) tapes.grow(tape, taken + 1, run.encoder);
      this.#body(step, taken);
      taken++;
      for (const tape of written) tapes.get(tape).records = taken;
      if (step.stop !== null && run.readFlag(step.stop)) break;
    }
    return taken;
  }

  /**
   * Encodes blocks of steps in a scope that the device ends, and looks between them how far it came: few at first, then
   * more. Gives the number of steps taken.
   */
  #inBlocks(
    step: LoopStep,
    { dispatches, scopes }: Demand,
    bound: number,
    written: readonly number[],
  ): number {
    const run = this.#run, { tapes, slots } = run;
    const { heap, steps } = this.#context;
    const { predicates, device: { tuning } } = heap;
    const most = Math.max(1, Math.floor(MAX_DISPATCHES / dispatches));
    // The last time tells how many it will be, and the condition is asked once more.
    const last = steps.lengths.get(step);
    const expected = last === undefined ? 0 : last + 1;
    let block = last === undefined ? tuning.firstSteps : MOST_EXPECTED;
    let taken = 0, alive = 1;
    while (taken < bound && alive) {
      let count = Math.min(block, most, bound - taken);
      if (taken < expected) count = Math.min(count, expected - taken);
      // Tapes at most double.
      if (written.length > 0) count = Math.min(count, Math.max(MOST_EXPECTED, taken));
      for (const tape of written) tapes.grow(tape, taken + count, run.encoder);
      // Where temporaries are after each step: buffers go on being exchanged in steps that do not happen.
      const places = [slots.slice()];
      const scope = run.together(
        count * dispatches,
        scopes,
        () => this.#block(step, { first: taken, count, bound }, places),
      );
      let happened: number;
      [alive, happened] = run.readPair(predicates.address, 4 * scope);
      slots.set(places[happened]);
      taken += happened;
      block = count * tuning.stepsGrowth;
      for (const tape of written) tapes.get(tape).records = taken;
    }
    steps.lengths.set(step, taken);
    return taken;
  }

  /** Encodes some steps, and notes where temporaries are after each. Gives their scope. */
  #block(
    step: LoopStep,
    { first, count, bound }: { readonly first: number; readonly count: number; readonly bound: number },
    places: Int32Array[],
  ): number {
    const run = this.#run, { heap, steps } = this.#context;
    const { condition, stop } = step;
    const scope = heap.predicates.scopesOf(step, 1);
    for (let taken = first; taken < first + count; taken++) {
      this.#moveTo(step, taken, bound);
      if (condition !== null) {
        run.within(scope, () => run.steps(condition.steps));
        run.predicate(steps.endStep(condition.result, { goesOn: true, counts: true }), [scope]);
      }
      run.within(scope, () => this.#body(step, taken));
      if (stop !== null) {
        run.predicate(steps.endStep(stop, { goesOn: false, counts: condition === null }), [scope]);
      }
      places.push(run.slots.slice());
    }
    return scope;
  }

  /**
   * Runs a loop that is one shader, in blocks of steps: as many as an invocation may do; of a loop that may end early
   * few at first, then more. Gives the number of steps taken.
   */
  #inOneShader(
    step: LoopStep,
    { step: kernel, parts }: LoopKernel,
    bound: number,
    written: readonly number[],
  ): number {
    const run = this.#run, { tapes } = run;
    const most = this.#stepsOfShader(parts.iterations);
    const watches = step.condition !== null || step.stop !== null;
    let block = watches ? Math.min(FIRST_BLOCK, most) : most;
    let taken = 0, ended = 0;
    while (taken < bound && !ended) {
      const count = Math.min(block, bound - taken);
      for (const tape of written) tapes.grow(tape, taken + count, run.encoder);
      run.kernel(kernel, [taken, count, Number.isFinite(bound) ? bound : 0]);
      if (watches) {
        [taken, ended] = run.readPair();
        block = Math.min(4 * block, most);
      } else taken += count;
      for (const tape of written) tapes.get(tape).records = taken;
    }
    return taken;
  }

  #stepsOfShader(iterations: number): number {
    return Math.max(1, Math.floor(this.#context.heap.device.tuning.maxIterations / iterations));
  }

  /** Moves the new carries into place: temporaries by swapping their buffers, others by copies. */
  #exchange(step: LoopStep): void {
    const { layout, steps } = this.#context, { slots } = this.#run;
    for (const exchange of step.exchange) {
      const { carry, next } = exchange;
      const a = layout.slotOf[carry.buffer], b = layout.slotOf[next.buffer];
      const plain = carry.offset === 0 && next.offset === 0 && carry.steps.length + next.steps.length === 0;
      const swaps = this.#branches === 0 && a >= 0 && b >= 0 && plain &&
        layout.slots[a].bytes === layout.slots[b].bytes;
      if (swaps) [slots[a], slots[b]] = [slots[b], slots[a]];
      else this.#run.kernel(steps.copyStep(exchange));
    }
  }

  /** What a loop that may end early takes in a step, or a condition in all; null where the host has to decide. */
  #demand(step: LoopStep | SwitchStep): Demand | null {
    const run = this.#run, { steps, measure, heap } = this.#context;
    if (measure) return null;
    let demand = steps.demands.get(step);
    if (demand === undefined) {
      const counter: DispatchCounter = {
        ofKernel: (kernel) => run.compiled(kernel).plan.dispatches.length,
        ofLoop: (loop) => {
          const kernel = steps.loop(loop);
          return kernel && Math.ceil(loop.length / this.#stepsOfShader(kernel.parts.iterations));
        },
      };
      demand = step.kind === "switch" ? demandOfSwitch(step, counter) : demandOfStep(step, counter);
      steps.demands.set(step, demand);
    }
    // What is in a scope was found to fit before.
    if (demand === null || run.scope !== null) return demand;
    const { tuning, canReadAtOnce } = heap.device;
    const most = canReadAtOnce ? tuning.predicatedDispatches : Infinity;
    return demand.predicated <= most && demand.dispatches <= MAX_DISPATCHES ? demand : null;
  }
}
