/** recurrence: Theano's scan, with taps into the past of outputs and around the position in sequences. */
import { LoopError } from "../trace/errors.ts";
import { checkFunction, checkOptions } from "../trace/ops/options.ts";
import { functionName } from "../trace/parameter_names.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import type { Trace } from "../trace/trace.ts";
import { bindLoop, closeLoop, commitStates, type TracedLoop } from "./close_loop.ts";
import { DYNAMIC } from "./loop_params.ts";
import { matchedOutputs, outputCarries, type OutputInfo, outputPlans } from "./recurrence_outputs.ts";
import { type SequenceInfo, stepsOf, tappedSequences } from "./recurrence_sequences.ts";
import { traceBody } from "./trace_body.ts";
import { truncated } from "./truncate_gradient.ts";
import { lastRows, unbounded } from "./unbounded_rows.ts";
import { conditionScalar, flattenValues } from "./values.ts";

export type { OutputInfo } from "./recurrence_outputs.ts";
export type { SequenceInfo } from "./recurrence_sequences.ts";

/** What a {@link recurrence} walks over and carries. */
export interface RecurrenceOptions {
  /** Tensors walked over along axis 0, or `{ input, taps }`: the taps are positions relative to the step, 0 when absent. */
  readonly sequences?: SequenceInfo | readonly SequenceInfo[];
  /**
   * One entry per result of `fn`: null for a result that is only collected; an initial value for one whose last value
   * `fn` receives; `{ initial, taps }` for one of which it receives older values too: with taps other than [-1] the
   * initial value holds the values before the first step along axis 0, the oldest first.
   */
  readonly outputs?: OutputInfo | readonly OutputInfo[];
  /** Further arguments of `fn`, the same at each step. */
  readonly nonSequences?: Tensor | Shared | number | readonly (Tensor | Shared | number)[];
  /** The number of steps; needed without sequences. May be traced: rows that are not reached are then 0. */
  readonly steps?: number | Tensor | Shared;
  /**
   * An upper bound of a traced number of steps, which gives the results their length; without one, and without a
   * sequence to give one, only the last row of the results can be read, with `at(-1)`.
   */
  readonly maxSteps?: number;
  /** Walks from the end; the results are in the order of the walk. */
  readonly reverse?: boolean;
  /** Derivatives see the last so many steps only, and are exactly zero before. */
  readonly truncateGradient?: number;
  /** `fn` may use its arguments only. */
  readonly strict?: boolean;
}

const OPTIONS: readonly (keyof RecurrenceOptions)[] = [
  "sequences",
  "outputs",
  "nonSequences",
  "steps",
  "maxSteps",
  "reverse",
  "truncateGradient",
  "strict",
];

/** What `until` makes: the condition on which a recurrence stops. */
export class Until {
  /** @internal Made by `until`. */
  constructor(
    /** True: stop after this step. */
    readonly condition: Tensor | Shared | boolean,
  ) {}
}

/**
 * For the function of a {@link recurrence}, which may return `[outputs, until(condition)]`: the step for which the
 * condition, one bool, is true is the last.
 *
 * @example
 * ```ts
 * import { recurrence, tensor, until } from "@damo/damo";
 * const [powers, count] = recurrence(
 *   { outputs: [1], nonSequences: [2], steps: 100 },
 *   (last, base) => [last.mul(base), until(last.mul(base).gt(10))],
 * );
 * console.assert(count.itemSync() === 4 && powers.at(3).itemSync() === 16);
 * ```
 */
export function until(condition: Tensor | Shared | boolean): Until {
  return new Until(condition);
}

/** What the function of a recurrence returns. */
export type RecurrenceResult =
  | Tensor
  | number
  | readonly (Tensor | number)[]
  | readonly [Tensor | number | readonly (Tensor | number)[], Until];

/** What a recurrence returns for what its function returns. */
export type Recurred<R> = R extends readonly [infer O, Until] ? [Recurred<O>, Tensor]
  : R extends Tensor | number ? Tensor
  : R extends readonly unknown[] ? { -readonly [K in keyof R]: Tensor }
  : never;

/**
 * Theano's scan. At each step `fn` is called (traced once) with the taps of the sequences, those of the outputs, and the
 * further arguments, in the order given, and returns one tensor or an array; the results are stacked along a new axis 0.
 * Sequences of different lengths are cut to the shortest. When `fn` returns `[outputs, until(condition)]` the result is
 * `[outputs, count]`: the step that meets the condition is included, and later rows are 0.
 *
 * Where the number of steps is traced, and neither a sequence nor `maxSteps` bounds it, nothing is stacked and `at(-1)`
 * gives the last row of a result (the initial value, or 0, after no step); every other use of it is an error.
 *
 * @throws {LoopError} when an output changes its type, the number of steps is not known, or `strict` is violated.
 * @example
 * ```ts
 * import { recurrence, tensor } from "@damo/damo";
 * const fibonacci = recurrence(
 *   { outputs: [{ initial: tensor([0, 1]), taps: [-2, -1] }], steps: 5 },
 *   (older, last) => older.add(last),
 * );
 * console.assert(String(fibonacci.arraySync()) === "1,2,3,5,8");
 * ```
 */
export function recurrence<R extends RecurrenceResult>(
  options: RecurrenceOptions,
  fn: (...values: Tensor[]) => R,
): Recurred<R> {
  checkOptions("recurrence", options, OPTIONS);
  checkFunction("recurrence", fn);
  const sequences = tappedSequences(options.sequences, options.reverse ?? false);
  const steps = stepsOf(sequences, options.steps, options.maxSteps);
  const plans = outputPlans(options.outputs);
  const given = options.nonSequences ?? [];
  const further = flattenValues(Array.isArray(given) ? [...given] : [given], "nonSequences").tensors;
  const initial = flattenValues(outputCarries(plans), "outputs");
  const walked = sequences.flatMap(({ taps }) => taps.map((tap) => tap.cut(steps.length)));
  const traced = traceBody({
    operation: "recurrence",
    name: functionName(fn),
    initial,
    call(carry, trace) {
      const slices = walked.map(({ aval: { shape, dtype } }) =>
        trace.addInput({ shape: shape.slice(1), dtype })
      );
      const past = carry as Tensor[][];
      const taps = plans.flatMap((plan, k) => plan.taps.map((tap) => past[k][past[k].length + tap]));
      const returned = parseResult(fn(...slices, ...taps, ...further));
      const values = matchedOutputs(plans, returned.values);
      const stop = returned.stop &&
        conditionScalar(returned.stop.condition, "recurrence", "the condition of until");
      const next = past.map((old, k) => old.length === 0 ? [] : [...old.slice(1), values[k]]);
      return { carry: next, slices, values, single: returned.single, stop };
    },
  });
  const { trace, carries, next, result: { slices, values, single, stop } } = traced;
  if (options.strict) checkStrict(trace, further);
  // A recurrent output is stacked as it is carried: with the dtype of the carry.
  let last = -1;
  const places = values.map((_, k) => plans[k] && plans[k].depth > 0 ? last += plans[k].depth : -1);
  const rows = values.map((value, k) => places[k] < 0 ? traced.row(value) : next[places[k]]);
  const { truncateGradient } = options;
  const loop: TracedLoop = {
    operation: "recurrence",
    trace,
    carries,
    step: null,
    slices,
    next,
    rows,
    stop: stop && traced.value(stop),
    condition: null,
    initial: traced.initial,
    sequences: walked,
    count: steps.count,
    length: steps.length,
    reverse: false,
    taken: stop !== null,
  };
  if (steps.length === DYNAMIC) {
    if (truncateGradient !== undefined) throw unbounded();
    const { rows, taken } = lastRows(loop, places);
    const outputs = single ? rows[0] : rows;
    return (taken ? [outputs, taken] : outputs) as Recurred<R>;
  }
  const closed = closeLoop(loop);
  const result = truncateGradient === undefined
    ? bindLoop(closed)
    : truncated(closed, truncateGradient, bindLoop);
  commitStates(closed, result.carries);
  const outputs = single ? result.results[0] : result.results;
  return (result.taken ? [outputs, result.taken] : outputs) as Recurred<R>;
}

function parseResult(returned: unknown): {
  readonly values: readonly Tensor[];
  readonly single: boolean;
  readonly stop: Until | null;
} {
  if (Array.isArray(returned) && returned.length === 2 && returned[1] instanceof Until) {
    return { ...parseResult(returned[0]), stop: returned[1] };
  }
  const single = !Array.isArray(returned);
  const { tensors, paths } = flattenValues(single ? [returned] : returned, "result");
  if (tensors.length === (single ? 1 : (returned as unknown[]).length)) {
    return { values: tensors, single, stop: null };
  }
  throw new LoopError(
    `recurrence: the function must return a tensor or an array of tensors, got ${
      paths.join(", ") || "none"
    }.`,
    { operation: "recurrence", remedy: "Return [a, b], or [[a, b], until(condition)] to stop." },
  );
}

function checkStrict(trace: Trace, further: readonly Tensor[]): void {
  const passed = new Set<unknown>(further.map((x) => x.variable ?? x.rawStorage()));
  const captured = trace.captured.find((x) => !passed.has(x.variable ?? x.rawStorage()));
  const [shared] = trace.sharedReads.keys();
  if (!captured && !shared) return;
  const what = captured
    ? `a tensor ${captured.variable?.name ? `"${captured.variable.name}" ` : ""}of shape [${
      captured.shape.join(", ")
    }]`
    : `shared variable "${shared.name}"`;
  throw new LoopError(`recurrence: the function uses ${what}, which is not among its arguments.`, {
    operation: "recurrence",
    remedy: "Pass it in { nonSequences }, or leave { strict } out.",
  });
}
