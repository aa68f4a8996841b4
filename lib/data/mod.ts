/**
 * Data sets: reading them, and cutting them into batches.
 *
 * @module
 */
import "../jit/install.ts";
import "../trace/ops/mod.ts";

export { Batches, batches, type BatchOptions } from "./batches.ts";
export { idx } from "./idx.ts";
export { prefetch, type PrefetchOptions } from "./prefetch.ts";
