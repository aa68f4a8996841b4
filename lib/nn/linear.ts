/** Linear: x W + b. */
import { ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { matmul } from "../trace/ops/linear_algebra.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { describe } from "./describe.ts";
import { zeros } from "./init.ts";
import { Module } from "./module.ts";
import { ParameterMaker, type WeightOptions } from "./parameters.ts";
import { checkSize } from "./sizes.ts";

/** Options of Linear. */
export interface LinearOptions extends WeightOptions {
  /** Adds a bias; true by default. */
  readonly bias?: boolean;
}

/**
 * `x W + b` over the last axis: [..., in] gives [..., out]. W [in, out] starts Glorot-uniform, b [out] at 0.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const layer = new nn.Linear(4, 2, { seed: 0 });
 * console.assert(layer.forward(tensor([[1, 2, 3, 4]])).shape.join() === "1,2");
 * ```
 */
export class Linear extends Module {
  /** [in, out]. */
  readonly weight: Shared;
  /** [out], or null without a bias. */
  readonly bias: Shared | null;

  /**
   * Makes the layer.
   *
   * @param inputs The size of the last axis of x.
   * @param outputs The size of the last axis of the result.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(inputs: number, outputs: number, options: LinearOptions = {}) {
    super();
    checkOptions("nn.Linear", options, ["bias", "init", "seed", "dtype"]);
    checkSize("nn.Linear", "in", inputs);
    checkSize("nn.Linear", "out", outputs);
    const make = new ParameterMaker("nn.Linear", options);
    this.weight = make.weight("weight", [inputs, outputs]);
    this.bias = options.bias ?? true ? make.constant("bias", [outputs], zeros) : null;
  }

  /**
   * `x W + b`.
   *
   * @throws {ShapeError} when the last axis of `x` is not `in`.
   */
  override forward(x: TensorLike): Tensor {
    const value = strong(x, "nn.Linear");
    const [inputs] = this.weight.shape;
    if (value.shape[value.shape.length - 1] !== inputs) {
      throw new ShapeError(`nn.Linear: x is ${describe(value)}, and the layer takes [..., ${inputs}].`, {
        operation: "nn.Linear",
        arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
        remedy:
          "Flatten or transpose x so that its last axis holds the features, or build the layer for that size.",
      });
    }
    return whole("nn.Linear", linearOf, value, this.weight.value, this.bias?.value);
  }
}

function linearOf(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = matmul(x, weight);
  return bias ? product.add(bias) : product;
}
