/** Rewrites contractions so that both operands can be read with one stride per index. */
import { Graph, Node, type Variable } from "../../trace/graph.ts";
import type { Lowering } from "../../trace/lowering.ts";
import { transposePrimitive } from "../../trace/primitives/move.ts";
import type { Primitive } from "../../trace/primitive.ts";
import { stridesOf } from "../../trace/shape.ts";
import { type ContractAxes, contractAxes } from "./build_contract.ts";

/** True when the axes, in this order, are one index of a contiguous tensor. */
function consecutive(axes: readonly number[], shape: readonly number[]): boolean {
  const strides = stridesOf(shape);
  const wide = axes.filter((axis) => shape[axis] !== 1);
  return wide.every((axis, i) => i === 0 || strides[wide[i - 1]] === strides[axis] * shape[axis]);
}

function isRegular({ free, sum }: ContractAxes, shape: readonly number[]): boolean {
  if (!consecutive(free, shape) || !consecutive(sum, shape)) return false;
  // One of the two indices must be contiguous: a batch axis innermost is not.
  const strides = stridesOf(shape);
  const last = (axes: readonly number[]) => {
    const wide = axes.filter((axis) => shape[axis] !== 1);
    return wide.length === 0 ? 1 : strides[wide[wide.length - 1]];
  };
  return last(free) === 1 || last(sum) === 1;
}

/**
 * Puts a transpose before each operand whose free or summed axes do not lie one behind the other, and leaves the
 * rest of the graph as it is.
 */
export function prepareContractions(graph: Graph): Graph {
  let changed = false;
  const nodes: Node[] = [];
  const renamed = new Map<Variable, Variable>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((v) => renamed.get(v) ?? v);
    const lowering = node.primitive.lower(
      node.params,
      node.inputs.map((v) => v.aval),
      node.outputs.map((v) => v.aval),
    );
    const copy = lowering.kind === "contract" ? prepareOne(node, inputs, lowering, nodes) : null;
    if (copy) {
      changed = true;
      nodes.push(copy);
      node.outputs.forEach((v, i) => renamed.set(v, copy.outputs[i]));
    } else if (inputs.some((v, i) => v !== node.inputs[i])) {
      const moved = new Node(
        node.primitive,
        inputs,
        node.params,
        node.outputs.map((v) => v.aval),
        node.location,
      );
      nodes.push(moved);
      node.outputs.forEach((v, i) => renamed.set(v, moved.outputs[i]));
    } else nodes.push(node);
  }
  if (!changed) return graph;
  return new Graph(graph.inputs, graph.outputs.map((v) => renamed.get(v) ?? v), nodes, graph.name);
}

function prepareOne(
  node: Node,
  inputs: readonly Variable[],
  lowering: Extract<Lowering, { kind: "contract" }>,
  nodes: Node[],
): Node | null {
  const params = { ...lowering } as { -readonly [K in keyof typeof lowering]: typeof lowering[K] };
  let changed = false;
  const prepared = inputs.map((variable, side) => {
    const { shape, dtype } = variable.aval;
    const axes = contractAxes(lowering, side as 0 | 1, shape.length);
    if (isRegular(axes, shape)) return variable;
    changed = true;
    const permutation = [...axes.batch, ...axes.free, ...axes.sum];
    const aval = { dtype, shape: permutation.map((axis) => shape[axis]) };
    const transpose = new Node(
      transposePrimitive as unknown as Primitive,
      [variable],
      { permutation },
      [aval],
      node.location,
    );
    nodes.push(transpose);
    const at = (list: readonly number[]) => list.map((axis) => permutation.indexOf(axis));
    if (side === 0) {
      params.batchA = at(lowering.batchA);
      params.contractA = at(lowering.contractA);
    } else {
      params.batchB = at(lowering.batchB);
      params.contractB = at(lowering.contractB);
    }
    return transpose.outputs[0];
  });
  if (!changed) return null;
  const { batchA, batchB, contractA, contractB } = params;
  return new Node(
    node.primitive,
    prepared,
    { batchA, batchB, contractA, contractB },
    node.outputs.map((v) => v.aval),
    node.location,
  );
}
