/** Diagonalising an upper bidiagonal matrix. */
import type { ModuleContext } from "../nest/mod.ts";
import type { RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { hypotenuse } from "./rotate_rows.ts";
import { Sweeps } from "./sweeps.ts";
import { rotate, scale } from "./vectors.ts";

/** Steps for one singular value; about two are usual. */
const MOST_STEPS = 75;

/**
 * `implicitQr(d, e, u, v, rowStride, waiting, k)`: d becomes the singular values, unsorted, of the matrix with
 * d on its diagonal and e above it, e[j] over d[j] (Golub and Reinsch 1970; Press et al., "Numerical Recipes", 2.6). Rows of
 * u and v, which stand in reverse order, are turned along, by several steps at a time.
 */
export function implicitQr(context: ModuleContext, dtype: RoutineDType, shares: boolean): Procedure {
  const turn = rotate(context, dtype), times = scale(context, dtype);
  const epsilon = dtype === "float64" ? 2 ** -53 : 2 ** -24;
  const params = ["int", "int", "int", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    `implicitQr:${shares}`,
    params,
    null,
    (code, d, e, u, v, rowStride, waiting, k) => {
      const sweeps = new Sweeps(code, shares, waiting, [u, v], rowStride, k);
      const [c, s, f, g, h, x, y, z, tolerance, sign] = Array.from(
        { length: 10 },
        () => code.variable("real"),
      );
      const [last, first, steps, done, cancel, j] = Array.from({ length: 6 }, () => code.variable("int"));
      const read = (array: Expression, i: Expression): Expression => code.load(code.at(array, i));
      const rowOf = (array: Expression, i: Expression): Expression =>
        array.plus(k.minus(1).minus(i).times(rowStride));
      const record = (array: 0 | 1, i: Expression): void => sweeps.record(array, k.minus(2).minus(i), c, s);
      tolerance.set(0);
      code.for(0, k, (i) => {
        tolerance.set(tolerance.greatest(read(d, i).magnitude().plus(read(e, i).magnitude())));
      });
      tolerance.set(tolerance.times(epsilon));

      /** The first place from which the matrix up to `last` does not fall apart. */
      const findFirst = (): void => {
        first.set(last);
        cancel.set(0);
        code.block((leave) => {
          code.while(first.gt(0), () => {
            leave(read(e, first).magnitude().le(tolerance));
            code.if(read(d, first.minus(1)).magnitude().le(tolerance), () => {
              cancel.set(1);
              leave();
            });
            first.increase(-1);
          });
        });
      };

      /** d[first - 1] is 0: rotations with that row make e[first] 0, too. */
      const cancelAbove = (): void => {
        sweeps.flush();
        c.set(0);
        s.set(1);
        j.set(first);
        code.block((leave) => {
          code.while(j.le(last), () => {
            f.set(s.times(read(e, j)));
            code.store(code.at(e, j), read(e, j).times(c));
            leave(f.magnitude().le(tolerance));
            g.set(read(d, j));
            h.set(hypotenuse(f, g));
            code.store(code.at(d, j), h);
            c.set(g.over(h));
            s.set(f.negated().over(h));
            turn.run(code, c, s, rowOf(u, j), rowOf(u, first.minus(1)), k);
            j.increase(1);
          });
        });
      };

      /** One QR step on rows first .. last, shifted by an eigenvalue of the last two rows of B^T B. */
      const step = (): void => {
        const before = last.minus(1);
        x.set(read(d, first));
        y.set(read(d, before));
        g.set(read(e, before));
        h.set(read(e, last));
        f.set(
          y.minus(z).times(y.plus(z)).plus(g.minus(h).times(g.plus(h))).over(h.times(y).times(2)),
        );
        g.set(hypotenuse(f, 1));
        f.set(
          x.minus(z).times(x.plus(z)).plus(h.times(y.over(f.plus(g.withSign(f))).minus(h))).over(x),
        );
        c.set(1);
        s.set(1);
        j.set(first);
        code.while(j.lt(last), () => {
          const next = j.plus(1);
          g.set(read(e, next));
          y.set(read(d, next));
          h.set(s.times(g));
          g.set(c.times(g));
          z.set(hypotenuse(f, h));
          code.store(code.at(e, j), z);
          code.if(z.ne(0), () => {
            c.set(f.over(z));
            s.set(h.over(z));
          });
          record(1, j);
          f.set(x.times(c).plus(g.times(s)));
          g.set(g.times(c).minus(x.times(s)));
          h.set(y.times(s));
          y.set(y.times(c));
          z.set(hypotenuse(f, h));
          code.store(code.at(d, j), z);
          code.if(z.ne(0), () => {
            c.set(f.over(z));
            s.set(h.over(z));
          });
          record(0, j);
          f.set(c.times(g).plus(s.times(y)));
          x.set(c.times(y).minus(s.times(g)));
          j.increase(1);
        });
        code.store(code.at(e, first), 0);
        code.store(code.at(e, last), f);
        code.store(code.at(d, last), x);
        sweeps.end(k.minus(1).minus(last), k.minus(2).minus(first));
      };

      last.set(k.minus(1));
      code.while(last.ge(0), () => {
        steps.set(0);
        done.set(0);
        sign.set(1);
        code.while(done.not().and(steps.lt(MOST_STEPS)), () => {
          steps.increase(1);
          findFirst();
          code.if(cancel, cancelAbove);
          z.set(read(d, last));
          code.if(first.eq(last), () => {
            code.if(z.lt(0), () => {
              code.store(code.at(d, last), z.negated());
              sign.set(-1);
            });
            done.set(1);
          }, step);
        });
        // Nothing reads this place of e any more: it keeps the sign until the turns are done.
        code.store(code.at(e, last), sign);
        last.increase(-1);
      });
      sweeps.flush();
      code.for(0, k, (i) => code.if(read(e, i).lt(0), () => times.run(code, -1, rowOf(v, i), k)));
    },
  );
}
