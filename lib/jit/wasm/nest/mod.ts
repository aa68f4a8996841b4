export * from "./module_context.ts";
export * from "./nest.ts";
export type { LaneCount, ModuleContext, Value } from "./value.ts";
