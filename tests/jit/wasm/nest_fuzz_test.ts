import { assert } from "@std/assert";
import { type DType, isFloat, newTypedArray, type TypedArray } from "../../../lib/trace/dtype.ts";
import type { Combiner, ScalarOp } from "../../../lib/trace/scalar_op.ts";
import type { Index, Nest, Operand, Reduction, Statement, Store } from "../../../lib/jit/kernel/kernel.ts";
import { runCompiled, samples } from "./nest_runner.ts";
import { runNest } from "./nest_truth.ts";

/** A small generator of random nests; every choice comes from one seed. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 88675123) >>> 0 || 1;
  }
  below(n: number): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state % n;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const TYPES: readonly DType[] = [
  "float32",
  "float32",
  "int32",
  "float64",
  "uint8",
  "bool",
  "float16",
  "int8",
  "uint32",
];
const EXTENTS = [1, 2, 3, 4, 5, 7, 8, 17, 33, 70];

interface Case {
  nest: Nest;
  arrays: TypedArray[];
}

function product(list: readonly number[]): number {
  return list.reduce((a, b) => a * b, 1);
}

class Builder {
  readonly operands: Operand[] = [];
  readonly arrays: TypedArray[] = [];
  readonly statements: Statement[] = [];
  readonly reductions: Reduction[] = [];
  readonly stores: Store[] = [];

  constructor(
    readonly random: Random,
    readonly domain: number[],
    readonly rowRank: number,
    readonly special: boolean,
  ) {}

  add(statement: Statement): number {
    this.statements.push(statement);
    return this.statements.length - 1;
  }

  operand(dtype: DType, length: number, access: Operand["access"]): number {
    const array = newTypedArray(dtype, length);
    array.set(samples(dtype, length, this.random.below(1e6) + 1, this.special) as unknown as Float32Array);
    this.operands.push({ dtype, access });
    this.arrays.push(array);
    return this.operands.length - 1;
  }

  /** An operand that some axes walk, in some order, some backwards. */
  layout(axes: readonly number[], broadcast: boolean): { index: Index; length: number } {
    const { random, domain } = this;
    const strides = new Array<number>(domain.length).fill(0);
    const order = [...axes];
    if (random.chance(40)) order.sort(() => random.below(3) - 1);
    let size = 1, offset = 0;
    for (let i = order.length - 1; i >= 0; i--) {
      const axis = order[i];
      if (broadcast && random.chance(20)) continue;
      const step = broadcast && random.chance(15) ? 2 : 1;
      const back = random.chance(12);
      strides[axis] = (back ? -1 : 1) * size * step;
      if (back) offset += size * step * (domain[axis] - 1);
      size *= step * domain[axis];
    }
    return { index: { offset, strides, dynamic: [] }, length: Math.max(1, size) };
  }

  axes(): number[] {
    return this.domain.map((_, axis) => axis);
  }

  load(dtype: DType): number {
    const { random } = this;
    const { index, length } = this.layout(this.axes(), true);
    if (random.chance(12)) {
      // Gathered: an index of its own takes the place of one axis.
      const rows = 1 + random.below(6);
      const at = this.layout(this.axes(), true);
      const indices = this.operand("int32", at.length, "read");
      const array = this.arrays[indices];
      for (let i = 0; i < at.length; i++) array[i] = random.below(rows);
      const statement = this.add({ kind: "load", dtype: "int32", operand: indices, index: at.index });
      const operand = this.operand(dtype, length * rows, "read");
      return this.add({
        kind: "load",
        dtype,
        operand,
        index: { ...index, dynamic: [{ statement, stride: length }] },
      });
    }
    const operand = this.operand(dtype, length, "read");
    if (random.chance(20) && this.domain.length > 0) {
      const axis = random.below(this.domain.length);
      const coordinate = this.add({ kind: "coordinate", dtype: "int32", axis });
      const limit = this.add({
        kind: "constant",
        dtype: "int32",
        value: random.below(this.domain[axis] + 2) - 1,
      });
      const op: ScalarOp = random.pick(["lt", "ge"]);
      const mask = this.add({ kind: "op", op, dtype: "bool", from: "int32", args: [coordinate, limit] });
      return this.add({ kind: "load", dtype, operand, index, mask, fill: dtype === "bool" ? 1 : 3 });
    }
    return this.add({ kind: "load", dtype, operand, index });
  }

  cast(statement: number, dtype: DType): number {
    const from = this.statements[statement].dtype;
    return from === dtype ? statement : this.add({ kind: "cast", dtype, from, arg: statement });
  }

  expression(dtype: DType, depth: number, leaves: readonly number[]): number {
    const { random } = this;
    if (depth === 0 || random.chance(20)) {
      if (leaves.length > 0 && random.chance(60)) return this.cast(random.pick(leaves), dtype);
      if (random.chance(15)) {
        return this.add({ kind: "constant", dtype, value: dtype === "bool" ? 1 : random.below(5) });
      }
      if (random.chance(10) && this.domain.length > 0) {
        const axis = random.below(this.domain.length);
        return this.cast(this.add({ kind: "coordinate", dtype: "int32", axis }), dtype);
      }
      const from = random.chance(75) ? dtype : random.pick(TYPES);
      return this.cast(this.load(from), dtype);
    }
    if (random.chance(15)) {
      const from = random.pick(TYPES);
      const op: ScalarOp = random.pick(["lt", "eq", "ge"]);
      const args = [this.expression(from, depth - 1, leaves), this.expression(from, depth - 1, leaves)];
      const condition = this.add({ kind: "op", op, dtype: "bool", from, args });
      const a = this.expression(dtype, depth - 1, leaves), b = this.expression(dtype, depth - 1, leaves);
      return this.add({ kind: "op", op: "select", dtype, args: [condition, a, b] });
    }
    const op: ScalarOp = dtype === "bool"
      ? random.pick(["and", "or", "xor", "not"])
      : isFloat(dtype)
      ? random.pick(["add", "sub", "mul", "minimum", "maximum", "abs", "floor", "neg"])
      : random.pick(["add", "sub", "mul", "minimum", "maximum", "and", "or", "floorDiv", "mod"]);
    const count = ["abs", "floor", "neg", "not"].includes(op) ? 1 : 2;
    const args = Array.from({ length: count }, () => this.expression(dtype, depth - 1, leaves));
    return this.add({ kind: "op", op, dtype, args });
  }

  store(value: number, perRow: boolean, pass: number): void {
    const { dtype } = this.statements[value];
    const axes = this.axes().filter((axis) => !perRow || axis < this.rowRank);
    const { index, length } = this.layout(axes, false);
    const operand = this.operand(dtype, length, "write");
    this.stores.push({ operand, index, value, mode: "set", perRow, pass });
  }

  finish(passes: number): Case {
    return {
      nest: {
        kind: "nest",
        domain: this.domain,
        rowRank: this.rowRank,
        operands: this.operands,
        statements: this.statements,
        reductions: this.reductions,
        stores: this.stores,
        passes,
      },
      arrays: this.arrays,
    };
  }
}

function randomDomain(random: Random): number[] {
  const domain = Array.from({ length: random.below(5) }, () => random.pick(EXTENTS));
  while (product(domain) > 6000) domain[domain.indexOf(Math.max(...domain))] = 2;
  if (random.chance(3)) domain.push(0);
  return domain;
}

function makeMap(seed: number): Case {
  const random = new Random(seed);
  const domain = randomDomain(random);
  const builder = new Builder(
    random,
    domain,
    random.chance(50) ? domain.length : random.below(domain.length + 1),
    true,
  );
  for (let count = 1 + random.below(3); count > 0; count--) {
    builder.store(builder.expression(random.pick(TYPES), 1 + random.below(3), []), false, 0);
  }
  return builder.finish(1);
}

function makeRows(seed: number): Case {
  const random = new Random(seed);
  const domain = randomDomain(random);
  if (domain.length === 0) domain.push(5);
  const rowRank = random.below(domain.length);
  const builder = new Builder(random, domain, rowRank, false);
  const passes = 1 + random.below(3);
  const leaves: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (let count = random.below(3); count > 0; count--) {
      const combiner: Combiner = random.pick([
        "sum",
        "sum",
        "prod",
        "max",
        "min",
        "argmax",
        "argmin",
        "any",
        "all",
      ]);
      const dtype: DType = combiner === "any" || combiner === "all"
        ? "bool"
        : combiner === "prod"
        ? random.pick(["int32", "uint32"])
        : combiner === "sum"
        ? random.pick(["float32", "float32", "float64", "int32", "uint32"])
        : random.pick(["float32", "int32", "float64", "uint8", "int8", "uint32", "float16"]);
      const value = builder.expression(dtype, random.below(3), leaves);
      const isArg = combiner.startsWith("arg");
      const position = isArg
        ? builder.add({ kind: "coordinate", dtype: "int32", axis: domain.length - 1 })
        : undefined;
      if (isArg && domain.length - rowRank > 1) continue;
      builder.reductions.push({ combiner, value, dtype, position, pass });
    }
    const finished = builder.reductions.map((r, reduction) => ({ r, reduction })).filter(({ r }) =>
      r.pass === pass
    );
    if (random.chance(40) || finished.length === 0) {
      builder.store(builder.expression(random.pick(TYPES), random.below(3), leaves), false, pass);
    }
    for (const { r, reduction } of finished) {
      const dtype = r.combiner.startsWith("arg") ? "int32" : r.dtype;
      leaves.push(builder.add({ kind: "reduced", dtype, reduction }));
    }
    if (finished.length > 0) {
      const row = leaves.length > 1 && random.chance(50)
        ? leaves[leaves.length - 2]
        : leaves[leaves.length - 1];
      builder.store(
        builder.cast(row, random.pick(["float32", "int32", builder.statements[row].dtype])),
        true,
        pass,
      );
    }
  }
  return builder.finish(passes);
}

function check(label: string, { nest, arrays }: Case, random: Random): void {
  const expected = arrays.map((array) => Float64Array.from(array));
  runNest(nest, expected);
  const actual = arrays.map((array) => array.slice());
  runCompiled(nest, actual, (units) => {
    const cuts: number[] = [];
    for (
      let at = random.chance(40) ? random.below(units + 1) : units;
      at < units;
      at += 1 + random.below(units)
    ) cuts.push(at);
    return [...cuts, units];
  });
  nest.operands.forEach(({ dtype }, i) => {
    for (let j = 0; j < actual[i].length; j++) {
      const a = actual[i][j], e = expected[i][j];
      if (Object.is(a, e) || a === e || (a !== a && e !== e)) continue;
      const unit = dtype === "float64" ? 1e-13 : dtype === "float16" ? 4e-3 : 4e-6;
      const near = isFloat(dtype) && Math.abs(a - e) <= unit * (Math.abs(e) + 30);
      if (!near) {
        assert(false, `${label}: operand ${i} (${dtype}) at ${j}: ${a}, not ${e}\n${JSON.stringify(nest)}`);
      }
    }
  });
}

const CASES = 250;

Deno.test("random elementwise kernels mean what their points mean, however they are split", () => {
  for (let seed = 1; seed <= CASES; seed++) check(`map ${seed}`, makeMap(seed), new Random(seed + 7));
});

Deno.test("random row kernels and reductions mean what their points mean, however they are split", () => {
  for (let seed = 1; seed <= CASES; seed++) check(`rows ${seed}`, makeRows(seed), new Random(seed + 7));
});
