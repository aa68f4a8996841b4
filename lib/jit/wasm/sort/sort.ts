/** Sorting rows: keys are made of the elements, sorted, and what belongs to them is put in their order. */
import { isFloat } from "../../../trace/dtype.ts";
import type { Sort } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { hasWideKey, negativeZero, pushBits, pushBitsOfKey, pushKey, storeBits } from "./keys.ts";
import { emitLongSort } from "./long_sort.ts";
import { loadKey, type RecordLayout, recordLayout } from "./records.ts";
import { pushElement, restoreZeros, type RowPlace } from "./row_elements.ts";
import { sorterOf } from "./sorter.ts";
import { Word } from "./word.ts";

/** The function of one kernel while it is written. */
interface RowSort extends RowPlace {
  readonly layout: RecordLayout;
  /** The local with the address of a record. */
  readonly record: number;
  /** Sorts the records that start at scratch memory; leaves the address of the sorted ones. */
  readonly pushSorted: () => void;
}

/** A unit of work is one row. */
export function emitSort(context: ModuleContext, kernel: Sort): KernelFunction {
  const { rows, length, operands } = kernel;
  const long = emitLongSort(context, kernel);
  if (long) return long;
  const params = new Array<"i32">(operands.length + 2).fill("i32");
  const valuesOnly = operands.length === 2;
  const layout = recordLayout(operands[0].dtype, !valuesOnly);
  const sorter = sorterOf(context, operands[0].dtype, layout, length);
  const unitCost = length * sorter.cost;
  const f = context.module.addFunction({ params, results: [] });
  if (length === 0) return { index: f.index, units: 0, unitCost, splittable: true };
  const begin = operands.length, end = begin + 1;
  const [row, i, size, record] = Array.from({ length: 4 }, () => f.local("i32"));
  f.i32Const(length).localSet(size);
  f.localGet(begin).localSet(row);
  f.forLoop(row, end, 1, () => {
    const sort: RowSort = {
      f,
      kernel,
      layout,
      row,
      i,
      size,
      record,
      pushSorted: () => sorter.push(f, () => f.i32Const(length)),
    };
    (valuesOnly ? sortValues : sortRecords)(context, sort);
  });
  return { index: f.index, units: rows, unitCost, splittable: true };
}

/** Runs through the row, with the address of each record at hand. */
function eachElement(
  { f, layout, i, size, record }: RowSort,
  pushRecords: () => void,
  body: () => void,
): void {
  pushRecords();
  f.localSet(record).i32Const(0).localSet(i);
  f.forLoop(i, size, 1, () => {
    body();
    f.localGet(record).i32Const(layout.bytes).i32Add().localSet(record);
  });
}

/** Elements without anything that follows them are made of the sorted keys, in which zeros are told apart. */
function sortValues(context: ModuleContext, sort: RowSort): void {
  const { f, kernel, i, record } = sort;
  const { dtype } = kernel.operands[0], { descending } = kernel;
  const word = new Word(f, hasWideKey(dtype));
  const bits = f.local(word.type), negative = f.local("i32");
  f.i32Const(0).localSet(negative);
  eachElement(sort, () => f.globalGet(context.scratchGlobal), () => {
    f.localGet(record);
    pushElement(sort, 0, () => f.localGet(i));
    pushBits(f, dtype);
    if (isFloat(dtype)) {
      word.tee(bits).constant(negativeZero(dtype)).equal();
      f.localGet(negative).i32Or().localSet(negative);
      word.get(bits);
    }
    pushKey(f, dtype, { descending, zerosApart: true });
    word.store();
  });
  eachElement(sort, sort.pushSorted, () => {
    pushElement(sort, 1, () => f.localGet(i));
    f.localGet(record);
    loadKey(f, sort.layout);
    pushBitsOfKey(f, dtype, descending);
    storeBits(f, dtype);
  });
  if (isFloat(dtype)) {
    f.localGet(negative).if();
    restoreZeros(sort, dtype);
    f.end();
  }
  f.release(bits, negative);
}

/** Keys that carry their position along; then every operand is put in that order. */
function sortRecords(context: ModuleContext, sort: RowSort): void {
  const { f, kernel, layout, i, record } = sort;
  const { operands, descending } = kernel, count = operands.length / 2;
  const { dtype } = operands[0];
  eachElement(sort, () => f.globalGet(context.scratchGlobal), () => {
    f.localGet(record);
    pushElement(sort, 0, () => f.localGet(i));
    pushBits(f, dtype);
    pushKey(f, dtype, { descending, zerosApart: false });
    new Word(f, layout.wide).store();
    f.localGet(record).localGet(i).i32Store(layout.position!);
  });
  eachElement(sort, sort.pushSorted, () => {
    for (let k = 0; k < count; k++) {
      pushElement(sort, count + k, () => f.localGet(i));
      pushElement(sort, k, () => f.localGet(record).i32Load(layout.position!));
      pushBits(f, operands[k].dtype);
      storeBits(f, operands[k].dtype);
    }
  });
}
