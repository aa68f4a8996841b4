/**
 * Vectorisation. A graph is replayed on tensors of which some carry a batch axis in front. A node without batched
 * inputs is copied as it is; any other is handed to the batching rule of its primitive, which does the same operation
 * over the additional axis. Nothing loops over the examples.
 */
import type { Graph, Variable } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import { broadcastFront } from "../trace/primitives/zeros.ts";
import type { Tensor } from "../trace/tensor.ts";
import { capturedInputs, commitWrites, traceFunction } from "../trace/trace.ts";
import { activeTrace, enterLocation, Environment, replayNode } from "./replay.ts";
import { isRecomputeBarrier } from "./recompute_barrier.ts";

export interface Batched {
  readonly outputs: Tensor[];
  /** Which outputs carry the batch axis, at 0. */
  readonly batched: boolean[];
}

/** The outputs of `graph` over a batch of `size`. */
export function batchGraph(
  graph: Graph,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): Batched {
  const trace = activeTrace();
  const values = new Environment(graph.inputs, inputs);
  const varying = new Set<Variable>();
  graph.inputs.forEach((input, i) => batched[i] && varying.add(input));
  for (const node of graph.nodes) {
    const tensors = values.all(node.inputs);
    const mask = node.inputs.map((input) => varying.has(input));
    // A barrier only orders; a value that is the same for all examples stays so behind one.
    const passes = isRecomputeBarrier(node) && !mask[0];
    if (!mask.includes(true) || passes) {
      values.define(node.outputs, replayNode(trace, node, tensors));
      continue;
    }
    const previous = enterLocation(node);
    try {
      values.define(
        node.outputs,
        node.primitive.batch({ inputs: tensors, batched: mask, params: node.params, size }),
      );
    } finally {
      swapLocation(previous);
    }
    for (const output of node.outputs) varying.add(output);
  }
  return {
    outputs: values.all(graph.outputs),
    batched: graph.outputs.map((output) => varying.has(output)),
  };
}

/** Like batchGraph, with every output batched: those that are the same for all examples are repeated. */
export function batchGraphFully(
  graph: Graph,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): Tensor[] {
  const result = batchGraph(graph, inputs, batched, size);
  return result.outputs.map((output, i) => result.batched[i] ? output : broadcastFront(output, size));
}

/** Builds tensors from tensors in the current trace. */
export type FlatFunction = (inputs: readonly Tensor[]) => readonly Tensor[];

/** A function of single examples as one of batches; every output is batched. */
export function batchFunction(
  fn: FlatFunction,
  batched: readonly boolean[],
  size: number,
  name: string,
): FlatFunction {
  return (inputs) => {
    const avals = inputs.map(({ aval }, i) =>
      batched[i] ? { shape: aval.shape.slice(1), dtype: aval.dtype } : aval
    );
    const traced = traceFunction((own) => fn(own), avals, { name });
    const captured = capturedInputs(traced);
    const mask = [...batched, ...captured.map(() => false)];
    return commitWrites(traced, batchGraphFully(traced.graph, [...inputs, ...captured], mask, size));
  };
}
