/**
 * The body of a loop that is written as a `for` statement. When the statement asks for its first value, a trace is
 * opened and made current; when it asks for the second, the trace is closed, and the loop node built and bound.
 */
import { declaredName, loopVariableName } from "../trace/declared_name.ts";
import { LoopError } from "../trace/errors.ts";
import { textKey, Variable } from "../trace/graph.ts";
import { type Location, userLocation } from "../trace/location.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { type Aval, describe } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne, currentTrace, enterTrace, Trace, withTrace } from "../trace/trace.ts";
import { bindLoop, type ClosedLoop, closeLoop, commitStates, type TracedLoop } from "./close_loop.ts";
import { DYNAMIC } from "./loop_params.ts";
import { type SettledBody, settleNumbers } from "./number_carries.ts";
import { stackLimit } from "./stack_limit.ts";
import { initialNumber, matchCarry } from "./trace_body.ts";
import { conditionScalar, definite, withDtype } from "./values.ts";

/** What a loop walks over. */
export interface LoopRange {
  /** `loop.over`. */
  readonly operation: string;
  readonly sequences: readonly Tensor[];
  /** Static, or DYNAMIC. */
  readonly length: number;
  readonly count: Tensor | null;
  readonly condition: (() => unknown) | null;
}

/** Something that lives in a body and has a value of its own there: a state. */
export interface Carried {
  /** What graphs call it, when the user said so. */
  readonly given: string | undefined;
  /** What errors call it. */
  nameOf(): string;
  /** From now on it has a value of its own, in leaves, in the trace of a body or a branch. */
  enter(trace: Trace, leaves: readonly Tensor[]): void;
  /** The same in the trace of its loop's condition, where it cannot be assigned. */
  enterCondition(trace: Trace, leaves: readonly Tensor[]): void;
  /** Its value in the current trace. */
  current(): readonly Tensor[];
  /** Its value at the end of the body, and whether it was assigned there. */
  leave(): {
    readonly leaves: readonly Tensor[];
    readonly assigned: boolean;
  };
  /** What errors call a leaf. */
  pathOf(leaf: number): string;
  /** The value after the loop. */
  assign(leaves: readonly Tensor[]): void;
  /** The body, branch or condition that it entered last is over. */
  drop(): void;
}

/** Something that collects one tree per step: a stack. */
export interface Collector {
  readonly max: number | undefined;
  collect(rows: readonly Tensor[], count: Tensor): void;
}

/** States that began as plain numbers, with the values of the right dtype that their loop begins with. */
export type TypedStates = ReadonlyMap<Carried, readonly Tensor[]>;

const bodies = new WeakMap<Trace, LoopBody>();

/** The loop whose body `trace` records, if it does. */
export function bodyOf(trace: Trace | null): LoopBody | undefined {
  return trace ? bodies.get(trace) : undefined;
}

interface CarriedEntry {
  readonly carried: Carried;
  readonly initial: readonly Tensor[];
  readonly inputs: readonly Tensor[];
}

interface PushedEntry {
  readonly collector: Collector;
  readonly rows: readonly Tensor[];
}

export class LoopBody {
  readonly trace: Trace;
  readonly range: LoopRange;
  readonly step: Tensor;
  readonly slices: readonly Tensor[];
  abandoned = false;
  readonly #exit: () => void;
  readonly #carried: CarriedEntry[] = [];
  readonly #pushed: PushedEntry[] = [];
  readonly #typed: TypedStates;
  /** Where the statement is written. */
  readonly #location: Location = userLocation();
  #settled: SettledBody | null = null;
  #stop: Tensor | null = null;

  constructor(range: LoopRange, typed: TypedStates) {
    this.range = range;
    this.#typed = typed;
    this.trace = new Trace(currentTrace(), range.operation);
    this.trace.leak = (tensor) => this.#leaked(tensor);
    bodies.set(this.trace, this);
    this.#exit = enterTrace(this.trace);
    this.step = this.#input({ shape: [], dtype: "int32" }, "step");
    this.slices = range.sequences.map(({ aval: { shape, dtype } }) =>
      this.#input({ shape: shape.slice(1), dtype })
    );
  }

  #input(aval: Aval, name?: string): Tensor {
    return new Tensor(aval, null, this.trace, new Variable(aval, null, 0, name));
  }

  /** Adds a carry whose value outside the body is `initial`. */
  carry(carried: Carried, outside: readonly Tensor[]): readonly Tensor[] {
    const initial = this.#typed.get(carried) ?? outside;
    const inputs = initial.map(({ aval: { shape, dtype, weak } }) =>
      this.#input(weak ? { shape, dtype, weak } : { shape, dtype }, carried.given)
    );
    initial.forEach((start, i) => {
      if (start.aval.weak) inputs[i].origin = initialNumber(start);
    });
    this.#carried.push({ carried, initial, inputs });
    carried.enter(this.trace, inputs);
    return inputs;
  }

  push(collector: Collector, rows: readonly Tensor[]): void {
    this.#pushed.push({ collector, rows });
  }

  hasPushed(collector: Collector): boolean {
    return this.#pushed.some((entry) => entry.collector === collector);
  }

  until(condition: unknown): void {
    const stop = conditionScalar(condition, "loop.until", "the condition");
    this.#stop = this.#stop ? bindOne(elementwise.or, [this.#stop, stop], {}) : stop;
  }

  /** Ends the trace without a loop: the statement was left. */
  abandon(): void {
    this.abandoned = true;
    if (currentTrace() === this.trace) this.#exit();
  }

  /**
   * Whether states that began as plain numbers need the body traced again, with values that have a dtype: those are
   * given back, and this trace is over. null: the trace stands, or has been corrected.
   */
  retype(): TypedStates | null {
    const { trace } = this;
    if (currentTrace() !== trace) throw notCurrent(this.range.operation);
    const all = this.#carried.flatMap(({ carried, initial, inputs }) => {
      const { leaves } = carried.leave();
      return initial.map((start, i) => ({ initial: start, carry: inputs[i], next: leaves[i] }));
    });
    if (!all.some(({ initial }) => initial.aval.weak)) return null;
    const { dtypes, body } = settleNumbers({
      trace,
      initial: all.map((entry) => entry.initial),
      carries: all.map((entry) => entry.carry),
      next: all.map((entry) => entry.next),
    });
    this.#settled = body;
    if (body) return null;
    this.#exit();
    const typed = new Map(this.#typed);
    let next = 0;
    for (const { carried, initial } of this.#carried) {
      carried.drop();
      typed.set(carried, initial.map((start) => withDtype(start, dtypes[next++], this.range.operation)));
    }
    return typed;
  }

  /** Ends the trace and forgets what it did to states: it was traced for comparison only. */
  discard(): ClosedLoop {
    const { closed } = this.#close();
    for (const { carried } of this.#carried) carried.drop();
    return closed;
  }

  /** Ends the trace, runs the loop in the trace around it, and gives states and stacks their values. */
  finish(compare: ClosedLoop | null): void {
    const { closed, changed, limit } = this.#close();
    if (compare) checkSame(this.range.operation, compare, closed);
    const { carries: all, results, taken } = bindLoop(closed);
    const carries = commitStates(closed, all);
    let next = 0;
    for (const { carried, inputs } of this.#carried) {
      carried.drop();
      const values = carries.slice(next, next += inputs.length);
      if (changed.has(carried)) carried.assign(values);
    }
    const steps = taken ?? Tensor.literal(closed.params.length, "int32");
    let row = 0;
    const location = currentTrace() === null ? null : this.#location;
    const counted = limit === null ? steps : bindOne(stackLimit, [steps], { max: limit, location });
    for (const { collector, rows } of this.#pushed) {
      collector.collect(results.slice(row, row += rows.length), counted);
    }
  }

  #close(): { closed: ClosedLoop; changed: ReadonlySet<Carried>; limit: number | null } {
    const { trace, range } = this;
    if (currentTrace() !== trace) throw notCurrent(range.operation);
    const changed = new Set<Carried>();
    const value = (tensor: Tensor): Tensor => this.#settled?.value(tensor) ?? tensor;
    const starts: Tensor[] = [], next: Tensor[] = [];
    const inputs = this.#settled?.carries ?? this.#carried.flatMap((entry) => entry.inputs);
    for (const entry of this.#carried) {
      const { leaves, assigned } = entry.carried.leave();
      if (assigned) changed.add(entry.carried);
      entry.initial.forEach((start, i) => {
        const input = inputs[starts.length];
        starts.push(start);
        next.push(matchCarry(range.operation, () => entry.carried.pathOf(i), input, value(leaves[i])));
      });
    }
    const rows = this.#pushed.flatMap((entry) => entry.rows).map((row) => definite(value(row)));
    const stop = this.#stop && value(this.#stop);
    this.#exit();
    const initial = starts.map((start, i) => withDtype(start, inputs[i].aval.dtype, range.operation));
    const condition = range.condition ? this.#traceCondition(range.condition, inputs) : null;
    const { length, limit } = this.#length();
    const traced: TracedLoop = {
      operation: range.operation,
      trace,
      carries: inputs,
      step: this.step,
      slices: this.slices,
      next,
      rows,
      stop,
      condition,
      initial,
      sequences: range.sequences,
      count: range.count,
      length,
      reverse: false,
      taken: this.#pushed.length > 0 && (stop !== null || condition !== null || range.count !== null),
    };
    return { closed: closeLoop(traced), changed, limit };
  }

  /** How many rows are kept, and the number of steps above which that is an error. */
  #length(): { length: number; limit: number | null } {
    const { operation, length } = this.range;
    if (this.#pushed.length === 0) return { length, limit: null };
    let limit = Infinity;
    for (const { collector } of this.#pushed) {
      if (collector.max === undefined && length === DYNAMIC) throw needsMax(operation);
      limit = Math.min(limit, collector.max ?? Infinity);
    }
    if (length !== DYNAMIC) return { length, limit: limit < length ? limit : null };
    // One step more than allowed, to see that there was one.
    return { length: limit + 1, limit };
  }

  #traceCondition(condition: () => unknown, inputs: readonly Tensor[]): NonNullable<TracedLoop["condition"]> {
    const trace = new Trace(currentTrace(), "condition");
    return withTrace(trace, () => {
      const own = inputs.map(({ aval: { shape, dtype } }, i) =>
        trace.addInput({ shape, dtype }, inputs[i].variable!.name)
      );
      let next = 0;
      for (const { carried, inputs } of this.#carried) {
        carried.enterCondition(trace, own.slice(next, next += inputs.length));
      }
      try {
        const output = conditionScalar(condition(), this.range.operation, "the condition");
        return { trace, carries: own, output };
      } finally {
        for (const { carried } of this.#carried) carried.drop();
      }
    });
  }

  #leaked(tensor: Tensor): LoopError {
    const { operation } = this.range;
    const variable = tensor.variable!;
    const state = this.#carried.find(({ inputs }) => inputs.some((input) => input.variable === variable));
    // What the statement walks over is computed nowhere: it is what its head names.
    const walked = variable.node === null && !state;
    const location = walked ? this.#location : variable.node?.location;
    const name = state?.carried.nameOf() ??
      (walked ? loopVariableName(location) ?? variable.name : declaredName(location));
    const place = location?.describe();
    const type = describe(tensor.aval);
    const how = walked ? "of the loop" : "computed";
    const what = `${name ? `${name}, ${type},` : `a tensor ${type}`}${place ? ` ${how} at ${place}` : ""}`;
    // A walked variable cannot be the state itself.
    const own = state ? `${name}.value` : walked ? "last" : name ?? "x";
    return new LoopError(
      this.abandoned
        ? `${operation}: ${what} belongs to a loop that was left before its end.`
        : `${operation}: ${what} is a value of one step and was used outside the body of the loop.`,
      {
        operation,
        arguments: [{ name: name ?? "value", shape: tensor.shape, dtype: tensor.dtype }],
        remedy: state
          ? `Read ${own} again after the loop: it is the last value there.`
          : `Carry it: const ${own} = loop.state(initial) before the loop and ${own}.value = ... in it; ` +
            "or collect it with loop.stack().",
      },
    );
  }
}

function checkSame(operation: string, first: ClosedLoop, second: ClosedLoop): void {
  const same = textKey(first.params) === textKey(second.params) &&
    first.constants.length === second.constants.length &&
    first.constants.every((x, i) => isSameConstant(x, second.constants[i]));
  if (same) return;
  throw new LoopError(`${operation}: the body is not the same when it is traced a second time.`, {
    operation,
    remedy:
      "It must not depend on JavaScript variables that it changes: keep what changes from step to step in " +
      "loop.state, and use the step that loop.range gives instead of a counter.",
  });
}

/** Whether a body captured the same; a tensor that it makes of the same numbers each time is. */
function isSameConstant(a: Tensor, b: Tensor): boolean {
  if (identity(a) === identity(b)) return true;
  if (a.owner !== null || b.owner !== null || describe(a.aval) !== describe(b.aval)) return false;
  const data = b.dataSync();
  return a.dataSync().every((value, i) => Object.is(value, data[i]));
}

function identity(tensor: Tensor): unknown {
  return tensor.literal ?? tensor.variable ?? tensor.rawStorage();
}

function notCurrent(operation: string): LoopError {
  return new LoopError(
    `${operation}: the loop was continued while another one inside it, or a traced function, was not finished.`,
    {
      operation,
      remedy: "Loops must be nested: walk them with for...of statements.",
    },
  );
}

function needsMax(operation: string): LoopError {
  return new LoopError(
    `${operation}: a stack collects from a loop whose number of steps is known only when it runs.`,
    {
      operation,
      remedy: "Make it with loop.stack({ max }), where max is the largest number of steps.",
    },
  );
}
