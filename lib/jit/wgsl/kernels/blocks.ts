/**
 * Elementwise kernels that read an operand along another axis than the one they write along, as transposes do: a thread
 * takes four by four elements, so that both reading and writing are by vectors.
 */
import { sizeOf } from "../../../trace/shape.ts";
import type { Nest } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { type Place, storedBits } from "../place.ts";
import type { Dispatch } from "../plan.ts";
import { opWeight } from "../scalar_ops.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { coordinatesOf } from "./axes.ts";
import { isVectorIndex, type LaneChoice } from "./lanes.ts";
import { slotUses, textureWidths } from "./slot_uses.ts";
import { dependsOn, storeRoots } from "../../kernel/statements.ts";
import { closure, type StatementContext, StatementWriter } from "./statements.ts";
import { beginUnit, unitDispatch } from "./unit_dispatch.ts";

/** Statements that weigh more are not written out sixteen times. */
const MAX_WEIGHT = 12;

/** The loads that are by vectors along another axis than that of the lanes. */
interface Across {
  readonly axis: number;
  readonly loads: ReadonlySet<number>;
}

function acrossOf({ domain, statements }: Nest, places: readonly Place[], lanes: LaneChoice): Across | null {
  let best: Across | null = null;
  for (let axis = 0; axis < domain.length; axis++) {
    if (axis === lanes.axis || domain[axis] % 4 !== 0) continue;
    const loads = new Set<number>();
    statements.forEach((s, id) => {
      if (s.kind !== "load" || s.mask !== undefined || s.index.dynamic.length > 0) return;
      if (s.index.strides[lanes.axis] !== 0 && isVectorIndex(s.index, places[s.operand], axis)) loads.add(id);
    });
    if (loads.size > (best?.loads.size ?? 0)) best = { axis, loads };
  }
  return best;
}

/** The dispatch of an elementwise nest in blocks, or null where it reads and writes along one axis anyway. */
export function planBlocks(
  kernel: Nest,
  places: readonly Place[],
  tuning: Tuning,
  lanes: LaneChoice,
): Dispatch | null {
  const { domain, statements, stores, operands } = kernel;
  if (lanes.count !== 4 || lanes.overrun || sizeOf(domain) < tuning.blockElements) return null;
  if (
    stores.some(({ mode, mask, index }) => mode !== "set" || mask !== undefined || index.dynamic.length > 0)
  ) {
    return null;
  }
  const across = acrossOf(kernel, places, lanes);
  if (across === null) return null;
  const ids = closure(statements, stores.flatMap(storeRoots));
  const weight = ids.reduce((sum, id) => {
    const s = statements[id];
    return sum + (s.kind === "op" ? opWeight(s.op, s.dtype) : s.kind === "threefry" ? 8 : 1);
  }, 0);
  if (weight > MAX_WEIGHT) return null;
  const uses = slotUses({ kernel, places, lanes, ids, stores, vectors: across.loads });
  const vectors = new Set(operands.keys().filter((operand) => uses.get(places[operand].slot)?.vector));
  /** Whether four elements of an operand can be taken at once. */
  const isWhole = (operand: number) => vectors.has(operand) || storedBits(operands[operand].dtype) < 32;
  const taken = ids.flatMap((id) => {
    const s = statements[id];
    return s.kind === "load" && across.loads.has(id) && isWhole(s.operand) ? [{ id, load: s }] : [];
  });
  if (taken.length === 0) return null;

  const shader = new Shader();
  const used = new Set(stores.map(({ operand }) => operand));
  for (const id of ids) {
    const s = statements[id];
    if (s.kind === "load") used.add(s.operand);
  }
  const access = new Access(
    shader,
    operands,
    places,
    used,
    (slot) => uses.get(slot) ?? { vector: false, atomic: false },
    false,
    textureWidths(kernel, places, ids, (operand) => vectors.has(operand) ? 4 : 1),
  );
  access.declare();
  const units = sizeOf(domain) / 16, threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  const isShort = (axis: number) => axis === lanes.axis || axis === across.axis;
  const coordinates = coordinatesOf(
    domain.map((extent, axis) => isShort(axis) ? extent / 4 : extent),
    "unit",
    (value, axis) => shader.let(isShort(axis) ? `${value} * 4` : value, "x"),
  );
  const first = coordinates[across.axis];
  const context: StatementContext = {
    shader,
    access,
    statements,
    lanes,
    varying: dependsOn(statements, (axis) => axis === lanes.axis, () => false),
    coordinate: (axis) => coordinates[axis],
    reduced: () => {
      throw new Error("An elementwise kernel has no reductions.");
    },
    isVector: (operand, index) => isWhole(operand) && isVectorIndex(index, places[operand], lanes.axis),
  };
  const start = new StatementWriter(context);
  const read = taken.map(({ id, load: { operand, index } }) => ({
    id,
    parts: [0, 1, 2, 3].map((lane) => access.loadVector(operand, start.position(operand, index, lane))),
  }));
  for (let step = 0; step < 4; step++) {
    coordinates[across.axis] = step === 0 ? first : `(${first} + ${step})`;
    const writer = new StatementWriter(context);
    for (const { id, parts } of read) writer.remember(id, parts.map((part) => part[step]));
    writer.write(ids);
    for (const store of stores) writer.store(store, true);
  }
  return unitDispatch("map", shader, access, units, threads);
}
