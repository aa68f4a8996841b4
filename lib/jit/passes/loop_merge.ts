/**
 * Loops over the same steps that do not depend on each other become one, and carries that go the same way are carried
 * once: a value and its gradient then share the forward loop.
 */
import type { LoopParams } from "../../loop/loop_params.ts";
import { loopPrimitive } from "../../loop/loop_primitive.ts";
import {
  joinBodyInputs,
  joinInputs,
  splitBodyInputs,
  splitBodyOutputs,
  splitInputs,
} from "../../loop/loop_layout.ts";
import { Graph, Node, Variable } from "../../trace/graph.ts";
import type { Primitive } from "../../trace/primitive.ts";
import { hasEffect } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import { type CarrySlot, isLoop, type LoopDraft, loopPass } from "./loop_draft.ts";
import { loopPrune } from "./loop_prune.ts";
import { merge } from "./merge.ts";

/** Bounds the work where a graph has very many loops. */
const MOST_MERGES = 32;

export const loopMerge: Pass = {
  name: "loop merge",
  run(graph: Graph): Graph {
    let current = graph;
    for (let i = 0; i < MOST_MERGES; i++) {
      const pair = findPair(current);
      if (!pair) break;
      current = mergePair(current, ...pair);
    }
    return equalCarries.run(current === graph ? current : loopPrune.run(current));
  },
};

function isPlainWalk({ condition, stops, length, taken }: LoopParams): boolean {
  return condition === null && !stops && !taken && length > 0;
}

/** Two loops of one length, count and direction over a common sequence, of which the second does not need the first. */
function findPair(graph: Graph): [Node, Node] | null {
  const bySequence = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    const params = node.params as LoopParams;
    // Effects stay in the user's order.
    if (!isLoop(node) || !isPlainWalk(params) || hasEffect(node)) continue;
    const { count, sequences } = splitInputs(node.inputs, params);
    for (const sequence of new Set(sequences)) {
      const key = `${sequence.id} ${params.length} ${count?.id} ${params.reverse}`;
      const others = bySequence.get(key) ?? [];
      for (const other of others) if (!dependsOn(graph, node, other)) return [other, node];
      if (others.length < 4) bySequence.set(key, [...others, node]);
    }
  }
  return null;
}

function dependsOn(graph: Graph, node: Node, earlier: Node): boolean {
  return dependentsOf(graph, earlier).has(node);
}

function dependentsOf(graph: Graph, start: Node): Set<Node> {
  const variables = new Set<Variable>(start.outputs);
  const found = new Set<Node>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => variables.has(input))) continue;
    found.add(node);
    for (const output of node.outputs) variables.add(output);
  }
  return found;
}

function mergePair(graph: Graph, first: Node, second: Node): Graph {
  const merged = mergedNode(first, second);
  const renamed = new Map<Variable, Variable>();
  const a = first.params as LoopParams, b = second.params as LoopParams;
  const place = (node: Node, params: LoopParams, carriesBefore: number, rowsBefore: number) =>
    node.outputs.forEach((output, k) => {
      const isCarry = k < params.carries;
      const at = isCarry ? carriesBefore + k : a.carries + b.carries + rowsBefore + k - params.carries;
      renamed.set(output, merged.outputs[at]);
      merged.outputs[at].name = output.name;
    });
  place(first, a, 0, 0);
  place(second, b, a.carries, a.results);
  // What needs the first loop comes after the merged one, which stands where the second stood.
  const later = dependentsOf(graph, first);
  const nodes: Node[] = [];
  const waiting: Node[] = [];
  let placed = false;
  for (const node of graph.nodes) {
    if (node === first) continue;
    if (node === second) {
      nodes.push(merged);
      for (const other of waiting) nodes.push(other);
      placed = true;
    } else if (!placed && later.has(node)) waiting.push(node);
    else nodes.push(node);
  }
  const at = (variable: Variable): Variable => renamed.get(variable) ?? variable;
  const copied = nodes.map((node) => {
    if (!node.inputs.some((input) => renamed.has(input))) return node;
    const avals = node.outputs.map((output) => output.aval);
    const copy = new Node(node.primitive, node.inputs.map(at), node.params, avals, node.location);
    node.outputs.forEach((output, i) => {
      copy.outputs[i].name = output.name;
      renamed.set(output, copy.outputs[i]);
    });
    return copy;
  });
  return new Graph(graph.inputs, graph.outputs.map(at), copied, graph.name);
}

function mergedNode(first: Node, second: Node): Node {
  const a = first.params as LoopParams, b = second.params as LoopParams;
  const bodyA = a.body, bodyB = copyOf(b.body);
  const givenA = splitInputs(first.inputs, a), givenB = splitInputs(second.inputs, b);
  const insideA = splitBodyInputs(bodyA.inputs, a), insideB = splitBodyInputs(bodyB.inputs, b);
  const resultsA = splitBodyOutputs(bodyA.outputs, a), resultsB = splitBodyOutputs(bodyB.outputs, b);
  const params: LoopParams = {
    ...a,
    body: bodyA,
    constants: a.constants + b.constants,
    carries: a.carries + b.carries,
    sequences: a.sequences + b.sequences,
    results: a.results + b.results,
    step: a.step || b.step,
  };
  const step = insideA.step ?? insideB.step;
  const sameStep = insideA.step !== null && insideB.step !== null
    ? new Map([[insideB.step, insideA.step]])
    : new Map<Variable, Variable>();
  const nodesB = sameStep.size > 0 ? copyOf(bodyB, sameStep) : bodyB;
  const outputsB = sameStep.size > 0 ? splitBodyOutputs(nodesB.outputs, b) : resultsB;
  const body = new Graph(
    joinBodyInputs({
      constants: [...insideA.constants, ...insideB.constants],
      carries: [...insideA.carries, ...insideB.carries],
      step,
      slices: [...insideA.slices, ...insideB.slices],
    }),
    [...resultsA.carries, ...outputsB.carries, ...resultsA.rows, ...outputsB.rows],
    [...bodyA.nodes, ...nodesB.nodes],
    bodyA.name,
  );
  const inputs = joinInputs({
    count: givenA.count,
    constants: [...givenA.constants, ...givenB.constants],
    carries: [...givenA.carries, ...givenB.carries],
    sequences: [...givenA.sequences, ...givenB.sequences],
  });
  const avals = [
    ...first.outputs.slice(0, a.carries),
    ...second.outputs.slice(0, b.carries),
    ...first.outputs.slice(a.carries),
    ...second.outputs.slice(b.carries),
  ].map((output) => output.aval);
  const primitive = loopPrimitive as unknown as Primitive;
  return new Node(primitive, inputs, { ...params, body }, avals, first.location);
}

/** The graph with variables of its own; those in `names` are replaced, and are no inputs of the copy. */
function copyOf(graph: Graph, names?: ReadonlyMap<Variable, Variable>): Graph {
  const values = new Map<Variable, Variable>(names);
  for (const input of graph.inputs) {
    if (values.has(input)) continue;
    // With names given, the other inputs stay what they are.
    values.set(input, names ? input : new Variable(input.aval, null, 0, input.name));
  }
  const nodes = graph.nodes.map((node) => {
    const avals = node.outputs.map((output) => output.aval);
    const inputs = node.inputs.map((input) => values.get(input)!);
    const copy = new Node(node.primitive, inputs, node.params, avals, node.location);
    node.outputs.forEach((output, i) => {
      copy.outputs[i].name = output.name;
      values.set(output, copy.outputs[i]);
    });
    return copy;
  });
  const at = (variable: Variable): Variable => values.get(variable)!;
  return new Graph(graph.inputs.map(at), graph.outputs.map(at), nodes, graph.name);
}

/**
 * Carries that begin alike are taken to be equal; those whose next values then differ are taken apart again, until what
 * is left confirms itself: by induction over the steps they are equal in all of them.
 */
const equalCarries: Pass = loopPass("equal carries", (draft) => {
  if (draft.params.condition) return false;
  // Partition refinement: `classes` gives each carry the first one that it is taken to be equal to.
  let classes = groupBy(draft.carries, (slot) => slot.initial.variable ?? slot.initial);
  for (;;) {
    const twins = new Map([...classes].filter(([slot, twin]) => slot !== twin));
    if (twins.size === 0) return false;
    const names = new Map([...twins].map(([slot, twin]) => [slot.body, twin.body]));
    const next = nextValues(draft, names);
    const numbers = new Map(draft.carries.map((slot, i) => [slot, i]));
    const refined = groupBy(
      draft.carries,
      (slot) => `${numbers.get(classes.get(slot)!)} ${next.get(slot)!.id}`,
    );
    if (draft.carries.every((slot) => refined.get(slot) === classes.get(slot))) {
      return unite(draft, twins, names);
    }
    classes = refined;
  }
});

function groupBy(
  slots: readonly CarrySlot[],
  keyOf: (slot: CarrySlot) => unknown,
): Map<CarrySlot, CarrySlot> {
  const first = new Map<unknown, CarrySlot>();
  return new Map(slots.map((slot) => {
    const key = keyOf(slot);
    const known = first.get(key);
    if (!known) first.set(key, slot);
    return [slot, known ?? slot];
  }));
}

/** The next value of each carry when equal carries have one name and equal nodes are merged. */
function nextValues(draft: LoopDraft, names: ReadonlyMap<Variable, Variable>): Map<CarrySlot, Variable> {
  const values = new Map<Variable, Variable>(names);
  const at = (variable: Variable): Variable => values.get(variable) ?? variable;
  const nodes = draft.nodes.map((node) => {
    const avals = node.outputs.map((output) => output.aval);
    const copy = new Node(node.primitive, node.inputs.map(at), node.params, avals, null);
    node.outputs.forEach((output, i) => values.set(output, copy.outputs[i]));
    return copy;
  });
  const merged = merge.run(new Graph([], draft.carries.map((slot) => at(slot.next)), nodes));
  return new Map(draft.carries.map((slot, i) => [slot, merged.outputs[i]]));
}

function unite(
  draft: LoopDraft,
  twins: ReadonlyMap<CarrySlot, CarrySlot>,
  names: ReadonlyMap<Variable, Variable>,
): boolean {
  draft.carries = draft.carries.filter((slot) => !twins.has(slot));
  draft.rename(names);
  draft.outputs.forEach((source, k) => {
    if (source.kind !== "carry") return;
    const twin = twins.get(source.slot);
    if (twin) draft.outputs[k] = { kind: "carry", slot: twin };
  });
  return true;
}
