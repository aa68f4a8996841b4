/**
 * Damo: plain TypeScript functions on tensors, traced, differentiated and compiled.
 *
 * @module
 */
import "./jit/install.ts";

export { type DType, setDefaultFloat, type TypedArray } from "./trace/dtype.ts";
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
} from "./trace/errors.ts";
export { Graph, type Node, type Variable } from "./trace/graph.ts";
export type { PictureOptions, ValueStatistics } from "./trace/picture/model.ts";
export type { GraphTextOptions } from "./trace/print_graph.ts";
export { Shared } from "./trace/shared.ts";
export type { Device } from "./trace/storage.ts";
export { type Nested, Tensor } from "./trace/tensor.ts";
export * from "./trace/ops/mod.ts";
export {
  defaultDevice,
  devices,
  init,
  type InitOptions,
  memory,
  synchronize,
  withDevice,
} from "./jit/devices.ts";
export { type Scope, scope } from "./jit/scope.ts";
export { evalShape, type ShapeAndDType, type ShapesOf } from "./jit/eval_shape.ts";
export { type CopyOptions, jit, type JitOptions, type Jitted } from "./jit/jit.ts";
export type { NodeEvent, NodeValue } from "./jit/node_event.ts";
export type { Lowered } from "./jit/lower.ts";
export { Profile } from "./jit/profile.ts";
export type { MeasuredProgram } from "./jit/profile_rows.ts";
export type { ChromeTrace, TraceEvent } from "./jit/profile_events.ts";
export type { TraceRecord } from "./jit/trace_log.ts";
export type { Guards } from "./jit/guard/guards.ts";
export type { KernelInfo, KernelTiming, MemoryUse } from "./jit/backend.ts";
export * as nn from "./nn/mod.ts";
export * as fft from "./trace/ops/fft/mod.ts";
export * as linalg from "./trace/ops/linalg/mod.ts";
export * as sparse from "./trace/ops/sparse/mod.ts";
export type { Csr } from "./trace/ops/sparse/mod.ts";
export * as optim from "./optim/mod.ts";
export * as random from "./random/mod.ts";
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
} from "./random/mod.ts";
export * as io from "./io/mod.ts";
export { exportFunction } from "./io/export_function.ts";
export { type ImportedFunction, importFunction } from "./io/import_function.ts";
export * as viz from "./viz/mod.ts";
export * as data from "./data/mod.ts";
export { type Computed, computed } from "./jit/computed.ts";
export { batch, effect } from "./jit/effect.ts";
export { update } from "./jit/update.ts";
export * from "./autodiff/mod.ts";
export * from "./loop/functions.ts";
export { betainc, chi2sf, gammainc, gammaincc } from "./special/functions.ts";
export * as loop from "./loop/mod.ts";
export { check } from "./jit/effects/check.ts";
export { hostCallback, type HostCallbackResult } from "./jit/effects/host_callback.ts";
export { print, type PrintItem, type PrintOptions } from "./jit/effects/print.ts";
