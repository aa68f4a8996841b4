/** The results of a recurrence of which only the program knows how many rows they have: their last row is carried. */
import { LoopError } from "../trace/errors.ts";
import { rowsWithLast } from "../trace/last_row.ts";
import { filled } from "../trace/primitives/zeros.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bindLoop, closeLoop, commitStates, type LoopResult, type TracedLoop } from "./close_loop.ts";

export function unbounded(): LoopError {
  return new LoopError(
    "recurrence: the number of steps is traced, and nothing bounds the length of the results.",
    {
      operation: "recurrence",
      remedy:
        "Read the last row with at(-1); pass { maxSteps } for the number of rows (those not reached are " +
        "0); or make the number part of the signature with jit(fn, { static: [position] }).",
    },
  );
}

/** Binds the loop without its rows; `places` says which carry has the last value of each result, or -1. */
export function lastRows(
  loop: TracedLoop,
  places: readonly number[],
): { readonly rows: readonly Tensor[]; readonly taken: LoopResult["taken"] } {
  const added = loop.rows.filter((_, k) => places[k] < 0);
  const avals = added.map(({ aval: { shape, dtype } }) => ({ shape, dtype }));
  const closed = closeLoop({
    ...loop,
    carries: [...loop.carries, ...avals.map((aval) => loop.trace.addInput(aval))],
    next: [...loop.next, ...added],
    initial: [...loop.initial, ...avals.map((aval) => filled(0, aval))],
    rows: [],
  });
  const { carries, taken } = bindLoop(closed);
  const own = commitStates(closed, carries);
  let next = loop.carries.length;
  return {
    rows: places.map((place) => rowsWithLast(own[place < 0 ? next++ : place], "recurrence", unbounded)),
    taken,
  };
}
