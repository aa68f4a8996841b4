/** Compiles a nest of the kernel language to one function. */
import type { Nest } from "../../kernel/kernel.ts";
import type { IdleCall } from "../warm_up.ts";
import { columnRoots, type NestPlan, planNest, rowRoots, TILE_ROWS } from "./analysis.ts";
import { writeColumnSweep } from "./column_sweep.ts";
import { NestWriter } from "./nest_writer.ts";
import { writeRowSweep } from "./row_sweep.ts";
import { writeTileSweep } from "./tile_sweep.ts";
import { simplifyNest } from "./simplify.ts";
import type { ModuleContext } from "./value.ts";

/** The function of a kernel: `(pointers of the operands..., begin, end)`, all i32. */
export interface KernelFunction {
  /** Its index in the module. */
  readonly index: number;
  /** The work is numbered from 0 to here; a call does the units from `begin` to before `end`. */
  readonly units: number;
  /** Rough number of nanoseconds per unit. */
  readonly unitCost: number;
  /** False when parts of the work must not run at the same time. */
  readonly splittable: boolean;
  /** Parts of the work should be multiples of so many units; 1 if not given. */
  readonly grain?: number;
  /** A call does either one unit or all of them. */
  readonly whole?: boolean;
  /** It hands out work itself while it runs: it runs on the main thread. */
  readonly shares?: boolean;
  /** The functions in which most of the time goes. */
  readonly inner?: readonly IdleCall[];
  /**
   * What to call with the same pointers when all units are done, and the bytes that a last pointer must point to; then,
   * with the same pointers again, what is to be done after that, which may have an end of its own.
   */
  readonly finish?: {
    readonly index: number;
    readonly temporaryBytes: number;
    readonly next?: KernelFunction;
  };
}

/** Makes the function of a nest. Results do not depend on how a caller splits the units. */
export function emitNest(context: ModuleContext, original: Nest): KernelFunction {
  const nest = simplifyNest(original);
  const plan = planNest(nest);
  const operands = nest.operands.length;
  const params = new Array<"i32">(operands + 2).fill("i32");
  const f = context.module.addFunction({ params, results: [] });
  const splittable = nest.stores.every((store) => store.mode === "set" && store.index.dynamic.length === 0);
  if (nest.domain.slice(0, nest.rowRank).includes(0)) {
    return { index: f.index, units: 0, unitCost: 0, splittable };
  }
  const begin = operands, end = operands + 1;
  f.block().localGet(begin).localGet(end).i32GeU().brIf(0);
  const w = new NestWriter(context, f, plan);
  w.streams.begin();
  const outer = w.emitter();
  const roots: number[] = [];
  for (let pass = 0; pass < Math.max(1, nest.passes); pass++) {
    roots.push(...columnRoots(nest, pass), ...rowRoots(nest, pass));
  }
  outer.emitAll(w.statementsAt(roots, (depth) => depth === 0));
  w.anchor(outer, 0, w.streams.all);
  const write = plan.lanesAreRows ? writeRowSweep : plan.tileAxis >= 0 ? writeTileSweep : writeColumnSweep;
  write(w, outer, { begin, end });
  f.end();
  return {
    index: f.index,
    units: plan.units,
    unitCost: unitCostOf(w),
    splittable,
    grain: grainOf(plan),
    inner: [{ callee: f }],
  };
}

/** Whole cache lines, and whole strips of rows. */
export function grainOf(plan: NestPlan): number {
  return !plan.unitsAreLanes ? 1 : plan.lanesAreRows ? 1024 : 64;
}

/** Nanoseconds for an element to come from memory, and for an instruction on one of several lanes. */
const ELEMENT_COST = 0.15;
const INSTRUCTION_COST = 0.05;

function unitCostOf(w: NestWriter): number {
  const { plan } = w;
  const { nest } = plan;
  let points = 1;
  nest.domain.forEach((extent, axis) => {
    const isUnit = plan.unitsAreLanes ? axis === plan.vectorAxis : plan.rowAxes.includes(axis);
    if (axis === plan.tileAxis) points *= TILE_ROWS;
    else if (!isUnit) points *= extent;
  });
  const all = w.costOf(nest.statements.map((_, i) => i));
  const lanes = 4 / plan.lanes;
  return points * (ELEMENT_COST * Math.max(1, nest.passes) + INSTRUCTION_COST * lanes * all);
}
