/**
 * Random numbers: pure functions of keys.
 *
 * @module
 */
export { foldIn, key, split } from "./key.ts";
export { normal, type NormalOptions, uniform, type UniformOptions } from "./continuous.ts";
