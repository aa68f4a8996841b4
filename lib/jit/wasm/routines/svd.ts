/** The routine svd: a QR decomposition with pivoting, then rotations of the rows of R, or its reduction to two diagonals. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { sortRows } from "./eigh.ts";
import { BidiagonalSvd } from "./bidiagonal.ts";
import { emitMatrixRoutine, routineDType, sharesMatrices } from "./matrix_routine.ts";
import { makeReflection, reflect } from "./qr.ts";
import { allFinite, powerOfTwo, vectorSign } from "./scaling.ts";
import { share } from "./share.ts";
import { aligned } from "./substitution.ts";
import { turnOver } from "./turn_over.ts";
import { axpy, copyScaled, divide, dot, exchange, fill, rotate, scale } from "./vectors.ts";

/** Larger matrices are reduced to two diagonals: rotations of all pairs of rows would take several times as long. */
const LARGEST_JACOBI = 64;

/** Sweeps over all pairs; 6 to 10 are usual. */
const MOST_SWEEPS = 40;

/**
 * `orthogonalise(g, w, norms, k, length)`: turns pairs of the k rows of g until all are orthogonal, and the rows of w [k, k]
 * along (Hestenes 1958; de Rijk 1989 for keeping the squared lengths).
 */
function orthogonalise(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), turn = rotate(context, dtype);
  const epsilon = dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const params = ["int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, "orthogonalise", params, null, (code, g, w, norms, k, length) => {
    const [alpha, beta, gamma, zeta, t, c, s, tolerance] = Array.from(
      { length: 8 },
      () => code.variable("real"),
    );
    const [p, q, sweep, turned, x, y, stride] = Array.from({ length: 7 }, () => code.variable("int"));
    stride.set(length.times(code.bytes));
    tolerance.set(length.toReal().root().times(0.5).greatest(2).times(epsilon));
    sweep.set(0);
    turned.set(1);
    code.while(turned.and(sweep.lt(MOST_SWEEPS)), () => {
      turned.set(0);
      sweep.increase(1);
      p.set(0);
      x.set(g);
      code.while(p.lt(k), () => {
        code.store(code.at(norms, p), product.call(code, x, x, length));
        x.increase(stride);
        p.increase(1);
      });
      p.set(0);
      x.set(g);
      code.while(p.lt(k), () => {
        q.set(p.plus(1));
        y.set(x.plus(stride));
        code.while(q.lt(k), () => {
          gamma.set(product.call(code, x, y, length));
          alpha.set(code.load(code.at(norms, p)));
          beta.set(code.load(code.at(norms, q)));
          // Lengths that rounding made negative count as 0.
          const limit = alpha.greatest(0).root().times(beta.greatest(0).root()).times(tolerance);
          code.if(gamma.magnitude().gt(limit), () => {
            turned.set(1);
            zeta.set(beta.minus(alpha).over(gamma.times(2)));
            t.set(
              code.real(1).withSign(zeta).over(zeta.magnitude().plus(zeta.times(zeta).plus(1).root())),
            );
            c.set(code.real(1).over(t.times(t).plus(1).root()));
            s.set(c.times(t));
            turn.run(code, c, s, x, y, length);
            const row = (index: typeof p) => code.at(w, index.times(k));
            turn.run(code, c, s, row(p), row(q), k);
            code.store(code.at(norms, p), alpha.minus(t.times(gamma)));
            code.store(code.at(norms, q), beta.plus(t.times(gamma)));
          });
          y.increase(stride);
          q.increase(1);
        });
        x.increase(stride);
        p.increase(1);
      });
    });
  });
}

/** `completeRow(g, count, length)`: makes row `count` of g a unit vector orthogonal to the rows before it. */
function completeRow(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), add = axpy(context, dtype), over = divide(context, dtype);
  return procedure(context, dtype, "completeRow", ["int", "int", "int"], null, (code, g, count, length) => {
    const stride = code.variable("int", length.times(code.bytes));
    const target = code.variable("int", g.plus(count.times(stride)));
    const axis = code.variable("int", 0), size = code.variable("real"), row = code.variable("int");
    code.block((leave) => {
      code.while(axis.lt(length), () => {
        code.zeroBytes(target, stride);
        code.store(code.at(target, axis), 1);
        for (let round = 0; round < 2; round++) {
          row.set(g);
          code.while(row.lt(target), () => {
            add.run(code, product.call(code, row, target, length).negated(), row, target, length);
            row.increase(stride);
          });
        }
        size.set(product.call(code, target, target, length));
        // Some axis keeps at least 1 / length of its square.
        code.if(size.times(length.toReal()).ge(0.5), () => {
          over.run(code, size.root(), target, length);
          leave();
        });
        axis.increase(1);
      });
    });
  });
}

/**
 * `(v, tau, first, stride, squares, left, begin, end)`: reflects rows, which begin where v does, and keeps the squared lengths
 * of the `left` elements behind their first ones. A unit is one row; tau is an address.
 */
function reflectAndMeasure(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), apply = reflect(context, dtype);
  const params = new Array<"int">(8).fill("int");
  const name = "reflectAndMeasure";
  return procedure(
    context,
    dtype,
    name,
    params,
    null,
    (code, v, tau, first, stride, squares, left, i, end) => {
      const row = code.variable("int", first.plus(i.times(stride)));
      code.while(i.lt(end), () => {
        const rest = row.plus(code.bytes);
        apply.run(code, v, code.load(tau), row, left);
        code.store(code.at(squares, i), product.call(code, rest, rest, left));
        row.increase(stride);
        i.increase(1);
      });
    },
  );
}

/**
 * `pivotedQr(rows, taus, order, squares, k, length)`: reflections of k columns that lie as rows, the longest of what is left
 * first; `order` gets which column stands at each place (int32).
 */
function pivotedQr(context: ModuleContext, dtype: RoutineDType, shares: boolean): Procedure {
  const product = dot(context, dtype), make = makeReflection(context, dtype);
  const swap = exchange(context, dtype), work = reflectAndMeasure(context, dtype);
  const name = `pivotedQr:${shares}`;
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, name, params, null, (code, rows, taus, order, squares, k, length) => {
    const [j, c, best, left, held] = Array.from({ length: 5 }, () => code.variable("int"));
    const greatest = code.variable("real"), value = code.variable("real");
    const stride = code.variable("int", length.times(code.bytes));
    const place = (row: Expression): Expression => code.at(rows.plus(row.times(stride)), j);
    const entry = (row: Expression): Expression => order.plus(row.times(4));
    const square = (row: Expression): Expression => code.at(squares, row);
    j.set(0);
    c.set(0);
    code.while(c.lt(k), () => {
      code.storeInt(entry(c), c);
      code.store(square(c), product.call(code, place(c), place(c), length));
      c.increase(1);
    });
    code.while(j.lt(k), () => {
      best.set(j);
      greatest.set(-1);
      c.set(j);
      code.while(c.lt(k), () => {
        value.set(code.load(square(c)));
        code.if(value.gt(greatest), () => {
          greatest.set(value);
          best.set(c);
        });
        c.increase(1);
      });
      code.if(best.ne(j), () => {
        swap.run(code, rows.plus(best.times(stride)), rows.plus(j.times(stride)), length);
        code.store(square(best), code.load(square(j)));
        held.set(code.loadInt(entry(j)));
        code.storeInt(entry(j), code.loadInt(entry(best)));
        code.storeInt(entry(best), held);
      });
      left.set(length.minus(j).minus(1));
      code.store(code.at(taus, j), make.call(code, place(j), left));
      share(code, shares, {
        work,
        args: [place(j), code.at(taus, j), place(j).plus(stride), stride, square(j.plus(1)), left],
        units: k.minus(j).minus(1),
        unitCost: left.quotient(2),
      });
      j.increase(1);
    });
  });
}

/**
 * With B the matrix or, when it is wide, its transpose: B P = Q R, and rotations J of the rows of R leave orthogonal ones,
 * J^T R = S Y^T. So B = (Q J) S (P Y)^T (Drmac and Veselic, "New fast and accurate Jacobi SVD algorithm", 2008).
 */
export function emitSvd(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const [m, n] = kernel.shapes[0].slice(-2);
  const k = Math.min(m, n), length = Math.max(m, n);
  const tall = m >= n;
  const bytes = dtype === "float32" ? 4 : 8;
  const square = aligned(k * k * bytes), long = aligned(k * length * bytes), line = aligned((k + 2) * bytes);
  const normsAt = 2 * long + 2 * square + line;
  // Squares of smaller numbers lose digits; beside a greatest magnitude of about 1 these are 0.
  const vanishing = dtype === "float64" ? 2 ** -480 : 2 ** -50;
  const scratchAt = 2 * long + 2 * square + 2 * line + aligned(4 * k) + 64;
  context.needScratch(scratchAt);
  const unitCost = 3 * length * k * k;
  const shares = k > LARGEST_JACOBI && sharesMatrices(context, kernel, 2, unitCost);
  const bidiagonal = k > LARGEST_JACOBI ? new BidiagonalSvd(context, dtype, k, scratchAt, shares) : null;
  // Square matrices need no QR decomposition first.
  const direct = bidiagonal !== null && length === k;
  const decompose = pivotedQr(context, dtype, shares), work = orthogonalise(context, dtype);
  const turn = turnOver(context, dtype), copy = copyScaled(context, dtype), times = scale(context, dtype);
  const product = dot(context, dtype), over = divide(context, dtype), sign = vectorSign(context, dtype);
  const nan = fill(context, dtype), power = powerOfTwo(context, dtype), finite = allFinite(context, dtype);
  const complete = completeRow(context, dtype), apply = reflect(context, dtype);
  // The rows of both results: signs, and of matrices that are not square the reflections and the order of the columns.
  const finish = procedure(
    context,
    dtype,
    `svdRows:${m}:${n}`,
    new Array<"int">(8).fill("int"),
    null,
    (code, columns, taus, order, g, w, longRows, i, end) => {
      const rowOf = (array: Expression, index: Expression, extent: number) =>
        code.at(array, index.times(extent));
      const norms = code.variable("int", code.scratch().plus(normsAt));
      const norm = code.variable("real"), tau = code.variable("real");
      code.while(i.lt(end), () => {
        if (direct) {
          norm.set(sign.call(code, rowOf(g, i, k), k));
          times.run(code, norm, rowOf(g, i, k), k);
          copy.run(code, rowOf(longRows, i, k), rowOf(w, i, k), k, norm);
        } else {
          // Over the squared lengths goes a row of g in the order of the columns of B.
          code.for(0, k, (j) => {
            const column = code.loadInt(order.plus(j.times(4)));
            code.store(code.at(norms, column), code.load(code.at(rowOf(g, i, k), j)));
          });
          norm.set(sign.call(code, norms, k));
          copy.run(code, rowOf(g, i, k), norms, k, norm);
          // Q J: the reflections of a row of J^T, with zeros behind it, last one first.
          copy.run(code, rowOf(longRows, i, length), rowOf(w, i, k), k, norm);
          code.zeroBytes(code.at(rowOf(longRows, i, length), k), (length - k) * bytes);
          code.for(k - 1, 0, (j) => {
            tau.set(code.load(code.at(taus, j)));
            const target = code.at(rowOf(longRows, i, length), j);
            apply.run(code, rowOf(columns, j, length + 1), tau, target, code.int(length - 1).minus(j));
          }, -1);
        }
        i.increase(1);
      });
    },
  );
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 2],
    unitCost,
    shares,
    body(code, [a, u, s, vt]) {
      const columns = code.variable("int", code.scratch()), longRows = columns.plus(long);
      const g = columns.plus(2 * long), w = g.plus(square);
      const taus = w.plus(square), norms = taus.plus(line), order = norms.plus(line);
      const size = code.variable("real"), norm = code.variable("real");
      const rowOf = (array: Expression, i: Expression, extent: number) => code.at(array, i.times(extent));
      code.if(finite.call(code, a, m * n), () => {
        size.set(power.call(code, a, m * n, norms));
        const factor = code.real(1).over(size);
        if (tall) turn.run(code, columns, m, a, n, n, m, factor);
        else copy.run(code, columns, a, m * n, factor);
        if (!direct) decompose.run(code, columns, taus, order, norms, k, length);
        turn.run(code, g, k, columns, length, k, k, 1);
        if (!direct) code.for(1, k, (i) => code.zeroBytes(rowOf(g, i, k), i.times(bytes)));
        if (bidiagonal) {
          bidiagonal.decompose(code, g, w, s);
          sortRows(code, s, k, [{ array: g, length: k }, { array: w, length: k }], true);
        } else {
          code.zeroBytes(w, k * k * bytes);
          code.for(0, k, (i) => code.store(rowOf(w, i, k + 1), 1));
          work.run(code, g, w, norms, k, code.int(k));
          // Hundreds of rotations, each with c^2 + s^2 off by a rounding, let the lengths of both drift alike.
          code.for(0, k, (i) => {
            norm.set(product.call(code, rowOf(w, i, k), rowOf(w, i, k), k).root());
            over.run(code, norm, rowOf(w, i, k), k);
            over.run(code, norm, rowOf(g, i, k), k);
          });
          code.for(0, k, (i) => {
            norm.set(product.call(code, rowOf(g, i, k), rowOf(g, i, k), k).root());
            code.store(code.at(s, i), code.choose(norm.lt(vanishing), 0, norm));
          });
          sortRows(code, s, k, [{ array: g, length: k }, { array: w, length: k }], true);
          code.for(0, k, (i) => {
            norm.set(code.load(code.at(s, i)));
            code.if(
              norm.gt(0),
              () => over.run(code, norm, rowOf(g, i, k), k),
              () => complete.run(code, g, i, k),
            );
          });
        }
        share(code, shares, {
          work: finish,
          args: [columns, taus, order, g, w, longRows],
          units: k,
          unitCost: Math.ceil(unitCost / k / 4),
        });
        times.run(code, size, s, k);
        if (tall) {
          turn.run(code, u, k, longRows, length, m, k, 1);
          code.copyBytes(vt, g, k * k * bytes);
        } else {
          turn.run(code, u, k, g, k, k, k, 1);
          code.copyBytes(vt, longRows, k * length * bytes);
        }
      }, () => {
        nan.run(code, NaN, u, m * k);
        nan.run(code, NaN, s, k);
        nan.run(code, NaN, vt, k * n);
      });
      code.release(columns, size, norm);
    },
  });
}
