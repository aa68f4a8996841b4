/** The routines triangularSolve and luSolve. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { aligned, solveTriangle, type Triangle, unlessSingular } from "./substitution.ts";

/** Columns of a part, at least and in multiples of so many, and the work from which parts are worth it. */
const PART_COLUMNS = 64;
const PART_WORK = 2_000_000;
const MOST_PARTS = 8;

/** In how many equal parts the columns of the right side are solved for, which threads share. */
function columnParts(n: number, columns: number): number {
  for (let parts = MOST_PARTS; parts > 1; parts >>= 1) {
    if (columns % (parts * PART_COLUMNS) === 0 && n * n * columns >= parts * PART_WORK) return parts;
  }
  return 1;
}

/** Calls back with the first of the columns of a part of [n, columns], in some matrices. */
function withColumns(
  code: Code,
  matrices: readonly Variable[],
  distance: Expression,
  body: (matrices: readonly Variable[]) => void,
): void {
  const places = matrices.map((matrix) => code.variable("int", matrix.plus(distance)));
  body(places);
  code.release(...places);
}

export function emitTriangularSolve(context: ModuleContext, kernel: Routine): KernelFunction {
  const [n, columns] = kernel.shapes[1].slice(-2);
  const triangle = kernel.options as unknown as Triangle;
  const parts = columnParts(n, columns), own = columns / parts;
  const solve = solveTriangle(context, routineDType(kernel), n, own, triangle, columns);
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 2],
    unitCost: n * n * own,
    parts,
    body(code, [t, whole, result], part) {
      withColumns(code, [whole, result], part.times(own * code.bytes), ([b, x]) => {
        const regular = (): void => {
          copyRows(code, [x, b], n, { own, columns });
          solve.run(code, t, x);
        };
        if (triangle.unit) regular();
        else unlessSingular(code, t, n, x, { columns: own, stride: columns }, regular);
      });
    },
  });
}

/** Some columns of n rows from one matrix to another. */
function copyRows(
  code: Code,
  [to, from]: readonly [Expression, Expression],
  n: number,
  { own, columns }: { readonly own: number; readonly columns: number },
): void {
  if (own === columns) {
    code.copyBytes(to, from, n * columns * code.bytes);
    return;
  }
  code.for(0, n, (i) => {
    const row = i.times(columns * code.bytes);
    code.copyBytes(to.plus(row), from.plus(row), own * code.bytes);
  });
}

export function emitLuSolve(context: ModuleContext, kernel: Routine): KernelFunction {
  const dtype = routineDType(kernel);
  const [n, columns] = kernel.shapes[3].slice(-2);
  const { transpose } = kernel.options as { transpose: boolean };
  const parts = columnParts(n, columns), own = columns / parts;
  const steps = [
    solveTriangle(context, dtype, n, own, { lower: true, transpose, unit: true }, columns),
    solveTriangle(context, dtype, n, own, { lower: false, transpose, unit: false }, columns),
  ];
  if (transpose) steps.reverse();
  const bytes = dtype === "float32" ? 4 : 8;
  const rowBytes = columns * bytes, ownBytes = own * bytes;
  return emitMatrixRoutine(context, kernel, {
    ranks: [2, 2, 1, 2, 2],
    unitCost: 2 * n * n * own,
    parts,
    body(code, [, lu, permutation, whole, result], part) {
      withColumns(code, [whole, result], part.times(ownBytes), ([b, x]) => {
        unlessSingular(code, lu, n, x, { columns: own, stride: columns }, () => {
          if (!transpose) {
            code.for(0, n, (i) => {
              const from = code.loadInt(permutation.plus(i.times(4)));
              code.copyBytes(x.plus(i.times(rowBytes)), b.plus(from.times(rowBytes)), ownBytes);
            });
            for (const step of steps) step.run(code, lu, x);
            return;
          }
          copyRows(code, [x, b], n, { own, columns });
          for (const step of steps) step.run(code, lu, x);
          // Row i of this is row p[i] of the solution.
          const ordered = code.variable("int", code.scratch());
          code.for(0, n, (i) => {
            code.copyBytes(ordered.plus(i.times(ownBytes)), x.plus(i.times(rowBytes)), ownBytes);
          });
          code.for(0, n, (i) => {
            const to = code.loadInt(permutation.plus(i.times(4)));
            code.copyBytes(x.plus(to.times(rowBytes)), ordered.plus(i.times(ownBytes)), ownBytes);
          });
        });
      });
    },
    begin: () => context.needScratch(aligned(n * ownBytes)),
  });
}
