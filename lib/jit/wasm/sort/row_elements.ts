/** Elements of the rows that are sorted, where the operands have them. */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import type { Sort } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { hasWideKey, negativeZero, pushBits, storeBits } from "./keys.ts";
import { Word } from "./word.ts";

/** A function over rows: its locals with the row, a place in it and the length of rows. */
export interface RowPlace {
  readonly f: FunctionBuilder;
  readonly kernel: Sort;
  readonly row: number;
  readonly i: number;
  readonly size: number;
}

/** Pushes the address of an element of the row. */
export function pushElement({ f, kernel, row }: RowPlace, operand: number, pushColumn: () => void): void {
  f.localGet(row).i32Const(kernel.length).i32Mul();
  pushColumn();
  f.i32Add().i32Const(byteSize(kernel.operands[operand].dtype)).i32Mul().localGet(operand).i32Add();
}

/** -0 and 0 are equal: the sorted row has a stretch of them, which gets those of the row in their order. */
export function restoreZeros(place: RowPlace, dtype: DType): void {
  const { f, i, size } = place;
  const word = new Word(f, hasWideKey(dtype)), bits = f.local(word.type), next = f.local("i32");
  const isZero = (): void => {
    pushBits(f, dtype);
    word.tee(bits).constant(~negativeZero(dtype)).and().constant(0n).equal();
  };
  f.i32Const(0).localSet(next);
  f.block().loop();
  pushElement(place, 1, () => f.localGet(next));
  isZero();
  f.brIf(1);
  f.localGet(next).i32Const(1).i32Add().localSet(next).br(0).end().end();
  f.i32Const(0).localSet(i);
  f.forLoop(i, size, 1, () => {
    pushElement(place, 0, () => f.localGet(i));
    isZero();
    f.if();
    pushElement(place, 1, () => f.localGet(next));
    word.get(bits);
    storeBits(f, dtype);
    f.localGet(next).i32Const(1).i32Add().localSet(next);
    f.end();
  });
  f.release(bits, next);
}
