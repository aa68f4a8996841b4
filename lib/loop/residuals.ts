/**
 * What a linear loop needs of the steps of its primal loop, and how it gets it. A coefficient is
 *
 * - a constant or a slice of the loop itself, which the linear loop takes too;
 * - computed again in the linear loop, when it depends on constants alone, is a rearrangement of something no larger,
 *   or is a tape: the record of an inner loop of unknown length, which cannot be stored once per step;
 * - otherwise stored: one row per step.
 */
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
  const wanted = new Set<Variable>(needed);
  const recomputed: Node[] = [];
  const stored: Variable[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    const outputs = node.outputs.filter((output) => wanted.has(output));
    if (outputs.length === 0) continue;
    for (const output of outputs) wanted.delete(output);
    if (invariant.has(outputs[0]) || isRearrangement(node) || outputs.some(isTape)) {
      recomputed.push(node);
      for (const input of node.inputs) wanted.add(input);
    } else stored.push(...outputs);
  }
  const free = new Set([...available.constants, ...available.slices]);
  for (const variable of wanted) if (!free.has(variable)) stored.push(variable);
  return {
    recomputed: recomputed.reverse(),
    stored,
    inputs: [...wanted].filter((variable) => free.has(variable)),
  };
}

function isTape(variable: Variable): boolean {
  return variable.aval.shape[0] === DYNAMIC;
}

function isRearrangement({ primitive, inputs, outputs }: Node): boolean {
  return REARRANGEMENTS.has(primitive.name) && sizeOf(inputs[0].aval.shape) <= sizeOf(outputs[0].aval.shape);
}
