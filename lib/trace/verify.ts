/** The verifier: what every graph must satisfy, checked between passes in tests and in mode "debug". */
import type { Graph, Node, Variable } from "./graph.ts";
import { type Aval, describe, sameAval } from "./shape.ts";

function fault(graph: Graph, node: Node | null, what: string): Error {
  const where = node ? ` in node ${node.primitive.name} (${node.location?.short() ?? "no location"})` : "";
  return new Error(`Invalid graph ${graph.name}${where}: ${what}.`);
}

/**
 * Throws when `graph` is not closed, not in topological order, assigns a variable twice, or has a node whose outputs
 * are not of the types that its primitive infers. Sub-graphs are verified too.
 */
export function verifyGraph(graph: Graph): void {
  const pending: Graph[] = [graph];
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    const defined = new Set<Variable>();
    for (const input of graph.inputs) define(graph, null, input, defined);
    for (const node of graph.nodes) {
      verifyNode(graph, node, defined);
      for (const inner of node.primitive.graphs?.(node.params) ?? []) pending.push(inner.graph);
    }
    graph.outputs.forEach((output, i) => {
      if (!defined.has(output)) throw fault(graph, null, `output ${i} is computed nowhere`);
    });
  }
}

function define(graph: Graph, node: Node | null, variable: Variable, defined: Set<Variable>): void {
  if (defined.has(variable)) throw fault(graph, node, `variable ${variable.id} is assigned twice`);
  if (variable.node !== node) {
    throw fault(graph, node, `variable ${variable.id} names another node as its maker`);
  }
  defined.add(variable);
}

function verifyNode(graph: Graph, node: Node, defined: Set<Variable>): void {
  node.inputs.forEach((input, i) => {
    if (!defined.has(input)) throw fault(graph, node, `input ${i} is read before it is computed`);
  });
  let inferred: readonly Aval[];
  try {
    inferred = node.primitive.infer(node.inputs.map((input) => input.aval), node.params);
  } catch (error) {
    throw fault(graph, node, `its inputs do not fit: ${(error as Error).message.split("\n")[0]}`);
  }
  if (inferred.length !== node.outputs.length) {
    throw fault(graph, node, `it has ${node.outputs.length} outputs instead of ${inferred.length}`);
  }
  node.outputs.forEach((output, i) => {
    define(graph, node, output, defined);
    if (!sameAval(output.aval, inferred[i])) {
      throw fault(graph, node, `output ${i} is ${describe(output.aval)} instead of ${describe(inferred[i])}`);
    }
  });
}
