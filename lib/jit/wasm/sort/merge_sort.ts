/** Stable sorting of short rows: runs that double in length are merged back and forth between two spaces. */
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { copyRecord, layoutName, loadKey, type RecordLayout } from "./records.ts";
import { Word } from "./word.ts";

/** `(records, space, count)` gives which of the two holds the sorted records. */
export function emitMergeSort(context: ModuleContext, layout: RecordLayout): FunctionBuilder {
  return context.helper(`mergeSort:${layoutName(layout)}`, () => writeMergeSort(context, layout));
}

function writeMergeSort(context: ModuleContext, layout: RecordLayout): FunctionBuilder {
  const f = context.module.addFunction({ params: ["i32", "i32", "i32"], results: ["i32"] });
  const word = new Word(f, layout.wide);
  const [from, to, count] = [0, 1, 2];
  const bytes = f.local("i32"), width = f.local("i32"), held = f.local("i32");
  const start = f.local("i32"), left = f.local("i32"), right = f.local("i32"), out = f.local("i32");
  const middle = f.local("i32"), last = f.local("i32"), end = f.local("i32");
  f.localGet(count).i32Const(layout.bytes).i32Mul().localSet(bytes);
  f.i32Const(layout.bytes).localSet(width);
  const limited = (base: number, target: number): void => {
    // target = min(base + width, end), without passing the end of the address space.
    f.localGet(end).localGet(base).i32Sub().localGet(width).i32GtU().if("i32");
    f.localGet(base).localGet(width).i32Add().else().localGet(end).end().localSet(target);
  };
  const take = (source: number): void => {
    f.localGet(out).localGet(source);
    copyRecord(f, layout);
    f.localGet(out).i32Const(layout.bytes).i32Add().localSet(out);
    f.localGet(source).i32Const(layout.bytes).i32Add().localSet(source);
  };
  f.block().loop();
  f.localGet(width).localGet(bytes).i32GeU().brIf(1);
  f.localGet(from).localSet(start);
  f.localGet(to).localSet(out);
  f.localGet(from).localGet(bytes).i32Add().localSet(end);
  f.block().loop();
  f.localGet(start).localGet(end).i32GeU().brIf(1);
  limited(start, middle);
  limited(middle, last);
  f.localGet(start).localSet(left);
  f.localGet(middle).localSet(right);
  f.block().loop();
  f.localGet(left).localGet(middle).i32GeU().brIf(1);
  f.localGet(right).localGet(last).i32GeU().brIf(1);
  f.localGet(right);
  loadKey(f, layout);
  f.localGet(left);
  loadKey(f, layout);
  word.less();
  f.if();
  take(right);
  f.else();
  take(left);
  f.end().br(0).end().end();
  for (const [source, stop] of [[left, middle], [right, last]]) {
    f.localGet(out).localGet(source).localGet(stop).localGet(source).i32Sub().memoryCopy();
    f.localGet(out).localGet(stop).localGet(source).i32Sub().i32Add().localSet(out);
  }
  f.localGet(last).localSet(start);
  f.br(0).end().end();
  f.localGet(from).localSet(held).localGet(to).localSet(from).localGet(held).localSet(to);
  f.localGet(width).i32Const(1).i32Shl().localSet(width);
  f.br(0).end().end();
  f.localGet(from);
  return f;
}
