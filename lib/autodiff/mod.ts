/** Differentiation and vectorisation: grad, vjp, jvp, jacobian, vmap, custom rules and their relatives. */
export { checkGrads, type CheckGradsOptions, type CheckGradsResult } from "./check_grads.ts";
export { checkpoint } from "./checkpoint.ts";
export { customJvp } from "./custom_jvp.ts";
export { customVjp } from "./custom_vjp.ts";
export {
  type DefinedFunction,
  definePrimitive,
  type DerivativeRules,
  type HostDefinition,
  type PrimitiveDefinition,
  type TensorDefinition,
} from "./define_primitive.ts";
export type { Disconnected } from "./disconnected.ts";
export {
  type Auxiliary,
  grad,
  type Gradients,
  type GradOptions,
  type GradResult,
  valueAndGrad,
} from "./grad.ts";
export type { ValueAndGradResult } from "./grad.ts";
export type { CostGradientOptions } from "./grad_of_cost.ts";
export { clipGradient, scaleGradient } from "./gradient_control.ts";
export {
  hessian,
  hvp,
  jacfwd,
  jacobian,
  type JacobianMode,
  type JacobianOptions,
  jacrev,
} from "./jacobian.ts";
export { sparseJacobian, type SparsityPattern } from "./sparse_jacobian.ts";
export { stopGradient } from "./stop_gradient.ts";
export type { AnyArguments, AnyFunction, ArgumentTree, ArgumentTrees, GradientTree } from "./types.ts";
export { jvp, linearize, vjp } from "./vjp.ts";
export { type Axes, vmap, type VmapOptions } from "./vmap.ts";
export { wasmKernel, type WasmKernelOptions } from "./wasm_kernel.ts";
export { wgslKernel, type WgslKernelOptions } from "./wgsl_kernel.ts";
export type { KernelInput, KernelType } from "./kernel_inputs.ts";
export type { HostArray } from "../trace/primitive.ts";
export type { Csr } from "../trace/ops/sparse/mod.ts";
export type { Shape } from "../trace/shape.ts";
