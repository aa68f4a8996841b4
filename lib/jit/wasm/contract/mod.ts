export * from "./batch.ts";
export * from "./contract.ts";
export * from "./element.ts";
export { emitAllPanels, formOfPanels } from "./all_panels.ts";
export * from "./plan.ts";
export * from "./spec.ts";
export * from "./struct_tiles.ts";
