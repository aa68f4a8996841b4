/** Which variables of a graph, and which carries of a loop, depend on given ones: decided from structure alone. */
import { isStopGradient } from "../autodiff/stop_gradient.ts";
import { isFloat } from "../trace/dtype.ts";
import type { Graph, Node, Variable } from "../trace/graph.ts";
import { type BodyInputs, joinBodyInputs, splitBodyInputs, splitBodyOutputs } from "./loop_layout.ts";
import type { LoopParams } from "./loop_params.ts";

/** Which outputs of a node change with the marked inputs. */
export type Follow = (node: Node, output: Variable) => boolean;

/** Everything passes a change on. */
export const dependence: Follow = () => true;

/** Derivatives pass through floats only, and not through what is locally constant. */
export const differentiable: Follow = (node, output) => {
  if (!isFloat(output.aval.dtype) || isStopGradient(node)) return false;
  const { derivative } = node.primitive;
  return derivative.kind === "derivative" || derivative.policy === "error";
};

/** The variables that depend on the marked inputs, these included. */
export function dependents(graph: Graph, marked: readonly boolean[], follow: Follow): Set<Variable> {
  const found = new Set<Variable>();
  graph.inputs.forEach((input, i) => marked[i] && found.add(input));
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => found.has(input))) continue;
    for (const output of node.outputs) if (follow(node, output)) found.add(output);
  }
  return found;
}

export interface LoopActivity {
  /** Of the variables of the body. */
  readonly variables: ReadonlySet<Variable>;
  /** Which carries depend on the marked inputs, in any step. */
  readonly carries: boolean[];
}

/** What depends on the marked inputs of a loop, over all its steps. */
export function loopActivity(
  params: LoopParams,
  marked: Omit<BodyInputs<boolean>, "step">,
  follow: Follow,
  step = false,
): LoopActivity {
  const { body } = params;
  const carries = [...marked.carries];
  for (;;) {
    const flags = joinBodyInputs({ ...marked, carries, step: params.step ? step : null });
    const variables = dependents(body, flags, follow);
    let changed = false;
    splitBodyOutputs(body.outputs, params).carries.forEach((output, i) => {
      if (!variables.has(output) || carries[i]) return;
      carries[i] = true;
      changed = true;
    });
    if (!changed) return { variables, carries };
  }
}

/**
 * The linear variables of a body that get a cotangent which is not known to be zero, when the marked outputs have one
 * and those of the carries are handed on from step to step.
 */
export function cotangentActivity(
  params: LoopParams,
  linear: ReadonlySet<Variable>,
  marked: { readonly carries: readonly boolean[]; readonly rows: readonly boolean[] },
): LoopActivity {
  const { body } = params;
  const outputs = splitBodyOutputs(body.outputs, params);
  const inputs = splitBodyInputs(body.inputs, params);
  const carries = [...marked.carries];
  for (;;) {
    const variables = new Set<Variable>();
    const mark = (variable: Variable) => linear.has(variable) && variables.add(variable);
    outputs.carries.forEach((output, i) => carries[i] && mark(output));
    outputs.rows.forEach((output, i) => marked.rows[i] && mark(output));
    for (let i = body.nodes.length - 1; i >= 0; i--) {
      const node = body.nodes[i];
      if (node.outputs.some((output) => variables.has(output))) node.inputs.forEach(mark);
    }
    let changed = false;
    inputs.carries.forEach((input, i) => {
      if (!variables.has(input) || carries[i]) return;
      carries[i] = true;
      changed = true;
    });
    if (!changed) return { variables, carries };
  }
}
