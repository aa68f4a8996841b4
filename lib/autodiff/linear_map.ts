/** A linear function as a list of nodes: what remains of a linearised program. */
import type { Node, Variable } from "../trace/graph.ts";

/**
 * Linear nodes in topological order. They read `inputs` (which stand for the tangents of what is differentiated),
 * outputs of each other, and *residuals*: any other variable, whose value is a coefficient.
 */
export interface LinearMap {
  readonly inputs: readonly Variable[];
  readonly nodes: readonly Node[];
  /** The tangent of each output; null is zero. */
  readonly outputs: readonly (Variable | null)[];
  /** Every variable that depends on an input: the inputs, and the outputs of all nodes. */
  readonly variables: ReadonlySet<Variable>;
}

/** The coefficients a linear map reads, in order of first use. */
export function residualsOf(map: LinearMap): Variable[] {
  const residuals = new Set<Variable>();
  for (const node of map.nodes) {
    for (const input of node.inputs) if (!map.variables.has(input)) residuals.add(input);
  }
  return [...residuals];
}
