/**
 * Stores at computed places, of which several may hit one element: the last in the order of the domain must win. Each
 * store first claims its place with its number, and only the highest number writes.
 */
import { sizeOf } from "../../../trace/shape.ts";
import type { Nest, Store } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { isPacked, type Place } from "../place.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { coordinatesOf } from "./axes.ts";
import { dependsOn, storeRoots } from "../../kernel/statements.ts";
import { closure, type StatementContext, StatementWriter } from "./statements.ts";
import { beginUnit, unitDispatch } from "./unit_dispatch.ts";

/** Whether an elementwise nest sets elements at places that depend on values. */
export function mayCollide(kernel: Nest): boolean {
  if (kernel.rowRank !== kernel.domain.length || kernel.stores.length !== 1) return false;
  const [{ mode, index }] = kernel.stores;
  if (mode !== "set" || index.dynamic.length === 0) return false;
  const varies = dependsOn(kernel.statements, () => true, () => true);
  return index.dynamic.some(({ statement }) => varies[statement]);
}

type Part = "clear" | "claim" | "write";

export function planOrderedStores(kernel: Nest, places: readonly Place[], tuning: Tuning): KernelPlan {
  const [store] = kernel.stores;
  const cells = places[store.operand].elements;
  const write = (part: Part) => writePart(kernel, store, places, tuning, part, cells);
  return { dispatches: [write("clear"), write("claim"), write("write")], scratchBytes: 4 * cells };
}

function writePart(
  kernel: Nest,
  store: Store,
  places: readonly Place[],
  tuning: Tuning,
  part: Part,
  cells: number,
): Dispatch {
  const shader = new Shader();
  const { statements, operands, domain } = kernel;
  const roots = part === "write" ? storeRoots(store) : storeRoots(store).filter((id) => id !== store.value);
  const ids = part === "clear" ? [] : closure(statements, roots);
  const used = new Set<number>(part === "write" ? [store.operand] : []);
  for (const id of ids) {
    const s = statements[id];
    if (s.kind === "load") used.add(s.operand);
  }
  const small = isPacked(operands[store.operand].dtype, places[store.operand]);
  const target = places[store.operand].slot;
  const access = new Access(
    shader,
    operands,
    places,
    used,
    (slot) => ({ vector: false, atomic: small && slot === target }),
    part === "claim" ? "atomic" : true,
  );
  access.declare();
  const units = part === "clear" ? cells : sizeOf(domain);
  const threads = tuning.mapThreads;
  beginUnit(shader, units, threads);
  if (part === "clear") shader.line("scratch[unit] = 0u;");
  else {
    const names = coordinatesOf(domain, "unit", (value) => shader.let(value, "x"));
    const context: StatementContext = {
      shader,
      access,
      statements,
      lanes: { axis: -1, count: 1 },
      varying: statements.map(() => false),
      coordinate: (axis) => names[axis],
      reduced: () => "",
      isVector: () => false,
    };
    const writer = new StatementWriter(context);
    writer.write(ids);
    const condition = store.mask === undefined ? "true" : writer.value(store.mask, 0);
    shader.block(`if (${condition})`, () => {
      // Where the buffer begins does not matter: the cells are those of this kernel's target.
      const place = shader.let(`u32(${writer.position(store.operand, store.index, 0, true)})`, "p");
      if (part === "claim") shader.line(`atomicMax(&scratch[${place}], unit + 1u);`);
      else {
        shader.block(`if (scratch[${place}] == unit + 1u)`, () => {
          writer.store({ ...store, mask: undefined }, false);
        });
      }
    });
  }
  return unitDispatch(`scatter ${part}`, shader, access, units, threads);
}
