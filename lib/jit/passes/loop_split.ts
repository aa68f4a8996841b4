/**
 * Products leave the loop where they can: what depends on sequences alone is computed for all steps at once before it
 * (the input product of a recurrent network becomes one product over all steps), and what only feeds stacked results
 * behind it.
 */
import { batchGraph } from "../../autodiff/batch_graph.ts";
import { Graph, type Node, type Variable } from "../../trace/graph.ts";
import { broadcastFront } from "../../trace/primitives/zeros.ts";
import { hasEffect, neededNodes } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { type Bound, type LoopDraft, loopPass, type RowSlot } from "./loop_draft.ts";

/** Worth moving: together they run much faster than one by one. */
const HEAVY: ReadonlySet<string> = new Set(["contract", "convolve"]);

function mayMove(node: Node): boolean {
  return !hasEffect(node) && node.primitive.name !== "recomputeBarrier" && !node.primitive.graphs;
}

/** The products of a body that depend on sequences alone: all of their results, and those that the rest reads. */
function productsInFront(draft: LoopDraft): { readonly moved: Variable[]; readonly wanted: Variable[] } {
  const available = new Set<Variable>(draft.constants.map((slot) => slot.body));
  const varying = new Set<Variable>(draft.sequences.map((slot) => slot.body));
  for (const variable of varying) available.add(variable);
  const moved: Variable[] = [];
  for (const node of draft.nodes) {
    if (!mayMove(node) || !node.inputs.every((input) => available.has(input))) continue;
    const varies = node.inputs.some((input) => varying.has(input));
    for (const output of node.outputs) {
      available.add(output);
      if (varies) varying.add(output);
    }
    if (varies && HEAVY.has(node.primitive.name)) moved.push(...node.outputs);
  }
  return { moved, wanted: readOutside(draft, moved) };
}

/** What would be stacked so that products can be computed before the loop. */
export function stackedInFront(draft: LoopDraft): readonly Variable[] {
  return productsInFront(draft).wanted;
}

export const loopFront: Pass = loopPass("loop front", (draft) => {
  const { length } = draft.params;
  if (!draft.isWalk || length < 2) return false;
  const { moved, wanted } = productsInFront(draft);
  if (wanted.length === 0 || !draft.mayStack(wanted)) return false;
  const inputs = [...draft.constants, ...draft.sequences];
  const graph = new Graph(
    inputs.map((slot) => slot.body),
    wanted,
    neededNodes(draft.nodes.filter(mayMove), wanted),
  );
  const mask = [...draft.constants.map(() => false), ...draft.sequences.map(() => true)];
  const { outputs } = batchGraph(graph, inputs.map((slot) => slot.outer), mask, length);
  const names = new Map<Variable, Variable>();
  wanted.forEach((variable, i) => names.set(variable, draft.addSequence(outputs[i], variable).body));
  const gone = new Set(moved.map((variable) => variable.node));
  draft.nodes = draft.nodes.filter((node) => !gone.has(node));
  draft.rename(names);
  return true;
});

/** Those of the variables that a node which computes none of them, or an output, reads. */
function readOutside(draft: LoopDraft, moved: readonly Variable[]): Variable[] {
  const makers = new Set(moved.map((variable) => variable.node));
  const read = new Set<Variable>(draft.bodyOutputs());
  for (const node of draft.nodes) if (!makers.has(node)) { for (const input of node.inputs) read.add(input); }
  return moved.filter((variable) => read.has(variable));
}

interface Behind {
  /** The nodes that move, in order. */
  readonly nodes: readonly Node[];
  /** The rows they compute. */
  readonly results: readonly RowSlot[];
  readonly made: ReadonlySet<Variable>;
  /** What they read. */
  readonly needed: ReadonlySet<Variable>;
}

function findBehind(draft: LoopDraft): Behind | null {
  const moved = nodesBehind(draft);
  if (moved.size === 0) return null;
  const made = new Set<Variable>();
  for (const node of moved) for (const output of node.outputs) made.add(output);
  const results = draft.rows.filter((slot) => made.has(slot.body));
  const nodes = draft.nodes.filter((node) => moved.has(node));
  const needed = new Set<Variable>();
  for (const node of nodes) for (const input of node.inputs) if (!made.has(input)) needed.add(input);
  return tooLarge(needed, results, draft) ? null : { nodes, results, made, needed };
}

/** What would be stacked so that products can be computed behind the loop. */
export function stackedForBehind(draft: LoopDraft): readonly Variable[] {
  return draft.rows.length === 0 ? [] : [...findBehind(draft)?.needed ?? []];
}

export const loopBehind: Pass = loopPass("loop behind", (draft) => {
  const { length } = draft.params;
  if (!draft.isWalk || length < 2 || draft.rows.length === 0) return false;
  const found = findBehind(draft);
  if (!found || !draft.mayStack(found.needed)) return false;
  const { nodes, results, made, needed } = found;
  draft.rows = draft.rows.filter((slot) => !made.has(slot.body));
  const sources = [...needed].map((variable) => sourceOf(draft, variable));
  const graph = new Graph([...needed], results.map((slot) => slot.body), nodes);
  let outputs: Tensor[] | null = null;
  const compute = (bound: Bound): Tensor[] => {
    const inputs = sources.map((source) => source.row ? bound.row(source.row) : source.tensor!);
    const batched = sources.map((source) => source.varies);
    const result = batchGraph(graph, inputs, batched, length);
    return result.outputs.map((x, i) => draft.reached(result.batched[i] ? x : broadcastFront(x, length)));
  };
  draft.outputs.forEach((source, k) => {
    if (source.kind !== "row") return;
    const position = results.indexOf(source.slot);
    if (position < 0) return;
    draft.outputs[k] = { kind: "made", make: (bound) => (outputs ??= compute(bound))[position] };
  });
  draft.nodes = draft.nodes.filter((node) => !nodes.includes(node));
  return true;
});

/** Where a value of the body is had outside: a row that is stacked, or a tensor that is there. */
export interface Source {
  readonly row: RowSlot | null;
  readonly tensor: Tensor | null;
  readonly varies: boolean;
}

/** A variable of the body as seen from outside: a constant, a sequence, or a row that is stacked for it. */
export function sourceOf(draft: LoopDraft, variable: Variable): Source {
  const constant = draft.constants.find((slot) => slot.body === variable);
  if (constant) return { row: null, tensor: constant.outer, varies: false };
  const sequence = draft.sequences.find((slot) => slot.body === variable);
  if (sequence) return { row: null, tensor: sequence.outer, varies: true };
  return { row: draft.addRow(variable), tensor: null, varies: true };
}

/** Products that only rows depend on, with what follows them. */
function nodesBehind(draft: LoopDraft): Set<Node> {
  const kept = new Set<Variable>(draft.carries.map((slot) => slot.next));
  if (draft.stop) kept.add(draft.stop);
  const behind = new Set<Node>();
  for (let i = draft.nodes.length - 1; i >= 0; i--) {
    const node = draft.nodes[i];
    if (mayMove(node) && !node.outputs.some((output) => kept.has(output))) behind.add(node);
    else for (const input of node.inputs) kept.add(input);
  }
  const moved = new Set<Node>();
  const made = new Set<Variable>();
  for (const node of draft.nodes) {
    if (!behind.has(node)) continue;
    if (!HEAVY.has(node.primitive.name) && !node.inputs.some((input) => made.has(input))) continue;
    moved.add(node);
    for (const output of node.outputs) made.add(output);
  }
  return moved;
}

/** What would have to be stacked must not be much more than what no longer is. */
function tooLarge(needed: ReadonlySet<Variable>, results: readonly RowSlot[], draft: LoopDraft): boolean {
  const free = new Set<Variable>(
    [...draft.constants, ...draft.sequences, ...draft.rows].map((slot) => slot.body),
  );
  const size = (variable: Variable): number => variable.aval.shape.reduce((product, n) => product * n, 1);
  let added = 0;
  for (const variable of needed) if (!free.has(variable)) added += size(variable);
  return added > 4 * results.reduce((sum, slot) => sum + size(slot.body), 0);
}
