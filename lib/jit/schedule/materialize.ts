/** Which values must have a buffer although no kernel would otherwise store them. */
import type { Graph, Node, Variable } from "../../trace/graph.ts";
import type { Lowering } from "../../trace/lowering.ts";
import { contractAxes, operandView } from "./build_contract.ts";
import { type Classified, splitGroups } from "./classify.ts";
import { reshapeBase } from "./compose.ts";
import { findCrossedRows } from "./crossed_rows.ts";

/** Anchors that compute their inputs in place, through the expression builder; the others need whole buffers. */
export const READS_BY_EXPRESSION: ReadonlySet<Lowering["kind"]> = new Set([
  "scatter",
  "dynamicUpdate",
  "concat",
]);

/** Which values get a buffer. */
export interface Materialized {
  /** Virtual values that get a buffer of their own. */
  readonly materialized: ReadonlySet<Variable>;
  /** Values, virtual or not, that are read from their buffers alone: no kernel both computes and uses them. */
  readonly apart: ReadonlySet<Variable>;
}

/** Finds what gets a buffer; `leastCrossed` is that of the limits of groups. */
export function findMaterialized(
  graph: Graph,
  classes: ReadonlyMap<Node, Classified>,
  leastCrossed?: number,
): Materialized {
  const materialized = new Set<Variable>();
  const needBuffer = (variable: Variable) => {
    const base = reshapeBase(variable, classes, materialized);
    if (base.node && classes.get(base.node)!.role === "virtual") materialized.add(base);
  };
  for (const node of graph.nodes) {
    const { lowering, role } = classes.get(node)!;
    if (lowering.kind === "reshape") {
      const [input] = node.inputs;
      const below = input.node && classes.get(input.node)!;
      if (below?.role === "virtual" && below.lowering.kind !== "constant") {
        if (!splitGroups(input.aval.shape, node.outputs[0].aval.shape)) needBuffer(input);
      }
    } else if (lowering.kind === "contract") {
      materializeOperands(node, lowering, classes, materialized);
    } else if (
      lowering.kind === "convolve" || (role === "anchor" && !READS_BY_EXPRESSION.has(lowering.kind))
    ) node.inputs.forEach(needBuffer);
  }
  materializeOutputs(graph, classes, materialized);
  const apart = findCrossedRows(graph, classes, materialized, leastCrossed);
  for (const variable of apart) {
    if (classes.get(variable.node!)!.role === "virtual") materialized.add(variable);
  }
  // What has got a buffer since is read there, not behind it, and may lie otherwise than the product reads.
  for (let before = -1; before < materialized.size;) {
    before = materialized.size;
    for (const node of graph.nodes) {
      const { lowering } = classes.get(node)!;
      if (lowering.kind === "contract") materializeOperands(node, lowering, classes, materialized);
    }
  }
  return { materialized, apart };
}

/** The operands of a product get buffers where they cannot be read through their views. */
function materializeOperands(
  node: Node,
  lowering: Extract<Lowering, { kind: "contract" }>,
  classes: ReadonlyMap<Node, Classified>,
  materialized: Set<Variable>,
): void {
  node.inputs.forEach((input, side) => {
    const axes = contractAxes(lowering, side as 0 | 1, input.aval.shape.length);
    const view = operandView(input, axes, classes, materialized);
    if (!view) materialized.add(input);
    else if (view.base.node && classes.get(view.base.node)!.role === "virtual") materialized.add(view.base);
  });
}

/** Every output is, up to reshapes, a buffer of its own that no other output and no input has. */
function materializeOutputs(
  graph: Graph,
  classes: ReadonlyMap<Node, Classified>,
  materialized: Set<Variable>,
): void {
  const taken = new Set<Variable>(graph.inputs);
  for (const output of graph.outputs) {
    if (!output.node) continue;
    let base = reshapeBase(output, classes, materialized);
    if (taken.has(base)) materialized.add(base = output);
    else if (classes.get(base.node!)!.role === "virtual") materialized.add(base);
    taken.add(base);
  }
}
