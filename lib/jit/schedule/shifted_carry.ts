/**
 * Carries that are the row of a stack which the step before read: a loop that walks back over the states finds there
 * the one after the step. They are read where they lie, a row further; the initial value goes into a row of its own at
 * the end of the stack that the walk begins at.
 */
import { splitBodyInputs, splitInputs } from "../../loop/loop_layout.ts";
import type { LoopParams } from "../../loop/loop_params.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";

export class ShiftedCarries {
  /** By loop: the position of the sequence that each such carry follows, by that of the carry. */
  readonly byLoop: Map<Node, ReadonlyMap<number, number>> = new Map();
  /** Stacks with room for a row before the first or behind the last. */
  readonly rooms: Map<Variable, "before" | "behind"> = new Map();

  constructor(graph: Graph) {
    const loops = graph.nodes.filter(isLoop);
    if (loops.length < 2) return;
    const read = new Set<Variable>(graph.outputs);
    for (const { inputs } of graph.nodes) for (const input of inputs) read.add(input);
    const results = new Set<Variable>(graph.outputs);
    for (const node of loops) this.#find(node, read, results);
  }

  #find(node: Node, read: ReadonlySet<Variable>, results: ReadonlySet<Variable>): void {
    const params = node.params as LoopParams;
    const { length, counted, condition, stops, carries, body } = params;
    if (counted || condition || stops || length < 1) return;
    const { sequences } = splitInputs(node.inputs, params);
    const { slices } = splitBodyInputs(body.inputs, params);
    const found = new Map<number, number>();
    const side = params.reverse ? "behind" : "before";
    for (let i = 0; i < carries; i++) {
      const k = slices.indexOf(body.outputs[i]);
      if (k < 0 || read.has(node.outputs[i])) continue;
      const stack = sequences[k];
      // Only a buffer that is made here can have a row more.
      if (!stack.node || !isLoop(stack.node) || results.has(stack) || sizeOf(stack.aval.shape) === 0) {
        continue;
      }
      if ((this.rooms.get(stack) ?? side) !== side) continue;
      this.rooms.set(stack, side);
      found.set(i, k);
    }
    if (found.size > 0) this.byLoop.set(node, found);
  }
}

function isLoop(node: Node): boolean {
  return (node.primitive as unknown) === loopPrimitive;
}
