export * from "./batch.ts";
export * from "./contract.ts";
export * from "./element.ts";
export { emitPanelsOfB, formOfPanels } from "./panels.ts";
export * from "./plan.ts";
export * from "./spec.ts";
