/**
 * Nests: a thread per element or per row, a workgroup per row, or rows cut into chunks that are dispatches of their
 * own. All of them go over the columns in the same way, pass by pass.
 */
import { sizeOf } from "../../../trace/shape.ts";
import type { Nest } from "../../kernel/kernel.ts";
import type { Place } from "../place.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { opIterations } from "../scalar_ops.ts";
import type { Tuning } from "../tuning.ts";
import { collapseAxes } from "./axes.ts";
import { planBlocks } from "./blocks.ts";
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
  if (elementwise) {
    const blocks = planBlocks(kernel, places, tuning, lanes);
    return { dispatches: [blocks ?? make({ kind: "whole", threads: 1 })], scratchBytes: 0 };
  }

  // Leaving the loop over a block counts as an iteration of its own.
  const inner = (alongRows || alongColumns ? 4 : 1) * innerIterations(kernel);
  const iterations = kernel.passes * (steps * (1.1 + inner) + 64);
  // Threads whose four lanes are rows have a row each.
  const most = alongRows ? 1 : tuning.threadsPerRow;
  const cut = columns > 1 &&
    (iterations > most * tuning.maxIterations ||
      (rowGroups * most < tuning.wantedThreads && columns > most * tuning.chunkColumns));
  if (cut) return planChunks({ kernel, rows, columns, inner, alongColumns, threads: most }, tuning, make);
  const threads = columns >= tuning.sharedRowColumns ? most : 1;
  return { dispatches: [make({ kind: "whole", threads })], scratchBytes: 0 };
}

/** Iterations of loops inside the operations of one point. */
function innerIterations({ statements }: Nest): number {
  return statements.reduce((sum, s) => sum + (s.kind === "op" ? opIterations(s.op, s.dtype) : 0), 0);
}

/** A nest whose rows are cut, and what was found out about it. */
interface CutNest {
  readonly kernel: Nest;
  readonly rows: number;
  readonly columns: number;
  /** Iterations of loops inside a column. */
  readonly inner: number;
  readonly alongColumns: boolean;
  /** Threads that share a chunk. */
  readonly threads: number;
}

/** Two dispatches per pass: partial results of chunks, then their combination per row. */
function planChunks(
  { kernel, rows, columns, inner, alongColumns, threads }: CutNest,
  tuning: Tuning,
  make: (mode: NestMode) => Dispatch,
): KernelPlan {
  const longest = Math.max(1, Math.floor(tuning.maxIterations / (2 + inner))) * (alongColumns ? 4 : 1);
  const wanted = Math.max(
    Math.ceil(columns / (threads * longest)),
    Math.min(
      Math.ceil(tuning.chunkThreads / (rows * threads)),
      Math.ceil(columns / (threads * tuning.chunkLeast)),
    ),
    Math.ceil(columns / (threads * 16 * tuning.chunkColumns)),
  );
  // Chunks begin at multiples of four, so that vectors stay aligned.
  const length = Math.ceil(Math.ceil(columns / wanted) / 4) * 4;
  const chunks = Math.ceil(columns / length);
  const words = kernel.reductions.length * 2 * rows * (chunks + 1);
  const finishThreads = chunks >= tuning.sharedRowColumns ? tuning.threadsPerRow : 1;
  const dispatches: Dispatch[] = [];
  for (let pass = 0; pass < kernel.passes; pass++) {
    dispatches.push(make({ kind: "partial", pass, chunks, length, threads }));
    const finishes = kernel.reductions.some((r) => r.pass === pass) ||
      kernel.stores.some((s) => s.perRow && s.pass === pass);
    if (finishes) dispatches.push(make({ kind: "finish", pass, chunks, length, threads: finishThreads }));
  }
  return { dispatches, scratchBytes: Math.max(4, 4 * words) };
}
