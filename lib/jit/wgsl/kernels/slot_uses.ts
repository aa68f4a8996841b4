/** How a nest treats each of its buffers: four elements at a time, and atomically. */
import type { Nest, Store } from "../../kernel/kernel.ts";
import { isPacked, type Place, type SlotUse, type Texels } from "../place.ts";
import { textureWidth } from "../texture_width.ts";
import { isVectorIndex } from "./lanes.ts";
import type { Lanes } from "./statements.ts";

export interface SlotUseOptions {
  readonly kernel: Nest;
  readonly places: readonly Place[];
  readonly lanes: Lanes;
  /** The statements that are written. */
  readonly ids: readonly number[];
  readonly stores: readonly Store[];
  /** Loads that are by vectors along another axis. */
  readonly vectors?: ReadonlySet<number>;
}

/** Four-element access where all accesses of a buffer allow it; atomic access where words are shared. */
export function slotUses(
  { kernel, places, lanes, ids, stores, vectors }: SlotUseOptions,
): Map<number, SlotUse> {
  const { statements, operands, domain, rowRank } = kernel;
  const uses = new Map<number, SlotUse & { scalar: boolean }>();
  const use = (operand: number) => {
    const { slot } = places[operand];
    let known = uses.get(slot);
    if (!known) uses.set(slot, known = { vector: false, atomic: false, scalar: false });
    return known;
  };
  const { axis } = lanes;
  const alongColumns = lanes.count === 4 && axis >= rowRank;
  const isVector = (operand: number, index: Store["index"]) =>
    lanes.count === 4 && isVectorIndex(index, places[operand], axis);
  // Columns left over after groups of four are read one by one.
  const rest = alongColumns && domain[axis] % 4 !== 0;
  for (const id of ids) {
    const s = statements[id];
    if (s.kind !== "load") continue;
    if (vectors?.has(id) || isVector(s.operand, s.index)) use(s.operand).vector = true;
    else use(s.operand).scalar = true;
    if (rest) use(s.operand).scalar = true;
  }
  for (const { operand, index, mode, mask, perRow } of stores) {
    const known = use(operand);
    const vector = isVector(operand, index) && mode === "set" && mask === undefined &&
      !(perRow && alongColumns);
    if (vector && !rest) known.vector = true;
    else known.scalar = true;
    const small = isPacked(operands[operand].dtype, places[operand]);
    if (mode === "add" || (small && (!vector || rest))) known.atomic = true;
  }
  const result = new Map<number, SlotUse>();
  for (const [slot, { vector, atomic, scalar }] of uses) {
    const native = operands.every((o, i) => places[i].slot !== slot || !isPacked(o.dtype, places[i]));
    const whole = places.every((p) => p.slot !== slot || !p.words);
    result.set(slot, { vector: vector && !scalar && !atomic && native && whole, atomic });
  }
  return result;
}

/** Texels of a row of the textures that slots are read as, by the strides they are read with. */
export function textureWidths(
  { statements }: Nest,
  places: readonly Place[],
  ids: readonly number[],
  texelsOf: (operand: number) => Texels,
): Map<number, number> {
  const strides = new Map<number, { texels: Texels; strides: number[] }>();
  for (const id of ids) {
    const s = statements[id];
    if (s.kind !== "load") continue;
    const { slot } = places[s.operand];
    const known = strides.get(slot);
    if (known) known.strides.push(...s.index.strides);
    else strides.set(slot, { texels: texelsOf(s.operand), strides: [...s.index.strides] });
  }
  return new Map([...strides].map(([slot, own]) => [slot, textureWidth(own.strides, own.texels)]));
}
