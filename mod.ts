/**
 * Damo: plain TypeScript functions on tensors, traced, differentiated and compiled.
 *
 * @module
 */
import "./lib/jit/install.ts";

export { type DType, setDefaultFloat, type TypedArray } from "./lib/trace/dtype.ts";
export {
  CheckError,
  DamoError,
  DeviceError,
  DisposedError,
  DonatedError,
  DTypeError,
  type ErrorDetail,
  FormatError,
  GradientError,
  IndexError,
  LoopError,
  NonFiniteError,
  OutOfMemoryError,
  RetraceError,
  ShapeError,
  TracedValueError,
} from "./lib/trace/errors.ts";
export { Graph, type Node, type Variable } from "./lib/trace/graph.ts";
export type { PictureOptions, ValueStatistics } from "./lib/trace/picture/model.ts";
export type { GraphTextOptions } from "./lib/trace/print_graph.ts";
export { Shared } from "./lib/trace/shared.ts";
export type { Device } from "./lib/trace/storage.ts";
export { type Nested, Tensor } from "./lib/trace/tensor.ts";
export * from "./lib/trace/ops/mod.ts";
export {
  defaultDevice,
  devices,
  init,
  type InitOptions,
  memory,
  synchronize,
  withDevice,
} from "./lib/jit/devices.ts";
export { type Scope, scope } from "./lib/jit/scope.ts";
export { evalShape, type ShapeAndDType, type ShapesOf } from "./lib/jit/eval_shape.ts";
export { type CopyOptions, jit, type JitOptions, type Jitted } from "./lib/jit/jit.ts";
export type { NodeEvent, NodeValue } from "./lib/jit/node_event.ts";
export type { Lowered } from "./lib/jit/lower.ts";
export { Profile } from "./lib/jit/profile.ts";
export type { MeasuredProgram } from "./lib/jit/profile_rows.ts";
export type { ChromeTrace, TraceEvent } from "./lib/jit/profile_events.ts";
export type { TraceRecord } from "./lib/jit/trace_log.ts";
export type { Guards } from "./lib/jit/guard/guards.ts";
export type { KernelInfo, KernelTiming, MemoryUse } from "./lib/jit/backend.ts";
export * as nn from "./lib/nn/mod.ts";
export * as fft from "./lib/trace/ops/fft/mod.ts";
export * as linalg from "./lib/trace/ops/linalg/mod.ts";
export * as sparse from "./lib/trace/ops/sparse/mod.ts";
export type { Csr } from "./lib/trace/ops/sparse/mod.ts";
export * as optim from "./lib/optim/mod.ts";
export * as random from "./lib/random/mod.ts";
export {
  type BernoulliOptions,
  type BinomialOptions,
  type CategoricalOptions,
  type ChoiceOptions,
  type DrawOptions,
  type ExponentialOptions,
  type GammaOptions,
  type NormalOptions,
  type PoissonOptions,
  type RandintOptions,
  RandomStream,
  type TruncatedNormalOptions,
  type UniformOptions,
} from "./lib/random/mod.ts";
export * as io from "./lib/io/mod.ts";
export { exportFunction } from "./lib/io/export_function.ts";
export { type ImportedFunction, importFunction } from "./lib/io/import_function.ts";
export * as viz from "./lib/viz/mod.ts";
export * as data from "./lib/data/mod.ts";
export { type Computed, computed } from "./lib/jit/computed.ts";
export { batch, effect } from "./lib/jit/effect.ts";
export { update } from "./lib/jit/update.ts";
export * from "./lib/autodiff/mod.ts";
export * from "./lib/loop/functions.ts";
export * as loop from "./lib/loop/mod.ts";
export { check } from "./lib/jit/effects/check.ts";
export { hostCallback, type HostCallbackResult } from "./lib/jit/effects/host_callback.ts";
export { print, type PrintItem, type PrintOptions } from "./lib/jit/effects/print.ts";
