/** The order in which nodes are put into groups: what others can use wherever they stand comes first. */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { hasEffect } from "../../trace/prune.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { Classified } from "./classify.ts";

/** Vectors of at most so many elements are computed early. */
const SMALL_VECTOR = 4096;

/** The nodes of a graph, those that go to the front before the others. */
export function nodesInOrder(graph: Graph, classes: ReadonlyMap<Node, Classified>): readonly Node[] {
  const early = scalars(graph.nodes);
  addBroadcastVectors(graph, classes, early);
  if (early.size === 0 || early.size === graph.nodes.length) return graph.nodes;
  return [
    ...graph.nodes.filter((node) => early.has(node)),
    ...graph.nodes.filter((node) => !early.has(node)),
  ];
}

/**
 * Scalar work on graph inputs alone (step counts, decayed rates) goes to the front, so that every kernel can use its
 * results wherever it stands. What has effects, in a loop or a branch too, stays: they happen in the user's order.
 */
function scalars(nodes: readonly Node[]): Set<Node> {
  const early = new Set<Node>();
  for (const node of nodes) {
    if (hasEffect(node) || node.outputs.some((v) => sizeOf(v.aval.shape) !== 1)) continue;
    if (node.inputs.every((v) => sizeOf(v.aval.shape) === 1 && (!v.node || early.has(v.node)))) {
      early.add(node);
    }
  }
  return early;
}

/**
 * Small vectors computed from graph inputs alone that only larger work reads: a normalisation's factors, which the
 * epilogue of a product or convolution can read when they come before it.
 */
function addBroadcastVectors(
  graph: Graph,
  classes: ReadonlyMap<Node, Classified>,
  early: Set<Node>,
): void {
  if (!graph.nodes.some((node) => classes.get(node)!.role === "contract")) return;
  const isSmall = (v: Variable): boolean => sizeOf(v.aval.shape) <= SMALL_VECTOR;
  const found = new Set<Node>();
  for (const node of graph.nodes) {
    const { role } = classes.get(node)!;
    if (role === "contract" || role === "anchor" || hasEffect(node)) continue;
    if (![...node.inputs, ...node.outputs].every(isSmall)) continue;
    if (node.inputs.every((v) => !v.node || found.has(v.node))) found.add(node);
  }
  // From the end: what an operation of the same size reads stays where it can be fused with it.
  const staying = new Set<Variable>(graph.outputs);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (found.has(node) && node.outputs.some((v) => staying.has(v))) found.delete(node);
    if (found.has(node)) continue;
    const size = Math.max(0, ...node.outputs.map((v) => sizeOf(v.aval.shape)));
    for (const v of node.inputs) if (sizeOf(v.aval.shape) >= size) staying.add(v);
  }
  // What reads something that stays cannot go before it.
  for (const node of graph.nodes) {
    if (found.has(node) && node.inputs.every((v) => !v.node || early.has(v.node))) early.add(node);
  }
}
