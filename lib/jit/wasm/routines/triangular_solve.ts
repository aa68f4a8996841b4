/** The routines triangularSolve and luSolve. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { aligned, solveTriangle, type Triangle, unlessSingular } from "./substitution.ts";

export function emitTriangularSolve(context: ModuleContext, kernel: Routine): KernelFunction {
  const [n, columns] = kernel.shapes[1].slice(-2);
  const triangle = kernel.options as unknown as Triangle;
  const solve = solveTriangle(context, routineDType(kernel), n, columns, triangle);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 2],
    unitCost: n * n * columns,
    body(code, [t, b, x]) {
      const regular = (): void => {
        code.copyBytes(x, b, n * columns * code.bytes);
        solve.run(code, t, x);
      };
      if (triangle.unit) regular();
      else unlessSingular(code, t, n, x, n * columns, regular);
    },
  });
}

export function emitLuSolve(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const [n, columns] = kernel.shapes[3].slice(-2);
  const { transpose } = kernel.options as { transpose: boolean };
  const parts = [
    solveTriangle(context, dtype, n, columns, { lower: true, transpose, unit: true }),
    solveTriangle(context, dtype, n, columns, { lower: false, transpose, unit: false }),
  ];
  if (transpose) parts.reverse();
  const bytes = dtype === "float32" ? 4 : 8;
  const rowBytes = columns * bytes;
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 2, 2],
    unitCost: 2 * n * n * columns,
    body(code, [, lu, permutation, b, x]) {
      unlessSingular(code, lu, n, x, n * columns, () => {
        if (!transpose) {
          code.for(0, n, (i) => {
            const from = code.loadInt(permutation.plus(i.times(4)));
            code.copyBytes(x.plus(i.times(rowBytes)), b.plus(from.times(rowBytes)), rowBytes);
          });
          for (const part of parts) part.run(code, lu, x);
          return;
        }
        code.copyBytes(x, b, n * rowBytes);
        for (const part of parts) part.run(code, lu, x);
        // Row i of this is row p[i] of the solution.
        const ordered = code.variable("int", code.scratch());
        code.copyBytes(ordered, x, n * rowBytes);
        code.for(0, n, (i) => {
          const to = code.loadInt(permutation.plus(i.times(4)));
          code.copyBytes(x.plus(to.times(rowBytes)), ordered.plus(i.times(rowBytes)), rowBytes);
        });
      });
    },
    begin: () => context.needScratch(aligned(n * rowBytes)),
  });
}
