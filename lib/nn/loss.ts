/** Losses. */
import { isFloat } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { promoteOperands, strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { iota } from "../trace/ops/creation.ts";
import { log } from "../trace/ops/exponential.ts";
import { where } from "../trace/ops/logic.ts";
import { integersOf } from "../trace/ops/integers.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { sum } from "../trace/ops/reductions.ts";
import { logsumexp, mean } from "../trace/ops/statistics.ts";
import { sameShape } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { softplus } from "./activation.ts";
import { describe } from "./describe.ts";

/** How the losses of the samples become the result. */
export interface LossOptions {
  /** "mean" by default; "none" keeps the losses apart. */
  readonly reduction?: "mean" | "sum" | "none";
}

/** The result of a loss from the losses of the samples. */
export function reduceLoss(
  operation: string,
  loss: Tensor,
  reduction: LossOptions["reduction"] = "mean",
): Tensor {
  if (reduction === "none") return loss;
  if (reduction === "sum") return sum(loss);
  if (reduction === "mean") return mean(loss);
  throw new DamoError(`${operation}: reduction is ${JSON.stringify(reduction)}.`, {
    operation,
    arguments: [{ name: "reduction", value: reduction }],
    remedy: `Pass "mean", "sum" or "none".`,
  });
}

/** Logits with at least one axis, as floats. */
export function floatLogits(operation: string, logits: TensorLike): Tensor {
  const x = strong(logits, operation);
  if (isFloat(x.dtype) && x.ndim > 0) return x;
  const Kind = x.ndim > 0 ? DTypeError : ShapeError;
  throw new Kind(`${operation}: logits are ${describe(x)}.`, {
    operation,
    arguments: [{ name: "logits", shape: x.shape, dtype: x.dtype }],
    remedy: "Pass float logits [..., classes], before any softmax.",
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
  checkOptions(operation, options, ["reduction"]);
  const x = floatLogits(operation, logits);
  const given = integersOf(targets, operation);
  // Plain numbers of the shape of the logits are probabilities.
  const t = Array.isArray(targets) && sameShape(given.shape, x.shape) ? strong(targets, operation) : given;
  return whole(operation, crossEntropyOf, x, t, options.reduction);
}

function crossEntropyOf(x: Tensor, t: Tensor, reduction: LossOptions["reduction"]): Tensor {
  const operation = "nn.crossEntropy";
  const classes = x.shape[x.shape.length - 1];
  const total = logsumexp(x, { axis: -1 });
  if (isFloat(t.dtype)) {
    if (!sameShape(t.shape, x.shape)) throw misfit(operation, x, t);
    const loss = sum(t, { axis: -1 }).mul(total).sub(sum(t.mul(x), { axis: -1 }));
    return reduceLoss(operation, loss, reduction);
  }
  if (!sameShape(t.shape, x.shape.slice(0, -1))) throw misfit(operation, x, t);
  // A comparison with the class number instead of an index keeps loss and gradient in one pass over the row.
  const hit = iota([classes], 0, "int32").eq(t.cast("int32").expandDims(-1));
  const loss = total.sub(sum(where(hit, x, 0), { axis: -1 }));
  return reduceLoss(operation, loss, reduction);
}

/** Targets that do not fit logits. */
export function misfit(operation: string, x: Tensor, t: Tensor): ShapeError {
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

/** Predictions and targets of one shape and float dtype; a scalar target stands for all. */
function alike(operation: string, prediction: TensorLike, target: TensorLike): [Tensor, Tensor] {
  const given = [strong(prediction, operation), toTensor(target, { operation })];
  const [p, t] = promoteOperands(operation, given, { float: true });
  if (sameShape(p.shape, t.shape) || t.ndim === 0) return [p, t];
  throw new ShapeError(
    `${operation}: the prediction is ${describe(given[0])} and the target ${describe(given[1])}.`,
    {
      operation,
      arguments: [
        { name: "prediction", shape: p.shape, dtype: p.dtype },
        { name: "target", shape: t.shape, dtype: t.dtype },
      ],
      remedy:
        "Give both one shape: broadcasting [N] against [N, 1] would compare all pairs. Use reshape or expandDims.",
    },
  );
}

/**
 * The mean of `(prediction - target)^2`.
 *
 * @throws {ShapeError} when the shapes differ.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.mse(tensor([1, 2]), tensor([1, 4])).itemSync() === 2);
 * ```
 */
export function mse(prediction: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("nn.mse", options, ["reduction"]);
  const [p, t] = alike("nn.mse", prediction, target);
  return whole("nn.mse", mseOf, p, t, options.reduction);
}

function mseOf(p: Tensor, t: Tensor, reduction: LossOptions["reduction"]): Tensor {
  return reduceLoss("nn.mse", p.sub(t).square(), reduction);
}

/**
 * The mean of `|prediction - target|`.
 *
 * @throws {ShapeError} when the shapes differ.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * console.assert(nn.l1(tensor([1, 2]), tensor([1, 4])).itemSync() === 1);
 * ```
 */
export function l1(prediction: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  checkOptions("nn.l1", options, ["reduction"]);
  const [p, t] = alike("nn.l1", prediction, target);
  return whole("nn.l1", l1Of, p, t, options.reduction);
}

function l1Of(p: Tensor, t: Tensor, reduction: LossOptions["reduction"]): Tensor {
  return reduceLoss("nn.l1", p.sub(t).abs(), reduction);
}

/** The least positive normal number of float32: the logarithm of a probability 0 is taken of this. */
const TINY = 2 ** -126;

/**
 * `-(t log p + (1 - t) log(1 - p))` of probabilities p and targets t in 0 .. 1. A probability of exactly 0 or 1 that is wrong
 * costs about 87 and has no gradient; {@link binaryCrossEntropyWithLogits} has neither limit.
 *
 * @throws {ShapeError} when the shapes differ.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const loss = nn.binaryCrossEntropy(tensor([0.5, 0.5]), tensor([0, 1]));
 * console.assert(Math.abs(loss.itemSync() - Math.LN2) < 1e-6);
 * ```
 */
export function binaryCrossEntropy(
  probabilities: TensorLike,
  targets: TensorLike,
  options: LossOptions = {},
): Tensor {
  const operation = "nn.binaryCrossEntropy";
  checkOptions(operation, options, ["reduction"]);
  const [p, t] = alike(operation, probabilities, targets);
  return whole(operation, binaryCrossEntropyOf, p, t, options.reduction);
}

function binaryCrossEntropyOf(p: Tensor, t: Tensor, reduction: LossOptions["reduction"]): Tensor {
  const least = p.dtype === "float16" ? 2 ** -14 : TINY;
  const right = log(p.maximum(least)), wrong = log(p.neg().add(1).maximum(least));
  const loss = t.mul(right).add(t.neg().add(1).mul(wrong)).neg();
  return reduceLoss("nn.binaryCrossEntropy", loss, reduction);
}

/**
 * The binary cross-entropy of `sigmoid(logits)`, computed as softplus(x) - x t without overflow.
 *
 * @throws {ShapeError} when the shapes differ.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const loss = nn.binaryCrossEntropyWithLogits(tensor([1000, -1000]), tensor([1, 0]));
 * console.assert(loss.itemSync() === 0);
 * ```
 */
export function binaryCrossEntropyWithLogits(
  logits: TensorLike,
  targets: TensorLike,
  options: LossOptions = {},
): Tensor {
  const operation = "nn.binaryCrossEntropyWithLogits";
  checkOptions(operation, options, ["reduction"]);
  const [x, t] = alike(operation, logits, targets);
  return whole(operation, binaryCrossEntropyOfLogits, x, t, options.reduction);
}

function binaryCrossEntropyOfLogits(x: Tensor, t: Tensor, reduction: LossOptions["reduction"]): Tensor {
  return reduceLoss("nn.binaryCrossEntropyWithLogits", softplus(x).sub(x.mul(t)), reduction);
}
