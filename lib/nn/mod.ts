/**
 * Neural networks: layers, activations, losses.
 *
 * @module
 */
import "../jit/install.ts";
import "../trace/ops/mod.ts";

export {
  elu,
  gelu,
  hardSigmoid,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  tanh,
} from "./activation.ts";
export {
  attention,
  type AttentionOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./attention.ts";
export {
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type ConvTransposeOptions,
} from "./conv_transpose.ts";
export { conv1d, conv2d, conv3d, type ConvOptions, convOutputShape, separableConv2d } from "./convolution.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvolutionLayer,
  ConvTranspose2d,
  type ConvTransposeLayerOptions,
} from "./conv_layers.ts";
export { Embedding } from "./embedding.ts";
/** Initial values of parameters. */
export * as init from "./init.ts";
export type {
  Initializer,
  InitOptions,
  NormalInitOptions,
  OrthogonalOptions,
  UniformInitOptions,
} from "./init.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { ctcLoss, type CtcOptions } from "./ctc_loss.ts";
export { Dropout, dropout, type DropoutLayerOptions, type DropoutOptions } from "./dropout.ts";
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  l1,
  type LossOptions,
  mse,
} from "./loss.ts";
export { accuracy, confusionMatrix } from "./metrics.ts";
export {
  batchNorm,
  type BatchNormFunctionOptions,
  layerNorm,
  type LayerNormFunctionOptions,
} from "./normalization.ts";
export { BatchNorm, type BatchNormOptions, LayerNorm, type LayerNormOptions } from "./norm_layers.ts";
export type { WeightOptions } from "./parameters.ts";
export {
  GRU,
  LSTM,
  type LstmOptions,
  type LstmState,
  PlainRecurrent,
  Recurrent,
  type RecurrentOptions,
  RNN,
  type RnnOptions,
} from "./recurrent.ts";
export type { StateDict } from "./state_dict.ts";
export { patches, type PatchOptions, unpatches } from "./patches.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export { Module } from "./module.ts";
export {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type PoolOptions,
  sumPool1d,
  sumPool2d,
  sumPool3d,
} from "./pooling.ts";
export { type Layer, Sequential } from "./sequential.ts";
export { logSoftmax, softmax, type SoftmaxOptions } from "./softmax.ts";
export type { Padding, Pair, PerAxis } from "./spatial.ts";
