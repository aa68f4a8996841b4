/** Activation functions, elementwise. */
import { defaultFloat, isFloat } from "../trace/dtype.ts";
import { castTo, strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { expm1 } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { erf, logaddexp, sigmoid as sigmoidOp } from "../trace/ops/special.ts";
import { tanh as tanhOp } from "../trace/ops/trigonometric.ts";
import { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";

/** A float tensor: integers and bools become the default float, as in all transcendental functions. */
export function floatInput(operation: string, x: TensorLike): Tensor {
  const value = strong(x, operation);
  return isFloat(value.dtype) ? value : castTo(value, defaultFloat());
}

/**
 * `max(x, 0)`. Its derivative at 0 is 0. NaN stays NaN.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.relu(tensor([-1, 2])).dataSync().join() === "0,2");
 * ```
 */
export function relu(x: TensorLike): Tensor {
  return whole("nn.relu", reluOf, strong(x, "nn.relu"));
}

function reluOf(x: Tensor): Tensor {
  // Not x > 0, which would make a 0 of NaN.
  return where(x.le(0), 0, x);
}

/** A factor of `x` to hand to `whole`. */
function factorOf(x: Tensor, factor: TensorLike, operation: string): Tensor {
  return typeof factor === "number" ? Tensor.literal(factor, x.dtype) : toTensor(factor, { operation });
}

/**
 * `x` where it is positive, `slope x` elsewhere (Maas, Hannun and Ng 2013).
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.leakyRelu(tensor([-1, 2]), 0.5).dataSync().join() === "-0.5,2");
 * ```
 */
export function leakyRelu(x: TensorLike, slope: TensorLike = 0.01): Tensor {
  const operation = "nn.leakyRelu";
  const value = floatInput(operation, x);
  return whole(operation, leakyReluOf, value, factorOf(value, slope, operation));
}

function leakyReluOf(x: Tensor, slope: Tensor): Tensor {
  return where(x.gt(0), x, x.mul(slope));
}

/**
 * `x` where it is positive, `alpha (exp(x) - 1)` elsewhere (Clevert, Unterthiner and Hochreiter, ICLR 2016).
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.elu(tensor([-1000, 2])).dataSync().join() === "-1,2");
 * ```
 */
export function elu(x: TensorLike, alpha: TensorLike = 1): Tensor {
  const operation = "nn.elu";
  const value = floatInput(operation, x);
  return whole(operation, eluOf, value, factorOf(value, alpha, operation));
}

function eluOf(x: Tensor, alpha: TensorLike): Tensor {
  const positive = x.gt(0);
  // The exponential sees 0 where it does not count, so that it cannot overflow there.
  return where(positive, x, expm1(where(positive, 0, x)).mul(alpha));
}

/** The constants of Klambauer et al. that keep mean 0 and variance 1. */
const SELU_ALPHA = 1.6732632423543772, SELU_SCALE = 1.0507009873554805;

/**
 * Scaled exponential linear units (Klambauer, Unterthiner, Mayr and Hochreiter, NeurIPS 2017).
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(Math.abs(nn.selu(tensor(1)).itemSync() - 1.0507) < 1e-4);
 * ```
 */
export function selu(x: TensorLike): Tensor {
  return whole("nn.selu", seluOf, floatInput("nn.selu", x));
}

function seluOf(x: Tensor): Tensor {
  return eluOf(x, SELU_ALPHA).mul(SELU_SCALE);
}

/**
 * Gaussian error linear units, `x Phi(x)` with the normal distribution function (Hendrycks and Gimpel 2016); exact, not the
 * approximation by tanh.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(Math.abs(nn.gelu(tensor(1)).itemSync() - 0.8413) < 1e-4);
 * ```
 */
export function gelu(x: TensorLike): Tensor {
  return whole("nn.gelu", geluOf, floatInput("nn.gelu", x));
}

function geluOf(x: Tensor): Tensor {
  return x.mul(erf(x.mul(Math.SQRT1_2)).add(1)).mul(0.5);
}

/**
 * `x sigmoid(x)`, also called swish (Hendrycks and Gimpel 2016; Ramachandran, Zoph and Le 2017).
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.silu(tensor(0)).itemSync() === 0);
 * ```
 */
export function silu(x: TensorLike): Tensor {
  return whole("nn.silu", siluOf, floatInput("nn.silu", x));
}

function siluOf(x: Tensor): Tensor {
  return x.mul(sigmoidOp(x));
}

/**
 * `log(1 + exp(x))` without overflow.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.softplus(tensor(1000)).itemSync() === 1000);
 * ```
 */
export function softplus(x: TensorLike): Tensor {
  return whole("nn.softplus", softplusOf, floatInput("nn.softplus", x));
}

function softplusOf(x: Tensor): Tensor {
  return logaddexp(x, 0);
}

/**
 * `x / (1 + |x|)`.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.softsign(tensor([1, -3])).dataSync().join() === "0.5,-0.75");
 * ```
 */
export function softsign(x: TensorLike): Tensor {
  return whole("nn.softsign", softsignOf, floatInput("nn.softsign", x));
}

function softsignOf(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/**
 * `0.2 x + 0.5` cut to 0 .. 1 (Theano's and Keras's hard sigmoid).
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.hardSigmoid(tensor([-9, 0, 9])).dataSync().join() === "0,0.5,1");
 * ```
 */
export function hardSigmoid(x: TensorLike): Tensor {
  return whole("nn.hardSigmoid", hardSigmoidOf, floatInput("nn.hardSigmoid", x));
}

function hardSigmoidOf(x: Tensor): Tensor {
  return x.mul(0.2).add(0.5).clip(0, 1);
}

/**
 * `1 / (1 + exp(-x))`.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.sigmoid(tensor(0)).itemSync() === 0.5);
 * ```
 */
export function sigmoid(x: TensorLike): Tensor {
  return sigmoidOp(x);
}

/**
 * The hyperbolic tangent.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.tanh(tensor(0)).itemSync() === 0);
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return tanhOp(x);
}
