/** Values in the language of routines: what leaves one value on the stack. */
import type { Code } from "./code.ts";

/** An i32, a float of the routine's dtype, or a v128 of those. */
export type Kind = "int" | "real" | "vector";
/** Numbers stand for constants of the kind they meet. */
export type Operand = Expression | number;

const REAL = {
  plus: "Add",
  minus: "Sub",
  times: "Mul",
  over: "Div",
  least: "Min",
  greatest: "Max",
  withSign: "Copysign",
  negated: "Neg",
  magnitude: "Abs",
  root: "Sqrt",
  lt: "Lt",
  le: "Le",
  gt: "Gt",
  ge: "Ge",
  eq: "Eq",
  ne: "Ne",
} as const;

/** Code that leaves a value on the stack, to be emitted as often as it is used. */
export class Expression {
  readonly code: Code;
  readonly kind: Kind;
  readonly push: () => void;

  constructor(code: Code, kind: Kind, push: () => void) {
    this.code = code;
    this.kind = kind;
    this.push = push;
  }

  #apply(name: string, result: Kind, ...operands: Operand[]): Expression {
    const { code, kind } = this;
    const others = operands.map((operand) => code.of(kind, operand));
    return new Expression(code, result, () => {
      this.push();
      for (const other of others) other.push();
      code.emit(name);
    });
  }

  #arithmetic(op: keyof typeof REAL, ...operands: Operand[]): Expression {
    return this.#apply(`${this.code.prefix(this.kind)}${REAL[op]}`, this.kind, ...operands);
  }

  #compare(op: "lt" | "le" | "gt" | "ge" | "eq" | "ne", other: Operand): Expression {
    const signed = this.kind === "int" && op !== "eq" && op !== "ne" ? "S" : "";
    return this.#apply(`${this.code.prefix(this.kind)}${REAL[op]}${signed}`, "int", other);
  }

  plus(other: Operand): Expression {
    return this.kind === "int" && other === 0 ? this : this.#arithmetic("plus", other);
  }
  minus(other: Operand): Expression {
    return this.#arithmetic("minus", other);
  }
  times(other: Operand): Expression {
    if (this.kind === "int" && other === 1) return this;
    if (this.kind === "int" && typeof other === "number" && other > 0 && (other & (other - 1)) === 0) {
      return this.#apply("i32Shl", "int", 31 - Math.clz32(other));
    }
    return this.#arithmetic("times", other);
  }
  /** Of reals and vectors. */
  over(other: Operand): Expression {
    return this.#arithmetic("over", other);
  }
  least(other: Operand): Expression {
    if (this.kind !== "int") return this.#arithmetic("least", other);
    return this.code.choose(this.lt(other), this, other);
  }
  greatest(other: Operand): Expression {
    if (this.kind !== "int") return this.#arithmetic("greatest", other);
    return this.code.choose(this.gt(other), this, other);
  }
  /** The magnitude of a real with the sign of the other. */
  withSign(other: Operand): Expression {
    return this.#arithmetic("withSign", other);
  }
  negated(): Expression {
    return this.kind === "int" ? this.code.of("int", 0).minus(this) : this.#arithmetic("negated");
  }
  magnitude(): Expression {
    return this.#arithmetic("magnitude");
  }
  root(): Expression {
    return this.#arithmetic("root");
  }
  lt(other: Operand): Expression {
    return this.#compare("lt", other);
  }
  le(other: Operand): Expression {
    return this.#compare("le", other);
  }
  gt(other: Operand): Expression {
    return this.#compare("gt", other);
  }
  ge(other: Operand): Expression {
    return this.#compare("ge", other);
  }
  eq(other: Operand): Expression {
    return this.#compare("eq", other);
  }
  ne(other: Operand): Expression {
    return this.#compare("ne", other);
  }
  /** Bitwise, and logical on comparisons. */
  and(other: Operand): Expression {
    return this.#apply("i32And", "int", other);
  }
  or(other: Operand): Expression {
    return this.#apply("i32Or", "int", other);
  }
  not(): Expression {
    return this.#apply("i32Eqz", "int");
  }
  shiftRight(bits: number): Expression {
    return this.#apply("i32ShrU", "int", bits);
  }
  remainder(other: Operand): Expression {
    return this.#apply("i32RemU", "int", other);
  }
  quotient(other: Operand): Expression {
    return this.#apply("i32DivU", "int", other);
  }

  /** this * a + b, rounded once where the machine can; of reals rounded twice. */
  timesPlus(a: Operand, b: Operand): Expression {
    if (this.kind !== "vector") return this.times(a).plus(b);
    return this.#apply(`${this.code.prefix("vector")}RelaxedMadd`, "vector", a, b);
  }
  /** b - this * a, rounded once where the machine can; of reals rounded twice. */
  timesFrom(a: Operand, b: Operand): Expression {
    if (this.kind !== "vector") return this.code.of(this.kind, b).minus(this.times(a));
    return this.#apply(`${this.code.prefix("vector")}RelaxedNmadd`, "vector", a, b);
  }
  /** A real in all lanes. */
  splat(): Expression {
    return this.#apply(`${this.code.prefix("vector")}Splat`, "vector");
  }
  /** One lane of a vector. */
  lane(index: number): Expression {
    const name = `${this.code.prefix("vector")}ExtractLane`;
    return new Expression(this.code, "real", () => {
      this.push();
      this.code.emit(name, index);
    });
  }
  /** The sum of the lanes. */
  total(): Expression {
    const { code } = this;
    const held = code.variable("vector");
    const lanes = Array.from({ length: code.lanes }, (_, i) => held.lane(i));
    const sum = code.lanes === 2
      ? lanes[0].plus(lanes[1])
      : lanes[0].plus(lanes[1]).plus(lanes[2].plus(lanes[3]));
    return new Expression(code, "real", () => {
      this.push();
      code.f.localSet(held.local);
      sum.push();
    });
  }
  /** An integer as a real. */
  toReal(): Expression {
    return this.#apply(`${this.code.prefix("real")}ConvertI32S`, "real");
  }
}

/** A local. */
export class Variable extends Expression {
  readonly local: number;

  constructor(code: Code, kind: Kind, local: number) {
    super(code, kind, () => void code.f.localGet(local));
    this.local = local;
  }

  set(value: Operand): void {
    this.code.of(this.kind, value).push();
    this.code.f.localSet(this.local);
  }

  /** Adds to it. */
  increase(value: Operand): void {
    this.set(this.plus(value));
  }
}
