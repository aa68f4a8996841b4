/**
 * A small language to write algorithms in: expressions on integers (addresses, counters), real numbers of one float dtype
 * and vectors of them, variables, loops and conditions, emitted into a WebAssembly function.
 */
import type { FunctionBuilder, ValueType } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { pushConstant } from "../nest/value.ts";
import { Expression, type Kind, type Operand, Variable } from "./expression.ts";

export type RoutineDType = "float32" | "float64";

type Instruction = keyof FunctionBuilder;

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
