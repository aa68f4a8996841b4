/**
 * The routine lu: panels of columns with pivoting, the rest brought up to date by matrix products. What a panel does to the
 * columns right of it is done in strips, which threads share; the strip of the next panel comes first and is factorised
 * at once, so that nobody waits for it.
 */
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
import { axpy, axpyFour, divide, exchange, scale } from "./vectors.ts";

/**
 * `luPanel(panel, pivots, n, first, columns)`: factorises columns that lie as rows of length n, from their element `first`
 * on; writes the row chosen at each step (int32).
 */
function luPanel(context: ModuleContext, dtype: RoutineDType): Procedure {
  const add = axpy(context, dtype), addFour = axpyFour(context, dtype), over = divide(context, dtype);
  const params = ["int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, "luPanel", params, null, (code, panel, pivots, n, first, columns) => {
    const j = code.variable("int", 0), p = code.variable("int"), row = code.variable("int");
    const column = code.variable("int", panel), earlier = code.variable("int"), place = code.variable("int");
    const best = code.variable("int"), greatest = code.variable("real"), value = code.variable("real");
    const stride = code.variable("int", n.times(code.bytes));
    const factors = Array.from({ length: 4 }, () => code.variable("real"));
    code.while(j.lt(columns), () => {
      // Left-looking: the earlier columns, whose rows are in their final order, eliminate this one, four at a time.
      p.set(0);
      earlier.set(panel);
      code.while(p.plus(4).le(j), () => {
        row.set(first.plus(p));
        place.set(code.at(column, row));
        for (let k = 0; k < 4; k++) {
          const value = factors[k];
          value.set(code.load(place, "real", k * code.bytes));
          for (let before = 0; before < k; before++) {
            const left = code.load(code.at(earlier.plus(stride.times(before)), row.plus(k)));
            value.set(value.plus(left.times(factors[before])));
          }
          code.store(place, value, k * code.bytes);
          value.set(value.negated());
        }
        addFour.run(
          code,
          ...factors,
          code.at(earlier, row.plus(4)),
          stride,
          place.plus(4 * code.bytes),
          n.minus(row).minus(4),
        );
        earlier.increase(stride.times(4));
        p.increase(4);
      });
      code.while(p.lt(j), () => {
        row.set(first.plus(p));
        value.set(code.load(code.at(column, row)).negated());
        add.run(
          code,
          value,
          code.at(earlier, row.plus(1)),
          code.at(column, row.plus(1)),
          n.minus(row).minus(1),
        );
        earlier.increase(stride);
        p.increase(1);
      });
      row.set(first.plus(j));
      best.set(row);
      greatest.set(-1);
      place.set(row);
      code.while(place.lt(n), () => {
        value.set(code.load(code.at(column, place)).magnitude());
        code.if(value.gt(greatest), () => {
          greatest.set(value);
          best.set(place);
        });
        place.increase(1);
      });
      code.storeInt(pivots.plus(j.times(4)), best);
      code.if(best.ne(row), () => {
        p.set(0);
        earlier.set(panel);
        code.while(p.lt(columns), () => {
          value.set(code.load(code.at(earlier, row)));
          code.store(code.at(earlier, row), code.load(code.at(earlier, best)));
          code.store(code.at(earlier, best), value);
          earlier.increase(stride);
          p.increase(1);
        });
      });
      value.set(code.load(code.at(column, row)));
      code.if(value.ne(0), () => {
        over.run(code, value, code.at(column, row.plus(1)), n.minus(row).minus(1));
      });
      column.increase(stride);
      j.increase(1);
    });
  });
}

/** Writes the factorisation of matrices of one size. */
class BlockedLu {
  readonly #context: ModuleContext;
  readonly #dtype: RoutineDType;
  readonly #n: number;
  readonly #rowBytes: number;
  readonly #product: number;
  readonly #size: number;
  readonly #panelAt: number;
  readonly #panelBytes: number;

  constructor(context: ModuleContext, dtype: RoutineDType, n: number) {
    const bytes = dtype === "float32" ? 4 : 8;
    this.#context = context;
    this.#dtype = dtype;
    this.#n = n;
    this.#rowBytes = n * bytes;
    this.#size = n > UNBLOCKED ? BLOCK : n;
    let packed = 0, product = -1;
    if (this.#size < n) {
      const spec: ContractSpec = {
        dtype,
        rows: n,
        columns: n,
        depth: this.#size,
        a: { outer: 1, depth: n },
        b: { outer: 1, depth: n },
        rowStride: n,
        accumulate: true,
      };
      const { index, plan } = emitContract(context.module, spec);
      packed = aligned(plan.scratchBytes);
      product = index;
    }
    this.#product = product;
    // A panel is followed by the rows chosen at its steps.
    this.#panelBytes = aligned(this.#size * n * bytes) + aligned(this.#size * 4);
    this.#panelAt = packed;
    context.needScratch(packed + 2 * this.#panelBytes);
  }

  #corner(code: Code, a: Expression, i: Expression, j: Expression): Expression {
    return code.at(a, i.times(this.#n).plus(j));
  }

  #pivots(panel: Expression): Expression {
    return panel.plus(this.#panelBytes - aligned(this.#size * 4));
  }

  /**
   * `panel(a, panel, start)`: factorises the columns from `start` on. The panel keeps the negated part below the diagonal
   * block.
   */
  #panel(): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const factorise = luPanel(context, dtype), turn = turnOver(context, dtype), times = scale(context, dtype);
    const params = ["int", "int", "int"] as const;
    return procedure(context, dtype, `luColumns:${n}`, params, null, (code, a, panel, start) => {
      const left = code.variable("int", code.int(n).minus(start));
      const columns = code.variable("int", left.least(this.#size));
      const corner = this.#corner(code, a, start, start), first = code.at(panel, start);
      turn.run(code, first, n, corner, n, columns, left, 1);
      factorise.run(code, panel, this.#pivots(panel), n, start, columns);
      turn.run(code, corner, n, first, n, left, columns, 1);
      code.for(0, columns, (d) => {
        const below = code.at(panel, d.times(n).plus(start).plus(columns));
        times.run(code, -1, below, left.minus(columns));
      });
    });
  }

  /**
   * `strips(a, panel, next panel, start, begin, end)`: what the panel that begins at column `start` does to strips of the
   * others: the first is the next panel, the last are the columns left of it.
   */
  #strips(): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const swap = exchange(context, dtype), solve = substitute(context, dtype, true);
    const factorise = this.#panel();
    const params = ["int", "int", "int", "int", "int", "int"] as const;
    return procedure(
      context,
      dtype,
      `luStrips:${n}`,
      params,
      null,
      (code, a, panel, nextPanel, start, begin, end) => {
        const size = code.variable("int", code.int(n).minus(start).least(this.#size));
        const next = code.variable("int", start.plus(size));
        const from = code.variable("int"), to = code.variable("int"), chosen = code.variable("int");
        code.while(begin.lt(end), () => {
          setStrip(code, begin, next, n, { from, to });
          code.if(from.ge(n), () => {
            from.set(0);
            to.set(start);
          });
          code.for(0, size, (j) => {
            chosen.set(code.loadInt(this.#pivots(panel).plus(j.times(4))));
            code.if(chosen.ne(start.plus(j)), () => {
              const row = this.#corner(code, a, start.plus(j), from);
              swap.run(code, row, this.#corner(code, a, chosen, from), to.minus(from));
            });
          });
          if (this.#product >= 0) {
            code.if(from.ge(next), () => {
              // U12 = L11^-1 A12, then A22 -= L21 U12.
              const block = this.#corner(code, a, start, start), right = this.#corner(code, a, start, from);
              const { bytes } = code, rowBytes = this.#rowBytes;
              solve.run(code, block, rowBytes, bytes, right, rowBytes, size, to.minus(from));
              const rows = code.at(a, start.times(n));
              code.invoke(this.#product, [panel, rows, a, code.scratch(), next, code.int(n), from, to]);
              code.if(from.eq(next), () => factorise.run(code, a, nextPanel, next));
            });
          }
          begin.increase(1);
        });
      },
    );
  }

  /** `lu(a, permutation)`: in place; fills the permutation and gives its sign. */
  whole(shares: boolean): Procedure {
    const context = this.#context, dtype = this.#dtype, n = this.#n;
    const factorise = this.#panel(), work = this.#strips();
    return procedure(context, dtype, `lu:${n}:${shares}`, ["int", "int"], "int", (code, a, permutation) => {
      const panel = code.variable("int", code.scratch().plus(this.#panelAt));
      const other = code.variable("int", panel.plus(this.#panelBytes));
      const parity = code.variable("int", 1), start = code.variable("int", 0), rest = code.variable("int");
      const row = code.variable("int"), chosen = code.variable("int"), held = code.variable("int");
      const entry = (i: Expression): Expression => permutation.plus(i.times(4));
      code.for(0, n, (i) => code.storeInt(entry(i), i));
      factorise.run(code, a, panel, start);
      code.while(start.lt(n), () => {
        rest.set(code.int(n).minus(start).minus(this.#size).greatest(0));
        code.for(0, code.int(n).minus(start).least(this.#size), (j) => {
          row.set(start.plus(j));
          chosen.set(code.loadInt(this.#pivots(panel).plus(j.times(4))));
          code.if(chosen.ne(row), () => {
            parity.set(parity.negated());
            held.set(code.loadInt(entry(row)));
            code.storeInt(entry(row), code.loadInt(entry(chosen)));
            code.storeInt(entry(chosen), held);
          });
        });
        // The next panel, full strips, and the columns on the left.
        const strips = code.choose(rest.gt(0), stripsOf(rest), 0);
        share(code, shares, {
          work,
          args: [a, panel, other, start],
          units: strips.plus(start.gt(0)),
          unitCost: rest.times(STRIP * 2),
        });
        held.set(panel);
        panel.set(other);
        other.set(held);
        start.increase(this.#size);
      });
      return parity;
    });
  }
}

export function emitLu(context: ModuleContext, kernel: Routine): KernelFunction {
  const n = kernel.shapes[0][kernel.shapes[0].length - 1];
  const unitCost = n * n * n / 40 + n * n * 10;
  const shares = n > UNBLOCKED && sharesMatrices(context, kernel, 2, unitCost);
  const factorise = new BlockedLu(context, routineDType(kernel), n).whole(shares);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 0],
    unitCost,
    shares,
    body(code, [a, lu, permutation, parity]) {
      code.copyBytes(lu, a, n * n * code.bytes);
      code.storeInt(parity, factorise.call(code, lu, permutation));
    },
  });
}
