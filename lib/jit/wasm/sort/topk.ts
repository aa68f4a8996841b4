/**
 * The largest elements of rows without sorting them: elements that are before the last of the best so far are collected,
 * and whenever the place for them is full, it is sorted and the best stay. Of a row of n elements in random order only
 * about k log(n / k) are ever collected; the others are compared many at a time.
 */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import type { Topk } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { pushBits, pushKey, storeBits } from "./keys.ts";
import { loadKey, recordLayout } from "./records.ts";
import { sorterOf } from "./sorter.ts";
import { Word } from "./word.ts";

/** How much is collected before it is sorted: a multiple of what stays. */
const COLLECTED = 3;
const LEAST_COLLECTED = 256;
/** Vectors that are compared before a branch. */
const VECTORS = 4;

/** Leaves a mask of the lanes in which the first vector is not before the second. NaN in the second is never said to be. */
const AT_MOST: { readonly [d in DType]?: (f: FunctionBuilder) => FunctionBuilder } = {
  float32: (f) => f.f32x4Le(),
  float64: (f) => f.f64x2Le(),
  int32: (f) => f.i32x4LeS(),
  uint32: (f) => f.i32x4LeU(),
};

/**
 * Rows are cut into parts of at least so many elements, and of so many times what stays of them: every part collects
 * elements that are no longer among the best when all parts are known.
 */
const LEAST_PART = 1 << 16;
const LEAST_SHARE = 2048;

/** Nanoseconds in which an element is compared. */
const COMPARE_COST = 0.3;

/** Emits a topk: a unit of work is one row, or a part of one where there are few long ones. */
export function emitTopk(context: ModuleContext, kernel: Topk): KernelFunction {
  const { rows, length, count, operands } = kernel;
  const { dtype } = operands[0], bytes = byteSize(dtype);
  if (count === 0 || rows === 0) return emptyTopk(context);
  const parts = partsOf(context, kernel);
  if (parts > 1) return emitParts(context, kernel, parts);
  const { index, cost } = topkOf(context, dtype, { length, count });
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32"], results: [] });
  const [source, values, indices, row, end] = [0, 1, 2, 3, 4];
  f.forLoop(row, end, 1, () => {
    f.localGet(row).i32Const(length * bytes).i32Mul().localGet(source).i32Add().i32Const(length);
    f.localGet(row).i32Const(count * bytes).i32Mul().localGet(values).i32Add();
    f.localGet(row).i32Const(count * 4).i32Mul().localGet(indices).i32Add();
    f.i32Const(0).call(index);
  });
  return { index: f.index, units: rows, unitCost: cost, splittable: true };
}

function emptyTopk({ module }: ModuleContext): KernelFunction {
  const { index } = module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32"], results: [] });
  return { index, units: 0, unitCost: 0, splittable: true };
}

/**
 * In how many parts a row is searched; 1 for short rows, and where there are enough rows for all threads. No more parts than
 * threads, since each collects the best anew.
 */
function partsOf({ threads }: ModuleContext, { rows, length, count }: Topk): number {
  if (threads < 2 || rows >= 2 * threads) return 1;
  return Math.max(1, Math.min(threads, Math.floor(length / Math.max(LEAST_PART, LEAST_SHARE * count))));
}

/**
 * The best of each part in their order, and the best of those: of equal ones those of earlier parts come first, so that
 * the result does not depend on how a row is cut.
 */
function emitParts(
  context: ModuleContext,
  { rows, length, count, operands }: Topk,
  parts: number,
): KernelFunction {
  const { dtype } = operands[0], bytes = byteSize(dtype);
  const size = Math.ceil(length / parts / 64) * 64, found = parts * count;
  const each = topkOf(context, dtype, { length: size, count });
  const best = topkOf(context, dtype, { length: found, count });
  const params: "i32"[] = ["i32", "i32", "i32", "i32", "i32", "i32"];
  const [source, values, indices, temporary, unit, end] = [0, 1, 2, 3, 4, 5];
  // The values of all parts, and behind them where they stand in their rows.
  const positionsAt = Math.ceil((rows * found * bytes + 16) / 64) * 64;
  const f = context.module.addFunction({ params, results: [] });
  const first = f.local("i32");
  f.forLoop(unit, end, 1, () => {
    f.localGet(unit).i32Const(parts).i32RemU().i32Const(size).i32Mul().localSet(first);
    f.localGet(unit).i32Const(parts).i32DivU().i32Const(length).i32Mul().localGet(first).i32Add();
    f.i32Const(bytes).i32Mul().localGet(source).i32Add();
    f.i32Const(size).i32Const(length).localGet(first).i32Sub();
    f.localGet(first).i32Const(length - size).i32LeU().select();
    f.localGet(unit).i32Const(count * bytes).i32Mul().localGet(temporary).i32Add();
    f.localGet(unit).i32Const(count * 4).i32Mul().localGet(temporary).i32Add().i32Const(positionsAt).i32Add();
    f.localGet(first).call(each.index);
  });
  const finish = context.module.addFunction({ params, results: [] });
  const row = finish.local("i32"), last = finish.local("i32"), out = finish.local("i32");
  const stop = finish.local("i32"), positions = finish.local("i32");
  finish.i32Const(rows).localSet(last).i32Const(0).localSet(row);
  finish.forLoop(row, last, 1, () => {
    finish.localGet(row).i32Const(found * bytes).i32Mul().localGet(temporary).i32Add().i32Const(found);
    finish.localGet(row).i32Const(count * bytes).i32Mul().localGet(values).i32Add();
    finish.localGet(row).i32Const(count * 4).i32Mul().localGet(indices).i32Add().localTee(out);
    finish.i32Const(0).call(best.index);
    finish.localGet(row).i32Const(found * 4).i32Mul().localGet(temporary).i32Add();
    finish.i32Const(positionsAt).i32Add().localSet(positions);
    finish.localGet(out).i32Const(count * 4).i32Add().localSet(stop);
    finish.forLoop(out, stop, 4, () => {
      finish.localGet(out).localGet(out).i32Load().i32Const(4).i32Mul().localGet(positions).i32Add();
      finish.i32Load().i32Store();
    });
  });
  const temporaryBytes = positionsAt + rows * found * 4;
  return {
    index: f.index,
    units: rows * parts,
    unitCost: each.cost,
    splittable: true,
    finish: { index: finish.index, temporaryBytes },
  };
}

/** What of how many: the rows a function is for have at most `length` elements, and at least `count`. */
interface RowSizes {
  readonly length: number;
  readonly count: number;
}

/** `(row, length, values, indices, base)`: the best of a row and where they stand, counted from `base` on. */
function topkOf(
  context: ModuleContext,
  dtype: DType,
  { length: most, count }: RowSizes,
): { readonly index: number; readonly cost: number } {
  const layout = recordLayout(dtype, true), word = (f: FunctionBuilder) => new Word(f, layout.wide);
  const place = Math.max(LEAST_COLLECTED, COLLECTED * count);
  const collects = 2 * place <= most, capacity = collects ? place : most;
  const sorter = sorterOf(context, dtype, layout, capacity);
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32"], results: [] });
  const [start, length, values, indices, from] = [0, 1, 2, 3, 4];
  const local = (): number => f.local("i32");
  const i = local(), stop = local(), record = local(), filled = local(), open = local();
  const out = local(), position = local();
  const key = f.local(layout.wide ? "i64" : "i32"), threshold = f.local(layout.wide ? "i64" : "i32");
  const bytes = byteSize(dtype), base = (): FunctionBuilder => f.globalGet(context.scratchGlobal);
  const least = f.local("v128"), lanes = 16 / bytes, atMost = AT_MOST[dtype], step = VECTORS * lanes;

  /** Leaves the address of an element of the row. */
  const pushElement = (column: number): FunctionBuilder =>
    f.localGet(column).i32Const(bytes).i32Mul().localGet(start).i32Add();

  /** Sorts what was collected and keeps the best, whose last one is what others must be before. */
  const keepBest = (): void => {
    sorter.push(f, () => f.localGet(filled));
    f.localSet(record);
    base().localGet(record).i32Ne().if();
    base().localGet(record).i32Const(count * layout.bytes).memoryCopy().end();
    base().i32Const((count - 1) * layout.bytes).i32Add().localTee(record);
    loadKey(f, layout);
    f.localSet(threshold);
    if (atMost) {
      f.localGet(record).i32Load(layout.position!).localSet(position);
      pushElement(position);
      if (bytes === 8) f.v128Load64Splat().localSet(least);
      else f.v128Load32Splat().localSet(least);
    }
    f.localGet(record).i32Const(layout.bytes).i32Add().localSet(record);
    f.i32Const(count).localSet(filled).i32Const(0).localSet(open);
  };

  /** Collects an element that may be among the best. */
  const consider = (): void => {
    pushElement(i);
    pushBits(f, dtype);
    pushKey(f, dtype, { descending: true, zerosApart: false });
    f.localSet(key);
    word(f).get(key).get(threshold).less();
    f.localGet(open).i32Or().if();
    f.localGet(record);
    word(f).get(key).store();
    f.localGet(record).localGet(i).i32Store(layout.position!);
    f.localGet(record).i32Const(layout.bytes).i32Add().localSet(record);
    f.localGet(filled).i32Const(1).i32Add().localTee(filled);
    if (collects) {
      f.i32Const(capacity).i32Eq().if();
      keepBest();
      f.end();
    } else {
      f.drop();
    }
    f.end();
  };

  f.i32Const(0).localSet(i).i32Const(0).localSet(filled).i32Const(1).localSet(open);
  word(f).constant(0n).set(threshold);
  base().localSet(record);
  f.block().loop();
  f.localGet(i).localGet(length).i32GeU().brIf(1);
  f.localGet(length).localSet(stop);
  if (atMost && collects) {
    f.localGet(i).i32Const(step).i32Add().localGet(length).i32LeU().if();
    f.localGet(i).i32Const(step).i32Add().localSet(stop);
    f.localGet(open).i32Eqz().if();
    for (let v = 0; v < VECTORS; v++) {
      pushElement(i).v128Load(16 * v).localGet(least);
      atMost(f);
      if (v > 0) f.v128And();
    }
    f.i32x4AllTrue().if();
    f.localGet(stop).localSet(i).br(3);
    f.end().end().end();
  }
  f.block().loop();
  f.localGet(i).localGet(stop).i32GeU().brIf(1);
  consider();
  f.localGet(i).i32Const(1).i32Add().localSet(i).br(0).end().end();
  f.br(0).end().end();
  sorter.push(f, () => f.localGet(filled));
  f.localSet(record);
  f.i32Const(0).localSet(out).i32Const(count).localSet(stop);
  f.forLoop(out, stop, 1, () => {
    f.localGet(record).i32Load(layout.position!).localSet(position);
    f.localGet(out).i32Const(4).i32Mul().localGet(indices).i32Add();
    f.localGet(position).localGet(from).i32Add().i32Store();
    f.localGet(out).i32Const(bytes).i32Mul().localGet(values).i32Add();
    pushElement(position);
    pushBits(f, dtype);
    storeBits(f, dtype);
    f.localGet(record).i32Const(layout.bytes).i32Add().localSet(record);
  });
  return { index: f.index, cost: collects ? most * COMPARE_COST : most * sorter.cost };
}
