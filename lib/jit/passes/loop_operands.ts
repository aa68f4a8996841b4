/**
 * The right operand of a product that is the same in every step is brought once, before the loop, into the order in
 * which products read it: sums first, then what is free.
 *
 *     for t:  h = h U^T     ->     V = U^T;  for t:  h = h V
 *
 * A product of few rows would spend half of its time on bringing it into that order again and again.
 */
import { Node, type Variable } from "../../trace/graph.ts";
import { type ContractParams, freeAxes } from "../../trace/primitives/contract.ts";
import { transposeTo } from "../../trace/primitives/move.ts";
import type { Pass } from "../../trace/rewrite.ts";
import { sizeOf } from "../../trace/shape.ts";
import { type ConstantSlot, loopPass } from "./loop_draft.ts";

/** With more rows the time for reordering is little beside that of the product; with one the order suits it. */
const LEAST_ROWS = 2, MOST_ROWS = 96;

export const loopOperands: Pass = loopPass("loop operands", (draft) => {
  const { length } = draft.params;
  if (length === 0 || length === 1) return false;
  const constants = new Map(draft.constants.map((slot) => [slot.body, slot]));
  const ordered = new Map<string, ConstantSlot>();
  const names = new Map<Variable, Variable>();
  let changed = false;
  const nodes = draft.nodes.map((node) => {
    const slot = node.primitive.name === "contract" ? constants.get(node.inputs[1]) : undefined;
    const order = slot && orderOf(node);
    let inputs: readonly Variable[] = node.inputs.map((input) => names.get(input) ?? input);
    let { params } = node;
    if (order) {
      const key = `${slot.body.id} ${order.join()}`;
      const known = ordered.get(key) ?? draft.addConstant(transposeTo(slot.outer, order), slot.body);
      ordered.set(key, known);
      inputs = [inputs[0], known.body];
      const { batchA, batchB, contractA, contractB } = params as ContractParams;
      params = { batchA, batchB, contractA, contractB: contractB.map((_, i) => i) };
      changed = true;
    } else if (inputs.every((input, i) => input === node.inputs[i])) return node;
    const copy = new Node(
      node.primitive,
      inputs,
      params,
      node.outputs.map(({ aval }) => aval),
      node.location,
    );
    node.outputs.forEach((output, i) => {
      copy.outputs[i].name = output.name;
      names.set(output, copy.outputs[i]);
    });
    return copy;
  });
  if (!changed) return false;
  draft.nodes = nodes;
  draft.rename(names);
  return true;
});

/** The order of the right operand's axes that suits a product, or null when it has it already. */
function orderOf({ inputs: [a, b], params }: Node): number[] | null {
  const { batchA, contractA, contractB } = params as ContractParams;
  if (batchA.length > 0) return null;
  const rows = sizeOf(freeAxes(a.aval.shape.length, contractA).map((axis) => a.aval.shape[axis]));
  if (rows < LEAST_ROWS || rows > MOST_ROWS) return null;
  const { shape } = b.aval;
  const free = freeAxes(shape.length, contractB);
  const order = [...contractB, ...free];
  // Axes of size 1 lie wherever one wants.
  const wide = order.filter((axis) => shape[axis] !== 1);
  const isVector = !wide.some((axis) => free.includes(axis)) ||
    !wide.some((axis) => contractB.includes(axis));
  return isVector || wide.every((axis, i) => i === 0 || wide[i - 1] < axis) ? null : order;
}
