// Emits the body of one WebAssembly function, instruction by instruction.

import { keepSplats, type SplatSite } from "./kept_splats.ts";
import { ByteWriter } from "./byte_writer.ts";
import { defineInstructionMethods } from "./instruction_methods.ts";
import type { InstructionMethods } from "./instruction_methods.ts";
import { valueTypeCodes } from "./types.ts";
import type { FunctionType, ValueType } from "./types.ts";

/** What a block leaves on the stack: nothing, one value, or what a function type says. */
export type BlockType = ValueType | FunctionType | undefined;

/** V8 rejects a function with more locals (parameters included). */
export const maximumLocals = 50_000;

/** Finds or makes the index of a function type in the module. */
export type TypeIndexer = (type: FunctionType) => number;

// Merging the interface with the class gives the class the methods of the opcode tables.
export interface FunctionBuilder extends InstructionMethods<FunctionBuilder> {}

/**
 * Emits one function. There is one method per instruction, named after it in camel case (`i32.add` is
 * `i32Add`, `v128.load32_splat` is `v128Load32Splat(offset, align)`); each returns the builder, so that calls chain.
 * The final `end` of the function is added by the module.
 */
export class FunctionBuilder {
  /** The index by which `call` names this function. */
  readonly index: number;
  /** Parameters and results. */
  readonly type: FunctionType;
  /** The bytes of the instructions so far. */
  readonly code: ByteWriter = new ByteWriter(512);
  readonly #typeIndex: TypeIndexer;
  /** Types of locals; numbers are those of structs or arrays that they refer to. */
  readonly #locals: (ValueType | number)[] = [];
  readonly #free: { readonly [T in ValueType]: number[] } = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #depth = 0;
  readonly #splats: SplatSite[] = [];

  constructor(index: number, type: FunctionType, typeIndex: TypeIndexer) {
    this.index = index;
    this.type = type;
    this.#typeIndex = typeIndex;
  }

  /** The size of the code so far, to be kept below 7,654,321: V8 rejects a larger function body. */
  get byteLength(): number {
    return this.code.length;
  }

  /** The number of parameters and locals, to be kept below {@linkcode maximumLocals}. */
  get localCount(): number {
    return this.type.params.length + this.#locals.length;
  }

  /** The number of blocks, loops and ifs that are open. */
  get depth(): number {
    return this.#depth;
  }

  /** The local that holds a parameter. */
  param(index: number): number {
    if (index < 0 || index >= this.type.params.length) {
      throw new RangeError(`Function has ${this.type.params.length} parameters, no parameter ${index}`);
    }
    return index;
  }

  /** The type of a parameter or local. */
  localType(local: number): ValueType {
    const params = this.type.params;
    const type = local < params.length ? params[local] : this.#locals[local - params.length];
    if (typeof type === "number") throw new RangeError(`Local ${local} is a reference`);
    return type;
  }

  /** A local of the type: a released one (with an old value in it) or a new one. */
  local(type: ValueType): number {
    const reused = this.#free[type].pop();
    if (reused !== undefined) return reused;
    this.#locals.push(type);
    return this.type.params.length + this.#locals.length - 1;
  }

  /** A local that refers to a struct or an array of this type; it must be set before it is read. */
  reference(type: number): number {
    this.#locals.push(type);
    return this.type.params.length + this.#locals.length - 1;
  }

  /** Gives locals back: later calls of {@linkcode local} may return them. */
  release(...locals: readonly number[]): void {
    for (const local of locals) this.#free[this.localType(local)].push(local);
  }

  /** Pushes a constant of 32 bits, which lies at a fixed address and never changes, in all lanes. */
  constantSplat32(address: number): this {
    const start = this.code.length;
    // i32.const, and v128.load32_splat with its natural alignment.
    this.code.byte(0x41);
    this.code.signed32(address);
    this.code.bytes([0xfd, 9, 2, 0]);
    this.#splats.push({ start, end: this.code.length, address });
    return this;
  }

  /** Emits `local.get`. */
  localGet(local: number): this {
    this.code.byte(0x20);
    this.code.unsigned(local);
    return this;
  }

  /** Emits `local.set`. */
  localSet(local: number): this {
    this.code.byte(0x21);
    this.code.unsigned(local);
    return this;
  }

  /** Emits `local.tee`. */
  localTee(local: number): this {
    this.code.byte(0x22);
    this.code.unsigned(local);
    return this;
  }

  /** Emits `global.get`. */
  globalGet(global: number): this {
    this.code.byte(0x23);
    this.code.unsigned(global);
    return this;
  }

  /** Emits `global.set`. */
  globalSet(global: number): this {
    this.code.byte(0x24);
    this.code.unsigned(global);
    return this;
  }

  /** Emits `i32.const`; numbers up to 2^32 - 1 are taken modulo 2^32. */
  i32Const(value: number): this {
    this.code.byte(0x41);
    this.code.signed32(value | 0);
    return this;
  }

  /** Emits `i64.const`. */
  i64Const(value: bigint): this {
    this.code.byte(0x42);
    this.code.signed64(value);
    return this;
  }

  /** Emits `f32.const`. */
  f32Const(value: number): this {
    this.code.byte(0x43);
    this.code.float32(value);
    return this;
  }

  /** Emits `f64.const`. */
  f64Const(value: number): this {
    this.code.byte(0x44);
    this.code.float64(value);
    return this;
  }

  /** Emits `v128.const` of 16 bytes. */
  v128Const(bytes: ArrayLike<number>): this {
    if (bytes.length !== 16) throw new RangeError(`A vector has 16 bytes, not ${bytes.length}`);
    this.code.opcode(0xfd00c);
    this.code.bytes(bytes);
    return this;
  }

  /** Emits `i8x16.shuffle` of 16 lane indices below 32. */
  i8x16Shuffle(lanes: ArrayLike<number>): this {
    if (lanes.length !== 16) throw new RangeError(`A shuffle has 16 lanes, not ${lanes.length}`);
    this.code.opcode(0xfd00d);
    this.code.bytes(lanes);
    return this;
  }

  /** Emits `memory.size`. */
  memorySize(): this {
    this.code.bytes([0x3f, 0]);
    return this;
  }

  /** Emits `memory.grow`. */
  memoryGrow(): this {
    this.code.bytes([0x40, 0]);
    return this;
  }

  /** Emits `memory.copy` (destination, source, bytes on the stack). */
  memoryCopy(): this {
    this.code.bytes([0xfc, 10, 0, 0]);
    return this;
  }

  /** Emits `memory.fill` (destination, byte value, bytes on the stack). */
  memoryFill(): this {
    this.code.bytes([0xfc, 11, 0]);
    return this;
  }

  /** Emits `memory.init` of a data segment (destination, place in the segment, bytes on the stack). */
  memoryInit(segment: number): this {
    this.code.bytes([0xfc, 8]);
    this.code.unsigned(segment);
    this.code.byte(0);
    return this;
  }

  /** Emits `atomic.fence`. */
  atomicFence(): this {
    this.code.bytes([0xfe, 3, 0]);
    return this;
  }

  /** Opens a block and returns the builder. */
  block(type?: BlockType): this {
    return this.#open(0x02, type);
  }

  /** Opens a loop; branching to it starts the next round. */
  loop(type?: BlockType): this {
    return this.#open(0x03, type);
  }

  /** Opens an if. */
  if(type?: BlockType): this {
    return this.#open(0x04, type);
  }

  /** Emits `else`. */
  else(): this {
    this.code.byte(0x05);
    return this;
  }

  /** Closes the innermost block, loop or if. */
  end(): this {
    if (this.#depth === 0) throw new RangeError("No block, loop or if is open");
    this.#depth--;
    this.code.byte(0x0b);
    return this;
  }

  /** Emits `br` to the block this many levels out (0 is the innermost). */
  br(level: number): this {
    this.code.byte(0x0c);
    this.code.unsigned(level);
    return this;
  }

  /** Emits `br_if` to the block this many levels out (0 is the innermost). */
  brIf(level: number): this {
    this.code.byte(0x0d);
    this.code.unsigned(level);
    return this;
  }

  /** Emits `br_table`. */
  brTable(levels: readonly number[], defaultLevel: number): this {
    this.code.byte(0x0e);
    this.code.unsigned(levels.length);
    for (const level of levels) this.code.unsigned(level);
    this.code.unsigned(defaultLevel);
    return this;
  }

  /** How many levels out the block is that had been opened when {@linkcode depth} had this value. */
  levelOf(depth: number): number {
    return this.#depth - depth;
  }

  /** Emits `call` of a function's index. */
  call(index: number): this {
    this.code.byte(0x10);
    this.code.unsigned(index);
    return this;
  }

  /** Emits `call_indirect` through the module's table (the index is on the stack). */
  callIndirect(type: FunctionType): this {
    this.code.byte(0x11);
    this.code.unsigned(this.#typeIndex(type));
    this.code.byte(0);
    return this;
  }

  /** Emits `struct.new_default`. */
  structNew(type: number): this {
    return this.#heapInstruction(0x01, type);
  }

  /** Emits `struct.get` of a field. */
  structGet(type: number, field: number): this {
    return this.#heapInstruction(0x02, type, field);
  }

  /** Emits `struct.set` of a field. */
  structSet(type: number, field: number): this {
    return this.#heapInstruction(0x05, type, field);
  }

  /** Emits `array.new` (first element, length on the stack). */
  arrayNew(type: number): this {
    return this.#heapInstruction(0x06, type);
  }

  /** Emits `array.get`. */
  arrayGet(type: number): this {
    return this.#heapInstruction(0x0b, type);
  }

  /** Emits `array.set`. */
  arraySet(type: number): this {
    return this.#heapInstruction(0x0e, type);
  }

  /** Emits `ref.as_non_null`. */
  refAsNonNull(): this {
    this.code.byte(0xd4);
    return this;
  }

  #heapInstruction(opcode: number, ...operands: readonly number[]): this {
    this.code.byte(0xfb);
    this.code.byte(opcode);
    for (const operand of operands) this.code.unsigned(operand);
    return this;
  }

  /** Emits a loop that runs the body at least once and goes on while the body leaves a nonzero i32. */
  doWhile(body: () => void): this {
    this.loop();
    body();
    return this.brIf(0).end();
  }

  /**
   * Emits `for (; counter < end; counter += step) body` on unsigned i32 locals; the counter starts with the value
   * that it has. The test stands before the first round only once, outside the loop.
   */
  forLoop(counter: number, end: number, step: number, body: () => void): this {
    this.localGet(counter).localGet(end).i32LtU().if();
    this.doWhile(() => {
      body();
      this.localGet(counter).i32Const(step).i32Add().localTee(counter).localGet(end).i32LtU();
    });
    return this.end();
  }

  /** Writes the locals, the code and the final `end` to a module. */
  writeBody(out: ByteWriter): void {
    if (this.#depth !== 0) throw new RangeError(`${this.#depth} blocks, loops or ifs are still open`);
    const count = this.localCount;
    const { code, kept } = keepSplats(this.code.view(), this.#splats, count, maximumLocals - count);
    const header = new ByteWriter(16);
    const locals = [...this.#locals, ...new Array<ValueType>(kept).fill("v128")];
    let runs = 0;
    for (let i = 0; i < locals.length; i++) if (i === 0 || locals[i] !== locals[i - 1]) runs++;
    header.unsigned(runs);
    for (let start = 0; start < locals.length;) {
      let end = start + 1;
      while (end < locals.length && locals[end] === locals[start]) end++;
      header.unsigned(end - start);
      const type = locals[start];
      if (typeof type === "number") {
        header.byte(0x64);
        header.signed32(type);
      } else header.byte(valueTypeCodes[type]);
      start = end;
    }
    out.unsigned(header.length + code.length + 1);
    out.bytes(header.view());
    out.bytes(code);
    out.byte(0x0b);
  }

  #open(opcode: number, type: BlockType): this {
    this.#depth++;
    this.code.byte(opcode);
    if (type === undefined) this.code.byte(0x40);
    else if (typeof type === "string") this.code.byte(valueTypeCodes[type]);
    else this.code.signed32(this.#typeIndex(type));
    return this;
  }
}

defineInstructionMethods(FunctionBuilder.prototype);
