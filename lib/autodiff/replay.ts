/** Running the nodes of one graph again inside the current trace, on other tensors. */
import { GradientError } from "../trace/errors.ts";
import type { Graph, Node, Variable } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import { type ConstantParams, constantPrimitive } from "../trace/primitives/constant.ts";
import { describe } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { prune } from "../trace/prune.ts";
import {
  capturedInputs,
  commitWrites,
  currentTrace,
  evaluateGraph,
  type Trace,
  type TracedFunction,
  traceFunction,
  type TraceOptions,
} from "../trace/trace.ts";
import { inlineCalls } from "./inline_calls.ts";

/** The current trace; transforms build their results only inside one (see `recorded`). */
export function activeTrace(): Trace {
  const trace = currentTrace();
  if (!trace) throw new Error("A derivative was built outside a trace.");
  return trace;
}

/** Adds a copy of `node` on other inputs to the trace, with its location. Constants stay literals. */
export function replayNode(trace: Trace, node: Node, inputs: readonly Tensor[]): Tensor[] {
  if ((node.primitive as unknown) === constantPrimitive) return [literalOf(node)];
  const variables = inputs.map((tensor) => trace.lift(tensor));
  return trace.addNode(
    node.primitive,
    variables,
    node.params,
    node.outputs.map((v) => v.aval),
    node.location,
  );
}

/** The literal that a constant node stands for. */
export function literalOf(node: Node): Tensor {
  const { value, dtype } = node.params as ConstantParams;
  return Tensor.literal(value, dtype, node.outputs[0].aval.weak ?? false);
}

/**
 * Makes nodes and errors belong to the line of `node`, and to the transform that handles it; the caller gives the result
 * back to `swapLocation`.
 */
export function enterLocation(node: Node, transform?: string): ReturnType<typeof swapLocation> {
  const { location } = node;
  const previous = swapLocation(transform !== undefined && location ? location.within(transform) : location);
  if (node.location === null) swapLocation(previous);
  return previous;
}

/** The values of a graph's variables while it is replayed. */
export class Environment {
  readonly #values: Map<Variable, Tensor> = new Map();

  constructor(variables: readonly Variable[], tensors: readonly Tensor[]) {
    this.define(variables, tensors);
  }

  define(variables: readonly Variable[], tensors: readonly Tensor[]): void {
    for (let i = 0; i < variables.length; i++) this.#values.set(variables[i], tensors[i]);
  }

  get(variable: Variable): Tensor {
    const value = this.#values.get(variable);
    if (!value) throw new Error(`Variable ${variable.id} is read before it is defined.`);
    return value;
  }

  all(variables: readonly Variable[]): Tensor[] {
    const tensors = new Array<Tensor>(variables.length);
    for (let i = 0; i < variables.length; i++) tensors[i] = this.get(variables[i]);
    return tensors;
  }
}

/**
 * Runs `build` where operations are recorded: at once inside the current trace; outside of all traces in a trace
 * of its own, whose pruned graph is then run as one program. So every transform is written once, for traces.
 */
export function recorded(
  name: string,
  inputs: readonly Tensor[],
  build: (inputs: readonly Tensor[]) => readonly Tensor[],
  options: TraceOptions = {},
): readonly Tensor[] {
  if (currentTrace()) return build(inputs);
  const traced = traceFunction(build, inputs.map((tensor) => tensor.aval), { ...options, name });
  const graph: Graph = inlineCalls(prune(traced.graph));
  return commitWrites(traced, evaluateGraph(graph, [...inputs, ...capturedInputs(traced)]));
}

/** The pruned graph of a function that must not have used anything but its arguments. */
export function closedGraph(traced: TracedFunction): Graph {
  const { captured, reads, writes, graph } = traced;
  if (captured.length + reads.length + writes.length > 0) {
    const what = captured.length > 0
      ? describe(captured[0].aval)
      : `the shared variable "${[...reads, ...writes][0].name}"`;
    throw new GradientError(`The rule of ${graph.name} closes over ${what}.`, {
      operation: graph.name,
      remedy:
        "A derivative rule may use its arguments only: pass the tensor as an argument or among the residuals.",
    });
  }
  return prune(graph);
}
