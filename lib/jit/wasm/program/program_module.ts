/** A program as one WebAssembly module. */
import { anyKernel } from "../../kernel/any_kernel.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { HostStep, KernelStep, Program } from "../../kernel/program.ts";
import type { DeviceMemory } from "../memory/mod.ts";
import { emitAllPanels, importStructTiles, type StructTiles } from "../contract/mod.ts";
import { isDeep } from "../deep_product.ts";
import { type KernelFunction, openModule } from "../nest/mod.ts";
import { mayUseStructs } from "../product.ts";
import { type StructTilesInstance, structTilesOf } from "../struct_tiles_instance.ts";
import { emitWarmUp, IDLE_BYTES, type IdleCall } from "../warm_up.ts";
import { KernelTable } from "./kernels.ts";
import { layOut, type TableLayout } from "./layout.ts";
import { type PanelSlot, panelSlots } from "./panel_slots.ts";
import { FRAME_POINTERS, ParallelKernels } from "./parallel.ts";
import { panelsInArena, StepWriter } from "./step_writer.ts";

/** Where a program's module imports the functions of the host from. */
export const PROGRAM_IMPORT = "program";
/** The function that runs the program: `(address of the table)`. */
export const RUN_EXPORT = "run";

/** The function that a program with much work exports, to be called once before the first run. */
export const WARM_UP_EXPORT = "warmUp";

/**
 * Nanoseconds of work in a kernel from which its functions are warmed up: before they are optimised it takes several
 * times as long, and optimising one takes about a millisecond.
 */
const WORTH_WARMING = 1_000_000;
/** The functions `(operand, panels)` that fill the panels of a slot: this and the slot's number. */
export const PANELS_EXPORT = "panels";

/** An assembled program. */
export interface ProgramModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the module imports for products with left operands in structs; null when it has none. */
  readonly structs: StructTilesInstance | null;
  readonly layout: TableLayout;
  /** In the order of the numbers that the module calls the host with. */
  readonly hostSteps: readonly HostStep[];
  /** What the numbers that the module calls `profile` with stand for. */
  readonly measured: readonly (KernelStep | HostStep)[];
  readonly scratchBytes: number;
  /** Bytes that a run needs for temporaries, and panels that are made before loops. */
  readonly arenaBytes: number;
  /** Operands of products that may come in panels. */
  readonly panels: readonly PanelSlot[];
  /** Bytes that the parts of kernels hand to their ends; a run needs them behind its table. */
  readonly partsBytes: number;
  /** Rough number of nanoseconds of a run's work that threads can share. */
  readonly sharedWork: number;
  /** The word of the table where the frame of a split call is; -1 when no call is split. */
  readonly frameWord: number;
}

/** What a program is assembled for. */
export interface ProgramOptions {
  /** The positions of inputs that come as numbers. */
  readonly scalars: readonly number[];
  /** Whether the module calls `profile` around each kernel. */
  readonly profile?: boolean;
  /** Among how many threads large kernels are split. */
  readonly threads: number;
}

/** Assembles a program. */
export function assembleProgram(
  memory: DeviceMemory,
  program: Program,
  options: ProgramOptions,
): ProgramModule {
  const structs = anyKernel(program.steps, usesStructs) ? structTilesOf(memory) : null;
  let structTiles: StructTiles | null = null;
  let host = -1, growTape = -1, profile = -1, parallel = -1;
  const context = openModule(memory, (module) => {
    const type = { params: ["i32", "i32"], results: [] } as const;
    host = module.importFunction({ module: PROGRAM_IMPORT, name: "host" }, type);
    growTape = module.importFunction({ module: PROGRAM_IMPORT, name: "growTape" }, type);
    if (options.threads > 1) {
      const type = { params: ["i32", "i32", "i32", "i32"], results: [] } as const;
      parallel = module.importFunction({ module: PROGRAM_IMPORT, name: "parallel" }, type);
    }
    if (structs !== null) structTiles = importStructTiles(module);
    if (options.profile) profile = module.importFunction({ module: PROGRAM_IMPORT, name: "profile" }, type);
  }, options.threads);
  context.structTiles = structTiles;
  const panels = panelSlots(program);
  const layout = layOut(program, options.scalars, panels.slots.length);
  const frameWord = layout.words;
  const kernels = new ParallelKernels(context, parallel, options.threads, frameWord);
  if (options.threads > 1) context.sharing = kernels;
  const functions = { host, growTape, profile };
  const packing = panels.slots.map(({ spec, operand }) => emitAllPanels(context.module, spec, operand));
  const writer = new StepWriter(context, program, {
    layout,
    kernels: new KernelTable(context),
    host: functions,
    parallel: kernels,
    panels,
    packing,
  });
  const run = writer.write(program.steps);
  kernels.finish();
  context.module.exportFunction(run.index, RUN_EXPORT);
  const idle = callsToWarmUp(writer.work);
  if (idle.length > 0) {
    context.needScratch(IDLE_BYTES);
    const warmUp = emitWarmUp(context.module, idle, context.scratchGlobal);
    context.module.exportFunction(warmUp.index, WARM_UP_EXPORT);
  }
  panels.slots.forEach(({ input }, i) => {
    if (input >= 0) context.module.exportFunction(packing[i], `${PANELS_EXPORT}${i}`);
  });
  const words = kernels.used ? frameWord + FRAME_POINTERS + kernels.mostPointers : layout.words;
  return {
    bytes: context.module.build(),
    structs,
    layout: { ...layout, words },
    hostSteps: writer.hostSteps,
    measured: writer.measured,
    scratchBytes: context.scratchBytes,
    arenaBytes: panels.loopBytes > 0 ? panelsInArena(program) + panels.loopBytes : program.arenaBytes,
    panels: panels.slots,
    partsBytes: writer.partsBytes,
    sharedWork: writer.sharedWork,
    frameWord: kernels.used ? frameWord : -1,
  };
}

function usesStructs(kernel: Kernel): boolean {
  return kernel.kind === "contraction" && !isDeep(kernel) && mayUseStructs(kernel);
}

/** The calls for kernels with much work, in the order in which they come. */
function callsToWarmUp(work: ReadonlyMap<KernelFunction, number>): IdleCall[] {
  const calls = new Map<number, IdleCall>();
  for (const [{ inner = [] }, nanoseconds] of work) {
    if (nanoseconds >= WORTH_WARMING) { for (const call of inner) calls.set(call.callee.index, call); }
  }
  return [...calls.values()];
}
