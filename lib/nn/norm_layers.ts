/** Batch and layer normalisation as layers. */
import { stopGradient } from "../autodiff/mod.ts";
import { DamoError, ShapeError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import type { Shape } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";
import { ones, zeros } from "./init.ts";
import { Module } from "./module.ts";
import { batchAxes, batchNorm, layerNorm, statistics } from "./normalization.ts";
import { ParameterMaker, type WeightOptions } from "./parameters.ts";
import { checkSize } from "./sizes.ts";

/** Options of the layer BatchNorm. */
export interface BatchNormOptions extends Pick<WeightOptions, "dtype"> {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
  /** How much of the running statistics the newest batch makes up; 0.1 by default. */
  readonly momentum?: number;
}

/** Options of the layer LayerNorm. */
export interface LayerNormOptions extends Pick<WeightOptions, "dtype"> {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
}

/**
 * {@link batchNorm} over all axes but axis 1, which holds the features: [N, features, ...]. In training mode it takes the
 * statistics of the batch and moves the running ones towards them, `mean = (1 - momentum) mean + momentum batchMean` (the
 * variance with divisor n - 1); in evaluation mode it uses the running ones.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const layer = new nn.BatchNorm(1, { momentum: 0.5 });
 * layer.forward(tensor([[1], [3]]));
 * console.assert(layer.mean.value.itemSync() === 1 && layer.variance.value.itemSync() === 1.5);
 * ```
 */
export class BatchNorm extends Module {
  /** The scale of each feature, which starts at 1. */
  readonly gamma: Shared;
  /** The shift of each feature, which starts at 0. */
  readonly beta: Shared;
  /** The running mean, which starts at 0; not trained. */
  readonly mean: Shared;
  /** The running variance, which starts at 1; not trained. */
  readonly variance: Shared;
  /** Added to the variance. */
  readonly eps: number;
  /** How much of the running statistics the newest batch makes up. */
  readonly momentum: number;

  /**
   * Makes the layer.
   *
   * @param features The size of axis 1.
   * @throws {ShapeError} for a size that is no positive integer.
   */
  constructor(features: number, options: BatchNormOptions = {}) {
    super();
    const operation = "nn.BatchNorm";
    checkOptions(operation, options, ["eps", "momentum", "dtype"]);
    checkSize(operation, "features", features);
    const { eps = 1e-5, momentum = 0.1 } = options;
    if (!(momentum >= 0 && momentum <= 1)) {
      throw new DamoError(`${operation}: momentum is ${momentum}.`, {
        operation,
        arguments: [{ name: "momentum", value: momentum }],
        remedy: "Pass a number from 0 to 1: the weight of the newest batch in the running statistics.",
      });
    }
    this.eps = eps;
    this.momentum = momentum;
    const make = new ParameterMaker(operation, options);
    this.gamma = make.constant("gamma", [features], ones);
    this.beta = make.constant("beta", [features], zeros);
    this.mean = make.constant("mean", [features], zeros);
    this.variance = make.constant("variance", [features], ones);
  }

  /** @internal */
  protected override buffers(): readonly string[] {
    return ["mean", "variance"];
  }

  /**
   * x normalised.
   *
   * @throws {ShapeError} when axis 1 of x does not hold the features.
   */
  override forward(x: TensorLike): Tensor {
    const operation = "nn.BatchNorm";
    const value = floatInput(operation, x);
    const axes = batchAxes(operation, value);
    const [features] = this.gamma.shape;
    if (value.shape[1] !== features) {
      throw new ShapeError(
        `${operation}: x is ${describe(value)}, and axis 1 must hold ${features} features.`,
        {
          operation,
          arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
          remedy: `Pass [N, ${features}, ...], or build the layer for ${value.shape[1]} features.`,
        },
      );
    }
    const { gamma, beta, eps } = this;
    if (!this.training) {
      return batchNorm(value, { gamma, beta, eps, mean: this.mean, variance: this.variance });
    }
    const batch = statistics(value, axes);
    this.#follow(batch, value.size / features);
    return batchNorm(value, { gamma, beta, eps, mean: batch.mean, variance: batch.variance });
  }

  #follow(batch: { readonly mean: Tensor; readonly variance: Tensor }, count: number): void {
    const { momentum } = this;
    const towards = (running: Shared, next: Tensor, factor: number) => {
      const flat = reshapeTo(stopGradient(next), running.shape).cast(running.dtype);
      running.value = running.value.mul(1 - momentum).add(flat.mul(momentum * factor));
    };
    towards(this.mean, batch.mean, 1);
    towards(this.variance, batch.variance, count > 1 ? count / (count - 1) : 1);
  }
}

/**
 * {@link layerNorm} over the last axis, or over as many axes as sizes are given, with a scale and a shift for each feature.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const layer = new nn.LayerNorm(2, { eps: 0 });
 * console.assert(layer.forward(tensor([[1, 3]])).dataSync().join() === "-1,1");
 * ```
 */
export class LayerNorm extends Module {
  /** The scale of each feature, which starts at 1. */
  readonly gamma: Shared;
  /** The shift of each feature, which starts at 0. */
  readonly beta: Shared;
  /** Added to the variance. */
  readonly eps: number;

  /**
   * Makes the layer.
   *
   * @param features The size of the last axis, or the sizes of the last axes.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(features: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    checkOptions("nn.LayerNorm", options, ["eps", "dtype"]);
    const sizes: Shape = typeof features === "number" ? [features] : [...features];
    for (const size of sizes) checkSize("nn.LayerNorm", "features", size);
    this.eps = options.eps ?? 1e-5;
    const make = new ParameterMaker("nn.LayerNorm", options);
    this.gamma = make.constant("gamma", sizes, ones);
    this.beta = make.constant("beta", sizes, zeros);
  }

  /**
   * x normalised.
   *
   * @throws {ShapeError} when the last axes of x are not the features.
   */
  override forward(x: TensorLike): Tensor {
    const value = floatInput("nn.LayerNorm", x);
    const sizes = this.gamma.shape;
    const last = value.shape.slice(-sizes.length);
    if (sizes.some((size, i) => size !== last[i])) {
      throw new ShapeError(`nn.LayerNorm: x is ${describe(value)}, and must end in [${sizes.join(", ")}].`, {
        operation: "nn.LayerNorm",
        arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
        remedy: "Pass another x, or build the layer for its last axes.",
      });
    }
    const axes = sizes.map((_, i) => i - sizes.length);
    return layerNorm(value, { gamma: this.gamma, beta: this.beta, axes, eps: this.eps });
  }
}
