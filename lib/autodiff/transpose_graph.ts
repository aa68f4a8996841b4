/** Transposition of a graph that is linear in some of its inputs: what loops and conditions do with their bodies. */
import type { Graph, Node, Variable } from "../trace/graph.ts";
import type { MaybeTensor } from "../trace/primitive.ts";
import { neededNodes } from "../trace/prune.ts";
import type { Tensor } from "../trace/tensor.ts";
import type { LinearMap } from "./linear_map.ts";
import { residualsOf } from "./linear_map.ts";
import { pullBack } from "./pull_back.ts";
import { activeTrace, Environment, replayNode } from "./replay.ts";

/** `graph` as a linear map of the inputs marked `linear`, and the nodes on which its coefficients depend. */
export function linearPart(
  graph: Graph,
  linear: readonly boolean[],
): { readonly map: LinearMap; readonly coefficients: readonly Node[] } {
  const inputs = graph.inputs.filter((_, i) => linear[i]);
  const variables = new Set<Variable>(inputs);
  const nodes: Node[] = [];
  const others: Node[] = [];
  for (const node of graph.nodes) {
    if (node.inputs.some((input) => variables.has(input))) {
      nodes.push(node);
      for (const output of node.outputs) variables.add(output);
    } else others.push(node);
  }
  const outputs = graph.outputs.map((output) => variables.has(output) ? output : null);
  const map: LinearMap = {
    inputs,
    nodes: neededNodes(nodes, outputs.filter((output) => output !== null)),
    outputs,
    variables,
  };
  return { map, coefficients: neededNodes(others, residualsOf(map)) };
}

/**
 * The cotangents of the linear inputs of `graph`, in order, for cotangents of its outputs. `values` has the value of
 * each input that is not linear, and null for those that are.
 */
export function transposeGraph(
  graph: Graph,
  values: readonly MaybeTensor[],
  cotangents: readonly MaybeTensor[],
  context: string,
): MaybeTensor[] {
  const trace = activeTrace();
  const { map, coefficients } = linearPart(graph, values.map((value) => value === null));
  const known = new Environment([], []);
  graph.inputs.forEach((input, i) => {
    const value = values[i];
    if (value) known.define([input], [value]);
  });
  for (const node of coefficients) {
    known.define(node.outputs, replayNode(trace, node, known.all(node.inputs)));
  }
  return pullBack(map, cotangents, (variable): Tensor => known.get(variable), context);
}
