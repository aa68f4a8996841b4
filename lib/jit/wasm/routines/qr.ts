/** The routine qr: Householder reflections on columns that lie as rows. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { RoutineDType } from "./code.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { BlockReflector, FEWEST_BLOCKED } from "./block_reflector.ts";
import type { Expression } from "./expression.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { powerOfTwo } from "./scaling.ts";
import { aligned, BLOCK } from "./substitution.ts";
import { turnOver } from "./turn_over.ts";
import { axpy, dot, scale } from "./vectors.ts";

/** `reflect(v, tau, x, count)`: x -= tau (v . x) v, where v has a 1 in front of the `count` elements at v + 1 (as x does). */
export function reflect(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), add = axpy(context, dtype);
  return procedure(
    context,
    dtype,
    "reflect",
    ["int", "real", "int", "int"],
    null,
    (code, v, tau, x, count) => {
      const sum = code.variable("real");
      const tail = v.plus(code.bytes), rest = x.plus(code.bytes);
      sum.set(product.call(code, tail, rest, count).plus(code.load(x)).times(tau));
      code.store(x, code.load(x).minus(sum));
      add.run(code, sum.negated(), tail, rest, count);
    },
  );
}

/**
 * `makeReflection(x, count)`: turns x, whose first element is followed by `count` others, into the value that reflection
 * leaves of it and the vector behind its 1; gives tau (0 when there is nothing to reflect). Signs as in LAPACK.
 */
export function makeReflection(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype), times = scale(context, dtype);
  // Squares of smaller numbers lose digits: those vectors are made larger first.
  const [least, larger] = dtype === "float64" ? [2 ** -900, 2 ** 600] : [2 ** -90, 2 ** 90];
  return procedure(context, dtype, "makeReflection", ["int", "int"], "real", (code, x, count) => {
    const tail = x.plus(code.bytes);
    const below = code.variable("real", product.call(code, tail, tail, count));
    const alpha = code.variable("real", code.load(x)), beta = code.variable("real");
    const tau = code.variable("real", 0), back = code.variable("real", 1);
    code.if(alpha.times(alpha).plus(below).lt(least), () => {
      times.run(code, larger, x, count.plus(1));
      below.set(product.call(code, tail, tail, count));
      alpha.set(code.load(x));
      back.set(1 / larger);
      code.store(x, alpha.times(back));
    });
    code.if(below.ne(0), () => {
      beta.set(alpha.times(alpha).plus(below).root().withSign(alpha).negated());
      tau.set(beta.minus(alpha).over(beta));
      times.run(code, code.real(1).over(alpha.minus(beta)), tail, count);
      code.store(x, beta.times(back));
    });
    return tau;
  });
}

export function emitQr(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const [m, n] = kernel.shapes[0].slice(-2);
  const k = kernel.shapes[1][kernel.shapes[1].length - 1];
  const steps = Math.min(m, n);
  const bytes = dtype === "float32" ? 4 : 8;
  const columnsAt = 0, qAt = aligned(n * m * bytes), tausAt = qAt + aligned(k * m * bytes);
  const scratchAt = tausAt + aligned((steps + 2) * bytes) + 64;
  context.needScratch(scratchAt);
  const turn = turnOver(context, dtype),
    make = makeReflection(context, dtype),
    apply = reflect(context, dtype);
  const power = powerOfTwo(context, dtype);
  const blocks = steps >= FEWEST_BLOCKED
    ? new BlockReflector(context, dtype, { length: m, rows: Math.max(n, k), shift: 0, scratchAt })
    : null;
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 2],
    unitCost: 2 * m * n * steps,
    body(code, [a, q, r]) {
      const base = code.variable("int", code.scratch());
      const columns = base.plus(columnsAt), rows = base.plus(qAt), taus = base.plus(tausAt);
      const size = code.variable("real", power.call(code, a, m * n, taus));
      const tau = code.variable("real");
      turn.run(code, columns, m, a, n, n, m, code.real(1).over(size));
      const diagonal = (j: Expression) => code.at(columns, j.times(m + 1));
      /** Reflects row c of an array, a column, by reflection j. */
      const reflectRow = (array: Expression, c: Expression, j: Expression): void => {
        const place = code.at(array, c.times(m).plus(j));
        apply.run(code, diagonal(j), tau, place, code.int(m - 1).minus(j));
      };
      const eliminate = (from: Expression | number, to: Expression | number, last: Expression | number) =>
        code.for(from, to, (j) => {
          tau.set(make.call(code, diagonal(j), code.int(m - 1).minus(j)));
          code.store(code.at(taus, j), tau);
          code.for(j.plus(1), last, (c) => reflectRow(columns, c, j));
        });
      const accumulate = (from: Expression | number, to: Expression | number) =>
        code.for(from, to, (j) => {
          tau.set(code.load(code.at(taus, j)));
          code.for(j, k, (c) => reflectRow(rows, c, j));
        }, -1);
      const whole = Math.floor(steps / BLOCK) * BLOCK;
      const start = code.variable("int", 0), width = code.variable("int", BLOCK);
      if (blocks) {
        code.while(start.lt(whole), () => {
          eliminate(start, start.plus(BLOCK), start.plus(BLOCK));
          code.if(start.plus(BLOCK).lt(n), () => {
            blocks.prepare(code, columns, taus, start, width);
            blocks.apply(code, columns, start.plus(BLOCK), code.int(n), start, true);
          });
          start.increase(BLOCK);
        });
        eliminate(whole, steps, n);
      } else eliminate(0, steps, n);
      turn.run(code, r, n, columns, m, k, n, size);
      code.for(1, k, (i) => code.zeroBytes(code.at(r, i.times(n)), i.least(n).times(code.bytes)));
      code.zeroBytes(rows, k * m * bytes);
      code.for(0, k, (c) => code.store(code.at(rows, c.times(m + 1)), 1));
      if (blocks) {
        accumulate(steps - 1, whole);
        code.while(start.gt(0), () => {
          start.increase(-BLOCK);
          blocks.prepare(code, columns, taus, start, width);
          blocks.apply(code, rows, start, code.int(k), start, false);
        });
      } else accumulate(steps - 1, 0);
      turn.run(code, q, k, rows, m, m, k, 1);
      code.release(base, size, tau, start, width);
    },
  });
}
