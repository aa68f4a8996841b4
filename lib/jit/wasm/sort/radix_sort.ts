/**
 * Stable sorting of long rows by the digits of their keys, the lowest first (Knuth, "The Art of Computer Programming",
 * 5.2.5): one pass counts all digits, then each digit moves the records between two spaces. A digit in which all keys are
 * alike moves nothing.
 */
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { copyRecord, layoutName, loadKey, type RecordLayout } from "./records.ts";
import { Word } from "./word.ts";

/** How keys are cut into digits. */
export interface Digits {
  readonly bits: number;
  readonly count: number;
}

/** Long rows pay for the large tables of wide digits. */
export function digitsFor(keyWidth: number, length: number): Digits {
  const bits = length >= 4096 && keyWidth > 16 ? 11 : 8;
  return { bits, count: Math.ceil(keyWidth / bits) };
}

function tableBytes({ bits }: Digits): number {
  return 4 * 2 ** bits;
}

/** Bytes of the tables that the function wants behind its spaces. */
export function countBytes(digits: Digits): number {
  return digits.count * tableBytes(digits);
}

/** `(records, space, counts, count)` gives which of the two spaces holds the sorted records. */
export function emitRadixSort(context: ModuleContext, layout: RecordLayout, digits: Digits): FunctionBuilder {
  const name = `radixSort:${layoutName(layout)}:${digits.count}x${digits.bits}`;
  return context.helper(name, () => writeRadixSort(context, layout, digits));
}

function writeRadixSort(context: ModuleContext, layout: RecordLayout, digits: Digits): FunctionBuilder {
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: ["i32"] });
  const word = new Word(f, layout.wide);
  const [from, to, counts, count] = [0, 1, 2, 3];
  const key = f.local(word.type), at = f.local("i32"), end = f.local("i32"), slot = f.local("i32");
  const place = f.local("i32"), total = f.local("i32"), tableEnd = f.local("i32"), bytes = f.local("i32");
  /** The address of the count of a digit of the key, less the place of its table. */
  const pushSlot = (digit: number): void => {
    word.get(key).shiftRight(digit * digits.bits).wrap();
    f.i32Const(2 ** digits.bits - 1).i32And().i32Const(2).i32Shl().localGet(counts).i32Add();
  };
  const eachRecord = (body: () => void): void => {
    f.localGet(from).localTee(at).localGet(bytes).i32Add().localSet(end);
    f.forLoop(at, end, layout.bytes, () => {
      f.localGet(at);
      loadKey(f, layout);
      word.set(key);
      body();
    });
  };
  f.localGet(count).i32Const(layout.bytes).i32Mul().localSet(bytes);
  f.localGet(counts).i32Const(0).i32Const(countBytes(digits)).memoryFill();
  eachRecord(() => {
    for (let digit = 0; digit < digits.count; digit++) {
      const table = digit * tableBytes(digits);
      pushSlot(digit);
      f.localTee(slot).localGet(slot).i32Load(table).i32Const(1).i32Add().i32Store(table);
    }
  });
  for (let digit = 0; digit < digits.count; digit++) {
    const table = digit * tableBytes(digits);
    f.block();
    f.localGet(from);
    loadKey(f, layout);
    word.set(key);
    pushSlot(digit);
    f.i32Load(table).localGet(count).i32Eq().brIf(0);
    // Counts become the addresses where the records with each digit go.
    f.localGet(to).localSet(total);
    f.localGet(counts).i32Const(table).i32Add().localTee(slot);
    f.i32Const(tableBytes(digits)).i32Add().localSet(tableEnd);
    f.forLoop(slot, tableEnd, 4, () => {
      f.localGet(slot).i32Load().localSet(place);
      f.localGet(slot).localGet(total).i32Store();
      f.localGet(place).i32Const(layout.bytes).i32Mul().localGet(total).i32Add().localSet(total);
    });
    eachRecord(() => {
      pushSlot(digit);
      f.localTee(slot).i32Load(table).localTee(place).localGet(at);
      copyRecord(f, layout);
      f.localGet(slot).localGet(place).i32Const(layout.bytes).i32Add().i32Store(table);
    });
    f.localGet(from).localSet(place).localGet(to).localSet(from).localGet(place).localSet(to);
    f.end();
  }
  f.localGet(from);
  return f;
}
