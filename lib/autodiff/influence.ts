/** Which values a result depends on, as derivatives see it: paths through stopGradient do not count. */
import type { Graph, Node, Variable } from "../trace/graph.ts";
import { isStopGradient } from "./stop_gradient.ts";

/** Every variable from which a path leads to one of `outputs`, not counting paths beyond a variable in `cut`. */
export function influences(
  nodes: readonly Node[],
  outputs: Iterable<Variable>,
  cut: ReadonlySet<Variable> = new Set(),
): Set<Variable> {
  const found = new Set<Variable>(outputs);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (isStopGradient(node)) continue;
    const wanted = node.outputs.map((output) => found.has(output) && !cut.has(output));
    if (!wanted.includes(true)) continue;
    const passed = node.primitive.influences?.(node.params, wanted);
    node.inputs.forEach((input, k) => (passed?.[k] ?? true) && found.add(input));
  }
  return found;
}

/** For each input of `graph` whether a wanted output depends on it. */
export function graphInfluences(graph: Graph, wanted: readonly boolean[]): boolean[] {
  const found = influences(graph.nodes, graph.outputs.filter((_, i) => wanted[i]));
  return graph.inputs.map((input) => found.has(input));
}
