/** Attention: means of values, weighted by how well keys answer queries. */
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { promoteOperands, strong, type TensorLike } from "../trace/ops/convert.ts";
import { iota } from "../trace/ops/creation.ts";
import { matmul } from "../trace/ops/linear_algebra.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { swapAxes } from "../trace/ops/shape_axes.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { floatInput } from "./activation.ts";
import { describe } from "./describe.ts";
import { Linear, type LinearOptions } from "./linear.ts";
import { Module } from "./module.ts";
import { checkSize, freshSeed } from "./sizes.ts";
import { softmax } from "./softmax.ts";

/** Options of attention. */
export interface AttentionOptions {
  /** bool, broadcast to [..., queries, keys]: true where a query may look at a key. */
  readonly mask?: TensorLike;
  /** Queries look at keys up to their own place only. */
  readonly causal?: boolean;
}

/** Stands for a forbidden score; finite, so that a query without any key gives the mean instead of NaN. */
const FORBIDDEN = -1e30, FORBIDDEN_HALF = -6e4;

/**
 * `softmax(Q K^T / sqrt(d)) V` (Vaswani et al., NeurIPS 2017): queries [..., Q, d], keys [..., K, d], values [..., K, e], result
 * [..., Q, e].
 *
 * @throws {ShapeError} when the sizes do not fit.
 * @throws {DTypeError} for a mask that is not bool.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const x = tensor([[1, 0], [0, 1]]);
 * const y = nn.attention(x, x, tensor([[1], [2]]), { causal: true });
 * console.assert(y.at(0, 0).itemSync() === 1 && y.shape.join() === "2,1");
 * ```
 */
export function attention(
  queries: TensorLike,
  keys: TensorLike,
  values: TensorLike,
  options: AttentionOptions = {},
): Tensor {
  const operation = "nn.attention";
  checkOptions(operation, options, ["mask", "causal"]);
  const [q, k, v] = promoteOperands(operation, [queries, keys, values].map((x) => floatInput(operation, x)));
  if (
    q.ndim < 2 || k.ndim < 2 || v.ndim < 2 || q.shape.at(-1) !== k.shape.at(-1) ||
    k.shape.at(-2) !== v.shape.at(-2)
  ) {
    throw new ShapeError(
      `${operation}: queries ${describe(q)}, keys ${describe(k)}, values ${describe(v)}.`,
      {
        operation,
        arguments: [
          { name: "queries", shape: q.shape, dtype: q.dtype },
          { name: "keys", shape: k.shape, dtype: k.dtype },
          { name: "values", shape: v.shape, dtype: v.dtype },
        ],
        remedy: "Pass [..., Q, d], [..., K, d] and [..., K, e].",
      },
    );
  }
  const mask = options.mask === undefined ? undefined : strong(options.mask, operation);
  if (mask && mask.dtype !== "bool") {
    throw new DTypeError(`${operation}: the mask is ${describe(mask)}.`, {
      operation,
      arguments: [{ name: "mask", shape: mask.shape, dtype: mask.dtype }],
      remedy: "Pass bool, true where a query may look: mask.ne(0).",
    });
  }
  return whole(operation, attentionOf, q, k, v, Boolean(options.causal), mask);
}

function attentionOf(q: Tensor, k: Tensor, v: Tensor, causal: boolean, mask?: Tensor): Tensor {
  const width = k.shape[k.ndim - 1];
  let scores = matmul(q.mul(1 / Math.sqrt(Math.max(1, width))), swapAxes(k, -1, -2));
  const forbidden = scores.dtype === "float16" ? FORBIDDEN_HALF : FORBIDDEN;
  if (mask) scores = where(mask, scores, forbidden).cast(q.dtype);
  if (causal) {
    const [count, places] = scores.shape.slice(-2);
    const visible = iota([count, 1], 0, "int32").ge(iota([1, places], 1, "int32"));
    scores = where(visible, scores, forbidden).cast(q.dtype);
  }
  return matmul(softmax(scores), v);
}

/** Options of MultiHeadAttention. */
export interface MultiHeadAttentionOptions extends LinearOptions {
  /** The size of the last axis of keys and values; that of the queries when left out. */
  readonly keyFeatures?: number;
}

/**
 * Attention by several heads at once (Vaswani et al., NeurIPS 2017): queries, keys and values go through a linear layer
 * each, are cut into heads, and the results of {@link attention} through a fourth. [..., Q, features] gives the same shape.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.MultiHeadAttention(8, 2);
 * console.assert(layer.forward(ones([3, 5, 8])).shape.join() === "3,5,8");
 * ```
 */
export class MultiHeadAttention extends Module {
  /** Makes queries, [features, features]. */
  readonly query: Linear;
  /** Makes keys, [keyFeatures, features]. */
  readonly key: Linear;
  /** Makes values, [keyFeatures, features]. */
  readonly value: Linear;
  /** Makes the result, [features, features]. */
  readonly output: Linear;
  /** The number of heads. */
  readonly heads: number;

  /**
   * Makes the layer.
   *
   * @param features The size of the last axis of queries and results.
   * @param heads The number of heads, a divisor of `features`.
   * @throws {ShapeError} for sizes that are no positive integers.
   * @throws {DamoError} when heads does not divide features.
   */
  constructor(features: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    super();
    const operation = "nn.MultiHeadAttention";
    checkOptions(operation, options, ["keyFeatures", "bias", "init", "seed", "dtype"]);
    checkSize(operation, "features", features);
    checkSize(operation, "heads", heads);
    if (features % heads !== 0) {
      throw new DamoError(`${operation}: ${features} features cannot be cut into ${heads} heads.`, {
        operation,
        arguments: [{ name: "features", value: features }, { name: "heads", value: heads }],
        remedy: "Pass a number of heads that divides features.",
      });
    }
    const { keyFeatures = features, seed, ...rest } = options;
    this.heads = heads;
    // Of one seed the four layers get four: their weights must differ.
    const linear = (inputs: number, i: number) =>
      new Linear(inputs, features, { ...rest, seed: seed === undefined ? freshSeed() : 4 * seed + i });
    this.query = linear(features, 0);
    this.key = linear(keyFeatures, 1);
    this.value = linear(keyFeatures, 2);
    this.output = linear(features, 3);
  }

  /**
   * Attention of queries [..., Q, features] to keys and values [..., K, keyFeatures], which are the queries themselves when
   * left out. A mask is bool, broadcast to [..., heads, Q, K].
   *
   * @throws {ShapeError} when the sizes do not fit.
   */
  override forward(
    queries: TensorLike,
    keys: TensorLike = queries,
    values: TensorLike = keys,
    options: AttentionOptions = {},
  ): Tensor {
    const q = this.#cut(this.query.forward(queries));
    const k = this.#cut(this.key.forward(keys));
    const v = this.#cut(this.value.forward(values));
    const joined = swapAxes(attention(q, k, v, options), -2, -3);
    const features = this.output.weight.shape[0];
    return this.output.forward(joined.reshape([...joined.shape.slice(0, -2), features]));
  }

  /** [..., L, features] as [..., heads, L, features / heads]. */
  #cut(x: Tensor): Tensor {
    if (x.ndim < 2) {
      throw new ShapeError(`nn.MultiHeadAttention: a sequence is ${describe(x)}.`, {
        operation: "nn.MultiHeadAttention",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: "Pass [..., length, features].",
      });
    }
    const [length, features] = x.shape.slice(-2);
    return swapAxes(x.reshape([...x.shape.slice(0, -2), length, this.heads, features / this.heads]), -2, -3);
  }
}
