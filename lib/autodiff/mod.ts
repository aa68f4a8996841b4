/** Differentiation and vectorisation: grad, vjp, jvp, jacobian, vmap, custom rules and their relatives. */
export { checkGrads, type CheckGradsOptions, type CheckGradsResult } from "./check_grads.ts";
export { checkpoint } from "./checkpoint.ts";
export { customJvp } from "./custom_jvp.ts";
export { customVjp } from "./custom_vjp.ts";
export {
  definePrimitive,
  type HostDefinition,
  type PrimitiveDefinition,
  type TensorDefinition,
} from "./define_primitive.ts";
export { clipGradient, scaleGradient } from "./gradient_control.ts";
export { grad, type GradOptions, valueAndGrad } from "./grad.ts";
export type { CostGradientOptions } from "./grad_of_cost.ts";
export {
  hessian,
  hvp,
  jacfwd,
  jacobian,
  type JacobianMode,
  type JacobianOptions,
  jacrev,
} from "./jacobian.ts";
export { stopGradient } from "./stop_gradient.ts";
export { jvp, linearize, vjp } from "./vjp.ts";
export { type Axes, vmap, type VmapOptions } from "./vmap.ts";
