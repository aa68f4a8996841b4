export * from "./kernels.ts";
export * from "./layout.ts";
export * from "./program_module.ts";
export { CHUNK_EXPORT, FRAME_SCRATCH, FRAME_SCRATCH_STEP } from "./parallel.ts";
