/** The interpreter of graphs: node by node with `primitive.evaluate`, on plain float64 arrays of the host. */
import type { Graph, Node, Variable } from "./graph.ts";
import type { HostArray } from "./primitive.ts";

/** What a caller may want to see of an interpretation. */
export interface InterpretOptions {
  /** Called after each node with the values it read and the values it gave. */
  readonly onNode?: (node: Node, inputs: readonly HostArray[], outputs: readonly HostArray[]) => void;
}

let inherited: InterpretOptions = {};

/**
 * Evaluates `graph`. Structured control primitives call this from their `evaluate` for their sub-graphs, without
 * options: what the outermost call observes is then observed inside too. Values are dropped after their last use.
 */
export function interpretGraph(
  graph: Graph,
  inputs: readonly HostArray[],
  options?: InterpretOptions,
): HostArray[] {
  const previous = inherited;
  if (options) inherited = options;
  try {
    return interpret(graph, inputs, inherited.onNode);
  } finally {
    inherited = previous;
  }
}

function interpret(
  graph: Graph,
  inputs: readonly HostArray[],
  onNode: InterpretOptions["onNode"],
): HostArray[] {
  const uses = useCounts(graph);
  const values = new Map<Variable, HostArray>();
  graph.inputs.forEach((variable, i) => values.set(variable, inputs[i]));
  for (const node of graph.nodes) {
    const read = node.inputs.map((variable) => values.get(variable)!);
    const results = node.primitive.evaluate(read, node.params, node.outputs.map((output) => output.aval));
    onNode?.(node, read, results);
    node.outputs.forEach((output, i) => {
      if (uses.has(output)) values.set(output, results[i]);
    });
    for (const variable of node.inputs) release(variable, uses, values);
  }
  return graph.outputs.map((variable) => values.get(variable)!);
}

/** How often nodes and outputs read each variable. */
function useCounts(graph: Graph): Map<Variable, number> {
  const uses = new Map<Variable, number>();
  const count = (variable: Variable) => uses.set(variable, (uses.get(variable) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(count);
  graph.outputs.forEach(count);
  return uses;
}

function release(variable: Variable, uses: Map<Variable, number>, values: Map<Variable, HostArray>): void {
  const left = uses.get(variable)! - 1;
  uses.set(variable, left);
  if (left === 0) values.delete(variable);
}
