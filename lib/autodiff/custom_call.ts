/**
 * customCall(arguments...): a graph with a derivative rule of its own in the place of those of its operations. Run, it
 * is its graph; the rule is asked only by derivatives, and stays with the node through batching.
 */
import type { Graph } from "../trace/graph.ts";
import { interpretGraph } from "../trace/interpret.ts";
import { type MaybeTensor, NOT_LINEAR, type Primitive } from "../trace/primitive.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, traceFunction } from "../trace/trace.ts";
import { batchGraphFully } from "./batch_graph.ts";
import { graphInfluences } from "./influence.ts";
import { closedGraph } from "./replay.ts";

export interface CustomRule {
  /** False for a rule that is that of the graph's own operations. */
  readonly replaces: boolean;
  /** Tangents of the outputs. */
  jvp(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): readonly MaybeTensor[];
  /** The outputs anew, and their tangents by linear operations only. */
  linearize(primals: readonly Tensor[], tangents: readonly MaybeTensor[]): {
    readonly outputs: readonly Tensor[];
    readonly tangents: readonly MaybeTensor[];
  };
  /** The rule of the batched function; `batched` says which arguments carry the batch axis. */
  batch(batched: readonly boolean[], size: number): CustomRule;
}

export interface CustomCallParams {
  readonly name: string;
  readonly graph: Graph;
  readonly rule: CustomRule;
}

export const customCallPrimitive: Primitive<CustomCallParams> = {
  name: "customCall",
  infer(_inputs, { graph }) {
    return graph.outputs.map(({ aval: { shape, dtype } }) => ({ shape, dtype }));
  },
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params: { rule } }) {
      return rule.jvp(primals, tangents);
    },
    linearize({ primals, tangents, params: { rule } }) {
      return rule.linearize(primals, tangents);
    },
  },
  linear: NOT_LINEAR,
  batch({ inputs, batched, params: { name, graph, rule }, size }) {
    const batchedGraph = batchedCopy(graph, inputs, batched, size);
    return bind(customCallPrimitive, inputs, { name, graph: batchedGraph, rule: rule.batch(batched, size) });
  },
  evaluate(inputs, { graph }) {
    return interpretGraph(graph, inputs);
  },
  lower({ graph }) {
    return { kind: "call", graph };
  },
  print({ name }) {
    return name;
  },
  influences({ graph, rule }, wanted) {
    return rule.replaces ? graph.inputs.map(() => true) : graphInfluences(graph, wanted);
  },
  graphs({ name, graph }) {
    return [{ name, graph }];
  },
};

/** `graph` over a batch, as a graph; every output is batched. */
export function batchedCopy(
  graph: Graph,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): Graph {
  return closedGraph(traceFunction(
    (own) => batchGraphFully(graph, own, batched, size),
    inputs.map((input) => input.aval),
    { name: graph.name },
  ));
}
