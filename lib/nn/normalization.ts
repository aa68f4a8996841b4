/** Normalisation: values less their mean, divided by their spread. */
import { DamoError, ShapeError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { rsqrt } from "../trace/ops/exponential.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { mean as meanOp, variance as varianceOp } from "../trace/ops/statistics.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { normalizeAxes, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";

/** Options of batchNorm. */
export interface BatchNormFunctionOptions {
  /** The scale of each feature; 1 when left out. */
  readonly gamma?: TensorLike;
  /** The shift of each feature; 0 when left out. */
  readonly beta?: TensorLike;
  /** The axes over which statistics are taken; all but axis 1 by default. */
  readonly axes?: number | readonly number[];
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
  /** Statistics to use instead of those of x, together with `variance`. */
  readonly mean?: TensorLike;
  /** See `mean`. */
  readonly variance?: TensorLike;
}

/** Options of layerNorm. */
export interface LayerNormFunctionOptions {
  /** The scale of each feature; 1 when left out. */
  readonly gamma?: TensorLike;
  /** The shift of each feature; 0 when left out. */
  readonly beta?: TensorLike;
  /** The axes that are normalised together; the last by default. */
  readonly axes?: number | readonly number[];
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
}

/** A tensor with one value for each place along the axes `own` of x, so that it broadcasts against x. */
function alongside(
  operation: string,
  name: string,
  value: TensorLike,
  x: Tensor,
  own: readonly number[],
): Tensor {
  const given = floatInput(operation, value).cast(x.dtype);
  const sizes = own.map((axis) => x.shape[axis]);
  const shape = x.shape.map((size, axis) => own.includes(axis) ? size : 1);
  if (given.ndim === 0) return given;
  if (given.size === sizeOf(sizes) && (given.ndim === own.length || given.ndim === x.ndim)) {
    return reshapeTo(given, shape);
  }
  throw new ShapeError(
    `${operation}: ${name} is ${describe(given)}, and x ${describe(x)} has features [${sizes.join(", ")}].`,
    {
      operation,
      arguments: [
        { name: "x", shape: x.shape, dtype: x.dtype },
        { name, shape: given.shape, dtype: given.dtype },
      ],
      remedy: `Pass a tensor [${sizes.join(", ")}], or other axes.`,
    },
  );
}

/** Statistics over axes, kept as axes of size 1. */
export function statistics(x: Tensor, axes: readonly number[]): { mean: Tensor; variance: Tensor } {
  return {
    mean: meanOp(x, { axis: axes, keepDims: true }),
    variance: varianceOp(x, { axis: axes, keepDims: true }),
  };
}

/** The axes of the statistics of batch normalisation: all but axis 1. */
export function batchAxes(operation: string, x: Tensor): number[] {
  if (x.ndim >= 2) return x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  throw new ShapeError(`${operation}: x is ${describe(x)}.`, {
    operation,
    arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
    remedy: "Pass [N, features, ...], or { axes }.",
  });
}

/**
 * `(x - mean) / sqrt(variance + eps) gamma + beta` with the statistics of each feature over a batch (Ioffe and Szegedy, ICML
 * 2015), or with those given. The variance is that of the population. gamma, beta, mean and variance have the sizes of the
 * axes that are not in `axes`.
 *
 * @throws {ShapeError} when a parameter does not have the sizes of the features.
 * @throws {DamoError} when only one of mean and variance is given.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const y = nn.batchNorm(tensor([[1, 10], [3, 30]]), { eps: 0 });
 * console.assert(y.dataSync().join() === "-1,-1,1,1");
 * ```
 */
export function batchNorm(x: TensorLike, options: BatchNormFunctionOptions = {}): Tensor {
  const operation = "nn.batchNorm";
  checkOptions(operation, options, ["gamma", "beta", "axes", "eps", "mean", "variance"]);
  const value = floatInput(operation, x);
  const axes = options.axes === undefined
    ? batchAxes(operation, value)
    : normalizeAxes(operation, options.axes, value.aval);
  const { mean, variance } = options;
  if ((mean === undefined) !== (variance === undefined)) {
    throw new DamoError(
      `${operation}: of mean and variance only ${mean === undefined ? "variance" : "mean"} is given.`,
      {
        operation,
        remedy: "Pass both, or neither to use those of x.",
      },
    );
  }
  const { gamma, beta, eps = 1e-5 } = options;
  const [scale, shift, centre, spread] = [gamma, beta, mean, variance].map((x) => given(operation, x));
  return whole(operation, batchNormOf, value, axes, eps, scale, shift, centre, spread);
}

/** A parameter to hand to `whole`. */
function given(operation: string, value: TensorLike | undefined): Tensor | undefined {
  return value === undefined ? undefined : floatInput(operation, value);
}

function batchNormOf(
  x: Tensor,
  axes: readonly number[],
  eps: number,
  gamma?: Tensor,
  beta?: Tensor,
  mean?: Tensor,
  variance?: Tensor,
): Tensor {
  const operation = "nn.batchNorm";
  const own = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const used = mean === undefined ? statistics(x, axes) : {
    mean: alongside(operation, "mean", mean, x, own),
    variance: alongside(operation, "variance", variance!, x, own),
  };
  return normalized(operation, x, own, used, { gamma, beta, eps });
}

function normalized(
  operation: string,
  x: Tensor,
  own: readonly number[],
  { mean, variance }: { readonly mean: Tensor; readonly variance: Tensor },
  { gamma, beta, eps }: { readonly gamma?: Tensor; readonly beta?: Tensor; readonly eps: number },
): Tensor {
  const scale = rsqrt(variance.add(eps));
  let result = x.sub(mean).mul(
    gamma === undefined ? scale : scale.mul(alongside(operation, "gamma", gamma, x, own)),
  );
  if (beta !== undefined) result = result.add(alongside(operation, "beta", beta, x, own));
  return result;
}

/**
 * `(x - mean) / sqrt(variance + eps) gamma + beta` with the statistics of each example over its features (Ba, Kiros and Hinton
 * 2016). gamma and beta have the sizes of the normalised axes.
 *
 * @throws {ShapeError} when a parameter does not have the sizes of the axes.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const y = nn.layerNorm(tensor([[1, 3], [10, 30]]), { eps: 0 });
 * console.assert(y.dataSync().join() === "-1,1,-1,1");
 * ```
 */
export function layerNorm(x: TensorLike, options: LayerNormFunctionOptions = {}): Tensor {
  const operation = "nn.layerNorm";
  checkOptions(operation, options, ["gamma", "beta", "axes", "eps"]);
  const value = floatInput(operation, x);
  const axes = normalizeAxes(operation, options.axes ?? -1, value.aval);
  const { gamma, beta, eps = 1e-5 } = options;
  return whole(operation, layerNormOf, value, axes, eps, given(operation, gamma), given(operation, beta));
}

function layerNormOf(
  x: Tensor,
  axes: readonly number[],
  eps: number,
  gamma?: Tensor,
  beta?: Tensor,
): Tensor {
  return normalized("nn.layerNorm", x, axes, statistics(x, axes), { gamma, beta, eps });
}
