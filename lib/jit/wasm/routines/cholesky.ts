/** The routine cholesky: blocks factorised by dot products, the rest brought up to date by matrix products. */
import type { Routine } from "../../kernel/kernel.ts";
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
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

/** Factorises a [n, n] in place, its lower triangle; gives 0 when it is not positive definite. */
function choleskyBlocked(context: ModuleContext, dtype: RoutineDType, n: number): Procedure {
  const bytes = dtype === "float32" ? 4 : 8;
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
  const packed = aligned(plan.scratchBytes);
  context.needScratch(packed + aligned(BLOCK * n * bytes));
  const block = choleskyBlock(context, dtype), turn = turnOver(context, dtype);
  const solve = substitute(context, dtype, false), times = scale(context, dtype);
  return procedure(context, dtype, `cholesky:${n}`, ["int"], "int", (code, a) => {
    const start = code.variable("int", 0), next = code.variable("int"), sound = code.variable("int", 1);
    const size = code.variable("int"), rest = code.variable("int");
    const panel = code.variable("int", code.scratch().plus(packed));
    const corner = (row: Expression, column: Expression): Expression => code.at(a, row.times(n).plus(column));
    code.block((leave) => {
      code.while(start.lt(n), () => {
        size.set(code.int(n).minus(start).least(BLOCK));
        next.set(start.plus(BLOCK));
        sound.set(block.call(code, corner(start, start), n * bytes, size));
        leave(sound.not());
        leave(next.ge(n));
        rest.set(code.int(n).minus(next));
        // The columns of the block below it, as rows: L21^T = L11^-1 A21^T.
        const columns = code.at(panel, next);
        turn.run(code, columns, n, corner(next, start), n, BLOCK, rest, 1);
        solve.run(code, corner(start, start), n * bytes, bytes, columns, n * bytes, BLOCK, rest);
        turn.run(code, corner(next, start), n, columns, n, rest, BLOCK, 1);
        code.for(0, BLOCK, (d) => times.run(code, -1, columns.plus(d.times(n * bytes)), rest));
        // A22 -= L21 L21^T, on and below the diagonal.
        code.for(next, n, (column) => {
          code.invoke(index, [
            code.at(a, start),
            panel,
            a,
            code.scratch(),
            column,
            code.int(n),
            column,
            column.plus(BLOCK).least(n),
          ]);
        }, BLOCK);
        start.set(next);
      });
    });
    return sound;
  });
}

export function emitCholesky(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const n = kernel.shapes[0][kernel.shapes[0].length - 1];
  const factorise = (code: Code, a: Expression): Expression =>
    n > UNBLOCKED
      ? choleskyBlocked(context, dtype, n).call(code, a)
      : choleskyBlock(context, dtype).call(code, a, n * code.bytes, n);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2],
    unitCost: n * n * n / 3,
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
