/** Emits statements of the kernel language as vector code: for nests, and for the operands and results of products. */
import type { Statement } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { argumentsOf } from "../../kernel/statements.ts";
import { emitBitcast, emitCast } from "./cast_ops.ts";
import { emitScalarOp } from "./scalar_ops.ts";
import { emitThreefry } from "./threefry.ts";
import { constantValue, type LaneCount, localValue, type ModuleContext, type Value } from "./value.ts";

/** Where the statements that compute nothing themselves get their values. Each leaves a vector on the stack. */
export interface StatementSource {
  load(emitter: StatementEmitter, statement: number): void;
  coordinate(axis: number): void;
  reduced(reduction: number): void;
  /** Whether a statement has the same value in all lanes. */
  isUniform(statement: number): boolean;
}

/** Something that reads statements: a store, a step of a reduction. */
export interface Consumer {
  readonly reads: readonly number[];
  /** Emitted after this statement (and what it reads). */
  readonly after: number;
  emit(): void;
}

/** The values of statements within one scope (a loop body), on top of those of the scopes around it. */
export class StatementEmitter {
  readonly context: ModuleContext;
  readonly f: FunctionBuilder;
  readonly lanes: LaneCount;
  readonly statements: readonly Statement[];
  readonly source: StatementSource;
  readonly #outer: StatementEmitter | null;
  readonly #values: Map<number, Value> = new Map();
  readonly #pairs: Map<number, readonly [number, number]> = new Map();

  constructor(
    context: ModuleContext,
    f: FunctionBuilder,
    lanes: LaneCount,
    statements: readonly Statement[],
    source: StatementSource,
    outer: StatementEmitter | null = null,
  ) {
    this.context = context;
    this.f = f;
    this.lanes = lanes;
    this.statements = statements;
    this.source = source;
    this.#outer = outer;
  }

  /** A scope inside of this one. */
  inner(source: StatementSource = this.source): StatementEmitter {
    return new StatementEmitter(this.context, this.f, this.lanes, this.statements, source, this);
  }

  /** The value of an emitted statement, or of a constant. */
  value(statement: number): Value {
    const s = this.statements[statement];
    if (s.kind === "constant") return constantValue(s.dtype, s.value);
    const found = this.find(statement);
    if (found === undefined) throw new Error(`Statement ${statement} is used before it is computed.`);
    return found;
  }

  /** The value of a statement in this scope or those around it, if it has been emitted. */
  find(statement: number): Value | undefined {
    return this.#values.get(statement) ?? this.#outer?.find(statement);
  }

  /** Gives a statement a value that was computed elsewhere. */
  define(statement: number, value: Value): void {
    this.#values.set(statement, value);
  }

  /** Emits statements in order, all of which stay valid until `close`. */
  emitAll(statements: Iterable<number>): void {
    for (const statement of statements) this.#emit(statement);
  }

  /**
   * Emits a body: the statements in order, each consumer as early as it may be. Locals are given back after
   * their last use, so that their number stays small.
   */
  emitBody(statements: readonly number[], consumers: readonly Consumer[]): void {
    const items: (number | Consumer)[] = [];
    const waiting = [...consumers];
    const place = (upTo: number): void => {
      for (let i = 0; i < waiting.length;) {
        const { reads, after } = waiting[i];
        if (after <= upTo && reads.every((read) => read <= upTo)) items.push(...waiting.splice(i, 1));
        else i++;
      }
    };
    place(-1);
    for (const statement of statements) {
      items.push(statement);
      place(statement);
    }
    items.push(...waiting);

    const lastUse = new Map<number, number>();
    const use = (statement: number, position: number): void => {
      const s = this.statements[statement];
      lastUse.set(statement, position);
      // The halves of a pair keep it alive.
      if (s.kind === "part") lastUse.set(s.of, position);
    };
    items.forEach((item, position) => {
      if (typeof item === "number") {
        use(item, position);
        argumentsOf(this.statements[item]).forEach((arg) => use(arg, position));
      } else item.reads.forEach((read) => use(read, position));
    });
    const dying: number[][] = items.map(() => []);
    for (const [statement, position] of lastUse) dying[position].push(statement);
    items.forEach((item, position) => {
      if (typeof item === "number") this.#emit(item);
      else item.emit();
      for (const statement of dying[position]) this.#release(statement);
    });
  }

  /** Gives all locals of this scope back. */
  close(): void {
    for (const statement of [...this.#values.keys(), ...this.#pairs.keys()]) this.#release(statement);
  }

  #release(statement: number): void {
    const value = this.#values.get(statement);
    if (value !== undefined) {
      if (value.local >= 0) this.f.release(value.local);
      this.#values.delete(statement);
    }
    const pair = this.#pairs.get(statement);
    if (pair !== undefined) {
      this.f.release(...pair);
      this.#pairs.delete(statement);
    }
  }

  #findPair(statement: number): readonly [number, number] {
    const pair = this.#pairs.get(statement) ??
      (this.#outer === null ? undefined : this.#outer.#findPair(statement));
    if (pair === undefined) throw new Error(`Statement ${statement} is used before it is computed.`);
    return pair;
  }

  #emit(statement: number): void {
    const s = this.statements[statement];
    if (s.kind === "constant" || this.find(statement) !== undefined) return;
    const { context, f } = this;
    switch (s.kind) {
      case "load":
        this.source.load(this, statement);
        break;
      case "coordinate":
        this.source.coordinate(s.axis);
        break;
      case "reduced":
        this.source.reduced(s.reduction);
        break;
      case "op":
        emitScalarOp(
          context,
          f,
          s.op,
          s.op === "select" ? s.dtype : this.statements[s.args[0]].dtype,
          s.args.map((arg) => this.value(arg)),
          this.lanes,
        );
        break;
      case "cast":
        emitCast(context, f, this.value(s.arg), s.dtype);
        break;
      case "bitcast":
        emitBitcast(context, f, this.value(s.arg), s.dtype);
        break;
      case "threefry":
        this.#pairs.set(statement, emitThreefry(context, f, s.args.map((arg) => this.value(arg))));
        return;
      case "part":
        f.localGet(this.#findPair(s.of)[s.index]);
        break;
    }
    const local = f.local("v128");
    f.localSet(local);
    this.#values.set(statement, localValue(s.dtype, local, this.source.isUniform(statement)));
  }
}
