/** Merging: equal nodes on equal inputs are computed once. */
import { Graph, identityOf, Node, paramsKey, type Variable } from "../../trace/graph.ts";
import { hasEffect } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";

const COMMUTES: ReadonlySet<string> = new Set([
  "add",
  "mul",
  "minimum",
  "maximum",
  "and",
  "or",
  "xor",
  "eq",
  "ne",
]);

function keyOf(node: Node, inputs: readonly Variable[]): string {
  let ids = inputs.map((variable) => variable.id);
  if (ids.length === 2 && COMMUTES.has(node.primitive.name)) ids = ids.sort((a, b) => a - b);
  const types = node.outputs.map(({ aval }) => aval.dtype + (aval.weak ? "~" : "")).join();
  return `${identityOf(node.primitive)}(${ids.join()})${types} ${paramsKey(node.params)}`;
}

/**
 * Value numbering in one walk. Effects stay apart, and so do the barriers of recomputation, which stand for a value
 * that is to be computed anew.
 */
export const merge: Pass = {
  name: "merge",
  run(graph: Graph): Graph {
    const known = new Map<string, Node>();
    const renamed = new Map<Variable, Variable>();
    const nodes: Node[] = [];
    let changed = false;
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((variable) => renamed.get(variable) ?? variable);
      const apart = hasEffect(node) || node.primitive.name === "recomputeBarrier";
      const key = apart ? "" : keyOf(node, inputs);
      const twin = apart ? undefined : known.get(key);
      if (twin) {
        changed = true;
        node.outputs.forEach((output, i) => {
          renamed.set(output, twin.outputs[i]);
          twin.outputs[i].name ??= output.name;
        });
        continue;
      }
      let kept = node;
      if (inputs.some((variable, i) => variable !== node.inputs[i])) {
        const avals = node.outputs.map((output) => output.aval);
        kept = new Node(node.primitive, inputs, node.params, avals, node.location);
        node.outputs.forEach((output, i) => {
          renamed.set(output, kept.outputs[i]);
          kept.outputs[i].name = output.name;
        });
      }
      if (!apart) known.set(key, kept);
      nodes.push(kept);
    }
    if (!changed) return graph;
    return new Graph(graph.inputs, graph.outputs.map((v) => renamed.get(v) ?? v), nodes, graph.name);
  },
};
