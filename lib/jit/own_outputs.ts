/** Outputs of a program that are values of their own. */
import { Graph, Node, type Variable } from "../trace/graph.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";

/** The passes can make outputs of inputs, and equal ones: those become copies. */
export function withOwnOutputs(graph: Graph): Graph {
  const taken = new Set<Variable>(graph.inputs);
  const copies: Node[] = [];
  const outputs = graph.outputs.map((variable) => {
    const { aval } = variable;
    if (!taken.has(variable)) {
      taken.add(variable);
      return variable;
    }
    const copy = new Node(castPrimitive, [variable], { dtype: aval.dtype }, [aval], null);
    copies.push(copy);
    return copy.outputs[0];
  });
  return copies.length === 0
    ? graph
    : new Graph(graph.inputs, outputs, [...graph.nodes, ...copies], graph.name);
}
