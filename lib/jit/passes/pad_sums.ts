/**
 * Sums of padded pieces that lie side by side are concatenations: the gradient of what was taken apart (by split, by
 * slices, by iterating a tensor) is put together again. pad(a, 0 : 2) + pad(b, 1 : 1) + pad(c, 2 : 0) = concat(a, b, c)
 */
import { countUses, type Graph, type Node, type Variable } from "../../trace/graph.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { concatPrimitive } from "../../trace/primitives/move_concat.ts";
import type { PadParams } from "../../trace/primitives/move_slice.ts";
import { filled } from "../../trace/primitives/zeros.ts";
import { prune } from "../../trace/prune.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { sameShape, type Shape } from "../../trace/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";

/** Fewer pieces than this are not worth a buffer of their own beside other terms. */
const MIN_PIECES = 3;

/** What lies from `low` to before `high` along the axis: the sum of some variables. */
interface Piece {
  readonly low: number;
  readonly high: number;
  readonly terms: Variable[];
}

/** A sum as a concatenation along an axis, plus what else was added. */
interface Plan {
  readonly shape: Shape;
  readonly axis: number;
  readonly pieces: readonly Piece[];
  readonly rest: readonly Variable[];
}

/** The axis that a node pads with zeros, when it does nothing else; -1 otherwise. */
function paddedAxis(node: Node): number {
  if (node.primitive.name !== "pad") return -1;
  const { low, high, interior, value } = node.params as unknown as PadParams;
  if (value !== 0 || interior.some((n) => n !== 0) || low.some((n, i) => n < 0 || high[i] < 0)) return -1;
  const axes = low.flatMap((n, i) => n + high[i] > 0 ? [i] : []);
  return axes.length === 1 ? axes[0] : -1;
}

function isSum(node: Node | null, shape: Shape): node is Node {
  return node?.primitive.name === "add" && sameShape(node.outputs[0].aval.shape, shape) &&
    node.inputs.every((input) => sameShape(input.aval.shape, shape));
}

/** The terms of each sum that is not itself a term of another. */
function findSums(graph: Graph, uses: ReadonlyMap<Variable, number>): Map<Node, Variable[]> {
  const outputs = new Set(graph.outputs);
  const sums = new Map<Node, Variable[]>();
  const inner = new Set<Node>();
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const root = graph.nodes[i];
    const { shape } = root.outputs[0]?.aval ?? { shape: [] };
    if (inner.has(root) || !isSum(root, shape)) continue;
    const terms: Variable[] = [];
    const stack = [...root.inputs].reverse();
    while (stack.length > 0) {
      const variable = stack.pop()!;
      if (isSum(variable.node, shape) && uses.get(variable) === 1 && !outputs.has(variable)) {
        inner.add(variable.node);
        stack.push(...[...variable.node.inputs].reverse());
      } else terms.push(variable);
    }
    sums.set(root, terms);
  }
  return sums;
}

function planSum(shape: Shape, terms: readonly Variable[], uses: ReadonlyMap<Variable, number>): Plan | null {
  const axes = terms.map(({ node }) => node ? paddedAxis(node) : -1);
  const axis = axes.find((a) => a >= 0);
  if (axis === undefined) return null;
  const pieces = new Map<string, Piece>();
  const rest: Variable[] = [];
  terms.forEach((term, i) => {
    if (axes[i] !== axis || uses.get(term) !== 1) {
      rest.push(term);
      return;
    }
    const low = (term.node!.params as unknown as PadParams).low[axis];
    const [inside] = term.node!.inputs;
    const high = low + inside.aval.shape[axis];
    const piece = pieces.get(`${low}:${high}`);
    if (piece) piece.terms.push(inside);
    else pieces.set(`${low}:${high}`, { low, high, terms: [inside] });
  });
  const sorted = [...pieces.values()].sort((a, b) => a.low - b.low);
  if (sorted.some((piece, i) => i > 0 && piece.low < sorted[i - 1].high)) return null;
  const covered = sorted.reduce((sum, { low, high }) => sum + high - low, 0);
  if (sorted.length < 2 || 2 * covered < shape[axis]) return null;
  if (rest.length > 0 && sorted.length < MIN_PIECES) return null;
  return { shape, axis, pieces: sorted, rest };
}

function add(terms: readonly Tensor[]): Tensor {
  return terms.reduce((sum, term) => bindOne(elementwise.add, [sum, term], {}));
}

function build({ shape, axis, pieces, rest }: Plan, tensors: ReadonlyMap<Variable, Tensor>): Tensor {
  const of = (variables: readonly Variable[]) => variables.map((variable) => tensors.get(variable)!);
  const { dtype } = of(pieces[0].terms)[0].aval;
  const parts: Tensor[] = [];
  let end = 0;
  const zerosTo = (next: number) => {
    const gap = shape.map((size, i) => i === axis ? next - end : size);
    if (next > end) parts.push(filled(0, { shape: gap, dtype }));
  };
  for (const { low, high, terms } of pieces) {
    zerosTo(low);
    parts.push(add(of(terms)));
    end = high;
  }
  zerosTo(shape[axis]);
  return add([bindOne(concatPrimitive, parts, { axis }), ...of(rest)]);
}

export const padSums: Pass = {
  name: "pad sums",
  run(graph: Graph): Graph {
    if (!graph.nodes.some((node) => paddedAxis(node) >= 0)) return graph;
    const uses = countUses(graph);
    const plans = new Map<Node, Plan>();
    for (const [root, terms] of findSums(graph, uses)) {
      const plan = planSum(root.outputs[0].aval.shape, terms, uses);
      if (plan) plans.set(root, plan);
    }
    if (plans.size === 0) return graph;
    const tensors = new Map<Variable, Tensor>();
    return prune(rewriteGraph(graph, (node, inputs) => {
      node.inputs.forEach((variable, i) => tensors.set(variable, inputs[i]));
      const plan = plans.get(node);
      return plan ? build(plan, tensors) : null;
    }));
  },
};
