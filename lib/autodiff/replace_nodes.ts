/**
 * Loops and calls are linearised by rules that compute their outputs anew, together with what the backward sweep
 * needs. When that happens to a node which the trace holds already, the new computation takes its place, so that
 * nothing is computed twice.
 */
import { Node, type Variable } from "../trace/graph.ts";
import type { Params, Primitive } from "../trace/primitive.ts";
import { constantPrimitive } from "../trace/primitives/constant.ts";
import { reshapePrimitive } from "../trace/primitives/move.ts";
import type { Tensor } from "../trace/tensor.ts";
import type { Trace } from "../trace/trace.ts";

interface Replacement {
  readonly emitted: readonly Node[];
  readonly outputs: readonly Tensor[];
}

/** Collects replacements while a trace is walked, and carries them out at the end. */
export class Replacements {
  readonly #byNode: Map<Node, Replacement> = new Map();

  constructor(readonly trace: Trace) {}

  /** The nodes of the trace from `mark` on compute `outputs`, which shall become those of `node`. */
  record(node: Node, mark: number, outputs: readonly Tensor[]): void {
    this.#byNode.set(node, { emitted: this.trace.nodes.slice(mark), outputs });
  }

  /**
   * Moves what was emitted (but for nodes in `removed`, which are no longer in the trace) to its place. Returns the
   * variables that have others in their place, which matters to nodes that are not in the trace.
   */
  apply(removed: ReadonlySet<Node>): ReadonlyMap<Variable, Variable> {
    const renamed = new Map<Variable, Variable>();
    if (this.#byNode.size === 0) return renamed;
    const moved = new Set<Node>();
    for (const { emitted } of this.#byNode.values()) for (const node of emitted) moved.add(node);
    // Literals are shared by the whole trace and may have been made late: they go to the front.
    const isConstant = (node: Node) => (node.primitive as unknown) === constantPrimitive;
    const result = this.trace.nodes.filter(isConstant);
    for (const node of this.trace.nodes) {
      if (moved.has(node) || isConstant(node)) continue;
      const replacement = this.#byNode.get(node);
      if (!replacement) {
        result.push(node);
        continue;
      }
      for (const emitted of replacement.emitted) {
        if (!removed.has(emitted) && !isConstant(emitted)) result.push(emitted);
      }
      node.outputs.forEach((variable, i) => {
        const input = this.trace.lift(replacement.outputs[i]);
        if (variable.aval.shape.some((size) => size < 0)) {
          // What has no size yet cannot be reshaped; nobody but the nodes of this trace knows it.
          renamed.set(variable, input);
          return;
        }
        const params: Params = { shape: variable.aval.shape };
        const primitive = reshapePrimitive as unknown as Primitive;
        result.push(Node.redefine(variable, primitive, [input], params, node.location));
      });
    }
    this.trace.nodes.length = 0;
    for (const node of result) this.trace.nodes.push(renamed.size === 0 ? node : rename(node, renamed));
    return renamed;
  }
}

/** The node with renamed inputs, in the place of the old one. */
export function rename(node: Node, renamed: ReadonlyMap<Variable, Variable>): Node {
  if (!node.inputs.some((input) => renamed.has(input))) return node;
  const inputs = node.inputs.map((input) => renamed.get(input) ?? input);
  const replaced = new Node(node.primitive, inputs, node.params, [], node.location, node.outputs);
  for (const output of node.outputs) output.node = replaced;
  return replaced;
}
