/**
 * Rows whose number is known only when the program runs. They have no shape, so they are no operand of anything; what
 * can be read of them is the last one.
 */
import type { DamoError } from "./errors.ts";
import { Variable } from "./graph.ts";
import { Tensor } from "./tensor.ts";
import { Trace } from "./trace.ts";

const lastRows = new WeakMap<object, Tensor>();

/** Rows of which `last` is the last; every other use is refused with the error that `refuse` makes. */
export function rowsWithLast(last: Tensor, operation: string, refuse: () => DamoError): Tensor {
  const { shape, dtype } = last.aval;
  const trace = new Trace(null, operation);
  trace.ended = true;
  trace.leak = refuse;
  const aval = {
    dtype,
    get shape(): never {
      throw refuse();
    },
  };
  const rows = new Tensor(aval, null, trace, new Variable({ shape, dtype }));
  lastRows.set(rows, last);
  return rows;
}

/** The last row of such rows. */
export function lastRowOf(x: object): Tensor | undefined {
  return lastRows.get(x);
}
