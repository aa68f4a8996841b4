/** What is the same in every step is computed once, before the loop. */
import type { Node, Variable } from "../../trace/graph.ts";
import { hasEffect } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { currentTrace } from "../../trace/trace.ts";
import { replayNode } from "../../autodiff/replay.ts";
import { type LoopDraft, loopPass } from "./loop_draft.ts";

/** Rearrangements and numbers cost nothing where they are used. */
const FREE: ReadonlySet<string> = new Set([
  "constant",
  "broadcastTo",
  "reshape",
  "transpose",
  "slice",
  "flip",
  "iota",
]);

export const loopHoist: Pass = loopPass("loop hoist", (draft) => {
  // A loop that may take no step, and work that costs much, would be a loss; rare enough to be accepted.
  const { invariant, used } = findInvariant(draft);
  const hoisted = draft.nodes.filter((node) => invariant.has(node) && !FREE.has(node.primitive.name));
  if (hoisted.length === 0) return false;
  const values = new Map<Variable, Tensor>(draft.constants.map((slot) => [slot.body, slot.outer]));
  const trace = currentTrace()!;
  for (const node of draft.nodes) {
    if (!invariant.has(node)) continue;
    const outputs = replayNode(trace, node, node.inputs.map((input) => values.get(input)!));
    node.outputs.forEach((output, i) => values.set(output, outputs[i]));
  }
  const names = new Map<Variable, Variable>();
  for (const node of hoisted) {
    for (const output of node.outputs) {
      if (used.has(output)) names.set(output, draft.addConstant(values.get(output)!, output).body);
    }
  }
  draft.nodes = draft.nodes.filter((node) => !hoisted.includes(node));
  draft.rename(names);
  return true;
});

/** The nodes that depend on constants of the loop only, and the variables that others, or the outputs, read. */
function findInvariant(draft: LoopDraft): { invariant: Set<Node>; used: Set<Variable> } {
  const known = new Set<Variable>(draft.constants.map((slot) => slot.body));
  const invariant = new Set<Node>();
  for (const node of draft.nodes) {
    if (hasEffect(node) || node.primitive.name === "recomputeBarrier") continue;
    if (!node.inputs.every((input) => known.has(input))) continue;
    invariant.add(node);
    for (const output of node.outputs) known.add(output);
  }
  const used = new Set<Variable>(draft.bodyOutputs());
  for (const node of draft.nodes) {
    if (invariant.has(node) && !FREE.has(node.primitive.name)) continue;
    for (const input of node.inputs) used.add(input);
  }
  return { invariant, used };
}
