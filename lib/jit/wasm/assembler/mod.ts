export * from "./constant_pool.ts";
export * from "./function_builder.ts";
export * from "./module_builder.ts";
export * from "./types.ts";
export * from "./wat.ts";
