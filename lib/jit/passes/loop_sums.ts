/**
 * Sums of products over the steps, such as the gradient of a weight, are taken at once behind the loop:
 *
 *     for t:  s = s + a_t b_t     ->     s + [a_1 a_2 ...] [b_1 b_2 ...]
 *
 * one product in which the steps are summed over too.
 */
import type { Node, Variable } from "../../trace/graph.ts";
import { atLocation } from "../../trace/location.ts";
import { type ContractParams, contractPrimitive } from "../../trace/primitives/contract.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { transposeTo } from "../../trace/primitives/move.ts";
import { type ReduceParams, reductions } from "../../trace/primitives/reduce.ts";
import type { Pass } from "../../trace/rewrite.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";
import { type Bound, type CarrySlot, type LoopDraft, loopPass } from "./loop_draft.ts";
import { type Source, sourceOf } from "./loop_split.ts";

export const loopSums: Pass = loopPass("loop sums", (draft) => {
  if (!draft.isWalk || draft.params.length < 2) return false;
  let changed = false;
  for (const kind of ["contract", "sum"]) {
    for (const slot of [...draft.carries]) {
      const term = addedTerm(draft, slot);
      const total = term && (kind === "contract" ? sumOfProducts(draft, term) : sumOfRows(draft, term));
      if (!total) continue;
      changed = true;
      draft.carries = draft.carries.filter((other) => other !== slot);
      draft.nodes = draft.nodes.filter((node) => !node.outputs.includes(slot.next));
      draft.outputs.forEach((source, k) => {
        if (source.kind !== "carry" || source.slot !== slot) return;
        draft.outputs[k] = {
          kind: "made",
          make: (bound) => bindOne(elementwise.add, [slot.initial, total(bound)], {}),
        };
      });
    }
  }
  return changed;
});

/** `v` of a carry that goes on as carry + v and is read nowhere else. */
function addedTerm(draft: LoopDraft, slot: CarrySlot): Variable | null {
  const node = slot.next.node;
  if (!node || node.primitive.name !== "add" || !node.inputs.includes(slot.body)) return null;
  const [a, b] = node.inputs;
  const term = a === slot.body ? b : a;
  if (term === slot.body || term.aval.shape.join() !== slot.body.aval.shape.join()) return null;
  let reads = 0;
  for (const other of draft.nodes) {
    for (const input of other.inputs) {
      if (input === slot.body) reads++;
      if (input === slot.next) return null;
    }
  }
  const leaves = draft.bodyOutputs().filter((output) => output === slot.next || output === slot.body).length;
  return reads === 1 && leaves === 1 ? term : null;
}

type Total = (bound: Bound) => Tensor;

/** The product that a term is, up to permutations of its axes. */
function productOf(draft: LoopDraft, term: Variable): Product | null {
  const permutations: (readonly number[])[] = [];
  let node: Node | null = term.node;
  while (node && node.primitive.name === "transpose") {
    permutations.push((node.params as { permutation: readonly number[] }).permutation);
    node = node.inputs[0].node;
  }
  if (!node || node.primitive.name !== "contract" || !draft.nodes.includes(node)) return null;
  const constants = new Set<Variable>(draft.constants.map((slot) => slot.body));
  return node.inputs.some((input) => constants.has(input)) ? null : { node, permutations };
}

interface Product {
  readonly node: Node;
  readonly permutations: readonly (readonly number[])[];
}

/** What would be stacked so that sums of products can be taken behind the loop. */
export function stackedForSums(draft: LoopDraft): readonly Variable[] {
  return draft.carries.flatMap((slot) => {
    const term = addedTerm(draft, slot);
    return term && productOf(draft, term)?.node.inputs || [];
  });
}

function sumOfProducts(draft: LoopDraft, term: Variable): Total | null {
  const product = productOf(draft, term);
  if (!product || !draft.mayStack(product.node.inputs)) return null;
  const { node, permutations } = product;
  const [a, b] = node.inputs.map((input) => sourceOf(draft, input));
  const own = node.params as ContractParams;
  const shift = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);
  const params: ContractParams = {
    batchA: shift(own.batchA),
    batchB: shift(own.batchB),
    contractA: [0, ...shift(own.contractA)],
    contractB: [0, ...shift(own.contractB)],
  };
  // The product stands where the user wrote it, in the body.
  const { location } = node;
  return (bound) =>
    atLocation(location, () => {
      const operands = [a, b].map((source) => summed(draft, source, bound));
      let total = bindOne(contractPrimitive, operands, params);
      for (const permutation of permutations.toReversed()) total = transposeTo(total, permutation);
      return total;
    });
}

/** All rows of a summand; those that are not reached are 0. */
function summed(draft: LoopDraft, { row, tensor }: Source, bound: Bound): Tensor {
  return row ? bound.row(row) : draft.reached(tensor!);
}

/** Only where the summands are stacked anyway. */
function sumOfRows(draft: LoopDraft, term: Variable): Total | null {
  const node = term.node;
  const isSum = node?.primitive.name === "sum" && draft.nodes.includes(node);
  const summand = isSum ? node.inputs[0] : term;
  const stacked = [...draft.rows, ...draft.sequences].some((slot) => slot.body === summand);
  if (!stacked) return null;
  const source = sourceOf(draft, summand);
  const axes = isSum ? (node.params as ReduceParams).axes.map((axis) => axis + 1) : [];
  const location = term.node?.location ?? null;
  return (bound) =>
    atLocation(location, () => {
      const rows = summed(draft, source, bound);
      return bindOne(reductions.sum, [rows], { axes: [0, ...axes] });
    });
}
