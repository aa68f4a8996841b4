// A small notation for arithmetic on vectors of float32 or float64: formulas build values, and emitting a value
// puts its instructions into a function. The same formula serves both types.

import type { ConstantPool, FunctionBuilder } from "../assembler/mod.ts";
import { laneMethods } from "./lane_methods.ts";
import type {
  BinaryName,
  BitwiseName,
  IntegerBinaryName,
  LaneMethods,
  LaneType,
  ShiftName,
  UnaryName,
} from "./lane_methods.ts";
import type { Coefficients } from "../../math/coefficients.ts";
import type { MathHelpers } from "./helpers.ts";

export type { LaneType };

/** Something that leaves one vector on the stack when emitted. */
export interface Value {
  emit(): void;
}

/** A value kept in a local, which may be used any number of times. */
export interface Variable extends Value {
  readonly local: number;
}

/** A value, or a number that stands for a vector with that number in all lanes. */
export type Operand = Value | number;

/** What every emitter of vector math works with. */
export interface MathContext {
  /** Where constants live. */
  readonly pool: ConstantPool;
  /** Functions of the module that take over rare cases. */
  readonly helpers: MathHelpers;
}

/** Vector arithmetic in one element type, emitted into one function. */
export class Lanes {
  readonly builder: FunctionBuilder;
  readonly context: MathContext;
  readonly type: LaneType;
  /** The precision wanted of results: less than the type's where float64 serves float32. */
  readonly accuracy: LaneType;
  readonly #methods: LaneMethods;
  readonly #owned: number[] = [];

  constructor(builder: FunctionBuilder, context: MathContext, type: LaneType, accuracy: LaneType = type) {
    this.builder = builder;
    this.context = context;
    this.type = type;
    this.accuracy = accuracy;
    this.#methods = laneMethods[type];
  }

  /** The first number for float32, the second for float64. */
  pick<T>(single: T, double: T): T {
    return this.type === "f32" ? single : double;
  }

  /** The coefficients for the precision wanted. */
  coefficients(choice: Coefficients): readonly number[] {
    return choice[this.accuracy];
  }

  /** The same function's arithmetic in float64. */
  widened(accuracy: LaneType): Lanes {
    return new Lanes(this.builder, this.context, "f64", accuracy);
  }

  /** A value that already lies in a local, such as an argument. */
  variable(local: number): Variable {
    return { local, emit: () => void this.builder.localGet(local) };
  }

  /** Computes a value now and keeps it. */
  let(value: Operand): Variable {
    const local = this.builder.local("v128");
    this.#owned.push(local);
    this.#emit(value);
    this.builder.localSet(local);
    return this.variable(local);
  }

  /** Gives a variable another value. */
  assign(variable: Variable, value: Operand): void {
    this.#emit(value);
    this.builder.localSet(variable.local);
  }

  /** Gives back all locals made by {@linkcode let}. */
  release(): void {
    this.builder.release(...this.#owned);
    this.#owned.length = 0;
  }

  /** Emits code that runs only if some lane of the mask is set. */
  ifAny(mask: Value, body: () => void): void {
    mask.emit();
    this.builder.v128AnyTrue().if();
    body();
    this.builder.end();
  }

  /** A number in all lanes. */
  constant(value: number): Value {
    return this.#splat(
      this.type === "f32" ? this.context.pool.f32(value) : this.context.pool.f64(value),
      (view) => {
        for (let i = 0; i < 16; i += this.pick(4, 8)) {
          if (this.type === "f32") view.setFloat32(i, value, true);
          else view.setFloat64(i, value, true);
        }
      },
    );
  }

  /** A bit pattern in all lanes. */
  bits(pattern: bigint): Value {
    return this.#splat(
      this.type === "f32"
        ? this.context.pool.i32(Number(BigInt.asIntN(32, pattern)))
        : this.context.pool.i64(pattern),
      (view) => {
        for (let i = 0; i < 16; i += this.pick(4, 8)) {
          if (this.type === "f32") view.setInt32(i, Number(BigInt.asIntN(32, pattern)), true);
          else view.setBigInt64(i, BigInt.asIntN(64, pattern), true);
        }
      },
    );
  }

  /** The sign bit in all lanes. */
  signBit(): Value {
    return this.bits(this.pick(1n << 31n, 1n << 63n));
  }

  abs(a: Operand): Value {
    return this.#unary("Abs", a);
  }
  neg(a: Operand): Value {
    return this.#unary("Neg", a);
  }
  sqrt(a: Operand): Value {
    return this.#unary("Sqrt", a);
  }
  floor(a: Operand): Value {
    return this.#unary("Floor", a);
  }
  trunc(a: Operand): Value {
    return this.#unary("Trunc", a);
  }
  /** The nearest integer, ties to even. */
  nearest(a: Operand): Value {
    return this.#unary("Nearest", a);
  }
  add(a: Operand, b: Operand): Value {
    return this.#binary("Add", a, b);
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary("Sub", a, b);
  }
  mul(a: Operand, b: Operand): Value {
    return this.#binary("Mul", a, b);
  }
  div(a: Operand, b: Operand): Value {
    return this.#binary("Div", a, b);
  }
  /** `b < a ? b : a`: a NaN in `a` stays, one in `b` does not. */
  pmin(a: Operand, b: Operand): Value {
    return this.#binary("Pmin", a, b);
  }
  /** `a < b ? b : a`: a NaN in `a` stays, one in `b` does not. */
  pmax(a: Operand, b: Operand): Value {
    return this.#binary("Pmax", a, b);
  }
  equal(a: Operand, b: Operand): Value {
    return this.#binary("Eq", a, b);
  }
  notEqual(a: Operand, b: Operand): Value {
    return this.#binary("Ne", a, b);
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary("Lt", a, b);
  }
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.#binary("Le", a, b);
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary("Gt", a, b);
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.#binary("Ge", a, b);
  }

  /** `a b + c`, rounded once or twice: a machine with fused multiply-add uses it. */
  madd(a: Operand, b: Operand, c: Operand): Value {
    return this.#value(() => {
      for (const operand of [a, b, c]) this.#emit(operand);
      this.builder[this.#methods.RelaxedMadd]();
    });
  }

  /** `c - a b`, rounded once or twice. */
  nmadd(a: Operand, b: Operand, c: Operand): Value {
    return this.#value(() => {
      for (const operand of [a, b, c]) this.#emit(operand);
      this.builder[this.#methods.RelaxedNmadd]();
    });
  }

  /**
   * A polynomial, coefficients from the lowest power up: by Horner's rule, or from eight coefficients on as even
   * part + x times odd part, each by Horner's rule in x^2, which halves the chain of dependent instructions.
   */
  polynomial(x: Variable, coefficients: readonly number[]): Value {
    if (coefficients.length < 8) return this.#value(() => this.#horner(x, coefficients));
    return this.#value(() => {
      const square = this.let(this.mul(x, x));
      this.#horner(square, coefficients.filter((_, i) => i % 2 === 1));
      x.emit();
      this.#horner(square, coefficients.filter((_, i) => i % 2 === 0));
      this.builder[this.#methods.RelaxedMadd]();
    });
  }

  and(a: Operand, b: Operand): Value {
    return this.#bitwise("And", a, b);
  }
  /** `a & ~b`. */
  andNot(a: Operand, b: Operand): Value {
    return this.#bitwise("Andnot", a, b);
  }
  or(a: Operand, b: Operand): Value {
    return this.#bitwise("Or", a, b);
  }
  xor(a: Operand, b: Operand): Value {
    return this.#bitwise("Xor", a, b);
  }
  not(a: Operand): Value {
    return this.#value(() => {
      this.#emit(a);
      this.builder.v128Not();
    });
  }

  /** Lanes of `whenTrue` where the mask is set, else of `whenFalse`. */
  select(mask: Operand, whenTrue: Operand, whenFalse: Operand): Value {
    return this.#value(() => {
      for (const operand of [whenTrue, whenFalse, mask]) this.#emit(operand);
      this.builder.v128Bitselect();
    });
  }

  /** The magnitude of one value with the sign of another. */
  copySign(magnitude: Operand, sign: Operand): Value {
    return this.select(this.signBit(), sign, magnitude);
  }

  /** A value known to be positive with the sign of another. */
  withSignOf(positive: Operand, sign: Operand): Value {
    return this.or(positive, this.and(sign, this.signBit()));
  }

  integerAdd(a: Value, b: Value): Value {
    return this.#integerBinary("IntegerAdd", a, b);
  }
  integerSub(a: Value, b: Value): Value {
    return this.#integerBinary("IntegerSub", a, b);
  }
  integerEqual(a: Value, b: Value): Value {
    return this.#integerBinary("IntegerEq", a, b);
  }
  integerGreater(a: Value, b: Value): Value {
    return this.#integerBinary("IntegerGtS", a, b);
  }
  shiftLeft(a: Value, count: number): Value {
    return this.#shift("Shl", a, count);
  }
  shiftRight(a: Value, count: number): Value {
    return this.#shift("ShrS", a, count);
  }
  shiftRightUnsigned(a: Value, count: number): Value {
    return this.#shift("ShrU", a, count);
  }

  /** A value from instructions that are emitted by hand. */
  emitted(emit: () => void): Value {
    return this.#value(emit);
  }

  #horner(x: Variable, coefficients: readonly number[]): void {
    this.constant(coefficients[coefficients.length - 1]).emit();
    for (let i = coefficients.length - 2; i >= 0; i--) {
      x.emit();
      this.constant(coefficients[i]).emit();
      this.builder[this.#methods.RelaxedMadd]();
    }
  }

  #value(emit: () => void): Value {
    return { emit };
  }

  #emit(operand: Operand): void {
    if (typeof operand === "number") this.constant(operand).emit();
    else operand.emit();
  }

  #unary(name: UnaryName, a: Operand): Value {
    return this.#value(() => {
      this.#emit(a);
      this.builder[this.#methods[name]]();
    });
  }

  #binary(name: BinaryName, a: Operand, b: Operand): Value {
    return this.#value(() => {
      this.#emit(a);
      this.#emit(b);
      this.builder[this.#methods[name]]();
    });
  }

  #bitwise(name: BitwiseName, a: Operand, b: Operand): Value {
    return this.#value(() => {
      this.#emit(a);
      this.#emit(b);
      this.builder[`v128${name}`]();
    });
  }

  #integerBinary(name: IntegerBinaryName, a: Value, b: Value): Value {
    return this.#value(() => {
      a.emit();
      b.emit();
      this.builder[this.#methods[name]]();
    });
  }

  #shift(name: ShiftName, a: Value, count: number): Value {
    return this.#value(() => {
      a.emit();
      this.builder.i32Const(count);
      this.builder[this.#methods[name]]();
    });
  }

  #splat(address: number, write: (view: DataView) => void): Value {
    return this.#value(() => {
      if (address >= 0) {
        if (this.type === "f32") this.builder.constantSplat32(address);
        else this.builder.i32Const(address).v128Load64Splat();
        return;
      }
      const bytes = new Uint8Array(16);
      write(new DataView(bytes.buffer));
      this.builder.v128Const(bytes);
    });
  }
}
