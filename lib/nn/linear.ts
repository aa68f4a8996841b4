/** Linear: x W + b. */
import { ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { shared } from "../trace/ops/creation.ts";
import { matmul } from "../trace/ops/linear_algebra.ts";
import { zeros } from "../trace/ops/creation.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import * as random from "../random/mod.ts";
import { describe } from "./describe.ts";
import { glorotUniform } from "./init.ts";
import { Module } from "./module.ts";
import { checkSize, freshSeed } from "./sizes.ts";

/** Options of Linear. */
export interface LinearOptions {
  /** Adds a bias; true by default. */
  readonly bias?: boolean;
  /** Seeds the weights; each layer gets another seed when left out. */
  readonly seed?: number;
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

  constructor(inputs: number, outputs: number, options: LinearOptions = {}) {
    super();
    checkSize("nn.Linear", "in", inputs);
    checkSize("nn.Linear", "out", outputs);
    const { bias = true, seed = freshSeed() } = options;
    this.weight = shared(glorotUniform(random.key(seed), [inputs, outputs]), { name: "weight" });
    this.bias = bias ? shared(zeros([outputs]), { name: "bias" }) : null;
  }

  /**
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
    const product = matmul(value, this.weight);
    return this.bias ? product.add(this.bias) : product;
  }
}
