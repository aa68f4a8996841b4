/**
 * A small language to write algorithms in: expressions on integers (addresses, counters), real numbers of one float dtype
 * and vectors of them, variables, loops and conditions, emitted into a WebAssembly function.
 */
import type { FunctionBuilder, ValueType } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { pushConstant } from "../nest/value.ts";

/** An i32, a float of the routine's dtype, or a v128 of those. */
export type Kind = "int" | "real" | "vector";
export type RoutineDType = "float32" | "float64";
/** Numbers stand for constants of the kind they meet. */
export type Operand = Expression | number;

type Instruction = keyof FunctionBuilder;

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

/** A function of the module in this language. */
export interface Procedure {
  readonly index: number;
  /** Calls it for its effect. */
  run(code: Code, ...args: readonly Operand[]): void;
  /** Calls it for its result. */
  call(code: Code, ...args: readonly Operand[]): Expression;
}

/** What is written into one function. */
export class Code {
  readonly f: FunctionBuilder;
  readonly context: ModuleContext;
  readonly dtype: RoutineDType;
  /** Bytes of a real. */
  readonly bytes: number;
  /** Reals in a vector. */
  readonly lanes: number;

  constructor(context: ModuleContext, f: FunctionBuilder, dtype: RoutineDType) {
    this.context = context;
    this.f = f;
    this.dtype = dtype;
    this.bytes = dtype === "float32" ? 4 : 8;
    this.lanes = 16 / this.bytes;
  }

  get #wide(): boolean {
    return this.dtype === "float64";
  }

  /** The beginning of the names of the instructions of a kind. */
  prefix(kind: Kind): string {
    if (kind === "int") return "i32";
    if (kind === "real") return this.#wide ? "f64" : "f32";
    return this.#wide ? "f64x2" : "f32x4";
  }

  emit(name: string, ...immediates: number[]): void {
    const method = this.f[name as Instruction] as (...immediates: number[]) => FunctionBuilder;
    if (typeof method !== "function") throw new Error(`There is no instruction "${name}".`);
    method.apply(this.f, immediates);
  }

  #type(kind: Kind): ValueType {
    return kind === "vector" ? "v128" : this.prefix(kind) as ValueType;
  }

  /** A number as an expression of a kind. */
  of(kind: Kind, value: Operand): Expression {
    if (typeof value !== "number") {
      if (value.kind !== kind) throw new Error(`A ${value.kind} stands where a ${kind} is wanted.`);
      return value;
    }
    const { f } = this;
    if (kind === "int") return new Expression(this, kind, () => void f.i32Const(value));
    if (kind === "vector") {
      return new Expression(this, kind, () => pushConstant(f, this.context.pool, this.dtype, value));
    }
    return new Expression(this, kind, () => void (this.#wide ? f.f64Const(value) : f.f32Const(value)));
  }

  int(value: Operand): Expression {
    return this.of("int", value);
  }
  real(value: Operand): Expression {
    return this.of("real", value);
  }

  /** A new local; it holds what it held before until it is set. */
  variable(kind: Kind, value?: Operand): Variable {
    const variable = new Variable(this, kind, this.f.local(this.#type(kind)));
    if (value !== undefined) variable.set(value);
    return variable;
  }

  /** The parameters as variables. */
  parameter(kind: Kind, index: number): Variable {
    return new Variable(this, kind, index);
  }

  /** The scratch memory of the running thread. */
  scratch(): Expression {
    return new Expression(this, "int", () => void this.f.globalGet(this.context.scratchGlobal));
  }

  choose(condition: Expression, yes: Operand, no: Operand): Expression {
    const kind = typeof yes !== "number" ? yes.kind : typeof no !== "number" ? no.kind : "int";
    const [a, b] = [this.of(kind, yes), this.of(kind, no)];
    return new Expression(this, kind, () => {
      a.push();
      b.push();
      condition.push();
      this.f.select();
    });
  }

  /** The address of an element of an array of reals. */
  at(array: Expression, index: Operand): Expression {
    if (typeof index === "number") return array.plus(index * this.bytes);
    return array.plus(index.times(this.bytes));
  }

  /** The real (or vector of neighbours) at an address. */
  load(address: Expression, kind: "real" | "vector" = "real", offset = 0): Expression {
    const name = kind === "real" ? `${this.prefix("real")}Load` : "v128Load";
    return new Expression(this, kind, () => {
      address.push();
      this.emit(name, offset);
    });
  }

  /** The real at an address in all lanes. */
  loadSplat(address: Expression, offset = 0): Expression {
    return new Expression(this, "vector", () => {
      address.push();
      this.emit(this.#wide ? "v128Load64Splat" : "v128Load32Splat", offset);
    });
  }

  loadInt(address: Expression, offset = 0): Expression {
    return new Expression(this, "int", () => {
      address.push();
      this.f.i32Load(offset);
    });
  }

  store(address: Expression, value: Operand, offset = 0): void {
    const stored = typeof value === "number" ? this.real(value) : value;
    address.push();
    stored.push();
    if (stored.kind === "vector") this.f.v128Store(offset);
    else this.emit(`${this.prefix(stored.kind)}Store`, offset);
  }

  storeInt(address: Expression, value: Operand): void {
    this.store(address, this.int(value));
  }

  /** Lanes of two vectors, counted through both. */
  shuffle(a: Expression, b: Expression, lanes: readonly number[]): Expression {
    const { bytes } = this;
    const places = lanes.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i));
    return new Expression(this, "vector", () => {
      a.push();
      b.push();
      this.f.i8x16Shuffle(places);
    });
  }

  copyBytes(target: Expression, source: Expression, bytes: Operand): void {
    target.push();
    source.push();
    this.int(bytes).push();
    this.f.memoryCopy();
  }

  zeroBytes(target: Expression, bytes: Operand): void {
    target.push();
    this.f.i32Const(0);
    this.int(bytes).push();
    this.f.memoryFill();
  }

  if(condition: Expression, yes: () => void, no?: () => void): void {
    condition.push();
    this.f.if();
    yes();
    if (no) {
      this.f.else();
      no();
    }
    this.f.end();
  }

  while(condition: Expression, body: () => void): void {
    this.if(condition, () => {
      this.f.loop();
      body();
      condition.push();
      this.f.brIf(0).end();
    });
  }

  /** A stretch of code that `leave` ends early. */
  block(body: (leave: (condition?: Expression) => void) => void): void {
    this.f.block();
    const { depth } = this.f;
    body((condition) => {
      condition?.push();
      const level = this.f.levelOf(depth);
      if (condition) this.f.brIf(level);
      else this.f.br(level);
    });
    this.f.end();
  }

  /** For each i from `from` while i < `to` (or, with a negative step, while i >= `to`). Bounds are computed once. */
  for(from: Operand, to: Operand, body: (i: Variable) => void, step = 1): void {
    const i = this.variable("int", from);
    let end: Operand = to, held: Variable | null = null;
    if (typeof to !== "number") end = held = this.variable("int", to);
    this.while(step > 0 ? i.lt(end) : i.ge(end), () => {
      body(i);
      i.increase(step);
    });
    this.release(i);
    if (held) this.release(held);
  }

  /** Gives locals back. */
  release(...variables: readonly Variable[]): void {
    for (const { local } of variables) this.f.release(local);
  }

  /** Calls a function of the module by its index. */
  invoke(index: number, args: readonly Expression[]): void {
    for (const argument of args) argument.push();
    this.f.call(index);
  }
}

/** A function shared by all routines of the module. */
export function procedure(
  context: ModuleContext,
  dtype: RoutineDType,
  name: string,
  params: readonly Kind[],
  result: Kind | null,
  body: (code: Code, ...params: Variable[]) => Expression | void,
): Procedure {
  const types = (kinds: readonly Kind[]): ValueType[] =>
    kinds.map((kind) =>
      kind === "int" ? "i32" : kind === "vector" ? "v128" : dtype === "float64" ? "f64" : "f32"
    );
  const f = context.helper(`${name}:${dtype}`, () => {
    const type = { params: types(params), results: types(result === null ? [] : [result]) };
    const builder = context.module.addFunction(type);
    const code = new Code(context, builder, dtype);
    const value = body(code, ...params.map((kind, i) => code.parameter(kind, i)));
    if (value) value.push();
    return builder;
  });
  const push = (code: Code, args: readonly Operand[]): void => {
    args.forEach((argument, i) => code.of(params[i], argument).push());
    code.f.call(f.index);
  };
  return {
    index: f.index,
    run: (code, ...args) => push(code, args),
    call: (code, ...args) => new Expression(code, result!, () => push(code, args)),
  };
}
