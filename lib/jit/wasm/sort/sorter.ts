/** Which way records are sorted, by how many there are at most. */
import type { DType } from "../../../trace/dtype.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { keyWidth } from "./keys.ts";
import { emitMergeSort } from "./merge_sort.ts";
import { countBytes, digitsFor, emitRadixSort } from "./radix_sort.ts";
import type { RecordLayout } from "./records.ts";

/** Up to this many are merged: below it the tables of a radix sort cost more than they save. */
const LONGEST_MERGED = 96;

/** Sorts the records that start at scratch memory. */
export interface Sorter {
  /** What a record costs. */
  readonly cost: number;
  /** Takes nothing and leaves the address of the sorted records, which is that of one of two spaces. */
  push(f: FunctionBuilder, pushCount: () => void): void;
}

/** A sorter for up to `capacity` records with keys of a dtype. */
export function sorterOf(
  context: ModuleContext,
  dtype: DType,
  layout: RecordLayout,
  capacity: number,
): Sorter {
  // Spaces start at multiples of 16.
  const space = Math.ceil(capacity * layout.bytes / 16) * 16;
  const pushSpaces = (f: FunctionBuilder): FunctionBuilder =>
    f.globalGet(context.scratchGlobal).globalGet(context.scratchGlobal).i32Const(space).i32Add();
  if (capacity <= LONGEST_MERGED) {
    context.needScratch(2 * space);
    const { index } = emitMergeSort(context, layout);
    return {
      cost: 8 * Math.ceil(Math.log2(capacity + 2)),
      push(f, pushCount) {
        pushSpaces(f);
        pushCount();
        f.call(index);
      },
    };
  }
  const digits = digitsFor(keyWidth(dtype), capacity);
  context.needScratch(2 * space + countBytes(digits));
  const { index } = emitRadixSort(context, layout, digits);
  return {
    cost: 24,
    push(f, pushCount) {
      pushSpaces(f).globalGet(context.scratchGlobal).i32Const(2 * space).i32Add();
      pushCount();
      f.call(index);
    },
  };
}
