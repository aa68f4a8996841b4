/** The routine cholesky: blocks factorised by dot products, the rest brought up to date by matrix products. */
import type { Routine } from "../../kernel/kernel.ts";
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { emitMatrixRoutine, routineDType, sharesMatrices } from "./matrix_routine.ts";
import { share } from "./share.ts";
import { setStrip, STRIP, stripsOf } from "./strips.ts";
import { aligned, BLOCK, substitute, UNBLOCKED } from "./substitution.ts";
import { turnOver } from "./turn_over.ts";
import { dot, fill, scale } from "./vectors.ts";

/** `choleskyBlock(a, stride, n)`: in place on the lower triangle; gives 0 when a is not positive definite. Stride in bytes. */
function choleskyBlock(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype);
  return procedure(context, dtype, "choleskyBlock", ["int", "int", "int"], "int", (code, a, stride, n) => {
    const row = code.variable("int", a), other = code.variable("int");
    const i = code.variable("int", 0), j = code.variable("int"), value = code.variable("real");
    const sound = code.variable("int", 1);
    code.block((leave) => {
      code.while(i.lt(n), () => {
        other.set(a);
        j.set(0);
        code.while(j.le(i), () => {
          const place = code.at(row, j);
          value.set(code.load(place).minus(product.call(code, row, other, j)));
          code.if(j.lt(i), () => code.store(place, value.over(code.load(code.at(other, j)))), () => {
            code.if(value.gt(0).not(), () => {
              sound.set(0);
              leave();
            });
            code.store(place, value.root());
          });
          other.increase(stride);
          j.increase(1);
        });
        row.increase(stride);
        i.increase(1);
      });
    });
    return sound;
  });
}

/**
 * Factorises matrices of one size, their lower triangle. What a panel of columns does to those right of it is done in
 * strips, which threads share; the strip of the next panel comes first and is factorised at once.
 */
class BlockedCholesky {
  readonly #context: ModuleContext;
  readonly #dtype: RoutineDType;
  readonly #n: number;
  readonly #product: number;
  readonly #panelAt: number;
  readonly #panelBytes: number;

  constructor(context: ModuleContext, dtype: RoutineDType, n: number) {
    const spec: ContractSpec = {
      dtype,
      rows: n,
      columns: n,
      depth: BLOCK,
      a: { outer: n, depth: 1 },
      b: { outer: 1, depth: n },
      rowStride: n,
      accumulate: true,
    };
    const { index, plan } = emitContract(context.module, spec);
    this.#context = context;
    this.#dtype = dtype;
    this.#n = n;
    this.#product = index;
    this.#panelAt = aligned(plan.scratchBytes);
    // In front of a panel stands whether the matrix is found to be positive definite so far.
    this.#panelBytes = 64 + aligned(BLOCK * n * (dtype === "float32" ? 4 : 8));
    context.needScratch(this.#panelAt + 2 * this.#panelBytes);
  }

  #corner(code: Code, a: Expression, row: Expression, column: Expression): Expression {
    return code.at(a, row.times(this.#n).plus(column));
  }

  /** `panel(a, panel, start)`: the block on the diagonal, and the columns below it; the panel gets their negatives as rows. */
  #panel(): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const block = choleskyBlock(context, dtype), turn = turnOver(context, dtype);
    const solve = substitute(context, dtype, false), times = scale(context, dtype);
    const params = ["int", "int", "int"] as const;
    return procedure(context, dtype, `choleskyPanel:${n}`, params, null, (code, a, panel, start) => {
      const rowBytes = n * code.bytes;
      const size = code.variable("int", code.int(n).minus(start).least(BLOCK));
      const next = code.variable("int", start.plus(size)),
        rest = code.variable("int", code.int(n).minus(next));
      const corner = this.#corner(code, a, start, start), below = this.#corner(code, a, next, start);
      code.storeInt(panel, block.call(code, corner, rowBytes, size));
      code.if(code.loadInt(panel).and(rest.gt(0)), () => {
        // The columns of the block below it, as rows: L21^T = L11^-1 A21^T.
        const columns = code.at(panel.plus(64), next);
        turn.run(code, columns, n, below, n, BLOCK, rest, 1);
        solve.run(code, corner, rowBytes, code.bytes, columns, rowBytes, BLOCK, rest);
        turn.run(code, below, n, columns, n, rest, BLOCK, 1);
        code.for(0, BLOCK, (d) => times.run(code, -1, columns.plus(d.times(rowBytes)), rest));
      });
    });
  }

  /** `strips(a, panel, next panel, start, begin, end)`: A22 -= L21 L21^T, on and below the diagonal; first the next panel. */
  #strips(): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const factorise = this.#panel();
    const params = ["int", "int", "int", "int", "int", "int"] as const;
    return procedure(
      context,
      dtype,
      `choleskyStrips:${n}`,
      params,
      null,
      (code, a, panel, nextPanel, start, begin, end) => {
        const next = code.variable("int", start.plus(BLOCK)), from = code.variable("int");
        const to = code.variable("int");
        code.while(begin.lt(end), () => {
          setStrip(code, begin, next, n, { from, to });
          code.for(from, to, (column) => {
            code.invoke(this.#product, [
              code.at(a, start),
              panel.plus(64),
              a,
              code.scratch(),
              column,
              code.int(n),
              column,
              column.plus(BLOCK).least(n),
            ]);
          }, BLOCK);
          code.if(begin.eq(0), () => factorise.run(code, a, nextPanel, next));
          begin.increase(1);
        });
      },
    );
  }

  /** `cholesky(a)`: in place; gives 0 when a is not positive definite. */
  whole(shares: boolean): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const factorise = this.#panel(), work = this.#strips();
    return procedure(context, dtype, `cholesky:${n}:${shares}`, ["int"], "int", (code, a) => {
      const start = code.variable("int", 0), rest = code.variable("int"), held = code.variable("int");
      const panel = code.variable("int", code.scratch().plus(this.#panelAt));
      const other = code.variable("int", panel.plus(this.#panelBytes));
      factorise.run(code, a, panel, start);
      code.while(code.loadInt(panel).and(start.lt(n - BLOCK)), () => {
        rest.set(code.int(n - BLOCK).minus(start));
        share(code, shares, {
          work,
          args: [a, panel, other, start],
          units: stripsOf(rest),
          unitCost: rest.times(STRIP),
        });
        held.set(panel);
        panel.set(other);
        other.set(held);
        start.increase(BLOCK);
      });
      return code.loadInt(panel);
    });
  }
}

export function emitCholesky(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const n = kernel.shapes[0][kernel.shapes[0].length - 1];
  const unitCost = n * n * n / 80 + n * n * 10;
  const shares = n > UNBLOCKED && sharesMatrices(context, kernel, 2, unitCost);
  const blocked = n > UNBLOCKED ? new BlockedCholesky(context, dtype, n).whole(shares) : null;
  const factorise = (code: Code, a: Expression): Expression =>
    blocked !== null ? blocked.call(code, a) : choleskyBlock(context, dtype).call(code, a, n * code.bytes, n);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2],
    unitCost,
    shares,
    body(code, [a, l]) {
      code.copyBytes(l, a, n * n * code.bytes);
      code.if(factorise(code, l), () => {
        code.for(0, n - 1, (i) => {
          code.zeroBytes(code.at(l, i.times(n + 1).plus(1)), code.int(n - 1).minus(i).times(code.bytes));
        });
      }, () => fill(context, dtype).run(code, NaN, l, n * n));
    },
  });
}
