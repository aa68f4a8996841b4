/**
 * Reductions that only wait for memory read several rows side by side: a core fetches ahead along a few streams at a
 * time, and one of them alone does not keep it busy (on a machine that reads 14 GB/s along one stream, four brought
 * 24). They lie as far apart as they can: of neighbouring rows four begin and end a page of memory at once, which costs
 * a fifth. What is computed of a row does not depend on those beside it.
 */
import type { Index, Nest, Reduction, Statement, Store } from "../../kernel/kernel.ts";
import { dependsOn, placedStatement, placedStore, type Placement } from "../../kernel/statements.ts";
import { type NestPlan, planNest } from "./analysis.ts";
import { emitNest, type KernelFunction } from "./nest.ts";
import { simplifyNest } from "./simplify.ts";
import type { ModuleContext } from "./value.ts";

/** Runs of memory that are read side by side. */
const STREAMS = 4;
/** With more work for each element, or shorter rows, memory is not what counts. */
const MOST_STATEMENTS = 8;
const LEAST_COLUMNS = 512;
const LEAST_ROWS = 2 * STREAMS;

/** How many rows to read side by side: 1 where rows are no long runs of memory, or there is more to do for each element. */
function rowsOf(nest: Nest, plan: NestPlan): number {
  const { rowRank, domain, statements, reductions, stores, passes } = nest;
  if (passes !== 1 || reductions.length === 0 || 2 < reductions.length || rowRank === 0) return 1;
  if (statements.length > MOST_STATEMENTS || domain[rowRank - 1] < LEAST_ROWS) return 1;
  if (plan.vectorAxis < rowRank || domain[plan.vectorAxis] < LEAST_COLUMNS) return 1;
  if (reductions.some(({ position }) => position !== undefined)) return 1;
  const plainStores = stores.every((store) =>
    store.perRow && store.mode === "set" && store.mask === undefined && store.index.dynamic.length === 0
  );
  if (!plainStores) return 1;
  let long = 0;
  for (const s of statements) {
    if (s.kind === "coordinate" || s.kind === "threefry" || s.kind === "part") return 1;
    if (s.kind !== "load") continue;
    if (s.mask !== undefined || s.index.dynamic.length > 0) return 1;
    if (s.index.strides[plan.vectorAxis] === 1 && s.index.strides[rowRank - 1] !== 0) long++;
  }
  return long === 0 ? 1 : Math.max(1, Math.floor(STREAMS / long));
}

/** Rows from `first` on, `together` of them, as far apart as there are rows, written out for each row of the new nest. */
function rowsTogether(nest: Nest, first: number, count: number, together: number): Nest {
  const axis = nest.rowRank - 1;
  const perRow = nest.reductions.length;
  const extent = count / together;
  const varies = dependsOn(nest.statements, (a) => a === axis, () => true);
  const statements: Statement[] = [];
  const reductions: Reduction[] = [];
  const stores: Store[] = [];
  const shared: number[] = [];
  for (let row = 0; row < together; row++) {
    const places: number[] = [];
    const placement: Placement = {
      place: (statement) => places[statement],
      move: (index: Index) => ({
        ...index,
        offset: index.offset + (first + row * extent) * index.strides[axis],
      }),
    };
    nest.statements.forEach((s, i) => {
      if (row > 0 && !varies[i]) {
        places.push(shared[i]);
        return;
      }
      const placed = placedStatement(s, placement);
      places.push(
        statements.push(
          placed.kind === "reduced" ? { ...placed, reduction: placed.reduction + row * perRow } : placed,
        ) - 1,
      );
    });
    if (row === 0) shared.push(...places);
    reductions.push(...nest.reductions.map((r) => ({ ...r, value: places[r.value] })));
    stores.push(...nest.stores.map((store) => placedStore(store, placement)));
  }
  const domain = nest.domain.map((size, a) => a === axis ? extent : size);
  return { ...nest, domain, statements, reductions, stores };
}

/** The function of a nest, several rows at a time where that pays. */
export function emitRows(context: ModuleContext, original: Nest): KernelFunction {
  const nest = simplifyNest(original);
  if (nest.domain.includes(0)) return emitNest(context, original);
  const plan = planNest(nest);
  const together = plan.lanesAreRows || plan.tileAxis >= 0 ? 1 : rowsOf(nest, plan);
  if (together === 1) return emitNest(context, original);
  const rows = nest.domain[nest.rowRank - 1], left = rows % together;
  const main = emitNest(context, rowsTogether(nest, 0, rows - left, together));
  if (left === 0) return main;
  const rest = emitNest(context, rowsTogether(nest, rows - left, left, 1));
  const operands = nest.operands.length;
  const f = context.module.addFunction({ params: new Array<"i32">(operands + 2).fill("i32"), results: [] });
  const [begin, end] = [operands, operands + 1];
  const call = (kernel: KernelFunction, from: number): void => {
    for (let i = 0; i < operands; i++) f.localGet(i);
    for (const bound of [begin, end]) {
      // The bound among the units of this part: from 0 to their number.
      const inside = f.local("i32");
      f.localGet(bound).i32Const(from).i32Sub().localTee(inside);
      f.i32Const(0).localGet(inside).i32Const(0).i32GtS().select().localTee(inside);
      f.i32Const(kernel.units).localGet(inside).i32Const(kernel.units).i32LtS().select();
      f.release(inside);
    }
    f.call(kernel.index);
  };
  call(main, 0);
  call(rest, main.units);
  return {
    index: f.index,
    units: main.units + rest.units,
    unitCost: main.unitCost,
    splittable: main.splittable && rest.splittable,
  };
}
