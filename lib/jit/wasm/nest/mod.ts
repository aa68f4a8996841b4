export * from "./module_context.ts";
export * from "./nest.ts";
export { emitPartialReduction } from "./partial.ts";
export { emitScatterCopies } from "./scatter_copies.ts";
export { emitScatterOfRows } from "./scatter_places.ts";
export { emitScatterParts } from "./scatter_parts.ts";
export { emitPieces } from "./pieces.ts";
export { emitRows } from "./row_streams.ts";
export type { LaneCount, ModuleContext, SharedWork, Sharing, Value } from "./value.ts";
