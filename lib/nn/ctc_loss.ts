/** Connectionist temporal classification. */
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { isFloat } from "../trace/dtype.ts";
import { scan } from "../loop/functions.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { integersOf } from "../trace/ops/integers.ts";
import { iota } from "../trace/ops/creation.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { max, sum } from "../trace/ops/reductions.ts";
import { exp, log } from "../trace/ops/exponential.ts";
import { concat, stack } from "../trace/ops/shape_join.ts";
import { gather } from "../trace/ops/taking.ts";
import { filled } from "../trace/primitives/zeros.ts";
import { broadcastShape } from "../trace/primitives/elementwise_rules.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import type { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { stopGradient } from "../autodiff/mod.ts";
import { describe } from "./describe.ts";
import { type LossOptions, reduceLoss } from "./loss.ts";
import { logSoftmax } from "./softmax.ts";

/** Options of ctcLoss. */
export interface CtcOptions extends LossOptions {
  /** The number of time steps of each sequence, [N]; all T when left out. */
  readonly inputLengths?: TensorLike;
  /** The class that stands for no label; 0 by default. */
  readonly blank?: number;
}

/** Stands for log 0: finite, so that differences of impossible paths are no NaN. */
const IMPOSSIBLE = -1e30;

/** log(sum(exp(x))) over the first axis of terms that may all be impossible. */
function addPaths(terms: Tensor): Tensor {
  const greatest = stopGradient(max(terms, { axis: 0 }));
  return log(sum(exp(terms.sub(greatest)), { axis: 0 })).add(greatest);
}

/** `x` moved right by `count` along its last axis, impossible paths coming in. */
function shiftRight(x: Tensor, count: number): Tensor {
  const [n, s] = x.shape;
  const edge = filled(IMPOSSIBLE, { shape: [n, Math.min(count, s)], dtype: x.dtype });
  return s <= count ? edge : concat([edge, x.narrow(1, 0, s - count)], 1);
}

/**
 * The negative logarithm of the probability of label sequences, summed over all alignments (Graves, Fernández, Gomez and
 * Schmidhuber, ICML 2006): logits [T, N, C] before any softmax, labels [N, L] padded with -1, result [N] (reduction "none" by
 * default). A sequence too short for its labels costs Infinity and has gradient 0.
 *
 * @throws {ShapeError} when the shapes do not fit.
 * @throws {DTypeError} for labels that are no integers.
 * @example
 * ```ts
 * import { nn, tensor, zeros } from "@damo/damo";
 * // Two steps, classes blank and 1: of four alignments three give the label 1.
 * const loss = nn.ctcLoss(zeros([2, 1, 2]), tensor(new Int32Array([1]), { shape: [1, 1] }));
 * console.assert(Math.abs(loss.itemSync() + Math.log(3 / 4)) < 1e-6);
 * ```
 */
export function ctcLoss(logits: TensorLike, labels: TensorLike, options: CtcOptions = {}): Tensor {
  const operation = "nn.ctcLoss";
  checkOptions(operation, options, ["inputLengths", "blank", "reduction"]);
  const x = strong(logits, operation), given = integersOf(labels, operation);
  checkOperands(operation, x, given);
  const [, n, classes] = x.shape;
  const { blank = 0, reduction = "none" } = options;
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new DamoError(`${operation}: blank is ${blank}, and there are ${classes} classes.`, {
      operation,
      arguments: [{ name: "blank", value: blank }],
      remedy: `Pass a class from 0 to ${classes - 1}.`,
    });
  }
  const lengths = options.inputLengths === undefined
    ? undefined
    : inputLengths(operation, options.inputLengths, n);
  return whole(operation, ctcLossOf, x, given, blank, reduction, lengths);
}

function ctcLossOf(
  x: Tensor,
  labels: Tensor,
  blank: number,
  reduction: LossOptions["reduction"],
  lengths?: Tensor,
): Tensor {
  const [steps, n] = x.shape, length = labels.shape[1];
  const target = labels.cast("int32");
  // The labels with blanks between and around them: 2 L + 1 states.
  const states = 2 * length + 1;
  const real = where(target.ge(0), target, blank);
  const blanks = filled(blank, { shape: [n, length, 1], dtype: "int32" });
  const pairs = reshapeTo(concat([blanks, real.expandDims(2)], 2), [n, 2 * length]);
  const extended = concat([pairs, filled(blank, { shape: [n, 1], dtype: "int32" })], 1);
  // A path may jump over a blank between two different labels.
  const before = concat([filled(blank, { shape: [n, Math.min(2, states)], dtype: "int32" }), extended], 1);
  const jumps = extended.ne(blank).and(extended.ne(before.narrow(1, 0, states)));
  const count = sum(target.ge(0).cast("int32"), { axis: 1 });
  const index = broadcastShape(extended.expandDims(0), [steps, n, states]);
  const emissions = gather(logSoftmax(x), index, -1);
  const last = lengths ? lengths.cast("int32") : filled(steps, { shape: [n], dtype: "int32" });
  const position = iota([states], 0, "int32");
  const start = where(position.lt(2), emissions.at(0), IMPOSSIBLE).cast(x.dtype);
  const [final] = scan(
    (alpha: Tensor, [emission, t]: [Tensor, Tensor]) => {
      const jumped = where(jumps, shiftRight(alpha, 2), IMPOSSIBLE).cast(alpha.dtype);
      const next = addPaths(stack([alpha, shiftRight(alpha, 1), jumped])).add(emission);
      // Impossible stays impossible, instead of falling further at every step; a sequence that is over stays as it is.
      const bounded = where(next.lt(IMPOSSIBLE / 2), IMPOSSIBLE, next).cast(alpha.dtype);
      return [where(t.lt(last).expandDims(1), bounded, alpha), null] as [Tensor, null];
    },
    start,
    [emissions.narrow(0, 1, steps - 1), iota([steps - 1], 0, "int32").add(1)] as [Tensor, Tensor],
  );
  // The path ends in the last label or the blank behind it.
  const end = count.mul(2).expandDims(1);
  const ends = position.eq(end).or(position.eq(end.sub(1)));
  const total = addPaths(where(ends, final, IMPOSSIBLE).cast(x.dtype).transpose());
  const possible = total.gt(IMPOSSIBLE / 2);
  const loss = where(possible, total.neg(), Infinity).cast(x.dtype);
  return reduceLoss("nn.ctcLoss", loss, reduction);
}

function inputLengths(operation: string, given: TensorLike, n: number): Tensor {
  const lengths = integersOf(given, operation);
  if (lengths.ndim === 1 && lengths.shape[0] === n && (!isFloat(lengths.dtype) || lengths.literal !== null)) {
    return lengths;
  }
  throw new ShapeError(`${operation}: inputLengths are ${describe(lengths)} for ${n} sequences.`, {
    operation,
    arguments: [{ name: "inputLengths", shape: lengths.shape, dtype: lengths.dtype }],
    remedy: `Pass int32[${n}].`,
  });
}

function checkOperands(operation: string, x: Tensor, labels: Tensor): void {
  const args = [
    { name: "logits", shape: x.shape, dtype: x.dtype },
    { name: "labels", shape: labels.shape, dtype: labels.dtype },
  ];
  if (!isFloat(x.dtype) || isFloat(labels.dtype)) {
    throw new DTypeError(`${operation}: logits are ${describe(x)} and labels ${describe(labels)}.`, {
      operation,
      arguments: args,
      remedy: "Pass float logits [T, N, C] and integer labels [N, L], padded with -1.",
    });
  }
  if (x.ndim === 3 && labels.ndim === 2 && labels.shape[0] === x.shape[1] && x.shape[0] > 0) return;
  throw new ShapeError(`${operation}: logits are ${describe(x)} and labels ${describe(labels)}.`, {
    operation,
    arguments: args,
    remedy: "Pass logits [T, N, C] with T at least 1, and labels [N, L] for the same N, padded with -1.",
  });
}
