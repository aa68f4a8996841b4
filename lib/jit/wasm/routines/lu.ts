/** The routine lu: panels of columns with pivoting, the rest brought up to date by matrix products. */
import type { Routine } from "../../kernel/kernel.ts";
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { aligned, BLOCK, substitute, UNBLOCKED } from "./substitution.ts";
import { turnOver } from "./turn_over.ts";
import { axpy, divide, exchange, scale } from "./vectors.ts";

/**
 * `luPanel(panel, pivots, n, first, columns)`: factorises columns that lie as rows of length n, from their element `first`
 * on; writes the row chosen at each step (int32).
 */
function luPanel(context: ModuleContext, dtype: RoutineDType): Procedure {
  const add = axpy(context, dtype), over = divide(context, dtype);
  const params = ["int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, "luPanel", params, null, (code, panel, pivots, n, first, columns) => {
    const j = code.variable("int", 0), p = code.variable("int"), row = code.variable("int");
    const column = code.variable("int", panel), earlier = code.variable("int"), place = code.variable("int");
    const best = code.variable("int"), greatest = code.variable("real"), value = code.variable("real");
    const stride = code.variable("int", n.times(code.bytes));
    code.while(j.lt(columns), () => {
      // Left-looking: the earlier columns, whose rows are in their final order, eliminate this one.
      p.set(0);
      earlier.set(panel);
      code.while(p.lt(j), () => {
        row.set(first.plus(p));
        value.set(code.load(code.at(column, row)).negated());
        code.if(value.ne(0), () => {
          add.run(
            code,
            value,
            code.at(earlier, row.plus(1)),
            code.at(column, row.plus(1)),
            n.minus(row).minus(1),
          );
        });
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

/** `lu(a, permutation)`: in place; fills the permutation and gives its sign. */
function luInPlace(context: ModuleContext, dtype: RoutineDType, n: number): Procedure {
  const bytes = dtype === "float32" ? 4 : 8;
  const size = n > UNBLOCKED ? BLOCK : n;
  let update: { index: number; scratch: number } | null = null;
  if (size < n) {
    const spec: ContractSpec = {
      dtype,
      rows: n,
      columns: n,
      depth: size,
      a: { outer: 1, depth: n },
      b: { outer: 1, depth: n },
      rowStride: n,
      accumulate: true,
    };
    const { index, plan } = emitContract(context.module, spec);
    update = { index, scratch: plan.scratchBytes };
  }
  const packed = aligned(update?.scratch ?? 0), panelBytes = aligned(size * n * bytes);
  context.needScratch(packed + panelBytes + aligned(size * 4));
  const factorise = luPanel(context, dtype), turn = turnOver(context, dtype);
  const swap = exchange(context, dtype),
    solve = substitute(context, dtype, true),
    times = scale(context, dtype);
  return procedure(context, dtype, `lu:${n}`, ["int", "int"], "int", (code, a, permutation) => {
    const panel = code.variable("int", code.scratch().plus(packed));
    const pivots = code.variable("int", panel.plus(panelBytes));
    const parity = code.variable("int", 1), start = code.variable("int", 0), columns = code.variable("int");
    const next = code.variable("int"), rest = code.variable("int");
    const row = code.variable("int"), chosen = code.variable("int"), held = code.variable("int");
    const corner = (i: Expression, j: Expression): Expression => code.at(a, i.times(n).plus(j));
    const entry = (i: Expression): Expression => permutation.plus(i.times(4));
    code.for(0, n, (i) => code.storeInt(entry(i), i));
    code.while(start.lt(n), () => {
      columns.set(code.int(n).minus(start).least(size));
      next.set(start.plus(columns));
      rest.set(code.int(n).minus(next));
      turn.run(code, code.at(panel, start), n, corner(start, start), n, columns, code.int(n).minus(start), 1);
      factorise.run(code, panel, pivots, n, start, columns);
      code.for(0, columns, (j) => {
        row.set(start.plus(j));
        chosen.set(code.loadInt(pivots.plus(j.times(4))));
        code.if(chosen.ne(row), () => {
          parity.set(parity.negated());
          held.set(code.loadInt(entry(row)));
          code.storeInt(entry(row), code.loadInt(entry(chosen)));
          code.storeInt(entry(chosen), held);
          swap.run(code, code.at(a, row.times(n)), code.at(a, chosen.times(n)), n);
        });
      });
      turn.run(code, corner(start, start), n, code.at(panel, start), n, code.int(n).minus(start), columns, 1);
      if (update !== null) {
        const { index } = update;
        code.if(rest.gt(0), () => {
          // U12 = L11^-1 A12, then A22 -= L21 U12.
          solve.run(code, corner(start, start), n * bytes, bytes, corner(start, next), n * bytes, size, rest);
          code.for(0, size, (d) => times.run(code, -1, code.at(panel, d.times(n).plus(next)), rest));
          code.invoke(index, [
            panel,
            code.at(a, start.times(n)),
            a,
            code.scratch(),
            next,
            code.int(n),
            next,
            code.int(n),
          ]);
        });
      }
      start.set(next);
    });
    return parity;
  });
}

export function emitLu(context: ModuleContext, kernel: Routine): KernelFunction {
  const n = kernel.shapes[0][kernel.shapes[0].length - 1];
  const factorise = luInPlace(context, routineDType(kernel), n);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 0],
    unitCost: n * n * n,
    body(code, [a, lu, permutation, parity]) {
      code.copyBytes(lu, a, n * n * code.bytes);
      code.storeInt(parity, factorise.call(code, lu, permutation));
    },
  });
}
