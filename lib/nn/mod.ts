/**
 * Neural networks: layers, activations, losses.
 *
 * @module
 */
export { logSoftmax, relu, softmax, type SoftmaxOptions } from "./activation.ts";
export * as init from "./init.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { accuracy, crossEntropy, type LossOptions } from "./loss.ts";
export { Module, type StateDict } from "./module.ts";
export { type Layer, Sequential } from "./sequential.ts";
