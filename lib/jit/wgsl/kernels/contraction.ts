/** How a product is done: in tiles, in tiles and a kernel for what follows, or as reductions. */
import { sizeOf, stridesOf } from "../../../trace/shape.ts";
import type { Contraction, Index, Nest } from "../../kernel/kernel.ts";
import { type Place, SCRATCH, storedBits } from "../place.ts";
import { registerType } from "../literal.ts";
import type { KernelPlan } from "../plan.ts";
import { MAX_WORKGROUPS, type Tuning } from "../tuning.ts";
import { ContractionShader } from "./contraction_shader.ts";
import { planNest } from "./nest.ts";

/** Below this many results a product is a reduction per result. */
const MIN_RESULTS = 16;
/** Statements and stores of an epilogue that is written out for every element of a tile. */
const MAX_EPILOGUE = 3;

/** The tiles of a product, or null when it is better done as reductions. */
export function planContraction(
  kernel: Contraction,
  places: readonly Place[],
  tuning: Tuning,
): KernelPlan | null {
  const { m, n, k } = kernel;
  const batch = sizeOf(kernel.batch);
  if (m * n * batch === 0) return { dispatches: [], scratchBytes: 0 };
  // A batch, rows and columns of tiles are dimensions of the dispatch.
  const { tileRows, tileVectors, tileThreadsX, tileThreadsY } = tuning;
  const tiles = Math.max(m / (tileRows * tileThreadsY), n / (4 * tileVectors * tileThreadsX));
  if (batch > MAX_WORKGROUPS || tiles > MAX_WORKGROUPS) return null;
  if (m < 2 || n < 2 || m * n < MIN_RESULTS || k / 4 > tuning.maxIterations - 16) return null;
  if (kernel.a.prologue.length > 1 || kernel.b.prologue.length > 1) return null;
  if (kernel.a.dynamic.length > 0 || kernel.b.dynamic.length > 0) return null;
  const type = registerType(kernel.dtype);
  if (type === "bool" || storedBits(kernel.dtype) < 16) return null;
  const work = kernel.epilogue.statements.length + kernel.epilogue.stores.length;
  if (tuning.kind === "software" && work > MAX_EPILOGUE) return planInTwo(kernel, places, tuning);
  return { dispatches: [new ContractionShader(kernel, places, tuning).write()], scratchBytes: 0 };
}

/**
 * The sums go to scratch memory, and a kernel of its own does the rest: an epilogue is written out for every element
 * of the tile, which takes a software adapter seconds to compile.
 */
function planInTwo(kernel: Contraction, places: readonly Place[], tuning: Tuning): KernelPlan {
  const { batch, m, n, epilogue, operands } = kernel;
  const dtype = kernel.dtype === "float16" ? "float32" : kernel.dtype;
  const domain = [...batch, m, n];
  const index: Index = { offset: 0, strides: stridesOf(domain), dynamic: [] };
  const scratch = operands.length;
  const elements = sizeOf(domain);
  const own: Place = {
    slot: SCRATCH,
    offset: 0,
    dynamic: false,
    step: 0,
    words: false,
    elements,
    texture: false,
    halves: false,
  };
  const sums: Contraction = {
    ...kernel,
    operands: [...operands, { dtype, access: "write" }],
    epilogue: {
      statements: [{ kind: "reduced", dtype: kernel.dtype, reduction: 0 }],
      stores: [{ operand: scratch, index, value: 0, mode: "set", perRow: false, pass: 0 }],
    },
  };
  const rest: Nest = {
    kind: "nest",
    domain,
    rowRank: domain.length,
    operands: [...operands, { dtype, access: "read" }],
    statements: epilogue.statements.map((s) =>
      s.kind === "reduced" ? { kind: "load", dtype, operand: scratch, index } : s
    ),
    reductions: [],
    stores: epilogue.stores,
    passes: 1,
  };
  const all = [...places, own];
  return {
    dispatches: [
      new ContractionShader(sums, all, tuning).write(),
      ...planNest(rest, all, tuning).dispatches,
    ],
    scratchBytes: 4 * elements,
  };
}
