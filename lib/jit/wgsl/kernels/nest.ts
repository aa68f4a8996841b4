/**
 * Nests: a thread per element or per row, a workgroup per row, or rows cut into chunks that are dispatches of their
 * own. All of them go over the columns in the same way, pass by pass.
 */
import { sizeOf } from "../../../trace/shape.ts";
import type { Nest } from "../../kernel/kernel.ts";
import type { Place } from "../access.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { opIterations } from "../scalar_ops.ts";
import type { Tuning } from "../tuning.ts";
import { collapseAxes } from "./axes.ts";
import { chooseLanes } from "./lanes.ts";
import { mayCollide, planOrderedStores } from "./ordered_stores.ts";
import type { NestMode } from "./nest_chunks.ts";
import { writeNest } from "./nest_shader.ts";

export function planNest(source: Nest, places: readonly Place[], tuning: Tuning): KernelPlan {
  const kernel = collapseAxes(source);
  const rows = sizeOf(kernel.domain.slice(0, kernel.rowRank));
  const columns = sizeOf(kernel.domain.slice(kernel.rowRank));
  if (rows === 0) return { dispatches: [], scratchBytes: 0 };
  if (mayCollide(kernel)) return planOrderedStores(kernel, places, tuning);
  const lanes = chooseLanes(kernel, places);
  const alongRows = lanes.count === 4 && lanes.axis < kernel.rowRank;
  const alongColumns = lanes.count === 4 && !alongRows;
  const rowGroups = alongRows ? Math.ceil(rows / 4) : rows;
  const steps = alongColumns ? Math.ceil(columns / 4) : columns;
  const make = (mode: NestMode): Dispatch => writeNest({ kernel, places, tuning, lanes, mode, rowGroups });
  const elementwise = kernel.reductions.length === 0 && kernel.rowRank === kernel.domain.length;
  if (elementwise) return { dispatches: [make({ kind: "whole", threads: 1 })], scratchBytes: 0 };

  // Leaving the loop over a block counts as an iteration of its own.
  const inner = (alongRows || alongColumns ? 4 : 1) * innerIterations(kernel);
  const iterations = kernel.passes * (steps * (1.1 + inner) + 64);
  const cut = columns > 1 &&
    (iterations > tuning.maxIterations ||
      (rowGroups * (tuning.threadsPerRow > 1 ? tuning.threadsPerRow : 1) < tuning.wantedThreads &&
        columns > tuning.chunkColumns));
  if (cut) return planChunks(kernel, rows, columns, inner, alongColumns, tuning, make);
  const shared = tuning.threadsPerRow > 1 && !alongRows && columns >= tuning.sharedRowColumns;
  return {
    dispatches: [make({ kind: "whole", threads: shared ? tuning.threadsPerRow : 1 })],
    scratchBytes: 0,
  };
}

/** Iterations of loops inside the operations of one point. */
function innerIterations({ statements }: Nest): number {
  return statements.reduce((sum, s) => sum + (s.kind === "op" ? opIterations(s.op, s.dtype) : 0), 0);
}

/** Two dispatches per pass: partial results of chunks, then their combination per row. */
function planChunks(
  kernel: Nest,
  rows: number,
  columns: number,
  inner: number,
  alongColumns: boolean,
  tuning: Tuning,
  make: (mode: NestMode) => Dispatch,
): KernelPlan {
  const longest = Math.max(1, Math.floor(tuning.maxIterations / (2 + inner))) * (alongColumns ? 4 : 1);
  const wanted = Math.max(
    Math.ceil(columns / longest),
    Math.min(Math.ceil(tuning.wantedThreads / rows), Math.ceil(columns / 1024)),
    Math.ceil(columns / (16 * tuning.chunkColumns)),
  );
  // Chunks begin at multiples of four, so that vectors stay aligned.
  const length = Math.ceil(Math.ceil(columns / wanted) / 4) * 4;
  const chunks = Math.ceil(columns / length);
  const words = kernel.reductions.length * 2 * rows * (chunks + 1);
  const dispatches: Dispatch[] = [];
  for (let pass = 0; pass < kernel.passes; pass++) {
    dispatches.push(make({ kind: "partial", pass, chunks, length }));
    const finishes = kernel.reductions.some((r) => r.pass === pass) ||
      kernel.stores.some((s) => s.perRow && s.pass === pass);
    if (finishes) dispatches.push(make({ kind: "finish", pass, chunks, length }));
  }
  return { dispatches, scratchBytes: Math.max(4, 4 * words) };
}
