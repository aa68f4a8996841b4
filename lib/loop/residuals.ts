/**
 * What a linear loop needs of the steps of its primal loop, and how it gets it. A coefficient is
 *
 * - a constant or a slice of the loop itself, which the linear loop takes too;
 * - computed again in the linear loop, when it depends on constants alone, is a little arithmetic on what the linear
 *   loop has anyway or on one value no larger (1 - y^2 of y = tanh x), or is a tape: the record of an inner loop of
 *   unknown length, which cannot be stored once per step;
 * - otherwise stored: one row per step.
 */
import { byteSize } from "../trace/dtype.ts";
import type { Node, Variable } from "../trace/graph.ts";
import { hasEffect } from "../trace/prune.ts";
import { sizeOf } from "../trace/shape.ts";
import { DYNAMIC } from "./loop_params.ts";

export interface ResidualPlan {
  /** Nodes to be computed again, in order. */
  readonly recomputed: readonly Node[];
  /** Values to be stored, one row per step. */
  readonly stored: readonly Variable[];
  /** Inputs of the body that are needed as they are. */
  readonly inputs: readonly Variable[];
}

const REARRANGEMENTS: ReadonlySet<string> = new Set(["reshape", "broadcastTo", "transpose", "flip"]);

/** Arithmetic that takes no longer than reading what it would give. */
const CHEAP: ReadonlySet<string> = new Set([
  "abs",
  "add",
  "and",
  "constant",
  "div",
  "eq",
  "ge",
  "gt",
  "le",
  "lt",
  "maximum",
  "minimum",
  "mul",
  "mulNoNaN",
  "ne",
  "neg",
  "not",
  "or",
  "reciprocal",
  "select",
  "sign",
  "square",
  "sub",
]);

/** The most nodes of arithmetic on the way to one coefficient. */
const MOST_NODES = 8;

/** Plans for the coefficients `needed` of a body with these nodes; `constants` and `slices` are inputs to be had again. */
export function planResiduals(
  nodes: readonly Node[],
  needed: Iterable<Variable>,
  available: { readonly constants: readonly Variable[]; readonly slices: readonly Variable[] },
): ResidualPlan {
  const invariant = new Set<Variable>(available.constants);
  for (const node of nodes) {
    if (hasEffect(node) || !node.inputs.every((input) => invariant.has(input))) continue;
    for (const output of node.outputs) invariant.add(output);
  }
  const wanted = withInputsOfTapes(nodes, needed, invariant);
  const stored = chooseStored(inOrder(nodes, wanted), new Set([...invariant, ...available.slices]));
  const recomputed: Node[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((output) => wanted.has(output) && !stored.has(output))) continue;
    recomputed.push(node);
    for (const output of node.outputs) wanted.delete(output);
    for (const input of node.inputs) wanted.add(input);
  }
  const free = new Set([...available.constants, ...available.slices]);
  return {
    recomputed: recomputed.reverse(),
    stored: [...stored],
    inputs: [...wanted].filter((variable) => free.has(variable)),
  };
}

/** The coefficients, and what those of them that are tapes are recorded from. */
function withInputsOfTapes(
  nodes: readonly Node[],
  needed: Iterable<Variable>,
  invariant: ReadonlySet<Variable>,
): Set<Variable> {
  const wanted = new Set<Variable>(needed);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { inputs, outputs } = nodes[i];
    if (outputs.some((output) => wanted.has(output) && !invariant.has(output)) && outputs.some(isTape)) {
      for (const input of inputs) wanted.add(input);
    }
  }
  return wanted;
}

/** Inputs of the body first, then what its nodes compute, in their order. */
function inOrder(nodes: readonly Node[], wanted: ReadonlySet<Variable>): Variable[] {
  const inputs = new Set(wanted);
  const made: Variable[] = [];
  for (const { outputs } of nodes) {
    for (const output of outputs) if (inputs.delete(output)) made.push(output);
  }
  return [...inputs, ...made];
}

/** What is stored so that all coefficients, given in order, can be had. */
function chooseStored(coefficients: readonly Variable[], free: ReadonlySet<Variable>): Set<Variable> {
  const stored = new Set<Variable>();
  const isHad = (variable: Variable): boolean =>
    free.has(variable) || stored.has(variable) || isTape(variable);
  for (const coefficient of coefficients) {
    if (isHad(coefficient)) continue;
    const [leaf, ...others] = leavesOf(coefficient, isHad);
    if (leaf === undefined) continue;
    stored.add(others.length === 0 && bytesOf(leaf) <= bytesOf(coefficient) ? leaf : coefficient);
  }
  return stored;
}

/** What is not had of the values that a coefficient is a little arithmetic on. */
function leavesOf(coefficient: Variable, isHad: (variable: Variable) => boolean): Set<Variable> {
  const leaves = new Set<Variable>(), seen = new Set<Variable>();
  const stack = [coefficient];
  let left = MOST_NODES;
  while (stack.length > 0) {
    const variable = stack.pop()!;
    if (seen.has(variable) || isHad(variable)) continue;
    seen.add(variable);
    const { node } = variable;
    if (node && isRearrangement(node)) stack.push(...node.inputs);
    else if (node && left > 0 && CHEAP.has(node.primitive.name)) {
      left--;
      stack.push(...node.inputs);
    } else leaves.add(variable);
  }
  return leaves;
}

function isTape(variable: Variable): boolean {
  return variable.aval.shape[0] === DYNAMIC;
}

function isRearrangement({ primitive, inputs, outputs }: Node): boolean {
  return REARRANGEMENTS.has(primitive.name) && sizeOf(inputs[0].aval.shape) <= sizeOf(outputs[0].aval.shape);
}

function bytesOf({ aval: { shape, dtype } }: Variable): number {
  return sizeOf(shape) * byteSize(dtype);
}
