/** How good predictions are: accuracy and the confusion matrix. */
import { isFloat } from "../trace/dtype.ts";
import { DTypeError, ShapeError } from "../trace/errors.ts";
import { type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { integersOf } from "../trace/ops/integers.ts";
import { where } from "../trace/ops/logic.ts";
import { argmax } from "../trace/ops/reductions.ts";
import { bincount } from "../trace/ops/sorting.ts";
import { mean } from "../trace/ops/statistics.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { sameShape } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { describe } from "./describe.ts";
import { floatLogits, misfit } from "./loss.ts";
import { checkSize } from "./sizes.ts";

/**
 * The fraction of rows whose greatest logit is at the label.
 *
 * @throws {ShapeError} when labels [...] do not fit logits [..., classes].
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const right = nn.accuracy(tensor([[1, 2], [2, 1]]), tensor(new Int32Array([1, 1])));
 * console.assert(right.itemSync() === 0.5);
 * ```
 */
export function accuracy(logits: TensorLike, labels: TensorLike): Tensor {
  const x = floatLogits("nn.accuracy", logits);
  const t = toTensor(labels, { operation: "nn.accuracy" });
  if (!sameShape(t.shape, x.shape.slice(0, -1))) throw misfit("nn.accuracy", x, t);
  return whole("nn.accuracy", accuracyOf, x, t);
}

function accuracyOf(x: Tensor, labels: Tensor): Tensor {
  return mean(argmax(x, { axis: -1 }).eq(labels.cast("int32")));
}

/**
 * How often each class was taken for each other one: int32[classes, classes], the row is the actual class, the column the
 * predicted one. Pairs with a label outside 0 .. classes - 1 are left out.
 *
 * @throws {ShapeError} when the labels have different shapes.
 * @throws {DTypeError} for labels that are no integers.
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const actual = tensor(new Int32Array([0, 0, 1])), predicted = tensor(new Int32Array([0, 1, 1]));
 * console.assert(nn.confusionMatrix(actual, predicted, 2).dataSync().join() === "1,1,0,1");
 * ```
 */
export function confusionMatrix(actual: TensorLike, predicted: TensorLike, classes: number): Tensor {
  const operation = "nn.confusionMatrix";
  checkSize(operation, "classes", classes);
  const [a, p] = [actual, predicted].map((labels, i) => {
    const x = integersOf(labels, operation);
    if (!isFloat(x.dtype)) return x.cast("int32");
    const name = i === 0 ? "actual" : "predicted";
    throw new DTypeError(`${operation}: ${name} is ${describe(x)}.`, {
      operation,
      arguments: [{ name, shape: x.shape, dtype: x.dtype }],
      remedy: "Pass integer labels, for example argmax(logits, { axis: -1 }).",
    });
  });
  if (!sameShape(a.shape, p.shape)) {
    throw new ShapeError(`${operation}: actual is ${describe(a)} and predicted ${describe(p)}.`, {
      operation,
      arguments: [{ name: "actual", shape: a.shape }, { name: "predicted", shape: p.shape }],
      remedy: "Pass one predicted label for each actual one.",
    });
  }
  const valid = a.ge(0).and(a.lt(classes)).and(p.ge(0)).and(p.lt(classes));
  // What is not valid is counted in a bin of its own, which is cut off.
  const code = where(valid, a.mul(classes).add(p), classes * classes);
  const counts = bincount(code, { length: classes * classes + 1 });
  return reshapeTo(counts.narrow(0, 0, classes * classes), [classes, classes]);
}
