/** The routine eigh: reduction to tridiagonal form by reflections, then implicit QL steps. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { copyRows, hypotenuse } from "./rotate_rows.ts";
import { sweepBytes, Sweeps } from "./sweeps.ts";
import { share } from "./share.ts";
import { BlockReflector, FEWEST_BLOCKED } from "./block_reflector.ts";
import { emitMatrixRoutine, routineDType, sharesMatrices } from "./matrix_routine.ts";
import { makeReflection, reflect } from "./qr.ts";
import { allFinite, powerOfTwo, vectorSign } from "./scaling.ts";
import { aligned, BLOCK } from "./substitution.ts";
import { turnOver } from "./turn_over.ts";
import { axpy, axpyTwo, axpyTwoDot, dot, exchange, fill, scale } from "./vectors.ts";

/** Steps for one eigenvalue; about two are usual. */
const MOST_STEPS = 60;

/** Rows of a unit of work. */
const UNIT_ROWS = 32;

/**
 * `(first, stride, v, w, next, sums, length, pending, begin, end)`: rows become row_i - v_i w - w_i v where that is pending, and
 * the sums their products with `next`. Of each row there are `length` elements, as of the vectors; the stride is in bytes.
 */
function tridiagonalRows(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), update = axpyTwoDot(context, dtype);
  const params = new Array<"int">(10).fill("int");
  return procedure(
    context,
    dtype,
    "tridiagonalRows",
    params,
    null,
    (code, first, stride, v, w, next, sums, length, pending, begin, end) => {
      const i = code.variable("int", begin.times(UNIT_ROWS)), last = code.variable("int");
      const row = code.variable("int", first.plus(i.times(stride)));
      last.set(end.times(UNIT_ROWS).least(length));
      code.while(i.lt(last), () => {
        code.if(pending, () => {
          const [alpha, beta] = [v, w].map((x) => code.load(code.at(x, i)).negated());
          code.store(code.at(sums, i), update.call(code, alpha, w, beta, v, row, next, length));
        }, () => code.store(code.at(sums, i), product.call(code, row, next, length)));
        row.increase(stride);
        i.increase(1);
      });
    },
  );
}

/**
 * `tridiagonalise(a, d, e, taus, w, n)`: reduces the symmetric a to the diagonal d and the subdiagonal e (Golub and Van Loan,
 * 8.3.1). Row k of a then holds the k-th reflection from column k + 1 on, with e[k] in the place of its leading 1. There are two
 * lines at w. What a reflection does to the rows is done when the next one reads them, strips of them by each thread.
 */
function tridiagonalise(context: ModuleContext, dtype: RoutineDType, shares: boolean): Procedure {
  const product = dot(context, dtype), add = axpy(context, dtype), make = makeReflection(context, dtype);
  const update = axpyTwo(context, dtype), times = scale(context, dtype);
  const work = tridiagonalRows(context, dtype);
  const name = `tridiagonalise:${shares}`;
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, name, params, null, (code, a, d, e, taus, w, n) => {
    const k = code.variable("int", 0), length = code.variable("int"), pending = code.variable("int", 0);
    const row = code.variable("int", a), v = code.variable("int"), earlier = code.variable("int", a);
    const line = code.variable("int", code.at(w, n)), held = code.variable("int");
    const tau = code.variable("real"), beta = code.variable("real"), part = code.variable("real");
    const stride = code.variable("int", n.times(code.bytes));
    code.while(k.lt(n), () => {
      length.set(n.minus(k).minus(1));
      const diagonal = code.at(row, k);
      code.if(pending, () => {
        const [alpha, gamma] = [earlier, w].map((x) => code.load(x).negated());
        update.run(code, alpha, w, gamma, earlier, diagonal, length.plus(1));
      });
      code.store(code.at(d, k), code.load(diagonal));
      code.if(length.gt(0), () => {
        v.set(code.at(row, k.plus(1)));
        tau.set(make.call(code, v, length.minus(1)));
        code.store(code.at(taus, k), tau);
        part.set(code.load(v));
        code.store(code.at(e, k), part);
        code.if(tau.ne(0).or(pending), () => {
          // w = tau A v - (tau / 2)(tau v.A v) v, then A -= v w^T + w v^T on the rest.
          code.store(v, 1);
          share(code, shares, {
            work,
            args: [
              v.plus(stride),
              stride,
              earlier.plus(code.bytes),
              w.plus(code.bytes),
              v,
              line,
              length,
              pending,
            ],
            units: length.plus(UNIT_ROWS - 1).quotient(UNIT_ROWS),
            unitCost: length.times(UNIT_ROWS / 4),
          });
          code.if(pending, () => code.store(earlier, beta));
          times.run(code, tau, line, length);
          add.run(code, product.call(code, line, v, length).times(tau).times(-0.5), v, line, length);
        });
        beta.set(part);
        pending.set(tau.ne(0));
        code.if(pending.not(), () => code.store(v, beta));
        earlier.set(v);
        held.set(w);
        w.set(line);
        line.set(held);
      }, () => code.if(pending, () => code.store(earlier, beta)));
      row.increase(stride);
      k.increase(1);
    });
  });
}

/**
 * `implicitQl(d, e, z, rowStride, turns, n)`: diagonalises the tridiagonal matrix, turning the rows of z along (Press et al., "Numerical
 * Recipes", 11.4, after EISPACK's tql2). The turns of several steps are done together.
 */
function implicitQl(context: ModuleContext, dtype: RoutineDType, shares: boolean): Procedure {
  const epsilon = dtype === "float64" ? 2 ** -53 : 2 ** -24;
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  const name = `implicitQl:${shares}`;
  return procedure(context, dtype, name, params, null, (code, d, e, z, rowStride, waiting, n) => {
    const sweeps = new Sweeps(code, shares, waiting, [z], rowStride, n);
    const first = code.variable("int", 0), last = code.variable("int"), i = code.variable("int");
    const steps = code.variable("int");
    const [g, r, s, c, p, f, b] = Array.from({ length: 7 }, () => code.variable("real"));
    const at = (array: Expression, index: Expression): Expression => code.load(code.at(array, index));
    /** The next place from `first` on where the matrix falls apart. */
    const findSplit = (): void => {
      last.set(first);
      code.block((leave) => {
        code.while(last.lt(n.minus(1)), () => {
          const sum = at(d, last).magnitude().plus(at(d, last.plus(1)).magnitude());
          leave(at(e, last).magnitude().le(sum.times(epsilon)));
          last.increase(1);
        });
      });
    };
    code.while(first.lt(n), () => {
      steps.set(0);
      findSplit();
      code.while(last.ne(first).and(steps.lt(MOST_STEPS)), () => {
        steps.increase(1);
        g.set(at(d, first.plus(1)).minus(at(d, first)).over(at(e, first).times(2)));
        r.set(hypotenuse(g, 1));
        g.set(at(d, last).minus(at(d, first)).plus(at(e, first).over(g.plus(r.withSign(g)))));
        s.set(1);
        c.set(1);
        p.set(0);
        i.set(last.minus(1));
        code.block((leave) => {
          code.while(i.ge(first), () => {
            const next = i.plus(1);
            f.set(s.times(at(e, i)));
            b.set(c.times(at(e, i)));
            r.set(hypotenuse(f, g));
            code.store(code.at(e, next), r);
            code.if(r.eq(0), () => {
              code.store(code.at(d, next), at(d, next).minus(p));
              code.store(code.at(e, last), 0);
              leave();
            });
            s.set(f.over(r));
            c.set(g.over(r));
            g.set(at(d, next).minus(p));
            r.set(at(d, i).minus(g).times(s).plus(c.times(b).times(2)));
            p.set(s.times(r));
            code.store(code.at(d, next), g.plus(p));
            g.set(c.times(r).minus(b));
            sweeps.record(0, i, c, s);
            i.increase(-1);
          });
          code.store(code.at(d, first), at(d, first).minus(p));
          code.store(code.at(e, first), g);
          code.store(code.at(e, last), 0);
        });
        sweeps.end(i.plus(1), last.minus(1));
        findSplit();
      });
      first.increase(1);
    });
    sweeps.flush();
  });
}

/** Sorts values in ascending (or descending) order, exchanging rows of the arrays along. */
export function sortRows(
  code: Code,
  values: Expression,
  n: number,
  rows: readonly { readonly array: Expression; readonly length: number }[],
  descending: boolean,
): void {
  const swap = exchange(code.context, code.dtype);
  const best = code.variable("int"), held = code.variable("real");
  code.for(0, n - 1, (i) => {
    best.set(i);
    held.set(code.load(code.at(values, i)));
    code.for(i.plus(1), n, (j) => {
      const value = code.load(code.at(values, j));
      code.if(descending ? value.gt(held) : value.lt(held), () => {
        held.set(value);
        best.set(j);
      });
    });
    code.if(best.ne(i), () => {
      code.store(code.at(values, best), code.load(code.at(values, i)));
      code.store(code.at(values, i), held);
      for (const { array, length } of rows) {
        swap.run(code, code.at(array, i.times(length)), code.at(array, best.times(length)), length);
      }
    });
  });
  code.release(best, held);
}

export function emitEigh(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const n = kernel.shapes[0][kernel.shapes[0].length - 1];
  const bytes = dtype === "float32" ? 4 : 8;
  const line = aligned((n + 2) * bytes);
  // Rows a power of two apart would share the same few lines of the cache.
  const spread = n * bytes + 64;
  const workAt = 0, rowsAt = aligned(n * spread), linesAt = rowsAt + aligned(n * n * bytes);
  const sweepsAt = linesAt + 4 * line, scratchAt = sweepsAt + aligned(sweepBytes(n, bytes, 1)) + 64;
  context.needScratch(scratchAt);
  const unitCost = 2 * n * n * n;
  const shares = n > FEWEST_BLOCKED && sharesMatrices(context, kernel, 2, unitCost);
  const turn = turnOver(context, dtype), reduce = tridiagonalise(context, dtype, shares);
  const ql = implicitQl(context, dtype, shares);
  const apply = reflect(context, dtype), times = scale(context, dtype), sign = vectorSign(context, dtype);
  const nan = fill(context, dtype), power = powerOfTwo(context, dtype), finite = allFinite(context, dtype);
  const blocks = n > FEWEST_BLOCKED
    ? new BlockReflector(context, dtype, { length: n, rows: n, shift: 1, scratchAt })
    : null;
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 1, 2],
    unitCost,
    shares,
    body(code, [a, values, vectors]) {
      const base = code.variable("int", code.scratch());
      const work = base.plus(workAt), rows = base.plus(rowsAt);
      const [e, taus, w] = [0, 1, 2].map((k) => base.plus(linesAt + k * line));
      const size = code.variable("real"), tau = code.variable("real"), v = code.variable("int");
      // The upper triangle comes from the lower one.
      turn.run(code, work, n, a, n, n, n, 1);
      code.for(0, n, (i) => {
        code.copyBytes(code.at(work, i.times(n)), code.at(a, i.times(n)), i.plus(1).times(bytes));
      });
      code.if(finite.call(code, work, n * n), () => {
        size.set(power.call(code, work, n * n, w));
        times.run(code, code.real(1).over(size), work, n * n);
        reduce.run(code, work, values, e, taus, w, n);
        // The rows become the columns of the product of the reflections.
        code.zeroBytes(rows, n * n * bytes);
        code.for(0, n, (c) => code.store(code.at(rows, c.times(n + 1)), 1));
        const whole = blocks ? Math.floor((n - 1) / BLOCK) * BLOCK : 0;
        code.for(n - 2, whole, (k) => {
          tau.set(code.load(code.at(taus, k)));
          v.set(code.at(work, k.times(n + 1).plus(1)));
          code.for(k.plus(1), n, (c) => {
            apply.run(code, v, tau, code.at(rows, c.times(n).plus(k.plus(1))), code.int(n - 2).minus(k));
          });
        }, -1);
        blocks?.accumulate(code, shares, { storage: work, taus }, rows, n, whole);
        copyRows(code, work, spread, rows, n * bytes, n * bytes, n);
        ql.run(code, values, e, work, spread, base.plus(sweepsAt), n);
        copyRows(code, rows, n * bytes, work, spread, n * bytes, n);
        sortRows(code, values, n, [{ array: rows, length: n }], false);
        code.for(0, n, (i) => {
          const row = code.at(rows, i.times(n));
          times.run(code, sign.call(code, row, n), row, n);
        });
        times.run(code, size, values, n);
        turn.run(code, vectors, n, rows, n, n, n, 1);
      }, () => {
        nan.run(code, NaN, values, n);
        nan.run(code, NaN, vectors, n * n);
      });
      code.release(base, size, tau, v);
    },
  });
}
