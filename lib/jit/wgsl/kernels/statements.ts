/** Writes the scalar statements of a kernel, for one point or for four neighbours at once. */
import type { Index, Statement, Store } from "../../kernel/kernel.ts";
import { argumentsOf } from "../../kernel/statements.ts";
import type { Access } from "../access.ts";
import { literal, registerType } from "../literal.ts";
import { bitcastExpression, castExpression, opExpression } from "../scalar_ops.ts";
import type { Shader } from "../shader.ts";

/** Everything that the given statements need, themselves included, in order. */
export function closure(statements: readonly Statement[], roots: Iterable<number>): number[] {
  const seen = new Set<number>();
  const stack = [...roots];
  while (stack.length > 0) {
    const id = stack.pop()!;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const arg of argumentsOf(statements[id])) stack.push(arg);
  }
  return [...seen].sort((a, b) => a - b);
}

/** What four neighbours are: points along an axis, or null when there is one point at a time. */
export interface Lanes {
  readonly axis: number;
  readonly count: 1 | 4;
}

export interface StatementContext {
  readonly shader: Shader;
  readonly access: Access;
  readonly statements: readonly Statement[];
  readonly lanes: Lanes;
  /** Whether each statement differs between the lanes. */
  readonly varying: readonly boolean[];
  /** The name of the coordinate along an axis (of the first lane); null for one that does not matter here. */
  coordinate(axis: number): string | null;
  /** The value of a finished reduction. */
  reduced(reduction: number, lane: number): string;
  /** Whether four neighbours of an operand are read or written as one vector. */
  isVector(operand: number, index: Index): boolean;
}

/** Values of statements by number; those in `outer` were computed before and outside. */
export class StatementWriter {
  readonly #context: StatementContext;
  readonly #outer: StatementWriter | null;
  readonly #values: Map<number, readonly string[]> = new Map();

  constructor(context: StatementContext, outer: StatementWriter | null = null) {
    this.#context = context;
    this.#outer = outer;
  }

  has(id: number): boolean {
    return this.#values.has(id) || (this.#outer?.has(id) ?? false);
  }

  /** Says what the values of a statement are: one, or one for each lane. */
  remember(id: number, values: readonly string[]): void {
    this.#values.set(id, values);
  }

  /** The value of a statement at a lane. */
  value(id: number, lane: number): string {
    const values = this.#values.get(id);
    if (values) return values[Math.min(lane, values.length - 1)];
    if (!this.#outer) throw new Error(`Statement ${id} was not written.`);
    return this.#outer.value(id, lane);
  }

  /** Writes those statements that have no value yet. */
  write(ids: readonly number[]): void {
    for (const id of ids) if (!this.has(id)) this.#values.set(id, this.#compute(id));
  }

  /** The position that an index means, as an expression: from the start of its buffer, or of the operand. */
  position(operand: number, index: Index, lane: number, own = false): string {
    const { access, lanes } = this.#context;
    const base = own ? { constant: 0, term: null } : access.base(operand);
    let constant = index.offset + base.constant;
    const terms: string[] = [];
    if (base.term !== null) terms.push(base.term);
    index.strides.forEach((stride, axis) => {
      if (stride === 0) return;
      const name = this.#context.coordinate(axis);
      if (name === null) return;
      terms.push(stride === 1 ? name : `${name} * ${stride}`);
      if (axis === lanes.axis) constant += stride * lane;
    });
    for (const { statement, stride } of index.dynamic) {
      const value = this.value(statement, lane);
      terms.push(stride === 1 ? value : `${value} * ${stride}`);
    }
    if (constant !== 0 || terms.length === 0) terms.push(String(constant));
    return terms.join(" + ");
  }

  #compute(id: number): readonly string[] {
    const { shader, statements, lanes, varying } = this.#context;
    const s = statements[id];
    const type = registerType(s.dtype);
    switch (s.kind) {
      case "constant":
        return [literal(s.value, type)];
      case "coordinate": {
        const name = this.#context.coordinate(s.axis) ?? "0i";
        if (s.axis !== lanes.axis || lanes.count === 1) return [name];
        return [0, 1, 2, 3].map((lane) => `(${name} + ${lane})`);
      }
      case "load":
        return this.#load(id, s);
    }
    const count = varying[id] ? lanes.count : 1;
    const values: string[] = [];
    for (let lane = 0; lane < count; lane++) {
      const expression = this.#expression(s, lane);
      const inline = s.kind === "reduced" || s.kind === "part";
      values.push(inline ? expression : shader.let(expression));
    }
    return values;
  }

  #expression(s: Statement, lane: number): string {
    const { shader, statements } = this.#context;
    switch (s.kind) {
      case "op": {
        const args = s.args.map((arg) => this.value(arg, lane));
        // The compiler refuses to compute 1 / 0 of literals.
        if (s.args.every((arg) => statements[arg].kind === "constant")) {
          const name = shader.name("c");
          shader.line(`var ${name} = ${args[0]};`);
          args[0] = name;
        }
        const first = s.op === "select" ? s.args[1] : s.args[0];
        return opExpression(shader, s.op, s.from ?? statements[first].dtype, args);
      }
      case "cast": {
        if (statements[s.arg].kind !== "constant") {
          return castExpression(shader, s.from, s.dtype, this.value(s.arg, lane));
        }
        const name = shader.name("c");
        shader.line(`var ${name} = ${this.value(s.arg, lane)};`);
        return castExpression(shader, s.from, s.dtype, name);
      }
      case "bitcast":
        return bitcastExpression(shader, s.from, s.dtype, this.value(s.arg, lane));
      case "threefry":
        return `${shader.use("threefry")}(${s.args.map((arg) => this.value(arg, lane)).join(", ")})`;
      case "part":
        return `${this.value(s.of, lane)}.${s.index === 0 ? "x" : "y"}`;
      case "reduced":
        return this.#context.reduced(s.reduction, lane);
      default:
        throw new Error(`${s.kind} is no expression.`);
    }
  }

  #load(id: number, s: Extract<Statement, { kind: "load" }>): readonly string[] {
    const { shader, access, lanes, varying } = this.#context;
    const fill = s.mask === undefined ? "" : literal(s.fill ?? 0, registerType(s.dtype));
    const masked = (value: string, lane: number) =>
      s.mask === undefined ? value : `select(${fill}, ${value}, ${this.value(s.mask, lane)})`;
    if (!varying[id] || lanes.count === 1) {
      // Reading outside a buffer is harmless, so that the mask may decide afterwards.
      return [shader.let(masked(access.load(s.operand, this.position(s.operand, s.index, 0)), 0))];
    }
    if (this.#context.isVector(s.operand, s.index)) {
      const parts = access.loadVector(s.operand, this.position(s.operand, s.index, 0));
      return parts.map((part, lane) => shader.let(masked(part, lane)));
    }
    if (s.index.strides[lanes.axis] === 0 && s.index.dynamic.length === 0) {
      const one = shader.let(access.load(s.operand, this.position(s.operand, s.index, 0)));
      return [0, 1, 2, 3].map((lane) => shader.let(masked(one, lane)));
    }
    return [0, 1, 2, 3].map((lane) =>
      shader.let(masked(access.load(s.operand, this.position(s.operand, s.index, lane)), lane))
    );
  }

  /** Writes a store at one point or at the four lanes; `guard` says for each lane whether it counts. */
  store(store: Store, varying: boolean, guard?: (lane: number) => string): void {
    const { shader, access, lanes } = this.#context;
    const { operand, index, mask, mode } = store;
    if (
      lanes.count === 4 && varying && mode === "set" && mask === undefined && !guard &&
      this.#context.isVector(operand, index)
    ) {
      const values = [0, 1, 2, 3].map((lane) => this.value(store.value, lane));
      return access.storeVector(operand, this.position(operand, index, 0), values);
    }
    const count = varying ? lanes.count : 1;
    for (let lane = 0; lane < count; lane++) {
      const conditions: string[] = [];
      if (guard) conditions.push(guard(lane));
      if (mask !== undefined) conditions.push(this.value(mask, lane));
      const write = () => {
        const position = this.position(operand, index, lane);
        const value = this.value(store.value, lane);
        if (mode === "add") access.add(operand, position, value);
        else access.store(operand, position, value);
      };
      if (conditions.length > 0) shader.block(`if (${conditions.join(" && ")})`, write);
      else write();
    }
  }
}
