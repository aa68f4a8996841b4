export { makeBallast } from "./ballast.ts";
export { Block } from "./block.ts";
export * from "./block_cache.ts";
