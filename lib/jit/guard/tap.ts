/**
 * Graphs with a further output that tells which operation was the first to give a value that a guard looks for. The
 * tests are ordinary operations, so they are fused into the kernels that compute the values, in loops too.
 */
import type { LoopParams, SwitchParams } from "../../loop/loop_params.ts";
import { isFloat } from "../../trace/dtype.ts";
import { Graph, Node, Variable } from "../../trace/graph.ts";
import { swapLocation } from "../../trace/location.ts";
import { abs, add, any, eq, gt, isNaN, not, or, where } from "../../trace/ops/mod.ts";
import type { Aval } from "../../trace/shape.ts";
import { Tensor } from "../../trace/tensor.ts";
import { Trace, withTrace } from "../../trace/trace.ts";
import { carriersOfResults, type Guards, isOrigin } from "./guards.ts";

/** The number that stands for "none". */
export const NONE = 0x7fffffff;

/** A graph with one more output. */
export interface TappedGraph {
  /** Its last output is an int32 scalar: the number of the first offending node, or NONE. */
  readonly graph: Graph;
  /** The nodes by their numbers. */
  readonly nodes: readonly Node[];
}

/** Adds the tests to a graph and the graphs inside it. */
export function tapGraph(graph: Graph, guards: Guards): TappedGraph {
  const nodes: Node[] = [];
  return { graph: tap(graph, guards, nodes, null), nodes };
}

const CODE: Aval = { shape: [], dtype: "int32" };

/** With `carry` the number found so far is an input at that position, otherwise NONE. The output stands at `position`. */
function tap(
  graph: Graph,
  guards: Guards,
  found: Node[],
  carry: { readonly input: number; readonly output: number } | null,
): Graph {
  const trace = new Trace(null, graph.name);
  return withTrace(trace, () => {
    const values = new Map<Variable, Variable>();
    for (const input of graph.inputs) values.set(input, input);
    const extra = carry ? new Variable(CODE, null, 0, "guard") : null;
    let first = extra ? new Tensor(CODE, null, trace, extra) : Tensor.literal(NONE, "int32");
    for (const node of graph.nodes) {
      const { primitive, inputs, location } = node;
      const read = inputs.map((variable) => values.get(variable)!);
      const previous = swapLocation(location);
      try {
        if (primitive.name === "loop") first = tapLoop(trace, node, read, guards, found, first, values);
        else if (primitive.name === "switch") {
          first = tapSwitch(trace, node, read, guards, found, first, values);
        } else {
          const kept = read.every((variable, i) => variable === inputs[i]);
          const made = kept ? node : new Node(primitive, read, node.params, avalsOf(node), location);
          trace.nodes.push(made);
          node.outputs.forEach((output, i) => values.set(output, made.outputs[i]));
          if (isOrigin(node)) first = testNode(trace, node, made.outputs, guards, found, first);
        }
      } finally {
        swapLocation(previous);
      }
    }
    if (carry === null) {
      for (const node of carriersOfResults(graph)) {
        first = testNode(
          trace,
          node,
          node.outputs.map((output) => values.get(output)!),
          guards,
          found,
          first,
        );
      }
    }
    const code = trace.lift(add(first, Tensor.literal(0, "int32")));
    const outputs = graph.outputs.map((variable) => values.get(variable)!);
    const inputs = [...graph.inputs];
    if (carry) {
      inputs.splice(carry.input, 0, extra!);
      outputs.splice(carry.output, 0, code);
    } else outputs.push(code);
    return new Graph(inputs, outputs, trace.nodes, graph.name);
  });
}

function avalsOf(node: Node): Aval[] {
  return node.outputs.map((output) => output.aval);
}

function testNode(
  trace: Trace,
  node: Node,
  outputs: readonly Variable[],
  guards: Guards,
  found: Node[],
  first: Tensor,
): Tensor {
  const number = found.push(node) - 1;
  for (const output of outputs) {
    if (!isFloat(output.aval.dtype)) continue;
    const bad = any(offends(new Tensor(output.aval, null, trace, output), guards));
    const none = eq(first, Tensor.literal(NONE, "int32"));
    first = where(none, where(bad, Tensor.literal(number, "int32"), Tensor.literal(NONE, "int32")), first);
  }
  return first;
}

/** Where a value is one that the guards look for. */
function offends(x: Tensor, { nan, inf, big }: Guards): Tensor {
  const tests: Tensor[] = [];
  if (nan) tests.push(isNaN(x));
  const infinite = () => eq(abs(x), Infinity);
  if (big !== undefined) {
    const above = gt(abs(x), big);
    tests.push(inf ? above : notBoth(above, infinite()));
  } else if (inf) tests.push(infinite());
  return tests.reduce((a, b) => or(a, b));
}

function notBoth(above: Tensor, infinite: Tensor): Tensor {
  return not(or(not(above), infinite));
}

/** The number found is carried from step to step. */
function tapLoop(
  trace: Trace,
  node: Node,
  read: readonly Variable[],
  guards: Guards,
  found: Node[],
  first: Tensor,
  values: Map<Variable, Variable>,
): Tensor {
  const params = node.params as LoopParams;
  const { constants, carries, counted } = params;
  const body = tap(params.body, guards, found, { input: constants + carries, output: carries });
  const condition = params.condition && withInput(params.condition, constants + carries);
  const inputs = [...read];
  inputs.splice((counted ? 1 : 0) + constants + carries, 0, trace.lift(first));
  const avals = avalsOf(node);
  avals.splice(carries, 0, CODE);
  const changed: LoopParams = { ...params, body, condition, carries: carries + 1 };
  const made = new Node(node.primitive, inputs, changed, avals, node.location);
  trace.nodes.push(made);
  node.outputs.forEach((output, i) => values.set(output, made.outputs[i < carries ? i : i + 1]));
  return new Tensor(CODE, null, trace, made.outputs[carries]);
}

function withInput(graph: Graph, position: number): Graph {
  const inputs = [...graph.inputs];
  inputs.splice(position, 0, new Variable(CODE, null, 0, "guard"));
  return new Graph(inputs, graph.outputs, graph.nodes, graph.name);
}

function tapSwitch(
  trace: Trace,
  node: Node,
  read: readonly Variable[],
  guards: Guards,
  found: Node[],
  first: Tensor,
  values: Map<Variable, Variable>,
): Tensor {
  const { branches } = node.params as SwitchParams;
  const place = { input: read.length - 1, output: node.outputs.length };
  const changed: SwitchParams = { branches: branches.map((branch) => tap(branch, guards, found, place)) };
  const inputs = [...read, trace.lift(first)];
  const made = new Node(node.primitive, inputs, changed, [...avalsOf(node), CODE], node.location);
  trace.nodes.push(made);
  node.outputs.forEach((output, i) => values.set(output, made.outputs[i]));
  return new Tensor(CODE, null, trace, made.outputs[node.outputs.length]);
}
