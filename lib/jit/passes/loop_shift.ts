/**
 * A carry that is stacked before and after each step is stacked once: the loop that walks back over both stacks finds
 * the value after a step where it just read the value before the next one.
 *
 *     for t up:    c_t+1 = f(c_t);  before[t] = c_t;  after[t] = c_t+1
 *     for t down:  g(before[t], after[t])                   ->     for t down:  g(before[t], c);  c = before[t]
 *
 * where c begins as the carry's last value. Half of what a recurrent network stores for its gradient goes away.
 */
import type { LoopParams } from "../../loop/loop_params.ts";
import { splitInputs, splitOutputs } from "../../loop/loop_layout.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import { type Graph, type Node, Variable } from "../../trace/graph.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bind } from "../../trace/trace.ts";
import { isLoop, LoopDraft, readersOf } from "./loop_draft.ts";

/** Two stacks of one carry. */
interface Stacks {
  readonly loop: Node;
  /** Output of the carry's last value. */
  readonly last: number;
  /** Output of the stack of values before each step. */
  readonly before: number;
  /** The other stack. */
  readonly after: Variable;
}

export const loopShift: Pass = {
  name: "loop shift",
  run(graph: Graph): Graph {
    if (!graph.nodes.some(isLoop)) return graph;
    const found = findStacks(graph);
    if (found.size === 0) return graph;
    const sources = new Set([...found.values()].map(({ loop }) => loop));
    const results = new Map<Node, readonly Tensor[]>();
    return rewriteGraph(graph, (node, inputs) => {
      if (!isLoop(node)) return null;
      const params = node.params as LoopParams;
      let outputs: readonly Tensor[] | null = null;
      const read = splitInputs(node.inputs, params).sequences;
      if (read.some((variable) => found.has(variable))) {
        const draft = new LoopDraft(inputs, params);
        read.forEach((variable, i) => {
          const stacks = found.get(variable);
          if (stacks) readBefore(draft, i, results.get(stacks.loop)!, stacks);
        });
        draft.sequences = draft.sequences.filter((_, i) => !(i < read.length && found.has(read[i])));
        outputs = draft.finish();
      }
      if (!sources.has(node)) return outputs;
      outputs ??= bind(loopPrimitive, inputs, params);
      results.set(node, outputs);
      return outputs;
    });
  },
};

/** Puts a carry in the place of a sequence. */
function readBefore(
  draft: LoopDraft,
  sequence: number,
  outputs: readonly Tensor[],
  { last, before }: Stacks,
): void {
  const { body } = draft.sequences[sequence];
  const { shape, dtype } = body.aval;
  const next = draft.addSequence(outputs[before], body).body;
  const carry = { initial: outputs[last], body: new Variable({ shape, dtype }), condition: null, next };
  draft.carries.push(carry);
  draft.rename(new Map([[body, carry.body]]));
}

/** By the variable of the stack that can go away. */
function findStacks(graph: Graph): Map<Variable, Stacks> {
  const found = new Map<Variable, Stacks>();
  const readers = readersOf(graph);
  for (const loop of graph.nodes) {
    if (!isLoop(loop)) continue;
    const params = loop.params as LoopParams;
    const { carries, body } = params;
    for (let i = 0; i < carries; i++) {
      const first = params.constants + i, old = body.inputs[first], next = body.outputs[i];
      if (old === next) continue;
      const rows = body.outputs.slice(carries, carries + params.results);
      const before = rows.indexOf(old), after = rows.indexOf(next);
      if (before < 0 || after < 0 || !readers.has(loop.outputs[carries + before])) continue;
      const stack = loop.outputs[carries + after];
      const all = readers.get(stack);
      if (!all || !all.every((reader) => reader !== null && walksBack(reader, loop, stack))) continue;
      found.set(stack, { loop, last: i, before: carries + before, after: stack });
    }
  }
  return found;
}

/** Whether a node is a loop that takes the steps of another from the last to the first, and reads the stack by rows. */
function walksBack(node: Node, loop: Node, stack: Variable): boolean {
  if (!isLoop(node)) return false;
  const own = node.params as LoopParams, other = loop.params as LoopParams;
  if (own.length !== other.length || own.reverse === other.reverse || own.condition || own.stops) {
    return false;
  }
  const { count, constants, carries } = splitInputs(node.inputs, own);
  if ([...constants, ...carries].includes(stack)) return false;
  const { taken } = splitOutputs(loop.outputs, other);
  if (count) return count === taken || (isWalk(other) && count === splitInputs(loop.inputs, other).count);
  return other.length < 0 || (isWalk(other) && !other.counted);
}

function isWalk({ condition, stops }: LoopParams): boolean {
  return condition === null && !stops;
}
