/**
 * Random programs of nested loops and conditions on vectors of three numbers, each with two meanings: in plain
 * TypeScript and in tensors.
 */
import { cond, type DType, forLoop, loop, map, scan, type Tensor, tensor, whileLoop } from "@damo/damo";
import type { TestRandom } from "../support/random.ts";

const SIZE = 3;

/** An expression; `name` is what its loop calls the carry or the row. */
export type Expression =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "add" | "product"; readonly a: Expression; readonly b: Expression }
  | { readonly kind: "sin" | "mix"; readonly a: Expression }
  | { readonly kind: "map"; readonly name: string; readonly a: Expression; readonly body: Expression }
  | { readonly kind: "cond"; readonly p: Expression; readonly a: Expression; readonly b: Expression }
  | {
    readonly kind: "for" | "scan" | "while" | "until";
    readonly name: string;
    readonly initial: Expression;
    /** What a scan walks over. */
    readonly over: Expression;
    readonly body: Expression;
    readonly row: Expression;
    readonly steps: number;
    readonly reverse: boolean;
    readonly rows: boolean;
    /** Written as a `for` statement. */
    readonly statement: boolean;
    readonly checkpointEvery: number | undefined;
  };

export function randomProgram(random: TestRandom, depth: number, names: readonly string[]): Expression {
  const inner = (...more: string[]): Expression => randomProgram(random, depth - 1, [...names, ...more]);
  if (depth === 0) return { kind: "variable", name: names[random.below(names.length)] };
  const kind = ([
    "add",
    "product",
    "sin",
    "mix",
    "map",
    "cond",
    "for",
    "for",
    "scan",
    "scan",
    "while",
    "until",
  ] as const)[random.below(12)];
  const name = `${kind}${depth}`;
  switch (kind) {
    case "add":
    case "product":
      return { kind, a: inner(), b: inner() };
    case "sin":
    case "mix":
      return { kind, a: inner() };
    case "map":
      return { kind, name, a: inner(), body: inner(name) };
    case "cond":
      return { kind, p: inner(), a: inner(), b: inner() };
    default: {
      const own = kind === "while" ? [name] : [name, `${name} row`];
      return {
        kind,
        name,
        initial: inner(),
        over: inner(),
        body: inner(...own),
        row: randomProgram(random, Math.min(1, depth - 1), [...names, ...own]),
        steps: random.below(4),
        reverse: random.below(2) === 0,
        rows: random.below(2) === 0,
        statement: random.below(2) === 0,
        checkpointEvery: random.below(3) === 0 ? 2 : undefined,
      };
    }
  }
}

type Scope<T> = Readonly<Record<string, T>>;
const sum = (a: readonly number[]): number => a.reduce((total, x) => total + x, 0);

/** Its value in plain numbers. */
export function plainValue(e: Expression, scope: Scope<number[]>): number[] {
  const value = (inner: Expression, more: Scope<number[]> = {}): number[] =>
    plainValue(inner, { ...scope, ...more });
  const full = (x: number): number[] => new Array(SIZE).fill(x);
  switch (e.kind) {
    case "variable":
      return scope[e.name];
    case "add": {
      const b = value(e.b);
      return value(e.a).map((x, i) => x + b[i]);
    }
    case "product": {
      const b = value(e.b);
      return value(e.a).map((x, i) => x * b[i] * 0.5);
    }
    case "sin":
      return value(e.a).map(Math.sin);
    case "mix": {
      const a = value(e.a);
      return a.map((x) => Math.tanh(x + sum(a)));
    }
    case "map":
      return value(e.a).map((x) => Math.tanh(sum(value(e.body, { [e.name]: full(x) }))));
    case "cond":
      return value(e.p)[0] > 0.05 ? value(e.a) : value(e.b);
  }
  let carry = value(e.initial);
  const over = e.kind === "scan" || e.kind === "until" ? value(e.over) : [];
  const rows = full(0);
  const step = (row: number): number => {
    const own = { [e.name]: carry, [`${e.name} row`]: full(row) };
    const result = sum(value(e.row, own));
    carry = value(e.body, own).map(Math.sin);
    return result;
  };
  if (e.kind === "for") { for (let i = 0; i < e.steps; i++) step(i); }
  else if (e.kind === "while") {
    for (let total = 0, i = 0; i < 6 && total < e.steps; i++) {
      carry = value(e.body, { [e.name]: carry }).map(Math.sin);
      total += 0.5 + carry[0] ** 2;
    }
  } else {
    const backwards = e.kind === "scan" && e.reverse && !e.statement;
    for (let t = 0; t < SIZE; t++) {
      const place = backwards ? SIZE - 1 - t : t;
      rows[place] = step(over[place]);
      if (e.kind === "until" && carry[2] > 0.2 * e.steps) break;
    }
  }
  return e.rows && over.length > 0 ? rows.map(Math.tanh) : carry;
}

/** Its value in tensors of a type. */
export function tensorValue(e: Expression, scope: Scope<Tensor>, dtype: DType = "float64"): Tensor {
  const value = (inner: Expression, more: Scope<Tensor> = {}): Tensor =>
    tensorValue(inner, { ...scope, ...more }, dtype);
  const full = (x: Tensor): Tensor => x.mul(tensor([1, 1, 1], { dtype }));
  switch (e.kind) {
    case "variable":
      return scope[e.name];
    case "add":
      return value(e.a).add(value(e.b));
    case "product":
      return value(e.a).mul(value(e.b)).mul(0.5);
    case "sin":
      return value(e.a).sin();
    case "mix": {
      const a = value(e.a);
      return a.add(a.sum()).tanh();
    }
    case "map":
      return map((x) => value(e.body, { [e.name]: full(x) }).sum(), value(e.a)).tanh();
    case "cond":
      return cond(value(e.p).at(0).gt(0.05), () => value(e.a), () => value(e.b));
  }
  const initial = value(e.initial);
  const step = (carry: Tensor, row: Tensor): [Tensor, Tensor] => {
    const own = { [e.name]: carry, [`${e.name} row`]: full(row) };
    return [value(e.body, own).sin(), value(e.row, own).sum()];
  };
  const result = (carry: Tensor, rows: Tensor): Tensor => e.rows ? rows.tanh() : carry;
  switch (e.kind) {
    case "for": {
      const count = e.reverse ? tensor(e.steps, { dtype: "int32" }) : e.steps;
      const body = (i: Tensor, c: Tensor): Tensor => step(c, i.cast(dtype))[0];
      if (!e.statement) return forLoop(count, body, initial);
      const carry = loop.state(initial);
      for (const i of loop.range(count)) carry.value = body(i, carry.value);
      return carry.value;
    }
    case "while": {
      type State = [Tensor, Tensor, Tensor];
      const start: State = [initial, tensor(0, { dtype }), tensor(0, { dtype: "int32" })];
      const goesOn = ([, total, i]: State): Tensor => total.lt(e.steps).and(i.lt(6));
      const body = ([c, total, i]: State): State => {
        const next = value(e.body, { [e.name]: c }).sin();
        return [next, total.add(next.at(0).square().add(0.5)), i.add(1)];
      };
      if (!e.statement) return whileLoop(goesOn, body, start)[0];
      const state = loop.state(start);
      for (const _ of loop.while(() => goesOn(state.value))) state.value = body(state.value);
      return state.value[0];
    }
    case "until": {
      const limit = 0.2 * e.steps;
      if (!e.statement) {
        const [carry, rows] = scan(step, initial, value(e.over), { until: (c) => c.at(2).gt(limit) });
        return result(carry, rows);
      }
      const carry = loop.state(initial), rows = loop.stack();
      for (const x of loop.over(value(e.over))) {
        const [next, row] = step(carry.value, x);
        carry.value = next;
        rows.push(row);
        loop.until(next.at(2).gt(limit));
      }
      return result(carry.value, rows.value);
    }
    case "scan": {
      const { reverse, checkpointEvery } = e;
      if (!e.statement) {
        const [carry, rows] = scan(step, initial, value(e.over), { reverse, checkpointEvery });
        return result(carry, rows);
      }
      const carry = loop.state(initial), rows = loop.stack();
      for (const x of loop.over(value(e.over))) {
        const [next, row] = step(carry.value, x);
        carry.value = next;
        rows.push(row);
      }
      return result(carry.value, rows.value);
    }
  }
}
