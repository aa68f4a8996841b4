/** Singular values of larger square matrices: reduction to two diagonals by reflections, then implicit QR steps. */
import type { ModuleContext } from "../nest/mod.ts";
import { BlockReflector, FEWEST_BLOCKED } from "./block_reflector.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { implicitQr } from "./implicit_qr.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { makeReflection, reflect } from "./qr.ts";
import { share } from "./share.ts";
import { copyRows } from "./rotate_rows.ts";
import { sweepBytes } from "./sweeps.ts";
import { aligned, BLOCK } from "./substitution.ts";
import { axpy, axpyFour, dot } from "./vectors.ts";

/** Rows of a unit of work: of those that are reflected, and at least of those that are added, in at most so many units. */
const UNIT_ROWS = 32;
const LEAST_ADDED = 64;
const MOST_LINES = 32;

/**
 * `(factors, first, stride, lines, added, rows, columns, begin, end)`: sums of the rows from `first` on, `stride` bytes apart, times their
 * factors; a unit adds up so many of them and has a line of its own for it, `stride` bytes from the one before.
 */
function addRows(context: ModuleContext, dtype: RoutineDType): Procedure {
  const sum = sumRows(context, dtype);
  const params = new Array<"int">(9).fill("int");
  return procedure(
    context,
    dtype,
    "addRows",
    params,
    null,
    (code, factors, first, stride, lines, added, rows, columns, begin, end) => {
      const from = code.variable("int");
      code.while(begin.lt(end), () => {
        from.set(begin.times(added));
        sum.run(
          code,
          code.at(factors, from),
          first.plus(from.times(stride)),
          stride,
          lines.plus(begin.times(stride)),
          rows.minus(from).least(added),
          columns,
        );
        begin.increase(1);
      });
    },
  );
}

/**
 * `(factors, row, stride, target, rows, columns)`: the sum of rows times their factors; where the address of the factors is 0, of the
 * rows as they are.
 */
function sumRows(context: ModuleContext, dtype: RoutineDType): Procedure {
  const add = axpy(context, dtype), addFour = axpyFour(context, dtype);
  const params = new Array<"int">(6).fill("int");
  return procedure(
    context,
    dtype,
    "sumRows",
    params,
    null,
    (code, factors, row, stride, target, left, columns) => {
      const values = Array.from({ length: 4 }, () => code.variable("real", 1));
      const read = (count: number): void =>
        code.if(factors.ne(0), () => {
          for (let k = 0; k < count; k++) values[k].set(code.load(factors, "real", k * code.bytes));
          factors.increase(count * code.bytes);
        });
      code.zeroBytes(target, columns.times(code.bytes));
      code.while(left.ge(4), () => {
        read(4);
        addFour.run(code, ...values, row, stride, target, columns);
        row.increase(stride.times(4));
        left.increase(-4);
      });
      code.while(left.gt(0), () => {
        read(1);
        add.run(code, values[0], row, target, columns);
        row.increase(stride);
        left.increase(-1);
      });
    },
  );
}

/**
 * `(factors, first, stride, line, tau, u, right tau, rows, columns, begin, end)`: a reflection from the left and one from the
 * right on rows, which begin at `first`, `stride` bytes apart: row_i -= tau factor_i line, then row_i -= right tau (row_i . u) u.
 * The line is what the first one's vector, the factors, finds of all rows; the taus are addresses, and units strips of rows.
 */
function reflectRows(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), add = axpy(context, dtype);
  const params = new Array<"int">(11).fill("int");
  return procedure(
    context,
    dtype,
    "reflectRows",
    params,
    null,
    (code, factors, first, stride, line, tau, u, rightTau, rows, columns, begin, end) => {
      const i = code.variable("int", begin.times(UNIT_ROWS)), last = code.variable("int");
      const row = code.variable("int", first.plus(i.times(stride))), sum = code.variable("real");
      last.set(end.times(UNIT_ROWS).least(rows));
      code.while(i.lt(last), () => {
        const factor = code.load(code.at(factors, i)).times(code.load(tau)).negated();
        add.run(code, factor, line, row, columns);
        sum.set(product.call(code, row, u, columns).times(code.load(rightTau)));
        add.run(code, sum.negated(), u, row, columns);
        row.increase(stride);
        i.increase(1);
      });
    },
  );
}

/**
 * `bidiagonalise(a, left, d, e, leftTaus, rightTaus, line, lines, added, k)`: a = U B V^T with B on the diagonal d and e above it, e[j]
 * over d[j] (Golub and Van Loan, 5.4.8). Row j of `left` gets the j-th reflection of U from element j on, row j of a that
 * of V from element j + 1 on; both with their leading 1. Rows are added up in units of `added` of them, each with one of the
 * lines: so a thread has the same rows to add as to reflect.
 */
function bidiagonalise(context: ModuleContext, dtype: RoutineDType, shares: boolean): Procedure {
  const add = axpy(context, dtype), make = makeReflection(context, dtype);
  const sums = addRows(context, dtype), reflections = reflectRows(context, dtype);
  const sum = sumRows(context, dtype), params = new Array<"int">(10).fill("int");
  return procedure(
    context,
    dtype,
    `bidiagonalise:${shares}`,
    params,
    null,
    (code, a, left, d, e, leftTaus, rightTaus, line, lines, added, k) => {
      const tau = code.variable("real"), rightTau = code.variable("real");
      const v = code.variable("int", left), row = code.variable("int", a), rest = code.variable("int");
      const stride = code.variable("int", k.times(code.bytes));
      const u = code.variable("int"), other = code.variable("int");
      code.store(e, 0);
      code.for(0, k, (j) => {
        rest.set(k.minus(1).minus(j));
        other.set(code.at(row, j));
        code.for(j, k, (i) => {
          code.store(code.at(v, i), code.load(other));
          other.increase(stride);
        });
        tau.set(make.call(code, code.at(v, j), rest));
        code.store(code.at(leftTaus, j), tau);
        code.store(code.at(d, j), code.load(code.at(v, j)));
        code.store(code.at(v, j), 1);
        code.store(code.at(rightTaus, j), 0);
        code.if(rest.gt(0), () => {
          u.set(code.at(row, j.plus(1)));
          const units = rest.plus(added).quotient(added);
          share(code, shares, {
            work: sums,
            args: [code.at(v, j), u, stride, lines, added, rest.plus(1), rest],
            units,
            unitCost: rest.times(added).quotient(8),
          });
          sum.run(code, code.int(0), lines, stride, line, units, rest);
          add.run(code, tau.negated(), line, u, rest);
          rightTau.set(make.call(code, u, rest.minus(1)));
          code.store(code.at(rightTaus, j), rightTau);
          code.store(code.at(e, j.plus(1)), code.load(u));
          code.store(u, 1);
          share(code, shares, {
            work: reflections,
            args: [
              code.at(v, j.plus(1)),
              u.plus(stride),
              stride,
              line,
              code.at(leftTaus, j),
              u,
              code.at(rightTaus, j),
              rest,
              rest,
            ],
            units: rest.plus(UNIT_ROWS - 1).quotient(UNIT_ROWS),
            unitCost: rest.times(UNIT_ROWS / 4),
          });
        });
        row.increase(stride);
        v.increase(stride);
      });
    },
  );
}

/** Decomposes square matrices of one size. */
export class BidiagonalSvd {
  readonly #k: number;
  readonly #shares: boolean;
  readonly #at: {
    readonly left: number;
    readonly u: number;
    readonly v: number;
    readonly lines: number;
    readonly line: number;
  };
  readonly #spread: number;
  readonly #reduce: Procedure;
  readonly #iterate: Procedure;
  readonly #apply: Procedure;
  readonly #blocks: readonly (BlockReflector | null)[];

  constructor(context: ModuleContext, dtype: RoutineDType, k: number, scratchAt: number, shares: boolean) {
    const bytes = dtype === "float32" ? 4 : 8;
    this.#k = k;
    this.#shares = shares;
    // Rows a power of two apart would share the same few lines of the cache.
    this.#spread = k * bytes + 64;
    const square = aligned(k * k * bytes), wide = aligned(k * this.#spread), line = aligned((k + 2) * bytes);
    const lines = scratchAt + square + 2 * wide;
    this.#at = { left: scratchAt, u: scratchAt + square, v: scratchAt + square + wide, lines, line };
    const end = lines + 4 * line + aligned(sweepBytes(k, bytes, 2));
    context.needScratch(end + 64);
    this.#reduce = bidiagonalise(context, dtype, shares);
    this.#iterate = implicitQr(context, dtype, shares);
    this.#apply = reflect(context, dtype);
    this.#blocks = [0, 1].map((shift) =>
      k > FEWEST_BLOCKED
        ? new BlockReflector(context, dtype, { length: k, rows: k, shift, scratchAt: end + 64 })
        : null
    );
  }

  /** Of `a` it leaves the right singular vectors as rows, in `left` the left ones, in `values` the values, unsorted. */
  decompose(code: Code, a: Expression, left: Expression, values: Expression): void {
    const k = this.#k, spread = this.#spread, rowBytes = k * code.bytes;
    const base = code.variable("int", code.scratch());
    const part = (offset: number): Expression => base.plus(offset);
    const { lines, line } = this.#at;
    const [e, leftTaus, rightTaus, work, sweeps] = [0, 1, 2, 3, 4].map((i) => part(lines + i * line));
    const reflections = part(this.#at.left), u = part(this.#at.u), v = part(this.#at.v);
    // The lines lie where the turns of sweeps come later.
    const added = Math.max(LEAST_ADDED, Math.ceil(k / MOST_LINES));
    this.#reduce.run(code, a, reflections, values, e, leftTaus, rightTaus, work, sweeps, added, k);
    this.#accumulate(code, 0, reflections, leftTaus, left);
    // The reflections of the left vectors have served: their space takes the right ones.
    this.#accumulate(code, 1, a, rightTaus, reflections);
    const last = (k - 1) * spread;
    copyRows(code, u.plus(last), -spread, left, rowBytes, rowBytes, k);
    copyRows(code, v.plus(last), -spread, reflections, rowBytes, rowBytes, k);
    this.#iterate.run(code, values, e, u, v, spread, sweeps, k);
    copyRows(code, left, rowBytes, u.plus(last), -spread, rowBytes, k);
    copyRows(code, a, rowBytes, v.plus(last), -spread, rowBytes, k);
    code.release(base);
  }

  /** The columns of the product of reflections, as rows. */
  #accumulate(code: Code, shift: 0 | 1, storage: Expression, taus: Expression, rows: Expression): void {
    const k = this.#k, steps = k - shift, blocks = this.#blocks[shift];
    const tau = code.variable("real");
    code.zeroBytes(rows, k * k * code.bytes);
    code.for(0, k, (c) => code.store(code.at(rows, c.times(k + 1)), 1));
    const whole = blocks ? Math.floor(steps / BLOCK) * BLOCK : 0;
    code.for(steps - 1, whole, (j) => {
      tau.set(code.load(code.at(taus, j)));
      const first = j.plus(shift);
      code.for(first, k, (c) => {
        const target = code.at(rows, c.times(k).plus(first));
        const reflection = code.at(storage, j.times(k).plus(first));
        this.#apply.run(code, reflection, tau, target, code.int(k - 1).minus(first));
      });
    }, -1);
    blocks?.accumulate(code, this.#shares, { storage, taus }, rows, k, whole);
    code.release(tau);
  }
}
