/** Calls (checkpoints and functions with rules of their own) dissolved into the nodes of their graphs. */
import { Graph, Node, type Variable } from "../trace/graph.ts";
import { mapGraphs } from "../trace/sub_graphs.ts";

const inlined = new WeakMap<Graph, Graph>();
/** The same where calls of `LATE` stay. */
const partly = new WeakMap<Graph, Graph>();

/** A pass has better forms of some of these than what they are composed of. */
const LATE: ReadonlySet<string> = new Set(["unwindow"]);

/**
 * Replaces every node that is lowered as a call by the nodes of its graph, inside loops and branches too. Done before
 * a graph is run, so that its key depends on what is computed and not on the rules that were given for derivatives.
 */
export function inlineCalls(graph: Graph): Graph {
  let result = inlined.get(graph);
  if (!result) inlined.set(graph, result = inlineInto(graph, calledGraph, inlineCalls));
  return result;
}

/** The same but for those calls that a pass looks at first. */
export function inlineEarlyCalls(graph: Graph): Graph {
  let result = partly.get(graph);
  if (!result) {
    const early = (node: Node): Graph | null => LATE.has(node.primitive.name) ? null : calledGraph(node);
    partly.set(graph, result = inlineInto(graph, early, inlineEarlyCalls));
  }
  return result;
}

function inlineInto(
  graph: Graph,
  called: (node: Node) => Graph | null,
  inner: (graph: Graph) => Graph,
): Graph {
  if (!graph.nodes.some((node) => node.primitive.graphs || called(node))) return graph;
  let changed = false;
  const values = new Map<Variable, Variable>();
  const nodes: Node[] = [];
  const valueOf = (variable: Variable): Variable => values.get(variable) ?? variable;
  // Calls nest: an explicit stack of graphs being copied, each with its position.
  interface Frame {
    readonly graph: Graph;
    next: number;
    readonly call: Node | null;
  }
  const stack: Frame[] = [{ graph, next: 0, call: null }];
  while (stack.length > 0) {
    const frame = stack[stack.length - 1];
    if (frame.next === frame.graph.nodes.length) {
      frame.call?.outputs.forEach((output, i) => values.set(output, valueOf(frame.graph.outputs[i])));
      stack.pop();
      continue;
    }
    const node = frame.graph.nodes[frame.next++];
    const inputs = node.inputs.map(valueOf);
    const own = called(node);
    if (own) {
      changed = true;
      own.inputs.forEach((input, i) => values.set(input, inputs[i]));
      stack.push({ graph: own, next: 0, call: node });
      continue;
    }
    const params = node.primitive.graphs ? mapGraphs(node.params, inner) : node.params;
    changed ||= params !== node.params;
    const avals = node.outputs.map((output) => output.aval);
    const copy = new Node(node.primitive, inputs, params, avals, node.location);
    nodes.push(copy);
    node.outputs.forEach((output, i) => {
      copy.outputs[i].name = output.name;
      values.set(output, copy.outputs[i]);
    });
  }
  return changed ? new Graph(graph.inputs, graph.outputs.map(valueOf), nodes, graph.name) : graph;
}

function calledGraph(node: Node): Graph | null {
  const lowering = node.primitive.lower(
    node.params,
    node.inputs.map((input) => input.aval),
    node.outputs.map((output) => output.aval),
  );
  return lowering.kind === "call" ? lowering.graph : null;
}
