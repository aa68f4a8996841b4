/**
 * Checks where examples of a batch go different ways: all branches are computed for all examples, and a loop goes on
 * for those that have finished, but what an example does not do must not fail for it. A graph gets a further input,
 * which says whether it applies, and hands it to its checks and to those of its own loops and branches.
 */
import { type Batched, batchGraph } from "../autodiff/batch_graph.ts";
import { enterLocation, Environment, replayNode } from "../autodiff/replay.ts";
import { Graph, type Node } from "../trace/graph.ts";
import { swapLocation } from "../trace/location.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, type Trace } from "../trace/trace.ts";
import { closedBody, inputsLike, inputsOf } from "./body_trace.ts";
import { splitInputs } from "./loop_layout.ts";
import type { LoopParams, SwitchParams } from "./loop_params.ts";

/** The batched outputs of `graph`; where `applies` (one bool per example) is false, nothing in it fails. */
export function batchMasked(
  graph: Graph,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  applies: Tensor,
  size: number,
): Batched {
  if (!hasMaskedEffects(graph)) return batchGraph(graph, inputs, batched, size);
  return batchGraph(maskEffects(graph), [...inputs, applies], [...batched, true], size);
}

const APPLIES = { shape: [], dtype: "bool" } as const;

/** Whether something in the graph may fail that need not happen. */
function hasMaskedEffects(graph: Graph): boolean {
  return graph.nodes.some(({ primitive, params }) =>
    primitive.masked !== undefined ||
    (primitive.graphs?.(params).some((inner) => hasMaskedEffects(inner.graph)) ?? false)
  );
}

/** `graph` with a further last input, a bool: where it is false, nothing in the graph fails. */
function maskEffects(graph: Graph): Graph {
  return closedBody(graph.name, (trace) => {
    const own = inputsLike(trace, graph.inputs);
    const [applies] = inputsOf(trace, [APPLIES]);
    const values = new Environment(graph.inputs, own);
    for (const node of graph.nodes) {
      const inputs = values.all(node.inputs);
      values.define(node.outputs, masked(trace, node, inputs, applies));
    }
    return { inputs: [...own, applies], outputs: values.all(graph.outputs) };
  });
}

function masked(trace: Trace, node: Node, inputs: readonly Tensor[], applies: Tensor): readonly Tensor[] {
  const { primitive, params } = node;
  const inside = () => primitive.graphs?.(params).some(({ graph }) => hasMaskedEffects(graph)) ?? false;
  const rebuilt = primitive.masked !== undefined || (isControl(node) && inside());
  if (!rebuilt) return replayNode(trace, node, inputs);
  const previous = enterLocation(node);
  try {
    if (primitive.masked) return primitive.masked(inputs, params, applies);
    return primitive.name === "loop"
      ? maskedLoopNode(node, inputs, applies)
      : maskedSwitchNode(node, inputs, applies);
  } finally {
    swapLocation(previous);
  }
}

function isControl({ primitive: { name } }: Node): boolean {
  return name === "loop" || name === "switch";
}

/** A loop gets one constant more, behind its others; condition and body take it there. */
function maskedLoopNode(
  { primitive, params }: Node,
  inputs: readonly Tensor[],
  applies: Tensor,
): readonly Tensor[] {
  const loop = params as unknown as LoopParams;
  const at = loop.constants;
  const moved = (graph: Graph): Graph => {
    const { inputs, outputs, nodes, name } = maskEffects(graph);
    const flag = inputs[inputs.length - 1];
    return new Graph([...inputs.slice(0, at), flag, ...inputs.slice(at, -1)], outputs, nodes, name);
  };
  const { count, constants } = splitInputs(inputs, loop);
  const before = (count === null ? 0 : 1) + constants.length;
  return bind(primitive, [...inputs.slice(0, before), applies, ...inputs.slice(before)], {
    ...params,
    constants: at + 1,
    body: moved(loop.body),
    condition: loop.condition && moved(loop.condition),
  });
}

/** A switch gets one operand more. */
function maskedSwitchNode(
  { primitive, params }: Node,
  inputs: readonly Tensor[],
  applies: Tensor,
): readonly Tensor[] {
  const { branches } = params as unknown as SwitchParams;
  return bind(primitive, [...inputs, applies], { ...params, branches: branches.map(maskEffects) });
}
