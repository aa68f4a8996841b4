/**
 * Data sets: reading them, and cutting them into batches.
 *
 * @module
 */
export { idx } from "./idx.ts";
