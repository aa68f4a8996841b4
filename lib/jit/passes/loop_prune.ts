/** What nobody needs of a loop is dropped: results, carries, constants and sequences, and what is there twice. */
import { constantPrimitive } from "../../trace/primitives/constant.ts";
import { Node, type Variable } from "../../trace/graph.ts";
import { neededNodes } from "../../trace/prune.ts";
import type { Pass } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { type LoopContext, type LoopDraft, loopPass } from "./loop_draft.ts";

export const loopPrune: Pass = loopPass("loop prune", (draft, context) => {
  const before = sizes(draft);
  const moved = bringConstantsIn(draft);
  const settled = settleUnchanged(draft);
  const merged = mergeEqual(draft);
  dropUnneeded(draft, context);
  return moved || settled || merged || sizes(draft) !== before;
});

function sizes({ constants, carries, sequences, rows }: LoopDraft): string {
  return [constants.length, carries.length, sequences.length, rows.length].join();
}

/** The number that a constant of the loop is, when the graph around it says so. */
function knownConstant({ literal, variable }: Tensor): Node | null {
  if (literal !== null) return null;
  const node = variable?.node ?? null;
  return node && (node.primitive as unknown) === constantPrimitive ? node : null;
}

/** Numbers become constants of the body, where rules and kernels see their values. */
function bringConstantsIn(draft: LoopDraft): boolean {
  const names = new Map<Variable, Variable>();
  const own: Node[] = [];
  for (const slot of draft.constants) {
    const node = knownConstant(slot.outer);
    if (!node) continue;
    const copy = new Node(constantPrimitive as unknown as Node["primitive"], [], node.params, [
      slot.body.aval,
    ], null);
    own.push(copy);
    names.set(slot.body, copy.outputs[0]);
  }
  if (own.length === 0) return false;
  draft.rename(names);
  draft.nodes = [...own, ...draft.nodes];
  // Those that the condition reads stay constants of the loop.
  draft.constants = draft.constants.filter((slot) =>
    !names.has(slot.body) || readsInCondition(draft, slot.condition)
  );
  return true;
}

function readsInCondition(draft: LoopDraft, variable: Variable | null): boolean {
  const { condition } = draft.params;
  if (!condition || !variable) return false;
  return condition.outputs.includes(variable) ||
    condition.nodes.some((node) => node.inputs.includes(variable));
}

/** A carry that every step hands on as it is, is a constant. */
function settleUnchanged(draft: LoopDraft): boolean {
  const settled = draft.carries.filter((slot) => slot.next === slot.body);
  if (settled.length === 0) return false;
  for (const slot of settled) {
    draft.constants.push({ outer: slot.initial, body: slot.body, condition: slot.condition });
    draft.outputs.forEach((source, k) => {
      if (source.kind === "carry" && source.slot === slot) {
        draft.outputs[k] = {
          kind: "made",
          make: () => slot.initial,
        };
      }
    });
  }
  draft.carries = draft.carries.filter((slot) => !settled.includes(slot));
  return true;
}

/** Constants, sequences and rows that are there twice become one; so do carries that begin and go on alike. */
function mergeEqual(draft: LoopDraft): boolean {
  const names = new Map<Variable, Variable>();
  const unique = <S extends { readonly outer: Tensor; readonly body: Variable }>(
    slots: readonly S[],
  ): S[] => {
    const first = new Map<unknown, S>();
    return slots.filter((slot) => {
      const key = slot.outer.variable ?? slot.outer;
      const known = first.get(key);
      if (!known) first.set(key, slot);
      else names.set(slot.body, known.body);
      return !known;
    });
  };
  draft.sequences = unique(draft.sequences);
  // The condition names constants by its own variables; they stay apart there.
  if (!draft.params.condition) {
    draft.constants = unique(draft.constants);
    const first = new Map<string, LoopDraft["carries"][number]>();
    draft.carries = draft.carries.filter((slot) => {
      const key = `${slot.initial.variable?.id} ${slot.next.id}`;
      const known = first.get(key);
      if (!known) {
        first.set(key, slot);
        return true;
      }
      names.set(slot.body, known.body);
      draft.outputs.forEach((source, k) => {
        if (source.kind === "carry" && source.slot === slot) {
          draft.outputs[k] = { kind: "carry", slot: known };
        }
      });
      return false;
    });
  }
  if (names.size > 0) draft.rename(names);
  let changed = names.size > 0;
  const rows = new Map<Variable, LoopDraft["rows"][number]>();
  draft.rows = draft.rows.filter((slot) => {
    const known = rows.get(slot.body);
    if (!known) {
      rows.set(slot.body, slot);
      return true;
    }
    changed = true;
    draft.outputs.forEach((source, k) => {
      if (source.kind === "row" && source.slot === slot) draft.outputs[k] = { kind: "row", slot: known };
    });
    return false;
  });
  return changed;
}

/** Keeps the rows and carries that are read after the loop, and what these need. */
function dropUnneeded(draft: LoopDraft, { used }: LoopContext): void {
  const wantedRows = new Set<unknown>(), wantedCarries = new Set<unknown>();
  draft.outputs.forEach((source, k) => {
    if (!used[k]) {
      if (source.kind !== "taken") draft.outputs[k] = { kind: "unused" };
    } else if (source.kind === "row") wantedRows.add(source.slot);
    else if (source.kind === "carry") wantedCarries.add(source.slot);
  });
  draft.rows = draft.rows.filter((slot) => wantedRows.has(slot));
  for (const slot of draft.carries) if (readsInCondition(draft, slot.condition)) wantedCarries.add(slot);
  for (;;) {
    const kept = draft.carries.filter((slot) => wantedCarries.has(slot));
    const outputs = [
      ...kept.map((slot) => slot.next),
      ...draft.rows.map((slot) => slot.body),
      ...(draft.stop ? [draft.stop] : []),
    ];
    const nodes = neededNodes(draft.nodes, outputs);
    const read = new Set<Variable>(outputs);
    for (const node of nodes) for (const input of node.inputs) read.add(input);
    const further = draft.carries.filter((slot) => !wantedCarries.has(slot) && read.has(slot.body));
    for (const slot of further) wantedCarries.add(slot);
    if (further.length > 0) continue;
    draft.carries = kept;
    draft.nodes = nodes;
    draft.constants = draft.constants.filter((slot) =>
      read.has(slot.body) || readsInCondition(draft, slot.condition)
    );
    // A sequence may be what says how many steps there are.
    const counts = draft.params.length < 0 && draft.count === null && draft.params.condition === null;
    draft.sequences = draft.sequences.filter((slot, i) => read.has(slot.body) || (counts && i === 0));
    return;
  }
}
