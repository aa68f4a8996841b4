/** Which axis of a nest is walked four elements at a time. */
import type { Index, Nest } from "../../kernel/kernel.ts";
import type { Place } from "../place.ts";
import { opWeight } from "../scalar_ops.ts";
import { storeRoots } from "../../kernel/statements.ts";
import { closure, type Lanes } from "./statements.ts";

/** Kernels whose statements weigh more are not written out four times. */
const MAX_WEIGHT = 96;

/** Whether four neighbours along an axis are one aligned vector of an operand. */
export function isVectorIndex(index: Index, place: Place, axis: number): boolean {
  if (place.words || index.strides[axis] !== 1) return false;
  if ((index.offset + place.offset) % 4 !== 0 || (place.dynamic && place.step % 4 !== 0)) return false;
  return index.strides.every((stride, a) => a === axis || stride % 4 === 0) &&
    index.dynamic.every(({ stride }) => stride % 4 === 0);
}

export interface LaneChoice extends Lanes {
  /** The last group of four may reach beyond the axis: results there fall into the padding of their buffers. */
  readonly overrun: boolean;
}

export function chooseLanes(kernel: Nest, places: readonly Place[]): LaneChoice {
  const none: LaneChoice = { axis: -1, count: 1, overrun: false };
  const { domain, rowRank, statements, stores, reductions } = kernel;
  const needed = closure(statements, [
    ...stores.flatMap(storeRoots),
    ...reductions.flatMap((r) => r.position === undefined ? [r.value] : [r.value, r.position]),
  ]);
  let weight = 0;
  for (const id of needed) {
    const s = statements[id];
    weight += s.kind === "op" ? opWeight(s.op, s.dtype) : s.kind === "threefry" ? 8 : 1;
  }
  if (weight > MAX_WEIGHT) return none;
  const indices: { index: Index; operand: number }[] = stores.map(({ index, operand }) => ({
    index,
    operand,
  }));
  for (const id of needed) {
    const s = statements[id];
    if (s.kind === "load") indices.push(s);
  }
  const gain = (axis: number): number => {
    let vectors = 0, others = 0;
    for (const { index, operand } of indices) {
      if (isVectorIndex(index, places[operand], axis)) vectors++;
      else if (index.strides[axis] !== 0) others++;
    }
    return vectors - 0.5 * others;
  };
  let best: LaneChoice = none, most = 0;
  if (rowRank > 0) {
    const axis = rowRank - 1, extent = domain[axis];
    const whole = extent % 4 === 0;
    const overrun = !whole && domain.length === 1 && extent > 4 && stores.every((store) => {
      const place = places[store.operand];
      return store.mode === "set" && store.mask === undefined && store.index.offset === 0 &&
        store.index.strides[0] === 1 && store.index.dynamic.length === 0 && place.offset === 0 &&
        !place.dynamic && !place.words && place.elements === extent;
    });
    const value = gain(axis);
    if ((whole || overrun) && value > most) {
      most = value;
      best = { axis, count: 4, overrun };
    }
  }
  if (domain.length > rowRank) {
    const axis = domain.length - 1;
    const value = gain(axis) + 0.25;
    const fits = domain[axis] % 4 === 0 || axis === rowRank;
    if (domain[axis] >= 8 && fits && value > most) best = { axis, count: 4, overrun: false };
  }
  return best;
}
