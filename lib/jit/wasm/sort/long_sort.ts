/**
 * Few long rows sorted by several threads, by the digits of their keys as in radix_sort.ts. A row is cut into segments;
 * for each digit the records of every segment are counted, one thread turns the counts into places (all records with a
 * lower digit first, then those of the segments before), and each segment moves its records there. That is stable, so
 * that the result does not depend on how a row is cut, nor on which thread does what.
 */
import { byteSize, isFloat } from "../../../trace/dtype.ts";
import type { Sort } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { keyWidth, negativeZero, pushBits, pushBitsOfKey, pushKey, storeBits } from "./keys.ts";
import { type Digits, digitsFor } from "./radix_sort.ts";
import { copyRecord, loadKey, type RecordLayout, recordLayout } from "./records.ts";
import { pushElement, restoreZeros, type RowPlace } from "./row_elements.ts";
import { Word } from "./word.ts";

/** Shorter rows are not worth several calls. */
const LEAST_LENGTH = 1 << 15;

/** Words at the front of a row's memory: the space where its records are, the other one, and whether they stay there. */
const FROM = 0, TO = 4, STAYS = 8;
/** Behind them a word for each segment: whether it has a negative zero. */
const NEGATIVE = 12;

/** Nanoseconds for an element to become a record, to be counted, to be moved, and to be written. */
const KEY_COST = 3, COUNT_COST = 1, MOVE_COST = 4, WRITE_COST = 2;

/** The function of a sort of few long rows among threads; null for others. */
export function emitLongSort(context: ModuleContext, kernel: Sort): KernelFunction | null {
  const { rows, length } = kernel;
  if (context.threads < 2 || rows === 0 || rows >= 2 * context.threads || length < LEAST_LENGTH) return null;
  const writer = new LongSort(context, kernel, Math.min(32, 2 * context.threads));
  const units = rows * writer.segments, perUnit = length / writer.segments;
  const { temporaryBytes, digits } = writer;
  const part = (index: number, cost: number, finish: number, next?: KernelFunction): KernelFunction => ({
    index,
    units,
    unitCost: cost * perUnit,
    splittable: true,
    finish: { index: finish, temporaryBytes, next },
  });
  let next = part(writer.results(), WRITE_COST, writer.zeros());
  for (let digit = digits.count - 1; digit >= 0; digit--) {
    const moved = part(writer.moves(digit), MOVE_COST, writer.turn(), next);
    const counted = digit === 0 ? writer.keys() : writer.counts(digit);
    next = part(counted, digit === 0 ? KEY_COST : COUNT_COST, writer.places(), moved);
  }
  return next;
}

/** Locals of a function over segments. */
interface Segment extends RowPlace {
  /** The number of the segment in its row. */
  readonly number: number;
  /** The memory of the row, and the table of the segment's counts. */
  readonly memory: number;
  readonly table: number;
  /** The address of a record. */
  readonly record: number;
}

class LongSort {
  readonly segments: number;
  readonly digits: Digits;
  readonly temporaryBytes: number;
  readonly #context: ModuleContext;
  readonly #kernel: Sort;
  readonly #layout: RecordLayout;
  readonly #valuesOnly: boolean;
  /** Elements of a segment, but the last one. */
  readonly #extent: number;
  readonly #tableBytes: number;
  /** Where the spaces and the tables begin, and how much a row takes. */
  readonly #header: number;
  readonly #space: number;
  readonly #tables: number;
  readonly #rowBytes: number;
  /** Functions that several digits share. */
  #places = -1;
  #turn = -1;

  constructor(context: ModuleContext, kernel: Sort, segments: number) {
    this.#context = context;
    this.#kernel = kernel;
    this.segments = segments;
    const { dtype } = kernel.operands[0];
    this.#valuesOnly = kernel.operands.length === 2;
    this.#layout = recordLayout(dtype, !this.#valuesOnly);
    this.digits = digitsFor(keyWidth(dtype), kernel.length);
    // Segments end where cache lines do.
    const line = 64 / byteSize(dtype);
    this.#extent = Math.ceil(kernel.length / segments / line) * line;
    this.#tableBytes = 4 * 2 ** this.digits.bits;
    const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;
    this.#header = aligned(NEGATIVE + 4 * segments);
    this.#space = aligned(kernel.length * this.#layout.bytes);
    this.#tables = this.#header + 2 * this.#space;
    this.#rowBytes = this.#tables + segments * this.#tableBytes;
    this.temporaryBytes = kernel.rows * this.#rowBytes;
  }

  #function(): FunctionBuilder {
    const params = new Array<"i32">(this.#kernel.operands.length + 3).fill("i32");
    return this.#context.module.addFunction({ params, results: [] });
  }

  get #temporary(): number {
    return this.#kernel.operands.length;
  }

  /** A function that does some segments; `size` and `i` are set so that a loop runs over the elements of one. */
  #eachSegment(body: (segment: Segment) => void): number {
    const f = this.#function();
    const begin = this.#temporary + 1, end = begin + 1;
    const i32 = (): number => f.local("i32");
    const unit = i32(), row = i32(), number = i32(), memory = i32(), table = i32();
    const i = i32(), size = i32(), record = i32();
    const { length } = this.#kernel;
    f.localGet(begin).localSet(unit);
    f.forLoop(unit, end, 1, () => {
      f.localGet(unit).i32Const(this.segments).i32DivU().localSet(row);
      f.localGet(unit).i32Const(this.segments).i32RemU().localSet(number);
      this.#setMemory(f, row, memory);
      f.localGet(number).i32Const(this.#tableBytes).i32Mul().localGet(memory).i32Add();
      f.i32Const(this.#tables).i32Add().localSet(table);
      const bound = (local: number): void => {
        f.i32Const(this.#extent).i32Mul().localTee(local).i32Const(length);
        f.localGet(local).i32Const(length).i32LtU().select().localSet(local);
      };
      f.localGet(number);
      bound(i);
      f.localGet(number).i32Const(1).i32Add();
      bound(size);
      body({ f, kernel: this.#kernel, row, number, memory, table, i, size, record });
    });
    return f.index;
  }

  #setMemory(f: FunctionBuilder, row: number, memory: number): void {
    f.localGet(row).i32Const(this.#rowBytes).i32Mul().localGet(this.#temporary).i32Add().localSet(memory);
  }

  /** A function that does all rows, on one thread. */
  #eachRow(body: (f: FunctionBuilder, row: number, memory: number) => void): number {
    const f = this.#function();
    const row = f.local("i32"), rows = f.local("i32"), memory = f.local("i32");
    f.i32Const(this.#kernel.rows).localSet(rows).i32Const(0).localSet(row);
    f.forLoop(row, rows, 1, () => {
      this.#setMemory(f, row, memory);
      body(f, row, memory);
    });
    return f.index;
  }

  /** Runs through the records of a segment where they are now. */
  #eachRecord({ f, memory, i, size, record }: Segment, body: () => void): void {
    const { bytes } = this.#layout;
    f.localGet(memory).i32Load(FROM).localGet(i).i32Const(bytes).i32Mul().i32Add().localSet(record);
    f.forLoop(i, size, 1, () => {
      body();
      f.localGet(record).i32Const(bytes).i32Add().localSet(record);
    });
  }

  /** Takes a key and leaves the place of its digit in the segment's table. */
  #pushSlot({ f, table }: Segment, digit: number): void {
    const { bits } = this.digits;
    new Word(f, this.#layout.wide).shiftRight(digit * bits).wrap();
    f.i32Const(2 ** bits - 1).i32And().i32Const(2).i32Shl().localGet(table).i32Add();
  }

  /** Takes a key and counts its digit. */
  #count(segment: Segment, digit: number, slot: number): void {
    const { f } = segment;
    this.#pushSlot(segment, digit);
    f.localTee(slot).localGet(slot).i32Load().i32Const(1).i32Add().i32Store();
  }

  #clear({ f, table }: Segment): void {
    f.localGet(table).i32Const(0).i32Const(this.#tableBytes).memoryFill();
  }

  /** Records of the elements, and the counts of their lowest digits. */
  keys(): number {
    const { operands, descending } = this.#kernel;
    const { dtype } = operands[0];
    const word = (f: FunctionBuilder): Word => new Word(f, this.#layout.wide);
    return this.#eachSegment((segment) => {
      const { f, memory, number, i, record } = segment;
      const key = f.local(word(f).type), slot = f.local("i32"), negative = f.local("i32");
      const watchesZeros = this.#valuesOnly && isFloat(dtype);
      this.#clear(segment);
      f.i32Const(0).localSet(negative);
      for (const [place, space] of [[FROM, 0], [TO, this.#space]]) {
        // Every segment of a row writes the same.
        f.localGet(memory).localGet(memory).i32Const(this.#header + space).i32Add().i32Store(place);
      }
      this.#eachRecord(segment, () => {
        pushElement(segment, 0, () => f.localGet(i));
        pushBits(f, dtype);
        if (watchesZeros) {
          word(f).tee(key).constant(negativeZero(dtype)).equal();
          f.localGet(negative).i32Or().localSet(negative);
          word(f).get(key);
        }
        pushKey(f, dtype, { descending, zerosApart: this.#valuesOnly });
        word(f).set(key);
        f.localGet(record);
        word(f).get(key).store();
        if (!this.#valuesOnly) f.localGet(record).localGet(i).i32Store(this.#layout.position!);
        word(f).get(key);
        this.#count(segment, 0, slot);
      });
      f.localGet(number).i32Const(2).i32Shl().localGet(memory).i32Add();
      f.localGet(negative).i32Store(NEGATIVE);
      f.release(key, slot, negative);
    });
  }

  /** The counts of a digit. */
  counts(digit: number): number {
    return this.#eachSegment((segment) => {
      const { f, record } = segment;
      const slot = f.local("i32");
      this.#clear(segment);
      this.#eachRecord(segment, () => {
        f.localGet(record);
        loadKey(f, this.#layout);
        this.#count(segment, digit, slot);
      });
      f.release(slot);
    });
  }

  /** Counts become the addresses where the records go; a digit in which all keys are alike moves nothing. */
  places(): number {
    if (this.#places >= 0) return this.#places;
    return this.#places = this.#eachRow((f, _, memory) => {
      const slot = f.local("i32"), end = f.local("i32"), at = f.local("i32"), count = f.local("i32");
      const stays = f.local("i32"), before = f.local("i32");
      const { bytes } = this.#layout;
      f.i32Const(0).localSet(stays).localGet(memory).i32Load(TO).localSet(at);
      f.localGet(memory).i32Const(this.#tables).i32Add().localTee(slot);
      f.i32Const(this.#tableBytes).i32Add().localSet(end);
      f.forLoop(slot, end, 4, () => {
        f.localGet(at).localSet(before);
        for (let segment = 0; segment < this.segments; segment++) {
          const offset = segment * this.#tableBytes;
          f.localGet(slot).i32Load(offset).localSet(count);
          f.localGet(slot).localGet(at).i32Store(offset);
          f.localGet(count).i32Const(bytes).i32Mul().localGet(at).i32Add().localSet(at);
        }
        f.localGet(at).localGet(before).i32Sub().i32Const(this.#kernel.length * bytes).i32Eq();
        f.localGet(stays).i32Or().localSet(stays);
      });
      f.localGet(memory).localGet(stays).i32Store(STAYS);
      f.release(slot, end, at, count, stays, before);
    });
  }

  /** The records of each segment go where their digit wants them. */
  moves(digit: number): number {
    return this.#eachSegment((segment) => {
      const { f, memory, record } = segment;
      const slot = f.local("i32"), place = f.local("i32");
      f.localGet(memory).i32Load(STAYS).i32Eqz().if();
      this.#eachRecord(segment, () => {
        f.localGet(record);
        loadKey(f, this.#layout);
        this.#pushSlot(segment, digit);
        f.localTee(slot).i32Load().localTee(place).localGet(record);
        copyRecord(f, this.#layout);
        f.localGet(slot).localGet(place).i32Const(this.#layout.bytes).i32Add().i32Store();
      });
      f.end();
      f.release(slot, place);
    });
  }

  /** Where records went is where they are. */
  turn(): number {
    if (this.#turn >= 0) return this.#turn;
    return this.#turn = this.#eachRow((f, _, memory) => {
      const held = f.local("i32");
      f.localGet(memory).i32Load(STAYS).i32Eqz().if();
      f.localGet(memory).i32Load(FROM).localSet(held);
      f.localGet(memory).localGet(memory).i32Load(TO).i32Store(FROM);
      f.localGet(memory).localGet(held).i32Store(TO).end();
      f.release(held);
    });
  }

  /** Elements of the sorted records, or every operand in their order. */
  results(): number {
    const { operands, descending } = this.#kernel;
    const count = operands.length / 2;
    return this.#eachSegment((segment) => {
      const { f, i, record } = segment;
      this.#eachRecord(segment, () => {
        if (this.#valuesOnly) {
          pushElement(segment, 1, () => f.localGet(i));
          f.localGet(record);
          loadKey(f, this.#layout);
          pushBitsOfKey(f, operands[0].dtype, descending);
          storeBits(f, operands[0].dtype);
          return;
        }
        for (let k = 0; k < count; k++) {
          pushElement(segment, count + k, () => f.localGet(i));
          pushElement(segment, k, () => f.localGet(record).i32Load(this.#layout.position!));
          pushBits(f, operands[k].dtype);
          storeBits(f, operands[k].dtype);
        }
      });
    });
  }

  /** Negative zeros, where a row has any. */
  zeros(): number {
    const { dtype } = this.#kernel.operands[0];
    return this.#eachRow((f, row, memory) => {
      if (!this.#valuesOnly || !isFloat(dtype)) return;
      const i = f.local("i32"), size = f.local("i32");
      f.i32Const(0);
      for (let segment = 0; segment < this.segments; segment++) {
        f.localGet(memory).i32Load(NEGATIVE + 4 * segment).i32Or();
      }
      f.if().i32Const(this.#kernel.length).localSet(size);
      restoreZeros({ f, kernel: this.#kernel, row, i, size }, dtype);
      f.end();
      f.release(i, size);
    });
  }
}
