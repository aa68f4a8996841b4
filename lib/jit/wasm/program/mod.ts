export * from "./kernels.ts";
export * from "./layout.ts";
export * from "./program_module.ts";
