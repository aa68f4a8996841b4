/** Counts the arithmetic of a graph: what the ratio of a gradient to its function is measured in. */
import type { Graph, Node } from "../../lib/trace/graph.ts";
import { sizeOf } from "../../lib/trace/shape.ts";

const FREE: ReadonlySet<string> = new Set(["constant", "index", "reshape", "concat", "barrier", "iota"]);

function operationsOf(node: Node): number {
  const inputs = node.inputs.map((input) => input.aval), outputs = node.outputs.map((output) => output.aval);
  const lowering = node.primitive.lower(node.params, inputs, outputs);
  const produced = outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (FREE.has(lowering.kind)) return 0;
  switch (lowering.kind) {
    case "reduce":
    case "cumulative":
      return sizeOf(inputs[0].shape);
    case "contract":
      return 2 * produced * lowering.contractA.reduce((size, axis) => size * inputs[0].shape[axis], 1);
    default:
      return produced;
  }
}

/** Additions, multiplications, comparisons and functions of single elements; moving elements costs nothing. */
export function countOperations(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => sum + operationsOf(node), 0);
}
