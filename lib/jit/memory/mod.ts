export { Block } from "./block.ts";
export * from "./block_cache.ts";
