/** The outputs of a recurrence: which of their past values the function receives. */
import { LoopError } from "../trace/errors.ts";
import { toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { reshapeTo } from "../trace/primitives/move.ts";
import { describe } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import type { TypedArray } from "../trace/dtype.ts";
import { rowsBetween } from "./truncate_gradient.ts";

/** null for a result that is only collected; otherwise where it starts from. */
export type OutputInfo = null | Tensor | Shared | number | TypedArray | {
  /** The value before the first step; with taps, those before it along a leading axis. */
  readonly initial: Tensor | Shared | number | TypedArray;
  /** Which past values the function receives, all negative: -1 is the last. */
  readonly taps?: readonly number[];
};

export interface OutputPlan {
  /** Negative: -1 is the last value. */
  readonly taps: readonly number[];
  /** How many past values are carried. */
  readonly depth: number;
  /** The values before the first step, oldest first. */
  readonly past: readonly Tensor[];
}

export function outputPlans(outputs: OutputInfo | readonly OutputInfo[] | undefined): OutputPlan[] {
  const list = outputs === undefined ? [] : Array.isArray(outputs) ? outputs : [outputs];
  return list.map((info: OutputInfo, k) => {
    if (info === null || info === undefined) return { taps: [], depth: 0, past: [] };
    const bare = info instanceof Tensor || info instanceof Shared || typeof info === "number" ||
      ArrayBuffer.isView(info);
    if (!bare) checkOptions(`recurrence: outputs[${k}]`, info, ["initial", "taps"]);
    const initial = toTensor(bare ? info : info.initial);
    const taps = bare ? [-1] : info.taps ?? [-1];
    const name = `outputs[${k}]`;
    if (taps.length === 0 || taps.some((tap) => !Number.isInteger(tap) || tap >= 0)) {
      throw new LoopError(`recurrence: the taps of ${name} are [${taps.join(", ")}].`, {
        operation: "recurrence",
        arguments: [{ name, value: taps }],
        remedy: "Taps of outputs are negative integers: -1 is the last value, -2 the one before.",
      });
    }
    const depth = -Math.min(...taps);
    if (taps.length === 1 && depth === 1) return { taps, depth, past: [initial] };
    if (initial.shape[0] !== depth) {
      throw new LoopError(
        `recurrence: the taps [${
          taps.join(", ")
        }] of ${name} reach ${depth} steps back, and its initial value is ${describe(initial.aval)}.`,
        {
          operation: "recurrence",
          arguments: [{ name, shape: initial.shape, dtype: initial.dtype }],
          remedy: `Give ${depth} values along axis 0, the oldest first.`,
        },
      );
    }
    const rest = initial.shape.slice(1);
    const past = Array.from({ length: depth }, (_, i) => reshapeTo(rowsBetween(initial, i, i + 1), rest));
    return { taps, depth, past };
  });
}

/** The carries: per output its past values. */
export function outputCarries(plans: readonly OutputPlan[]): Tensor[][] {
  return plans.map((plan) => [...plan.past]);
}

/** The results of the function, after checking that there is one per output. */
export function matchedOutputs(plans: readonly OutputPlan[], values: readonly Tensor[]): readonly Tensor[] {
  if (plans.length === 0 || plans.length === values.length) return values;
  throw new LoopError(
    `recurrence: the function returns ${values.length} results, and { outputs } has ${plans.length} entries.`,
    {
      operation: "recurrence",
      remedy: "Give one entry per result: null for one that is only collected.",
    },
  );
}
