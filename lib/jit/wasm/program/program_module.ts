/** A program as one WebAssembly module. */
import type { HostStep, KernelStep, Program } from "../../kernel/program.ts";
import type { DeviceMemory } from "../memory/mod.ts";
import { openModule } from "../nest/mod.ts";
import { KernelTable } from "./kernels.ts";
import { layOut, type TableLayout } from "./layout.ts";
import { StepWriter } from "./step_writer.ts";

/** Where a program's module imports the functions of the host from. */
export const PROGRAM_IMPORT = "program";
/** The function that runs the program: `(address of the table)`. */
export const RUN_EXPORT = "run";

/** An assembled program. */
export interface ProgramModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: TableLayout;
  /** In the order of the numbers that the module calls the host with. */
  readonly hostSteps: readonly HostStep[];
  /** What the numbers that the module calls `profile` with stand for. */
  readonly measured: readonly (KernelStep | HostStep)[];
  readonly scratchBytes: number;
}

/** What a program is assembled for. */
export interface ProgramOptions {
  /** The positions of inputs that come as numbers. */
  readonly scalars: readonly number[];
  /** Whether the module calls `profile` around each kernel. */
  readonly profile?: boolean;
}

/** Assembles a program. */
export function assembleProgram(
  memory: DeviceMemory,
  program: Program,
  options: ProgramOptions,
): ProgramModule {
  let host = -1, growTape = -1, profile = -1;
  const context = openModule(memory, (module) => {
    const type = { params: ["i32", "i32"], results: [] } as const;
    host = module.importFunction({ module: PROGRAM_IMPORT, name: "host" }, type);
    growTape = module.importFunction({ module: PROGRAM_IMPORT, name: "growTape" }, type);
    if (options.profile) profile = module.importFunction({ module: PROGRAM_IMPORT, name: "profile" }, type);
  });
  const layout = layOut(program, options.scalars);
  const writer = new StepWriter(context, program, layout, new KernelTable(context), {
    host,
    growTape,
    profile,
  });
  const run = writer.write(program.steps);
  context.module.exportFunction(run.index, RUN_EXPORT);
  return {
    bytes: context.module.build(),
    layout,
    hostSteps: writer.hostSteps,
    measured: writer.measured,
    scratchBytes: context.scratchBytes,
  };
}
