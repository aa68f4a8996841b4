/** The operations on tensors. */
export * from "./arithmetic.ts";
export * from "./closeness.ts";
export type { TensorLike } from "./convert.ts";
export type { TypedInput } from "./nested_data.ts";
export {
  arange,
  cast,
  type ConversionMethods,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  shared,
  type SharedOptions,
  tensor,
  type TensorOptions,
  zeros,
  zerosLike,
} from "./creation.ts";
export type { CreationOptions } from "./options.ts";
export * from "./creation_matrix.ts";
export * from "./cumulative.ts";
export * from "./exponential.ts";
export * from "./logic.ts";
export {
  all,
  any,
  argmax,
  argmin,
  type AxisOptions,
  max,
  min,
  type PositionOptions,
  prod,
  type ReductionMethods,
  type ReductionOptions,
  sum,
} from "./reductions.ts";
export * from "./rounding.ts";
export * from "./special.ts";
export * from "./special_composed.ts";
export * from "./statistics.ts";
export * from "./trigonometric.ts";
export * from "./shape.ts";
export * from "./shape_axes.ts";
export * from "./shape_join.ts";
export {
  flip,
  type OrderMethods,
  pad,
  type PadMode,
  type PadOptions,
  type PadWidths,
  roll,
} from "./shape_order.ts";
export { type IndexArray, type IndexItem, Slice, slice } from "./index_spec.ts";
export { at, type IndexReadMethods, narrow } from "./index_read.ts";
export { type IndexWriteMethods, withAdded, withValue, type WriteIndex } from "./index_write.ts";
export {
  compress,
  type CompressOptions,
  nonzero,
  type NonzeroMethods,
  type NonzeroOptions,
  unravelIndex,
} from "./nonzero.ts";
export {
  diagonal,
  type DiagonalOptions,
  dot,
  inner,
  kron,
  type LinearAlgebraMethods,
  matmul,
  outer,
  tensordot,
  trace,
} from "./linear_algebra.ts";
export * from "./taking.ts";
export { einsum } from "./einsum.ts";
export * from "./sorting.ts";
export type { TensorMethods } from "./methods.ts";
