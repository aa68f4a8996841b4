/** Convolutions as layers. */
import type { TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { ShapeError } from "../trace/errors.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { checkGroups, conv1d, conv2d, conv3d, type ConvOptions } from "./convolution.ts";
import { convTranspose2d, type ConvTransposeOptions } from "./conv_transpose.ts";
import { zeros } from "./init.ts";
import { Module } from "./module.ts";
import { ParameterMaker, type WeightOptions } from "./parameters.ts";
import { checkSize } from "./sizes.ts";
import { type PerAxis, perAxis } from "./spatial.ts";

/** Options of the layers Conv1d, Conv2d and Conv3d. */
export interface ConvLayerOptions extends ConvOptions, WeightOptions {
  /** Adds a bias to each filter; true by default. */
  readonly bias?: boolean;
}

/** Options of ConvTranspose2d. */
export interface ConvTransposeLayerOptions extends ConvTransposeOptions, WeightOptions {
  /** Adds a bias to each filter; true by default. */
  readonly bias?: boolean;
}

const LAYER_OPTIONS = ["stride", "padding", "dilation", "groups", "flip", "bias", "init", "seed", "dtype"];

/** What the layers have in common: weight, bias, and the options of the function. */
export abstract class ConvolutionLayer<O extends ConvOptions> extends Module {
  /** The filters. */
  readonly weight: Shared;
  /** One number per filter, or null without a bias. */
  readonly bias: Shared | null;
  /** Stride, padding, dilation, groups and flip. */
  readonly options: O;

  /** @internal */
  constructor(
    operation: string,
    [inputs, outputs, window]: readonly [number, number, PerAxis],
    options: O & WeightOptions & { readonly bias?: boolean },
    axes: number,
    transposed: boolean,
  ) {
    super();
    checkOptions(operation, options, transposed ? [...LAYER_OPTIONS, "outputPadding"] : LAYER_OPTIONS);
    checkSize(operation, "in", inputs);
    checkSize(operation, "out", outputs);
    const sizes = perAxis(operation, "window", window, axes);
    const { bias = true, init, seed, dtype, ...rest } = options;
    const groups = checkGroups(operation, rest.groups ?? 1);
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new ShapeError(`${operation}: ${inputs} and ${outputs} channels in ${groups} groups.`, {
        operation,
        arguments: [{ name: "in", value: inputs }, { name: "out", value: outputs }],
        remedy: "Both numbers of channels must be multiples of groups.",
      });
    }
    const make = new ParameterMaker(operation, { init, seed, dtype });
    const front = transposed ? [inputs, outputs / groups] : [outputs, inputs / groups];
    this.weight = make.weight("weight", [...front, ...sizes]);
    this.bias = bias ? make.constant("bias", [outputs], zeros) : null;
    this.options = rest as unknown as O;
  }

  /**
   * The result of the function plus the bias.
   *
   * @internal
   */
  protected biased(y: Tensor): Tensor {
    return this.bias
      ? y.add(reshapeTo(this.bias.value, [...this.bias.shape, ...y.shape.slice(2).map(() => 1)]))
      : y;
  }
}

/**
 * {@link conv1d} with filters [out, in / groups, window], which start Glorot-uniform, and a bias [out], which starts at 0.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.Conv1d(3, 4, 2, { padding: "causal" });
 * console.assert(layer.forward(ones([1, 3, 7])).shape.join() === "1,4,7");
 * ```
 */
export class Conv1d extends ConvolutionLayer<ConvOptions> {
  /**
   * Makes the layer with new weights.
   *
   * @param inputs The channels of x.
   * @param outputs The number of filters.
   * @param window The size of the filters.
   */
  constructor(inputs: number, outputs: number, window: PerAxis, options: ConvLayerOptions = {}) {
    super("nn.Conv1d", [inputs, outputs, window], options, 1, false);
  }

  /** x [N, in, width] convolved, plus the bias. */
  override forward(x: TensorLike): Tensor {
    return this.biased(conv1d(x, this.weight, this.options));
  }
}

/**
 * {@link conv2d} with filters [out, in / groups, h, w], which start Glorot-uniform, and a bias [out], which starts at 0.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.Conv2d(3, 16, 5, { padding: "same", seed: 1 });
 * console.assert(layer.forward(ones([2, 3, 8, 8])).shape.join() === "2,16,8,8");
 * ```
 */
export class Conv2d extends ConvolutionLayer<ConvOptions> {
  /**
   * Makes the layer with new weights.
   *
   * @param inputs The channels of x.
   * @param outputs The number of filters.
   * @param window The size of the filters: one number, or [h, w].
   */
  constructor(inputs: number, outputs: number, window: PerAxis, options: ConvLayerOptions = {}) {
    super("nn.Conv2d", [inputs, outputs, window], options, 2, false);
  }

  /** x [N, in, h, w] convolved, plus the bias. */
  override forward(x: TensorLike): Tensor {
    return this.biased(conv2d(x, this.weight, this.options));
  }
}

/**
 * {@link conv3d} with filters [out, in / groups, d, h, w], which start Glorot-uniform, and a bias [out], which starts at 0.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.Conv3d(1, 2, [1, 2, 2]);
 * console.assert(layer.forward(ones([1, 1, 3, 3, 3])).shape.join() === "1,2,3,2,2");
 * ```
 */
export class Conv3d extends ConvolutionLayer<ConvOptions> {
  /**
   * Makes the layer with new weights.
   *
   * @param inputs The channels of x.
   * @param outputs The number of filters.
   * @param window The size of the filters: one number, or [d, h, w].
   */
  constructor(inputs: number, outputs: number, window: PerAxis, options: ConvLayerOptions = {}) {
    super("nn.Conv3d", [inputs, outputs, window], options, 3, false);
  }

  /** x [N, in, d, h, w] convolved, plus the bias. */
  override forward(x: TensorLike): Tensor {
    return this.biased(conv3d(x, this.weight, this.options));
  }
}

/**
 * {@link convTranspose2d} with filters [in, out / groups, h, w], which start Glorot-uniform, and a bias [out], which starts
 * at 0.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.ConvTranspose2d(4, 2, 3, { stride: 2, padding: "same" });
 * console.assert(layer.forward(ones([1, 4, 5, 5])).shape.join() === "1,2,10,10");
 * ```
 */
export class ConvTranspose2d extends ConvolutionLayer<ConvTransposeOptions> {
  /**
   * Makes the layer with new weights.
   *
   * @param inputs The channels of x.
   * @param outputs The channels of the result.
   * @param window The size of the filters: one number, or [h, w].
   */
  constructor(inputs: number, outputs: number, window: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super("nn.ConvTranspose2d", [inputs, outputs, window], options, 2, true);
  }

  /** x [N, in, h, w] enlarged, plus the bias. */
  override forward(x: TensorLike): Tensor {
    return this.biased(convTranspose2d(x, this.weight, this.options));
  }
}
