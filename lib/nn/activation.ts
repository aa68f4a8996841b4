/** Activation functions, elementwise. */
import { type TensorLike } from "../trace/ops/convert.ts";
import { logsumexp } from "../trace/ops/statistics.ts";
import { strong } from "../trace/ops/convert.ts";
import { exp } from "../trace/ops/exponential.ts";
import { max, sum } from "../trace/ops/reductions.ts";
import { where } from "../trace/ops/logic.ts";
import type { Tensor } from "../trace/tensor.ts";
import { stopGradient } from "../autodiff/mod.ts";

/** Options of softmax and logSoftmax. */
export interface SoftmaxOptions {
  /** The axis whose entries sum to 1; the last by default. */
  readonly axis?: number;
}

/**
 * `max(x, 0)`. Its derivative at 0 is 0.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.relu(tensor([-1, 2])).dataSync().join() === "0,2");
 * ```
 */
export function relu(x: TensorLike): Tensor {
  const value = strong(x, "nn.relu");
  return where(value.gt(0), value, 0);
}

/**
 * `exp(x) / sum(exp(x))` along an axis, computed from `x - max(x)`. A vector stays a vector.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.softmax(tensor([1000, 1000])).dataSync().join() === "0.5,0.5");
 * ```
 */
export function softmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const { axis = -1 } = options;
  const value = strong(x, "nn.softmax");
  const e = exp(value.sub(stopGradient(max(value, { axis, keepDims: true }))));
  return e.div(sum(e, { axis, keepDims: true }));
}

/**
 * `x - logsumexp(x)` along an axis: the logarithm of softmax without its overflow.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.logSoftmax(tensor([0, -1000])).dataSync()[1] === -1000);
 * ```
 */
export function logSoftmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  const { axis = -1 } = options;
  const value = strong(x, "nn.logSoftmax");
  return value.sub(logsumexp(value, { axis, keepDims: true }));
}
