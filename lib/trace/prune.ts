/** Dead code elimination: what no output needs is dropped; effects stay, with all they need. */
import { Graph, type Node, type Variable } from "./graph.ts";

/** The graph without the nodes that neither an output nor an effect depends on. Inputs stay as they are. */
export function prune(graph: Graph): Graph {
  const nodes = neededNodes(graph.nodes, graph.outputs);
  return nodes.length === graph.nodes.length
    ? graph
    : new Graph(graph.inputs, graph.outputs, nodes, graph.name);
}

/** Of `nodes`, in topological order, those that `outputs` or effects need; the order is kept. */
export function neededNodes(nodes: readonly Node[], outputs: Iterable<Variable>): Node[] {
  const needed = new Set<Variable>(outputs);
  const kept: Node[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!hasEffect(node) && !node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    kept.push(node);
  }
  return kept.reverse();
}

const effectful = new WeakMap<Graph, boolean>();

/** True for print, check and the like, and for loops and calls with such a node in a sub-graph. */
export function hasEffect(node: Node): boolean {
  if (node.primitive.effect) return true;
  const graphs = node.primitive.graphs?.(node.params);
  return graphs !== undefined && graphs.some(({ graph }) => graphHasEffect(graph));
}

function graphHasEffect(graph: Graph): boolean {
  let known = effectful.get(graph);
  if (known === undefined) effectful.set(graph, known = graph.nodes.some(hasEffect));
  return known;
}
