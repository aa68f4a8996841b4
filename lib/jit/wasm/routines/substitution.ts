/** Triangular systems: substitution on blocks in registers, and matrix products for what lies between blocks. */
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { turnOver } from "./turn_over.ts";
import { copyScaled, fill } from "./vectors.ts";

/** Rows of a block: a multiple of the tiles of every matrix product. */
export const BLOCK = 48;
/** Matrices up to this size are not split into blocks. */
export const UNBLOCKED = 96;

/**
 * `substitute(t, rowStep, columnStep, x, xStep, n, columns)`: forward substitution in place on the rows of x, for a lower
 * triangular matrix whose steps are in bytes (exchanged for a transposed one, negative for an upper one read from its
 * last corner). Four vectors of columns at a time stay in registers.
 */
export function substitute(context: ModuleContext, dtype: RoutineDType, unit: boolean): Procedure {
  const name = unit ? "substituteUnit" : "substitute";
  const params = ["int", "int", "int", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    name,
    params,
    null,
    (code, t, rowStep, columnStep, x, xStep, n, columns) => {
      const row = code.variable("int"), factor = code.variable("int"), above = code.variable("int");
      const here = code.variable("int"), left = code.variable("int"), rows = code.variable("int");
      const stretch = (kind: "real" | "vector", vectors: number): void => {
        const elements = kind === "real" ? 1 : vectors * code.lanes;
        const sums = Array.from({ length: vectors }, () => code.variable(kind));
        const scalar = code.variable(kind);
        const read = (): Expression => kind === "real" ? code.load(factor) : code.loadSplat(factor);
        code.while(columns.ge(elements), () => {
          row.set(t);
          here.set(x);
          rows.set(0);
          code.while(rows.lt(n), () => {
            sums.forEach((sum, k) => sum.set(code.load(here, kind, 16 * k)));
            factor.set(row);
            above.set(x);
            left.set(rows);
            code.while(left.gt(0), () => {
              scalar.set(read());
              sums.forEach((sum, k) => sum.set(scalar.timesFrom(code.load(above, kind, 16 * k), sum)));
              factor.increase(columnStep);
              above.increase(xStep);
              left.increase(-1);
            });
            if (!unit) {
              scalar.set(read());
              for (const sum of sums) sum.set(sum.over(scalar));
            }
            sums.forEach((sum, k) => code.store(here, sum, 16 * k));
            row.increase(rowStep);
            here.increase(xStep);
            rows.increase(1);
          });
          x.increase(elements * code.bytes);
          columns.increase(-elements);
        });
        code.release(...sums, scalar);
      };
      stretch("vector", 4);
      stretch("vector", 1);
      stretch("real", 1);
    },
  );
}

export interface Triangle {
  readonly lower: boolean;
  readonly transpose: boolean;
  readonly unit: boolean;
}

/** Bytes of scratch memory, in multiples of a cache line. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/**
 * `solve(t, x)` in place on x [n, columns], whose rows are `stride` apart, for matrices of known size. Between blocks the product with the negated part of
 * the matrix, laid out by columns in scratch memory, is added to the rows that are left.
 */
export function solveTriangle(
  context: ModuleContext,
  dtype: RoutineDType,
  n: number,
  columns: number,
  { lower, transpose, unit }: Triangle,
  stride: number = columns,
): Procedure {
  const kernel = substitute(context, dtype, unit);
  const bytes = dtype === "float32" ? 4 : 8;
  const forward = lower !== transpose;
  const name = `solveTriangle:${n}:${columns}:${stride}:${forward}:${transpose}:${unit}`;
  const [rowStep, columnStep] = (transpose ? [1, n] : [n, 1]).map((step) => step * bytes);
  const blocked = n > UNBLOCKED && columns >= 8;
  const direct = (code: Code, t: Expression, x: Expression, rows: number | Expression): void => {
    const count = code.int(rows);
    if (forward) {
      kernel.run(code, t, rowStep, columnStep, x, stride * bytes, count, columns);
      return;
    }
    const last = count.minus(1);
    const corner = t.plus(last.times(rowStep + columnStep)), bottom = x.plus(last.times(stride * bytes));
    kernel.run(code, corner, -rowStep, -columnStep, bottom, -stride * bytes, count, columns);
  };
  if (!blocked) {
    return procedure(context, dtype, name, ["int", "int"], null, (code, t, x) => direct(code, t, x, n));
  }
  const rest = n % BLOCK;
  const products = new Map<number, { index: number; scratch: number }>();
  for (const depth of forward || rest === 0 ? [BLOCK] : [BLOCK, rest]) {
    const spec: ContractSpec = {
      dtype,
      rows: n,
      columns,
      depth,
      a: { outer: 1, depth: n },
      b: { outer: 1, depth: stride },
      rowStride: stride,
      accumulate: true,
    };
    const { index, plan } = emitContract(context.module, spec);
    if (BLOCK % plan.rowTile !== 0) throw new Error("Blocks do not consist of whole tiles.");
    products.set(depth, { index, scratch: plan.scratchBytes });
  }
  const packed = aligned(Math.max(...[...products.values()].map(({ scratch }) => scratch)));
  context.needScratch(packed + aligned(BLOCK * n * bytes));
  const turn = turnOver(context, dtype), copy = copyScaled(context, dtype);
  return procedure(context, dtype, name, ["int", "int"], null, (code, t, x) => {
    const panel = code.variable("int", code.scratch().plus(packed));
    const start = code.variable("int");
    /** Adds -op(T)[first..last, start..start + depth] X[start..start + depth] to the rows first to last. */
    const update = (depth: number, first: Expression, last: Expression): void => {
      const length = last.minus(first);
      const target = panel.plus(first.times(bytes));
      const source = t.plus(first.times(rowStep)).plus(start.times(columnStep));
      if (transpose) {
        code.for(0, depth, (d) => {
          copy.run(code, target.plus(d.times(n * bytes)), source.plus(d.times(n * bytes)), length, -1);
        });
      } else turn.run(code, target, n, source, n, depth, length, -1);
      code.invoke(products.get(depth)!.index, [
        panel,
        x.plus(start.times(stride * bytes)),
        x,
        code.scratch(),
        first,
        last,
        code.int(0),
        code.int(columns),
      ]);
    };
    const corner = (): Expression => t.plus(start.times(rowStep + columnStep));
    const rows = (): Expression => x.plus(start.times(stride * bytes));
    if (forward) {
      start.set(0);
      code.while(start.lt(n - BLOCK), () => {
        direct(code, corner(), rows(), BLOCK);
        update(BLOCK, start.plus(BLOCK), code.int(n));
        start.increase(BLOCK);
      });
      direct(code, corner(), rows(), code.int(n).minus(start));
      return;
    }
    const tail = rest === 0 ? BLOCK : rest;
    start.set(n - tail);
    direct(code, corner(), rows(), tail);
    update(tail, code.int(0), start);
    code.while(start.gt(BLOCK), () => {
      start.increase(-BLOCK);
      direct(code, corner(), rows(), BLOCK);
      update(BLOCK, code.int(0), start);
    });
    start.set(0);
    direct(code, corner(), rows(), BLOCK);
  });
}

/** Runs `regular`, or fills some columns of n rows of x with NaN where an element of the diagonal of t [n, n] is 0. */
export function unlessSingular(
  code: Code,
  t: Expression,
  n: number,
  x: Expression,
  { columns, stride }: { readonly columns: number; readonly stride: number },
  regular: () => void,
): void {
  const { context, dtype } = code;
  const zeroPivot = procedure(context, dtype, "zeroPivot", ["int", "int"], "int", (inner, matrix, count) => {
    const found = inner.variable("int", 0);
    const step = inner.variable("int", count.plus(1).times(inner.bytes));
    inner.while(count.gt(0), () => {
      found.set(found.or(inner.load(matrix).eq(0)));
      matrix.increase(step);
      count.increase(-1);
    });
    return found;
  });
  const fillRows = (): void => {
    code.for(0, n, (i) => fill(context, dtype).run(code, NaN, x.plus(i.times(stride * code.bytes)), columns));
  };
  code.if(zeroPivot.call(code, t, n), fillRows, regular);
}
