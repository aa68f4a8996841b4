/** The loops and conditions written as functions. */
import "./tape_sum.ts";

export { cond, switchCase } from "./cond.ts";
export { foldl, foldr, map, reduce } from "./fold.ts";
export {
  type OutputInfo,
  type Recurred,
  recurrence,
  type RecurrenceOptions,
  type RecurrenceResult,
  type SequenceInfo,
  type Until,
  until,
} from "./recurrence.ts";
export { scan, type ScanOptions, type UntilOption } from "./scan.ts";
export type { Values, ValuesLike } from "./values.ts";
export { forLoop, whileLoop, type WhileOptions } from "./while_loop.ts";
