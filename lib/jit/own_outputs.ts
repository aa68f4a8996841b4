/** Outputs of a program that are values of their own. */
import { Graph, Node, type Variable } from "../trace/graph.ts";
import { castPrimitive } from "../trace/primitives/cast.ts";

/** The passes can make outputs of inputs, and equal ones: those become copies. */
export function withOwnOutputs(graph: Graph): Graph {
  return withOwnResults(graph, graph.outputs.length);
}

/**
 * The same for the first `count` outputs alone, but that an input may come out once where `mayLeave` says so: each
 * result can then be disposed or donated without the others, the arguments, and the outputs behind them.
 */
export function withOwnResults(
  graph: Graph,
  count: number,
  mayLeave: (input: number) => boolean = () => false,
): Graph {
  const taken = new Set<Variable>(graph.outputs.slice(count));
  graph.inputs.forEach((variable, i) => mayLeave(i) || taken.add(variable));
  const copies: Node[] = [];
  const outputs = graph.outputs.map((variable, i) => {
    if (i >= count) return variable;
    const { aval } = variable;
    if (!taken.has(variable)) {
      taken.add(variable);
      return variable;
    }
    const place = variable.node?.location ?? null;
    const copy = new Node(castPrimitive, [variable], { dtype: aval.dtype }, [aval], place);
    copies.push(copy);
    return copy.outputs[0];
  });
  return copies.length === 0
    ? graph
    : new Graph(graph.inputs, outputs, [...graph.nodes, ...copies], graph.name);
}
