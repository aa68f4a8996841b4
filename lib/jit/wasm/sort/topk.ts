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

/** A unit of work is one row. */
export function emitTopk(context: ModuleContext, kernel: Topk): KernelFunction {
  const { rows, length, count, operands } = kernel;
  const { dtype } = operands[0];
  const layout = recordLayout(dtype, true), word = (f: FunctionBuilder) => new Word(f, layout.wide);
  const place = Math.max(LEAST_COLLECTED, COLLECTED * count);
  const capacity = 2 * place <= length ? place : length;
  const sorter = sorterOf(context, dtype, layout, capacity);
  const params: "i32"[] = ["i32", "i32", "i32", "i32", "i32"];
  const f = context.module.addFunction({ params, results: [] });
  const unitCost = capacity === length ? length * sorter.cost : 2 * length;
  if (count === 0 || rows === 0) return { index: f.index, units: 0, unitCost, splittable: true };
  const [source, values, indices, begin, end] = [0, 1, 2, 3, 4];
  const local = (): number => f.local("i32");
  const row = local(), i = local(), stop = local(), record = local(), filled = local(), open = local();
  const start = local(), out = local(), position = local();
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
    if (capacity < length) {
      f.i32Const(capacity).i32Eq().if();
      keepBest();
      f.end();
    } else {
      f.drop();
    }
    f.end();
  };

  f.localGet(begin).localSet(row);
  f.forLoop(row, end, 1, () => {
    f.localGet(row).i32Const(length * bytes).i32Mul().localGet(source).i32Add().localSet(start);
    f.i32Const(0).localSet(i).i32Const(0).localSet(filled).i32Const(1).localSet(open);
    word(f).constant(0n).set(threshold);
    base().localSet(record);
    f.block().loop();
    f.localGet(i).i32Const(length).i32GeU().brIf(1);
    f.i32Const(length).localSet(stop);
    if (atMost && capacity < length) {
      f.localGet(i).i32Const(step).i32Add().i32Const(length).i32LeU().if();
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
    f.localGet(row).i32Const(count).i32Mul().localTee(out).i32Const(count).i32Add().localSet(stop);
    f.forLoop(out, stop, 1, () => {
      f.localGet(record).i32Load(layout.position!).localSet(position);
      f.localGet(out).i32Const(4).i32Mul().localGet(indices).i32Add().localGet(position).i32Store();
      f.localGet(out).i32Const(bytes).i32Mul().localGet(values).i32Add();
      pushElement(position);
      pushBits(f, dtype);
      storeBits(f, dtype);
      f.localGet(record).i32Const(layout.bytes).i32Add().localSet(record);
    });
  });
  return { index: f.index, units: rows, unitCost, splittable: true };
}
