/** scan: a loop over the rows of sequences that carries state and collects results. */
import { LoopError } from "../trace/errors.ts";
import { checkFunction, checkOptions } from "../trace/ops/options.ts";
import { functionName, parameterName } from "../trace/parameter_names.ts";
import { flipPrimitive } from "../trace/primitives/move_slice.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { unflatten } from "../trace/tree.ts";
import { bindLoop, type ClosedLoop, closeLoop, commitStates, type LoopResult } from "./close_loop.ts";
import { checkpointed } from "./checkpoint_every.ts";
import { commonLength, flattenSequences } from "./sequences.ts";
import { traceBody } from "./trace_body.ts";
import { truncated } from "./truncate_gradient.ts";
import { conditionScalar, definite, flattenValues, type Values, type ValuesLike } from "./values.ts";

/** Options of scan. */
export interface ScanOptions {
  /** The number of steps; needed without xs. */
  readonly length?: number;
  /** Walks from the last row to the first; ys stay at the places of their xs. */
  readonly reverse?: boolean;
  /** Derivatives see the last so many steps only, and are exactly zero before (truncated backpropagation through time). */
  readonly truncateGradient?: number;
  /** Reverse mode keeps the carry of every so many steps only, and computes the steps between again. */
  readonly checkpointEvery?: number;
}

/** What makes a scan stop before its end. */
export interface UntilOption<C, Y> {
  /** True to stop after this step. */
  readonly until: (carry: Values<C>, y: Values<Y>) => Tensor | boolean;
}

/**
 * A loop over axis 0 of `xs`. `step(carry, x)` returns the new carry and a result `y`; the results are stacked. Carry,
 * xs and ys are trees. The step is traced once, and runs as a loop whatever the length; tensors and Shared that it
 * captures are constants of the loop, a Shared that it assigns is carried and assigned when the loop ends.
 *
 * With `{ until }` the loop stops after the first step for which it is true: the result is [carry, ys, count], where
 * rows of ys from count on are 0.
 *
 * @returns `[carry, ys]`: the carry after the last step, and the results along a new axis 0.
 * @throws {LoopError} when the carry changes its type, or the sequences have different lengths.
 * @example
 * ```ts
 * import { scan, tensor } from "@damo/damo";
 * const [total, sums] = scan((sum, x) => [sum.add(x), sum.add(x)], 0, tensor([1, 2, 3]));
 * console.assert(total.itemSync() === 6 && String(sums.arraySync()) === "1,3,6");
 * ```
 */
export function scan<const C, const Y, const X = undefined>(
  step: (carry: Values<NoInfer<C>>, x: Values<NoInfer<X>>) => readonly [ValuesLike<NoInfer<C>>, Y],
  init: C,
  xs: X | null | undefined,
  options: ScanOptions & UntilOption<C, Y>,
): [Values<C>, Values<Y>, Tensor];
/** Without `until`: all steps are taken, and the result is `[carry, ys]`. */
export function scan<const C, const Y, const X = undefined>(
  step: (carry: Values<NoInfer<C>>, x: Values<NoInfer<X>>) => readonly [ValuesLike<NoInfer<C>>, Y],
  init: C,
  xs?: X | null,
  options?: ScanOptions,
): [Values<C>, Values<Y>];
export function scan<const C, const Y, const X>(
  step: (carry: Values<NoInfer<C>>, x: Values<NoInfer<X>>) => readonly [ValuesLike<NoInfer<C>>, Y],
  init: C,
  xs?: X | null,
  options: ScanOptions & Partial<UntilOption<C, Y>> = {},
): [Values<C>, Values<Y>] | [Values<C>, Values<Y>, Tensor] {
  checkOptions("scan", options, ["length", "reverse", "truncateGradient", "checkpointEvery", "until"]);
  return scanAs("scan", step, init, xs, options);
}

/** A scan that errors call `operation`. */
export function scanAs<const C, const Y, const X>(
  operation: string,
  step: (carry: Values<NoInfer<C>>, x: Values<NoInfer<X>>) => readonly [ValuesLike<NoInfer<C>>, Y],
  init: C,
  xs: X | null | undefined,
  options: ScanOptions & Partial<UntilOption<C, Y>>,
): [Values<C>, Values<Y>] | [Values<C>, Values<Y>, Tensor] {
  checkFunction(operation, step, "step");
  const { reverse = false, until } = options;
  if (until !== undefined) checkFunction(operation, until, "until");
  const sequences = flattenSequences(xs ?? undefined, operation, "xs");
  const length = commonLength(sequences, options.length, operation);
  // A loop that stops early walks forwards: over flipped sequences.
  const flipped = reverse && until !== undefined;
  const turn = (tensors: readonly Tensor[]) =>
    flipped ? tensors.map((x) => bindOne(flipPrimitive, [x], { axes: [0] })) : tensors;
  const walked = turn(sequences.tensors.map(definite));
  const initialCarry = flattenValues(init, parameterName(step, 0, "carry"));
  const traced = traceBody({
    operation,
    name: functionName(step),
    initial: initialCarry,
    call(carry, trace) {
      const xName = parameterName(step, 1, "x");
      const slices = walked.map(({ aval: { shape, dtype } }, i) =>
        trace.addInput({ shape: shape.slice(1), dtype }, `${xName}${sequences.paths[i].slice(2)}`)
      );
      const returned = step(carry as Values<C>, unflatten(sequences.spec, slices) as Values<X>);
      if (!Array.isArray(returned) || returned.length !== 2) throw noPair(returned);
      const y = flattenValues(returned[1], "y");
      const carryValues = () => unflattenLike(returned[0]);
      const stop = until
        ? conditionScalar(
          until(carryValues() as Values<C>, unflatten(y.spec, y.tensors.map(definite)) as Values<Y>),
          operation,
          "the result of until",
        )
        : null;
      return { carry: returned[0] as unknown, slices, rows: y.tensors, spec: y.spec, stop };
    },
  });
  const { trace, carries, next, initial, result: { slices, rows, spec, stop } } = traced;
  const closed = closeLoop({
    operation,
    trace,
    carries,
    step: null,
    slices,
    next,
    rows: rows.map((tensor) => traced.row(tensor)),
    stop: stop && traced.value(stop),
    condition: null,
    initial,
    sequences: walked,
    count: null,
    length,
    reverse: reverse && !flipped,
    taken: stop !== null,
  });
  const result = runPieces(closed, options);
  const own = commitStates(closed, result.carries);
  const finalCarry = unflatten(initialCarry.spec, own) as Values<C>;
  const ys = unflatten(spec, turn(result.results)) as Values<Y>;
  return result.taken ? [finalCarry, ys, result.taken] : [finalCarry, ys];
}

/** Runs the loop, in pieces where derivatives want it so. */
function runPieces(
  closed: ClosedLoop,
  options: Pick<ScanOptions, "truncateGradient" | "checkpointEvery">,
): LoopResult {
  const { truncateGradient, checkpointEvery } = options;
  const run = checkpointEvery === undefined
    ? bindLoop
    : (piece: ClosedLoop) => checkpointed(piece, checkpointEvery);
  return truncateGradient === undefined ? run(closed) : truncated(closed, truncateGradient, run);
}

/** The new carry as a tree of tensors, for `until`. */
function unflattenLike(tree: unknown): unknown {
  const { tensors, spec } = flattenValues(tree, "");
  return unflatten(spec, tensors);
}

function noPair(returned: unknown): LoopError {
  const shown = Array.isArray(returned)
    ? `an array of ${returned.length}`
    : returned instanceof Tensor
    ? "a tensor"
    : typeof returned;
  return new LoopError(`scan: the step must return [carry, y], got ${shown}.`, {
    operation: "scan",
    remedy: "Return the new carry and what to collect, null when there is nothing: [carry, null].",
  });
}
