/** The sequences of a recurrence: one slice per tap, and how many steps they allow. */
import { LoopError } from "../trace/errors.ts";
import { flipPrimitive } from "../trace/primitives/move_slice.ts";
import { describe } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne, currentTrace } from "../trace/trace.ts";
import { toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { TypedArray } from "../trace/dtype.ts";
import { DYNAMIC } from "./loop_params.ts";
import { rowsBetween } from "./truncate_gradient.ts";
import { definite } from "./values.ts";
import { checkCount, stepCount } from "./while_loop.ts";

/** A sequence, or a sequence with the positions around the step that the function receives. */
export type SequenceInfo = Tensor | Shared | TypedArray | {
  /** The sequence, walked over along axis 0. */
  readonly input: Tensor | Shared | TypedArray;
  /** Positions relative to the step that the function receives. */
  readonly taps?: readonly number[];
};

/** One tap of a sequence, in the order of the walk. */
interface Tap {
  /** Its first `length` rows. */
  cut(length: number): Tensor;
}

export interface TappedSequence {
  /** How many steps it allows. */
  readonly length: number;
  readonly taps: readonly Tap[];
}

export function tappedSequences(
  sequences: SequenceInfo | readonly SequenceInfo[] | undefined,
  reverse: boolean,
): TappedSequence[] {
  const list = sequences === undefined ? [] : Array.isArray(sequences) ? sequences : [sequences];
  return list.map((info: SequenceInfo, i) => {
    const bare = info instanceof Tensor || info instanceof Shared || ArrayBuffer.isView(info);
    if (!bare) checkOptions(`recurrence: sequences[${i}]`, info, ["input", "taps"]);
    const input = definite(toTensor(bare ? info : info.input));
    const taps = bare ? [0] : info.taps ?? [0];
    const name = `sequences[${i}]`;
    if (input.shape.length === 0) throw scalarSequence(name, input);
    if (taps.some((tap) => !Number.isInteger(tap))) throw badTaps(name, taps);
    // A step stands where all taps, and the position itself, lie inside.
    const low = Math.min(0, ...taps), high = Math.max(0, ...taps);
    const length = Math.max(0, input.shape[0] - (high - low));
    return {
      length,
      taps: taps.map((tap): Tap => ({ cut: (steps) => walk(input, tap - low, length, steps, reverse) })),
    };
  });
}

function walk(input: Tensor, start: number, length: number, steps: number, reverse: boolean): Tensor {
  // Taps may reach further than the whole sequence: then there are no steps.
  const from = steps === 0 ? 0 : reverse ? start + length - steps : start;
  const rows = from === 0 && steps === input.shape[0] ? input : rowsBetween(input, from, from + steps);
  return reverse ? bindOne(flipPrimitive, [rows], { axes: [0] }) : rows;
}

export interface RecurrenceSteps {
  /** Rows of the results; DYNAMIC where nothing bounds a traced number of steps. */
  readonly length: number;
  readonly count: Tensor | null;
}

/** The number of steps, from `steps` and the lengths of the sequences. */
export function stepsOf(
  sequences: readonly TappedSequence[],
  steps: number | Tensor | Shared | undefined,
  maxSteps: number | undefined,
): RecurrenceSteps {
  if (maxSteps !== undefined) checkCount("recurrence", "maxSteps", maxSteps);
  const shortest = sequences.length > 0
    ? Math.min(...sequences.map((sequence) => sequence.length))
    : undefined;
  if (steps === undefined) {
    if (shortest !== undefined) return { length: shortest, count: null };
    throw new LoopError("recurrence: there are neither sequences nor a number of steps.", {
      operation: "recurrence",
      remedy: "Pass { sequences } or { steps }.",
    });
  }
  const known = typeof steps !== "number" && currentTrace() === null
    ? Number(toTensor(steps).itemSync())
    : steps;
  if (typeof known === "number") {
    checkCount("recurrence", "steps", known);
    if (shortest === undefined || known <= shortest) return { length: known, count: null };
    throw new LoopError(`recurrence: ${known} steps are wanted, and the sequences have ${shortest}.`, {
      operation: "recurrence",
      arguments: [{ name: "steps", value: known }],
      remedy: "Pass fewer steps, or longer sequences.",
    });
  }
  const { length, count } = stepCount(known, "recurrence", "steps");
  if (length !== DYNAMIC) return { length, count };
  const bound = Math.min(shortest ?? Infinity, maxSteps ?? Infinity);
  return { length: bound === Infinity ? DYNAMIC : bound, count };
}

function scalarSequence(name: string, input: Tensor): LoopError {
  return new LoopError(
    `recurrence: ${name} is a scalar ${describe(input.aval)} and has no steps to walk over.`,
    {
      operation: "recurrence",
      arguments: [{ name, shape: input.shape, dtype: input.dtype }],
      remedy: "Pass what is the same at each step in { nonSequences }.",
    },
  );
}

function badTaps(name: string, taps: readonly number[]): LoopError {
  return new LoopError(`recurrence: the taps of ${name} are [${taps.join(", ")}].`, {
    operation: "recurrence",
    arguments: [{ name, value: taps }],
    remedy: "Taps are integers: 0 is the row of the step, -1 the one before it, 1 the one after.",
  });
}
