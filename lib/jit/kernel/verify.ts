/** The grammar of the kernel language, executable: what every generator may rely on. */
import type { DType } from "../../trace/dtype.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import type { Contraction, Convolution, Index, Kernel, Nest, Operand, Statement, Store } from "./kernel.ts";
import { printKernel } from "./print.ts";

const COMPARISONS: ReadonlySet<ScalarOp> = new Set(["eq", "ne", "lt", "le", "gt", "ge", "isNaN", "isFinite"]);

/** Collects what is wrong. */
class Checker {
  readonly problems: string[] = [];
  readonly operands: readonly Operand[];
  readonly rank: number;

  constructor(operands: readonly Operand[], rank: number) {
    this.operands = operands;
    this.rank = rank;
  }

  expect(condition: boolean, problem: string): void {
    if (!condition) this.problems.push(problem);
  }

  index(index: Index, statements: readonly Statement[], what: string, before: number): void {
    this.expect(
      index.strides.length === this.rank,
      `${what} has ${index.strides.length} strides for ${this.rank} axes`,
    );
    const numbers = [index.offset, ...index.strides, ...index.dynamic.map((term) => term.stride)];
    this.expect(numbers.every(Number.isInteger), `${what} has a fractional stride or offset`);
    for (const { statement } of index.dynamic) {
      this.argument(statement, statements, "int32", what, before);
    }
  }

  /** A statement that another reads: it must come before, and have the dtype wanted. */
  argument(
    statement: number,
    statements: readonly Statement[],
    dtype: DType | null,
    what: string,
    before: number,
  ): void {
    if (!(statement >= 0 && statement < Math.min(before, statements.length))) {
      this.problems.push(`${what} reads v${statement}, which does not come before it`);
    } else if (dtype !== null && statements[statement].dtype !== dtype) {
      this.problems.push(
        `${what} wants ${dtype} and reads v${statement}, which is ${statements[statement].dtype}`,
      );
    }
  }

  statements(statements: readonly Statement[], reductions: readonly { readonly dtype: DType }[]): void {
    statements.forEach((s, i) => this.#statement(s, `v${i}`, statements, i, reductions));
  }

  #statement(
    s: Statement,
    what: string,
    statements: readonly Statement[],
    i: number,
    reductions: readonly { readonly dtype: DType }[],
  ): void {
    const argument = (statement: number, dtype: DType | null): void =>
      this.argument(statement, statements, dtype, what, i);
    switch (s.kind) {
      case "constant":
        return;
      case "coordinate":
        return this.expect(s.axis >= 0 && s.axis < this.rank, `${what} is the coordinate of axis ${s.axis}`);
      case "load": {
        const operand = this.operands[s.operand];
        this.expect(
          operand?.dtype === s.dtype,
          `${what} is ${s.dtype} and loads a${s.operand}: ${operand?.dtype}`,
        );
        this.index(s.index, statements, what, i);
        if (s.mask !== undefined) argument(s.mask, "bool");
        return;
      }
      case "op":
        if (s.op === "select") {
          argument(s.args[0], "bool");
          s.args.slice(1).forEach((arg) => argument(arg, s.dtype));
        } else {
          const from = COMPARISONS.has(s.op) ? statements[s.args[0]]?.dtype ?? s.dtype : s.dtype;
          s.args.forEach((arg) => argument(arg, from));
          if (COMPARISONS.has(s.op)) this.expect(s.dtype === "bool", `${what} compares and is ${s.dtype}`);
        }
        return;
      case "cast":
      case "bitcast":
        return argument(s.arg, s.from);
      case "threefry":
        return s.args.forEach((arg) => argument(arg, "uint32"));
      case "part":
        argument(s.of, "uint32");
        return this.expect(
          statements[s.of]?.kind === "threefry",
          `${what} is a part of v${s.of}, which is no pair`,
        );
      case "reduced":
        return this.expect(
          reductions[s.reduction] !== undefined,
          `${what} is the result of r${s.reduction}, which does not exist`,
        );
    }
  }

  store(store: Store, statements: readonly Statement[], what: string): void {
    const operand = this.operands[store.operand];
    this.expect(
      operand !== undefined && operand.access !== "read",
      `${what} writes a${store.operand}, which may only be read`,
    );
    this.argument(store.value, statements, operand?.dtype ?? null, what, Infinity);
    if (store.mask !== undefined) this.argument(store.mask, statements, "bool", what, Infinity);
    this.index(store.index, statements, what, Infinity);
  }
}

function checkNest(nest: Nest): string[] {
  const { domain, rowRank, statements, reductions, stores, passes } = nest;
  const checker = new Checker(nest.operands, domain.length);
  checker.expect(rowRank >= 0 && rowRank <= domain.length, `${rowRank} row axes of ${domain.length}`);
  checker.expect(domain.every((extent) => Number.isInteger(extent) && extent >= 0), "an extent is no size");
  checker.statements(statements, reductions);
  const passOf = passesOf(nest);
  reductions.forEach((r, i) => {
    checker.expect(r.pass >= 0 && r.pass < passes, `r${i} is of pass ${r.pass} of ${passes}`);
    checker.argument(r.value, statements, r.dtype, `r${i}`, Infinity);
    checker.expect((passOf[r.value] ?? 0) <= r.pass, `r${i} reads what is finished only after its pass`);
    const positional = r.combiner === "argmax" || r.combiner === "argmin";
    checker.expect(
      positional === (r.position !== undefined),
      `r${i} has a position without being one of argmax and argmin`,
    );
    if (r.position !== undefined) checker.argument(r.position, statements, "int32", `r${i}`, Infinity);
  });
  stores.forEach((store, i) => {
    const what = `store ${i}`;
    checker.store(store, statements, what);
    checker.expect(
      store.pass >= 0 && store.pass < Math.max(1, passes),
      `${what} is of pass ${store.pass} of ${passes}`,
    );
    const ready = store.perRow ? store.pass + 1 : store.pass;
    checker.expect((passOf[store.value] ?? 0) <= ready, `${what} reads what is finished only after its pass`);
    if (store.perRow) {
      const still = store.index.strides.slice(rowRank).every((stride) => stride === 0);
      checker.expect(still, `${what} is per row and moves with the columns`);
    }
  });
  return checker.problems;
}

/** For each statement the first pass in which its value can be had. */
function passesOf({ statements, reductions }: Nest): number[] {
  const passes: number[] = [];
  for (const s of statements) {
    let pass = s.kind === "reduced" ? (reductions[s.reduction]?.pass ?? 0) + 1 : 0;
    const args = s.kind === "op" || s.kind === "threefry"
      ? s.args
      : s.kind === "cast" || s.kind === "bitcast"
      ? [s.arg]
      : s.kind === "part"
      ? [s.of]
      : s.kind === "load"
      ? [...s.index.dynamic.map((term) => term.statement), ...(s.mask === undefined ? [] : [s.mask])]
      : [];
    for (const arg of args) pass = Math.max(pass, passes[arg] ?? 0);
    passes.push(pass);
  }
  return passes;
}

function checkContraction(kernel: Contraction): string[] {
  const { batch, epilogue, a, b } = kernel;
  const checker = new Checker(kernel.operands, batch.length + 2);
  for (const [name, side] of [["a", a], ["b", b]] as const) {
    checker.expect(
      kernel.operands[side.operand] !== undefined,
      `${name} reads a${side.operand}, which does not exist`,
    );
    checker.expect(
      side.batchStrides.length === batch.length,
      `${name} has ${side.batchStrides.length} batch strides`,
    );
  }
  checker.statements(epilogue.statements, [{ dtype: kernel.dtype }]);
  epilogue.stores.forEach((store, i) => checker.store(store, epilogue.statements, `store ${i}`));
  return checker.problems;
}

function checkConvolution({ dtype, operands, epilogue }: Convolution): string[] {
  const checker = new Checker(operands, 3);
  checker.statements(epilogue.statements, [{ dtype }]);
  epilogue.stores.forEach((store, i) => checker.store(store, epilogue.statements, `store ${i}`));
  return checker.problems;
}

/** Throws an error with the kernel's text when it is not a sentence of the kernel language. */
export function verifyKernel(kernel: Kernel): void {
  const problems = kernel.kind === "nest"
    ? checkNest(kernel)
    : kernel.kind === "contraction"
    ? checkContraction(kernel)
    : kernel.kind === "convolution"
    ? checkConvolution(kernel)
    : [];
  if (problems.length > 0) {
    throw new Error(`A kernel is wrong: ${problems.join("; ")}.\n${printKernel(kernel)}`);
  }
}
