/**
 * Damo: plain TypeScript functions on tensors, traced, differentiated and compiled.
 *
 * The exports are those of `lib/mod.ts`, loaded as one file: five hundred modules would take four times as long
 * to load as everything else that happens before a first result.
 *
 * @module
 */
// @ts-types="./lib/mod.ts"
export * from "./lib/bundle/damo.js";
