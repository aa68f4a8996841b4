/** The same code on words of 32 or of 64 bits. */
import type { FunctionBuilder } from "../assembler/mod.ts";

/** Emits instructions on one type of word; each method returns the word, so that calls chain. */
export class Word {
  readonly f: FunctionBuilder;
  readonly wide: boolean;

  constructor(f: FunctionBuilder, wide: boolean) {
    this.f = f;
    this.wide = wide;
  }

  get type(): "i32" | "i64" {
    return this.wide ? "i64" : "i32";
  }

  get bits(): 32 | 64 {
    return this.wide ? 64 : 32;
  }

  #emit(narrow: () => FunctionBuilder, wide: () => FunctionBuilder): this {
    (this.wide ? wide : narrow)();
    return this;
  }

  get(local: number): this {
    this.f.localGet(local);
    return this;
  }
  set(local: number): this {
    this.f.localSet(local);
    return this;
  }
  tee(local: number): this {
    this.f.localTee(local);
    return this;
  }
  /** A number taken modulo the size of the word. */
  constant(value: bigint): this {
    return this.#emit(
      () => this.f.i32Const(Number(BigInt.asIntN(32, value))),
      () => this.f.i64Const(BigInt.asIntN(64, value)),
    );
  }
  and(): this {
    return this.#emit(() => this.f.i32And(), () => this.f.i64And());
  }
  or(): this {
    return this.#emit(() => this.f.i32Or(), () => this.f.i64Or());
  }
  xor(): this {
    return this.#emit(() => this.f.i32Xor(), () => this.f.i64Xor());
  }
  /** Copies the sign into all bits. */
  spreadSign(): this {
    this.constant(BigInt(this.bits - 1));
    return this.#emit(() => this.f.i32ShrS(), () => this.f.i64ShrS());
  }
  shiftRight(count: number): this {
    if (count === 0) return this;
    this.constant(BigInt(count));
    return this.#emit(() => this.f.i32ShrU(), () => this.f.i64ShrU());
  }
  equal(): this {
    return this.#emit(() => this.f.i32Eq(), () => this.f.i64Eq());
  }
  notEqual(): this {
    return this.#emit(() => this.f.i32Ne(), () => this.f.i64Ne());
  }
  /** Comparisons are unsigned and leave an i32. */
  less(): this {
    return this.#emit(() => this.f.i32LtU(), () => this.f.i64LtU());
  }
  greater(): this {
    return this.#emit(() => this.f.i32GtU(), () => this.f.i64GtU());
  }
  /** The low 32 bits. */
  wrap(): this {
    if (this.wide) this.f.i32WrapI64();
    return this;
  }
  load(offset = 0): this {
    return this.#emit(() => this.f.i32Load(offset), () => this.f.i64Load(offset));
  }
  store(offset = 0): this {
    return this.#emit(() => this.f.i32Store(offset), () => this.f.i64Store(offset));
  }
}
