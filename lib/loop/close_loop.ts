/**
 * From traces of a user's functions to a loop node. What the body captured becomes constants of the loop; a Shared that
 * it assigns becomes a carry, and is assigned once when the loop ends.
 */
import { LoopError } from "../trace/errors.ts";
import { Graph, Variable } from "../trace/graph.ts";
import { prune } from "../trace/prune.ts";
import type { Aval } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, type Trace } from "../trace/trace.ts";
import type { LoopParams } from "./loop_params.ts";
import { splitOutputs } from "./loop_layout.ts";
import { loopPrimitive } from "./loop_primitive.ts";

/** What the functions of one node use from outside. */
export class Surroundings {
  readonly traces: readonly Trace[];
  /** Captured tensors, each once, whichever function captured it. */
  readonly captured: readonly Tensor[];
  readonly reads: readonly Shared[];
  readonly writes: readonly Shared[];

  constructor(traces: readonly Trace[]) {
    this.traces = traces;
    const captured = new Map<object, Tensor>();
    const reads = new Set<Shared>(), writes = new Set<Shared>();
    for (const trace of traces) {
      for (const tensor of trace.captured) captured.set(tensor.variable ?? tensor.storage(), tensor);
      for (const shared of trace.sharedWrites.keys()) writes.add(shared);
    }
    for (const trace of traces) {
      for (const shared of trace.sharedReads.keys()) if (!writes.has(shared)) reads.add(shared);
    }
    this.captured = [...captured.values()];
    this.reads = [...reads];
    this.writes = [...writes];
  }

  /** The inputs for captured tensors and for Shared that are only read. */
  constants(): Tensor[] {
    return [...this.captured, ...this.reads.map((shared) => shared.value)];
  }

  /** The variables of `trace` that stand for `constants()`; unused ones where it has none. */
  constantVariables(trace: Trace): Variable[] {
    const own = new Map<object, Variable>();
    trace.captured.forEach((tensor, i) => {
      own.set(tensor.variable ?? tensor.storage(), trace.capturedVariables[i]);
    });
    return [
      ...this.captured.map((tensor) => own.get(tensor.variable ?? tensor.storage()) ?? unused(tensor.aval)),
      ...this.reads.map((shared) => sharedVariable(trace, shared)),
    ];
  }

  /** The variables of `trace` that stand for the assigned Shared before it runs, and after. */
  stateVariables(trace: Trace): { before: Variable[]; after: Variable[] } {
    const before = this.writes.map((shared) => sharedVariable(trace, shared));
    const after = this.writes.map((shared, i) => trace.sharedWrites.get(shared)?.variable ?? before[i]);
    return { before, after };
  }
}

function unused({ shape, dtype }: Aval): Variable {
  return new Variable({ shape, dtype });
}

function sharedVariable(trace: Trace, shared: Shared): Variable {
  return trace.sharedReads.get(shared)?.variable ?? unused({ shape: shared.shape, dtype: shared.dtype });
}

/** A body as it was traced. All tensors but `initial`, `sequences` and `count` belong to its trace. */
export interface TracedLoop {
  readonly operation: string;
  readonly trace: Trace;
  readonly carries: readonly Tensor[];
  readonly step: Tensor | null;
  readonly slices: readonly Tensor[];
  readonly next: readonly Tensor[];
  readonly rows: readonly Tensor[];
  readonly stop: Tensor | null;
  readonly condition:
    | { readonly trace: Trace; readonly carries: readonly Tensor[]; readonly output: Tensor }
    | null;
  readonly initial: readonly Tensor[];
  readonly sequences: readonly Tensor[];
  readonly count: Tensor | null;
  readonly length: number;
  readonly reverse: boolean;
  readonly taken: boolean;
}

/** A loop ready to be bound: its inputs may still be exchanged (to run it in pieces). */
export interface ClosedLoop {
  /** What the user called. */
  readonly operation: string;
  readonly params: LoopParams;
  readonly count: Tensor | null;
  readonly constants: readonly Tensor[];
  /** The user's carries, then the assigned Shared. */
  readonly carries: readonly Tensor[];
  readonly sequences: readonly Tensor[];
  readonly states: readonly Shared[];
}

export function closeLoop(loop: TracedLoop): ClosedLoop {
  const { trace, condition } = loop;
  if (condition && condition.trace.sharedWrites.size > 0) {
    throw writesInCondition(loop.operation, condition.trace);
  }
  const variables = (tensors: readonly Tensor[]) => tensors.map((tensor) => trace.lift(tensor));
  // Before asking what was captured: a body may hand a tensor of its surroundings on without using it.
  const next = variables(loop.next), rows = variables(loop.rows), stop = loop.stop && trace.lift(loop.stop);
  const holds = condition && condition.trace.lift(condition.output);
  const around = new Surroundings(condition ? [trace, condition.trace] : [trace]);
  const { before, after } = around.stateVariables(trace);
  const outputs = [...next, ...after, ...rows, ...(stop ? [stop] : [])];
  const inputs = [
    ...around.constantVariables(trace),
    ...variables(loop.carries),
    ...before,
    ...(loop.step ? [loop.step.variable!] : []),
    ...variables(loop.slices),
  ];
  const body = prune(new Graph(inputs, outputs, trace.nodes, trace.name));
  const constants = around.constants();
  const initialStates = around.writes.map((shared) => shared.value);
  const params: LoopParams = {
    body,
    condition: condition && conditionGraph(condition, holds!, around),
    constants: constants.length,
    carries: loop.next.length + after.length,
    sequences: loop.sequences.length,
    results: loop.rows.length,
    length: loop.length,
    counted: loop.count !== null,
    step: loop.step !== null,
    stops: loop.stop !== null,
    reverse: loop.reverse,
    taken: loop.taken,
  };
  return {
    operation: loop.operation,
    params,
    count: loop.count,
    constants,
    carries: [...loop.initial, ...initialStates],
    sequences: loop.sequences,
    states: around.writes,
  };
}

function conditionGraph(
  { trace, carries }: NonNullable<TracedLoop["condition"]>,
  holds: Variable,
  around: Surroundings,
): Graph {
  const { before } = around.stateVariables(trace);
  const inputs = [...around.constantVariables(trace), ...carries.map((x) => x.variable!), ...before];
  return prune(new Graph(inputs, [holds], trace.nodes, trace.name));
}

export interface LoopResult {
  readonly carries: readonly Tensor[];
  readonly results: readonly Tensor[];
  readonly taken: Tensor | null;
}

/** Adds the node, or runs it where there is no trace. Shared stay as they are: see `commitStates`. */
export function bindLoop({ params, count, constants, carries, sequences }: ClosedLoop): LoopResult {
  const inputs = [...(count ? [count] : []), ...constants, ...carries, ...sequences];
  return splitOutputs(bind(loopPrimitive, inputs, params), params);
}

/** Assigns the Shared that the loop carried; returns the user's carries. */
export function commitStates(closed: ClosedLoop, carries: readonly Tensor[]): readonly Tensor[] {
  const own = carries.length - closed.states.length;
  closed.states.forEach((shared, i) => shared.value = carries[own + i]);
  return carries.slice(0, own);
}

function writesInCondition(operation: string, trace: Trace): LoopError {
  const [shared] = trace.sharedWrites.keys();
  return new LoopError(`${operation}: the condition assigns shared variable "${shared.name}".`, {
    operation,
    arguments: [{ name: shared.name, shape: shared.shape, dtype: shared.dtype }],
    remedy: "Assign it in the body: the condition only decides whether another step is taken.",
  });
}
