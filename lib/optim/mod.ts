/**
 * Optimisers over shared parameters, and their pure forms.
 *
 * @module
 */
export { adam, type AdamOptions, adamW, type AdamWOptions } from "./adam.ts";
export { Optimizer, type OptimizerState, type Rate, type Tree } from "./optimizer.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
