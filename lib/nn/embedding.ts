/** Embedding: a vector for each of a set of things. */
import { isFloat } from "../trace/dtype.ts";
import { DTypeError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { integersOf } from "../trace/ops/integers.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { take } from "../trace/ops/taking.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { describe } from "./describe.ts";
import { uniform } from "./init.ts";
import { Module } from "./module.ts";
import { ParameterMaker, type WeightOptions } from "./parameters.ts";
import { checkSize } from "./sizes.ts";

/**
 * Rows of a table by number: integers [...] give [..., features]. The table [count, features] starts uniform in ±0.05.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const layer = new nn.Embedding(10, 3);
 * console.assert(layer.forward(tensor(new Int32Array([1, 7]))).shape.join() === "2,3");
 * ```
 */
export class Embedding extends Module {
  /** [count, features]. */
  readonly weight: Shared;

  /**
   * Makes the layer.
   *
   * @param count The number of rows.
   * @param features The length of a row.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(count: number, features: number, options: WeightOptions = {}) {
    super();
    checkOptions("nn.Embedding", options, ["init", "seed", "dtype"]);
    checkSize("nn.Embedding", "count", count);
    checkSize("nn.Embedding", "features", features);
    this.weight = new ParameterMaker("nn.Embedding", options).weight("weight", [count, features], uniform);
  }

  /**
   * The rows with the numbers x. Negative numbers count from the end; what is out of range reads the nearest row.
   *
   * @throws {DTypeError} for numbers that are no integers.
   */
  override forward(x: TensorLike): Tensor {
    const rows = integersOf(x, "nn.Embedding");
    if (!isFloat(rows.dtype)) return take(this.weight, rows, 0);
    throw new DTypeError(`nn.Embedding: x is ${describe(rows)}.`, {
      operation: "nn.Embedding",
      arguments: [{ name: "x", shape: rows.shape, dtype: rows.dtype }],
      remedy: "Pass integers, for example an Int32Array.",
    });
  }
}
