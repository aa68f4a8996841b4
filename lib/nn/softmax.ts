/** softmax and its logarithm. */
import { stopGradient } from "../autodiff/mod.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { exp } from "../trace/ops/exponential.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { max, sum } from "../trace/ops/reductions.ts";
import { logsumexp } from "../trace/ops/statistics.ts";
import { normalizeAxis } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { floatInput } from "./activation.ts";

/** Options of softmax and logSoftmax. */
export interface SoftmaxOptions {
  /** The axis whose entries sum to 1; the last by default. */
  readonly axis?: number;
}

/**
 * `exp(x) / sum(exp(x))` along an axis, computed from `x - max(x)`. A vector stays a vector.
 *
 * @throws {ShapeError} for an axis that does not exist.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.softmax(tensor([1000, 1000])).dataSync().join() === "0.5,0.5");
 * ```
 */
export function softmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  checkOptions("nn.softmax", options, ["axis"]);
  const { axis = -1 } = options;
  const value = floatInput("nn.softmax", x);
  normalizeAxis("nn.softmax", axis, value.aval);
  return value.size === 0 ? value : whole("nn.softmax", softmaxOf, value, axis);
}

function softmaxOf(x: Tensor, axis: number): Tensor {
  const e = exp(x.sub(stopGradient(max(x, { axis, keepDims: true }))));
  return e.div(sum(e, { axis, keepDims: true }));
}

/**
 * `x - logsumexp(x)` along an axis: the logarithm of softmax without its overflow.
 *
 * @throws {ShapeError} for an axis that does not exist.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.logSoftmax(tensor([0, -1000])).dataSync()[1] === -1000);
 * ```
 */
export function logSoftmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  checkOptions("nn.logSoftmax", options, ["axis"]);
  const { axis = -1 } = options;
  const value = floatInput("nn.logSoftmax", x);
  normalizeAxis("nn.logSoftmax", axis, value.aval);
  return whole("nn.logSoftmax", logSoftmaxOf, value, axis);
}

function logSoftmaxOf(x: Tensor, axis: number): Tensor {
  return x.sub(logsumexp(x, { axis, keepDims: true }));
}
