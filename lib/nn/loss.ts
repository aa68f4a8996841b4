/** Losses. */
import { isFloat } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { iota } from "../trace/ops/creation.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { argmax, sum } from "../trace/ops/reductions.ts";
import { logsumexp, mean } from "../trace/ops/statistics.ts";
import { sameShape } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { describe } from "./describe.ts";

/** How the losses of the samples become the result. */
export interface LossOptions {
  readonly reduction?: "mean" | "sum" | "none";
}

export function reduceLoss(operation: string, loss: Tensor, options: LossOptions): Tensor {
  checkOptions(operation, options, ["reduction"]);
  const { reduction = "mean" } = options;
  if (reduction === "none") return loss;
  if (reduction === "sum") return sum(loss);
  if (reduction === "mean") return mean(loss);
  throw new DamoError(`${operation}: reduction is ${JSON.stringify(reduction)}.`, {
    operation,
    arguments: [{ name: "reduction", value: reduction }],
    remedy: `Pass "mean", "sum" or "none".`,
  });
}

/**
 * Cross-entropy of logits [..., classes] with integer labels [...] (each in 0 .. classes - 1) or with probabilities
 * [..., classes]. Computed as logsumexp(x) - x[label], so that large logits do not overflow.
 *
 * @throws {ShapeError} when the targets do not fit the logits.
 * @throws {DTypeError} for integer logits.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const logits = tensor([[10, 0], [0, 10]]);
 * const loss = nn.crossEntropy(logits, tensor(new Int32Array([0, 1])));
 * console.assert(Number(loss) < 1e-4);
 * ```
 */
export function crossEntropy(logits: TensorLike, targets: TensorLike, options: LossOptions = {}): Tensor {
  const operation = "nn.crossEntropy";
  const x = strong(logits, operation);
  const t = toTensor(targets, { operation });
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${operation}: logits are ${describe(x)}.`, {
      operation,
      arguments: [{ name: "logits", shape: x.shape, dtype: x.dtype }],
      remedy: "Pass float logits, before any softmax.",
    });
  }
  const classes = x.shape[x.shape.length - 1];
  const total = logsumexp(x, { axis: -1 });
  if (isFloat(t.dtype)) {
    if (!sameShape(t.shape, x.shape)) throw misfit(operation, x, t);
    return reduceLoss(operation, sum(t, { axis: -1 }).mul(total).sub(sum(t.mul(x), { axis: -1 })), options);
  }
  if (!sameShape(t.shape, x.shape.slice(0, -1))) throw misfit(operation, x, t);
  // A comparison with the class number instead of an index keeps loss and gradient in one pass over the row.
  const hit = iota([classes], 0, "int32").eq(t.cast("int32").expandDims(-1));
  return reduceLoss(operation, total.sub(sum(where(hit, x, 0), { axis: -1 })), options);
}

function misfit(operation: string, x: Tensor, t: Tensor): ShapeError {
  const rows = x.shape.slice(0, -1).join(", ");
  return new ShapeError(`${operation}: targets ${describe(t)} do not fit logits ${describe(x)}.`, {
    operation,
    arguments: [
      { name: "logits", shape: x.shape, dtype: x.dtype },
      { name: "targets", shape: t.shape, dtype: t.dtype },
    ],
    remedy: `Pass integer labels [${rows}] or probabilities [${x.shape.join(", ")}].`,
  });
}

/**
 * The fraction of rows whose greatest logit is at the label.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const right = nn.accuracy(tensor([[1, 2], [2, 1]]), tensor(new Int32Array([1, 1])));
 * console.assert(right.itemSync() === 0.5);
 * ```
 */
export function accuracy(logits: TensorLike, labels: TensorLike): Tensor {
  const x = strong(logits, "nn.accuracy");
  const t = toTensor(labels, { operation: "nn.accuracy" });
  if (!sameShape(t.shape, x.shape.slice(0, -1))) throw misfit("nn.accuracy", x, t);
  return mean(argmax(x, { axis: -1 }).eq(t.cast("int32")));
}
