/**
 * Rewriting of graphs. A rule sees each node with its (already rewritten) inputs as traced tensors and may answer
 * with other tensors that it builds with the ordinary operations; what it does not answer stays the very node it was.
 */
import { Graph, type Node, type Variable } from "./graph.ts";
import { swapLocation } from "./location.ts";
import { Tensor } from "./tensor.ts";
import { Trace, withTrace } from "./trace.ts";

/** Gives the outputs of the node in another way, or null to leave it. One tensor stands for a single output. */
export type RewriteRule = (node: Node, inputs: readonly Tensor[]) => Tensor | readonly Tensor[] | null;

/** A graph-to-graph step. */
export interface Pass {
  readonly name: string;
  run(graph: Graph): Graph;
}

/** Applies `rule` to every node once, in order. Returns the graph itself when nothing changed. */
export function rewriteGraph(graph: Graph, rule: RewriteRule): Graph {
  const trace = new Trace(null, graph.name);
  const values = new Map<Variable, Tensor>();
  let changed = false;
  return withTrace(trace, () => {
    for (const input of graph.inputs) values.set(input, new Tensor(input.aval, null, trace, input));
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((variable) => values.get(variable)!);
      const previous = swapLocation(node.location);
      const mark = trace.nodes.length;
      let outputs: readonly Tensor[] | null;
      try {
        const answer = rule(node, inputs);
        outputs = answer instanceof Tensor ? [answer] : answer;
      } finally {
        swapLocation(previous);
      }
      if (outputs === null) {
        dropSince(trace, mark);
        outputs = keep(trace, node, inputs);
        changed ||= outputs[0]?.variable !== node.outputs[0];
      } else {
        changed = true;
        outputs = outputs.map((tensor) => new Tensor(tensor.aval, null, trace, trace.lift(tensor)));
        outputs.forEach((tensor, i) => tensor.variable!.name ??= node.outputs[i].name);
      }
      node.outputs.forEach((variable, i) => values.set(variable, outputs[i]));
    }
    if (!changed) return graph;
    const outputs = graph.outputs.map((variable) => values.get(variable)!.variable!);
    return new Graph(graph.inputs, outputs, trace.nodes, graph.name);
  });
}

/** What a rule built before it gave up is of no use, but for literals, which the trace hands out again. */
function dropSince(trace: Trace, mark: number): void {
  const { nodes } = trace;
  let kept = mark;
  for (let i = mark; i < nodes.length; i++) {
    if (nodes[i].primitive.name === "constant") nodes[kept++] = nodes[i];
  }
  nodes.length = kept;
}

function keep(trace: Trace, node: Node, inputs: readonly Tensor[]): readonly Tensor[] {
  if (inputs.every((tensor, i) => tensor.variable === node.inputs[i])) {
    trace.nodes.push(node);
    return node.outputs.map((variable) => new Tensor(variable.aval, null, trace, variable));
  }
  const variables = inputs.map((tensor) => tensor.variable!);
  const avals = node.outputs.map((output) => output.aval);
  const outputs = trace.addNode(node.primitive, variables, node.params, avals, node.location);
  outputs.forEach((tensor, i) => tensor.variable!.name = node.outputs[i].name);
  return outputs;
}

/** The node that computes a tensor, when it is of the named primitive. */
export function producer(tensor: Tensor, name: string): Node | null {
  const node = tensor.variable?.node;
  return node && node.primitive.name === name ? node : null;
}

/** A variable of the graph under construction as a tensor, for use in a rule. */
export function asTensor(variable: Variable, like: Tensor): Tensor {
  return new Tensor(variable.aval, null, like.owner, variable);
}

/** The one number that a tensor is everywhere, if that is known: a constant behind broadcasts and reshapes. */
export function uniformValue(tensor: Tensor): number | undefined {
  if (tensor.literal !== null) return tensor.literal;
  let node = tensor.variable?.node;
  while (node && (node.primitive.name === "broadcastTo" || node.primitive.name === "reshape")) {
    node = node.inputs[0].node;
  }
  return node?.primitive.name === "constant" ? (node.params as { value: number }).value : undefined;
}
