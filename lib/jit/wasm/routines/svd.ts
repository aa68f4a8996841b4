/** The routine svd: one-sided Jacobi rotations of the longer side's vectors, which lie as rows. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { type Procedure, procedure, type RoutineDType } from "./code.ts";
import { sortRows } from "./eigh.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { allFinite, powerOfTwo, vectorSign } from "./scaling.ts";
import { aligned } from "./substitution.ts";
import { axpy, copyScaled, divide, dot, fill, rotate, scale, turnOver } from "./vectors.ts";

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

export function emitSvd(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const [m, n] = kernel.shapes[0].slice(-2);
  const k = Math.min(m, n), length = Math.max(m, n);
  const tall = m >= n;
  const bytes = dtype === "float32" ? 4 : 8;
  const otherAt = aligned(k * length * bytes), normsAt = otherAt + aligned(k * k * bytes);
  // Squares of smaller numbers lose digits; beside a greatest magnitude of about 1 these are 0.
  const vanishing = dtype === "float64" ? 2 ** -480 : 2 ** -50;
  context.needScratch(normsAt + aligned((k + 2) * bytes) + 64);
  const work = orthogonalise(context, dtype), complete = completeRow(context, dtype);
  const turn = turnOver(context, dtype), copy = copyScaled(context, dtype), times = scale(context, dtype);
  const product = dot(context, dtype), over = divide(context, dtype), sign = vectorSign(context, dtype);
  const nan = fill(context, dtype), power = powerOfTwo(context, dtype), finite = allFinite(context, dtype);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 2],
    unitCost: 30 * length * k * k,
    body(code, [a, u, s, vt]) {
      const g = code.variable("int", code.scratch());
      const w = code.variable("int", g.plus(otherAt)), norms = g.plus(normsAt);
      const size = code.variable("real"), norm = code.variable("real");
      code.if(finite.call(code, a, m * n), () => {
        size.set(power.call(code, a, m * n, norms));
        const factor = code.real(1).over(size);
        if (tall) turn.run(code, g, m, a, n, n, m, factor);
        else copy.run(code, g, a, m * n, factor);
        code.zeroBytes(w, k * k * bytes);
        code.for(0, k, (i) => code.store(code.at(w, i.times(k + 1)), 1));
        work.run(code, g, w, norms, k, length);
        code.for(0, k, (i) => {
          const row = code.at(g, i.times(length));
          norm.set(product.call(code, row, row, length).root());
          code.store(code.at(s, i), code.choose(norm.lt(vanishing), 0, norm));
        });
        sortRows(code, s, k, [{ array: g, length }, { array: w, length: k }], true);
        code.for(0, k, (i) => {
          const row = code.at(g, i.times(length)), other = code.at(w, i.times(k));
          norm.set(code.load(code.at(s, i)));
          code.if(norm.gt(0), () => {
            over.run(code, norm.withSign(sign.call(code, other, k)), row, length);
          }, () => complete.run(code, g, i, length));
          times.run(code, sign.call(code, other, k), other, k);
        });
        times.run(code, size, s, k);
        // Of a tall matrix the rows of g are the columns of u, of a wide one the rows of vt.
        if (tall) {
          turn.run(code, u, k, g, length, m, k, 1);
          code.copyBytes(vt, w, k * k * bytes);
        } else {
          turn.run(code, u, k, w, k, k, k, 1);
          code.copyBytes(vt, g, k * length * bytes);
        }
      }, () => {
        nan.run(code, NaN, u, m * k);
        nan.run(code, NaN, s, k);
        nan.run(code, NaN, vt, k * n);
      });
      code.release(g, w, size, norm);
    },
  });
}
