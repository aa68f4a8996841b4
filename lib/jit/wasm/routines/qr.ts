/** The routine qr: Householder reflections on columns that lie as rows. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { BlockReflector, FEWEST_BLOCKED } from "./block_reflector.ts";
import type { Expression } from "./expression.ts";
import { emitMatrixRoutine, routineDType, sharesMatrices } from "./matrix_routine.ts";
import { share } from "./share.ts";
import { powerOfTwo } from "./scaling.ts";
import { setStrip, stripsOf } from "./strips.ts";
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

/** Writes the elimination of columns that lie as rows of length m, of matrices of one size, by blocks. */
class Elimination {
  readonly #context: ModuleContext;
  readonly #dtype: RoutineDType;
  readonly #blocks: BlockReflector;
  readonly #m: number;
  readonly #n: number;

  constructor(context: ModuleContext, dtype: RoutineDType, blocks: BlockReflector, m: number, n: number) {
    this.#context = context;
    this.#dtype = dtype;
    this.#blocks = blocks;
    this.#m = m;
    this.#n = n;
  }

  get #whole(): number {
    return Math.floor(Math.min(this.#m, this.#n) / BLOCK) * BLOCK;
  }

  /** `panel(columns, taus, block, start)`: the reflections of a block of columns, and the block. */
  #panel(): Procedure {
    const m = this.#m, n = this.#n;
    const eliminate = eliminateColumns(this.#context, this.#dtype);
    const params = ["int", "int", "int", "int"] as const;
    const name = `qrPanel:${n}:${this.#blocks.key}`;
    return procedure(this.#context, this.#dtype, name, params, null, (code, columns, taus, block, start) => {
      const next = code.variable("int", start.plus(BLOCK));
      eliminate.run(code, columns, taus, m, start, next, next);
      code.if(next.lt(n), () => this.#blocks.prepare(code, block, { storage: columns, taus }, start));
    });
  }

  /** `strips(columns, taus, block, next block, start, begin, end)`: a block applied to strips; first to the next panel. */
  #strips(): Procedure {
    const n = this.#n;
    const panel = this.#panel();
    const params = ["int", "int", "int", "int", "int", "int", "int"] as const;
    return procedure(
      this.#context,
      this.#dtype,
      `qrStrips:${n}:${this.#blocks.key}`,
      params,
      null,
      (code, columns, taus, block, nextBlock, start, begin, end) => {
        const next = code.variable("int", start.plus(BLOCK));
        const from = code.variable("int"), to = code.variable("int");
        code.while(begin.lt(end), () => {
          setStrip(code, begin, next, n, { from, to });
          this.#blocks.apply(code, block, columns, from, to, start, true);
          code.if(begin.eq(0).and(next.lt(this.#whole)), () => {
            panel.run(code, columns, taus, nextBlock, next);
          });
          begin.increase(1);
        });
      },
    );
  }

  /** All whole blocks, and what they do to the other columns. */
  run(code: Code, shares: boolean, columns: Expression, taus: Expression): void {
    const n = this.#n;
    const start = code.variable("int", 0), held = code.variable("int");
    const block = code.variable("int", this.#blocks.block(code, 0));
    const other = code.variable("int", this.#blocks.block(code, 1));
    const panel = this.#panel(), work = this.#strips();
    panel.run(code, columns, taus, block, start);
    code.while(start.lt(this.#whole), () => {
      const rest = code.int(n - BLOCK).minus(start);
      code.if(rest.gt(0), () => {
        share(code, shares, {
          work,
          args: [columns, taus, block, other, start],
          units: stripsOf(rest),
          unitCost: Math.round(this.#blocks.stripCost),
        });
      });
      held.set(block);
      block.set(other);
      other.set(held);
      start.increase(BLOCK);
    });
    code.release(start, held, block, other);
  }
}

/** `eliminateColumns(columns, taus, m, from, to, last)`: reflections from .. to - 1 of columns that lie as rows, applied up to row `last`. */
function eliminateColumns(context: ModuleContext, dtype: RoutineDType): Procedure {
  const make = makeReflection(context, dtype), apply = reflect(context, dtype);
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  return procedure(
    context,
    dtype,
    "eliminateColumns",
    params,
    null,
    (code, columns, taus, m, from, to, last) => {
      const tau = code.variable("real"), left = code.variable("int"), v = code.variable("int");
      code.for(from, to, (j) => {
        v.set(code.at(columns, m.plus(1).times(j)));
        left.set(m.minus(1).minus(j));
        tau.set(make.call(code, v, left));
        code.store(code.at(taus, j), tau);
        code.for(j.plus(1), last, (c) => {
          apply.run(code, v, tau, code.at(columns, c.times(m).plus(j)), left);
        });
      });
    },
  );
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
  const turn = turnOver(context, dtype), apply = reflect(context, dtype), power = powerOfTwo(context, dtype);
  const eliminate = eliminateColumns(context, dtype);
  const blocks = steps >= FEWEST_BLOCKED
    ? new BlockReflector(context, dtype, { length: m, rows: Math.max(n, k), shift: 0, scratchAt })
    : null;
  const byBlocks = blocks === null ? null : new Elimination(context, dtype, blocks, m, n);
  const unitCost = m * (n + k) * steps * bytes / 50;
  const shares = blocks !== null && sharesMatrices(context, kernel, 2, unitCost);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 2],
    unitCost,
    shares,
    body(code, [a, q, r]) {
      const base = code.variable("int", code.scratch());
      const columns = base.plus(columnsAt), rows = base.plus(qAt), taus = base.plus(tausAt);
      const size = code.variable("real", power.call(code, a, m * n, taus));
      const tau = code.variable("real");
      turn.run(code, columns, m, a, n, n, m, code.real(1).over(size));
      const whole = blocks === null ? 0 : Math.floor(steps / BLOCK) * BLOCK;
      byBlocks?.run(code, shares, columns, taus);
      eliminate.run(code, columns, taus, m, whole, steps, n);
      turn.run(code, r, n, columns, m, k, n, size);
      code.for(1, k, (i) => code.zeroBytes(code.at(r, i.times(n)), i.least(n).times(code.bytes)));
      code.zeroBytes(rows, k * m * bytes);
      code.for(0, k, (c) => code.store(code.at(rows, c.times(m + 1)), 1));
      code.for(steps - 1, whole, (j) => {
        tau.set(code.load(code.at(taus, j)));
        code.for(j, k, (c) => {
          const v = code.at(columns, j.times(m + 1)), place = code.at(rows, c.times(m).plus(j));
          apply.run(code, v, tau, place, code.int(m - 1).minus(j));
        });
      }, -1);
      blocks?.accumulate(code, shares, { storage: columns, taus }, rows, k, whole);
      turn.run(code, q, k, rows, m, m, k, 1);
      code.release(base, size, tau);
    },
  });
}
