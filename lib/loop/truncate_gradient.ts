/**
 * Truncated backpropagation through time (Williams and Peng, An efficient gradient-based algorithm for on-line training
 * of recurrent network trajectories, 1990): a loop in two pieces, of which derivatives see the second only.
 */
import { customJvp } from "../autodiff/custom_jvp.ts";
import { stopGradient } from "../autodiff/stop_gradient.ts";
import { isFloat } from "../trace/dtype.ts";
import { LoopError } from "../trace/errors.ts";
import { dynamicSlicePrimitive, dynamicUpdatePrimitive } from "../trace/primitives/index_dynamic.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { concatPrimitive } from "../trace/primitives/move_concat.ts";
import { iotaPrimitive } from "../trace/primitives/iota.ts";
import { slicePrimitive } from "../trace/primitives/move_slice.ts";
import { filled } from "../trace/primitives/zeros.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne, currentTrace } from "../trace/trace.ts";
import { bindLoop, type ClosedLoop, type LoopResult } from "./close_loop.ts";

type Run = (loop: ClosedLoop) => LoopResult;

const cut = (tensors: readonly Tensor[]): Tensor[] =>
  tensors.map((tensor) => isFloat(tensor.aval.dtype) ? stopGradient(tensor) : tensor);

/** `value` with a derivative of exactly zero with respect to `origin`, which still counts as something it depends on. */
const withoutSlope = customJvp(
  function truncateGradient(value: Tensor, _origin: Tensor): Tensor {
    return value;
  },
  ([value], [, tangent]) => {
    const { dtype } = tangent.aval;
    // Not a product with 0, which is NaN where the derivative that is cut off would overflow.
    const never = bindOne(elementwise.select, [
      filled(0, { shape: tangent.shape, dtype: "bool" }),
      tangent,
      filled(0, { shape: tangent.shape, dtype }),
    ], {});
    return [value, never];
  },
);

/** The carries of the early steps, as those of the last steps begin with them. */
function begin(carries: readonly Tensor[], origins: readonly Tensor[]): Tensor[] {
  return cut(carries).map((carry, i) =>
    isFloat(carry.aval.dtype) && currentTrace() !== null ? withoutSlope(carry, origins[i]) : carry
  );
}

/** Rows `from` to `to` of a sequence. */
export function rowsBetween(x: Tensor, from: number, to: number): Tensor {
  const rest = x.shape.slice(1);
  return bindOne(slicePrimitive, [x], {
    start: [from, ...rest.map(() => 0)],
    stop: [to, ...rest],
    step: x.shape.map(() => 1),
  });
}

/** The loop with derivatives through its last `steps` steps only; through all when it is -1, as in Theano. */
export function truncated(closed: ClosedLoop, steps: number, run: Run): LoopResult {
  if (steps === -1) return run(closed);
  if (!Number.isInteger(steps) || steps < 0) {
    throw new LoopError(`${closed.operation}: truncateGradient is ${String(steps)}.`, {
      operation: closed.operation,
      arguments: [{ name: "truncateGradient", value: steps }],
      remedy:
        "Pass the number of last steps that derivatives go through: a non-negative integer, or -1 for all.",
    });
  }
  const { params } = closed;
  if (params.stops || closed.count) return truncatedAtStop(closed, steps, run);
  const { length } = params;
  const head = Math.max(0, length - steps);
  if (head === 0) return run(closed);
  // The last steps of a reversed loop are those on the first rows.
  const parts = (xs: readonly Tensor[]) => {
    const early = xs.map((x) =>
      params.reverse ? rowsBetween(x, length - head, length) : rowsBetween(x, 0, head)
    );
    const late = xs.map((x) =>
      params.reverse ? rowsBetween(x, 0, length - head) : rowsBetween(x, head, length)
    );
    return { early, late };
  };
  const { early, late } = parts(closed.sequences);
  const first = bindLoop({
    ...closed,
    params: { ...params, length: head },
    constants: cut(closed.constants),
    carries: cut(closed.carries),
    sequences: cut(early),
  });
  const second = run({
    ...closed,
    params: { ...params, length: length - head },
    carries: begin(first.carries, closed.carries),
    sequences: late,
  });
  const results = first.results.map((rows, i) => {
    const [head] = cut([rows]);
    const pieces = params.reverse ? [second.results[i], head] : [head, second.results[i]];
    return bindOne(concatPrimitive, pieces, { axis: 0 });
  });
  return { ...second, results };
}

const integer = (value: number) => Tensor.literal(value, "int32");

/**
 * Where a stop or a count decides which steps are the last, the loop runs once to find out, and once more in two pieces. Rows
 * come from the first run, with those of the last steps taken from the piece that has derivatives.
 */
function truncatedAtStop(closed: ClosedLoop, steps: number, run: Run): LoopResult {
  const { params } = closed;
  const { length } = params;
  const window = Math.min(steps, length);
  const whole = bindLoop({
    ...closed,
    params: { ...params, taken: true },
    constants: cut(closed.constants),
    carries: cut(closed.carries),
    sequences: cut(closed.sequences),
  });
  const taken = whole.taken!;
  const late = bindOne(elementwise.minimum, [taken, integer(window)], {});
  const start = bindOne(elementwise.sub, [taken, late], {});
  const counted = { ...params, counted: true, taken: false };
  const first = bindLoop({
    ...closed,
    params: counted,
    count: start,
    constants: cut(closed.constants),
    carries: cut(closed.carries),
    sequences: cut(closed.sequences),
  });
  const block = (x: Tensor, from: Tensor) => {
    const rest = x.shape.slice(1);
    const starts = [from, ...rest.map(() => integer(0))];
    return bindOne(dynamicSlicePrimitive, [x, ...starts], { sizes: [window, ...rest] });
  };
  // The block may begin earlier than its first step where fewer than `window` rows are left behind it.
  const second = run({
    ...closed,
    params: { ...counted, length: window },
    count: late,
    carries: begin(first.carries, closed.carries),
    sequences: closed.sequences.map((x) => block(padded(x, window), start)),
  });
  const results = whole.results.map((rows, i) => placeRows(cut([rows])[0], second.results[i], start, late));
  return { carries: second.carries, results, taken: params.taken ? taken : null };
}

/** `x` with `count` rows of zeros behind it, so that a block of that many rows fits at every row. */
function padded(x: Tensor, count: number): Tensor {
  const fill = filled(0, { shape: [count, ...x.shape.slice(1)], dtype: x.aval.dtype });
  return bindOne(concatPrimitive, [x, fill], { axis: 0 });
}

/** `rows` with `count` rows from `start` on taken from `late`. */
function placeRows(rows: Tensor, late: Tensor, start: Tensor, count: Tensor): Tensor {
  const [length, ...rest] = rows.shape;
  const window = late.shape[0];
  const long = padded(rows, window);
  const starts = [start, ...rest.map(() => integer(0))];
  const old = bindOne(dynamicSlicePrimitive, [long, ...starts], { sizes: [window, ...rest] });
  const position = bindOne(iotaPrimitive, [], {
    shape: [window, ...rest.map(() => 1)],
    dtype: "int32",
    axis: 0,
  });
  const isLate = bindOne(elementwise.lt, [position, count], {});
  const update = bindOne(elementwise.select, [isLate, late, old], {});
  return rowsBetween(bindOne(dynamicUpdatePrimitive, [long, update, ...starts], {}), 0, length);
}
