/** Of stacked rows of which only those of the last step are read, only these are kept: memory no longer grows. */
import { Variable } from "../../trace/graph.ts";
import { reshapeTo } from "../../trace/primitives/move.ts";
import { padPrimitive, type SliceParams, slicePrimitive } from "../../trace/primitives/move_slice.ts";
import { filled } from "../../trace/primitives/zeros.ts";
import { asTensor, type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { bindOne } from "../../trace/trace.ts";
import { type CarrySlot, type LoopDraft, loopPass, type RowSlot } from "./loop_draft.ts";

/** Parameters of the pads that stand for a whole stack of which one row is known. */
const stacks = new WeakSet<object>();

const keepLast: Pass = loopPass("loop last", (draft, { node, readers }) => {
  const { length, reverse } = draft.params;
  if (!draft.isFixed || length < 2) return false;
  const last = reverse ? 0 : length - 1;
  let changed = false;
  draft.outputs.forEach((source, k) => {
    if (source.kind !== "row") return;
    const all = readers.get(node.outputs[k]);
    if (!all || !all.every((reader) => reader !== null && readsRow(reader, last))) return;
    const { slot } = source;
    changed = true;
    const carry = carryOf(draft, slot);
    draft.outputs[k] = {
      kind: "made",
      make(bound) {
        const row = bound.carry(carry);
        const params = {
          low: [last, ...row.shape.map(() => 0)],
          high: [length - 1 - last, ...row.shape.map(() => 0)],
          interior: [0, ...row.shape.map(() => 0)],
          value: 0,
        };
        stacks.add(params);
        return bindOne(padPrimitive, [reshapeTo(row, [1, ...row.shape])], params);
      },
    };
    if (!draft.outputs.some((other) => other.kind === "row" && other.slot === slot)) {
      draft.rows = draft.rows.filter((other) => other !== slot);
    }
  });
  return changed;
});

function readsRow(
  { primitive, params }: { primitive: { name: string }; params: object },
  row: number,
): boolean {
  if (primitive.name !== slicePrimitive.name) return false;
  const { start, stop } = params as SliceParams;
  return start[0] === row && stop[0] === row + 1;
}

/** A carry whose last value is the last row. */
function carryOf(draft: LoopDraft, row: RowSlot): CarrySlot {
  const known = draft.carries.find((slot) => slot.next === row.body);
  if (known) return known;
  const { shape, dtype } = row.body.aval;
  const slot = {
    initial: filled(0, { shape, dtype }),
    body: new Variable({ shape, dtype }),
    condition: null,
    next: row.body,
  };
  draft.carries.push(slot);
  return slot;
}

/** The row itself where it is read from such a stack. */
const readKnownRow: Pass = {
  name: "loop last row",
  run: (graph) =>
    rewriteGraph(graph, (node, [stack]) => {
      if (node.primitive.name !== slicePrimitive.name) return null;
      const pad = stack.variable?.node;
      if (!pad || !stacks.has(pad.params)) return null;
      const { start, stop, step } = node.params as SliceParams;
      const params = { start: [0, ...start.slice(1)], stop: [1, ...stop.slice(1)], step };
      const row = pad.inputs[0];
      return bindOne(slicePrimitive, [asTensor(row, stack)], params);
    }),
};

export const loopLast: Pass = {
  name: "loop last",
  run(graph) {
    const kept = keepLast.run(graph);
    return kept === graph ? graph : readKnownRow.run(kept);
  },
};
