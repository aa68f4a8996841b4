export * from "./block_cache.ts";
