/** Triangular systems by blocks of rows: a thread solves a column of a block, tiles bring the other rows up to date. */
import type { Dispatch } from "../plan.ts";
import { type Area, type Matrix, type RoutineContext, Stage } from "./stage.ts";
import { tileUnits, writeTileUpdate } from "./tile_update.ts";

/** Rows of a block. */
const BLOCK = 32;

export interface Triangle {
  /** The operand with the matrices, [count, n, n]. */
  readonly operand: number;
  readonly lower: boolean;
  readonly transpose: boolean;
  readonly unit: boolean;
}

export interface System {
  readonly count: number;
  readonly n: number;
  readonly columns: number;
  /** Where the right side lies, [count, n, columns], and then the solution. */
  readonly target: Area;
}

const PARAMETERS = ["count", "n", "columns", "first", "size"];

/**
 * Solves in place. Sets the word of the scratch buffer with the number of a matrix that has a zero on its diagonal, unless
 * that is taken as ones.
 */
export function substitute(context: RoutineContext, triangle: Triangle, system: System): Dispatch[] {
  const { count, n, columns } = system;
  const forward = triangle.lower !== triangle.transpose;
  const solve = writeSolve(context, triangle, system);
  const update = n > BLOCK ? writeUpdate(context, triangle, system) : null;
  const dispatches: Dispatch[] = [];
  const blocks = Math.ceil(n / BLOCK);
  for (let b = 0; b < blocks; b++) {
    const first = BLOCK * (forward ? b : blocks - 1 - b), size = Math.min(BLOCK, n - first);
    const parameters = [count, n, columns, first, size];
    dispatches.push(solve.over(count * columns, parameters));
    const rest = forward ? n - first - size : first;
    if (rest > 0 && update) dispatches.push(update.over(count * tileUnits(rest, columns), parameters));
  }
  return dispatches;
}

function begin(
  context: RoutineContext,
  { operand }: Triangle,
  { target }: System,
  label: string,
  threads?: number,
): Stage {
  const operands = "operand" in target ? [operand, target.operand] : [operand];
  return new Stage(context, { label, operands, scratch: true, parameters: PARAMETERS, threads });
}

/** The matrix that is solved with, its rows and columns exchanged where that is asked for. */
function triangleOf(stage: Stage, { operand, transpose }: Triangle, matrix: string): Matrix {
  const whole = stage.matrix({ operand }, { base: stage.let(`${matrix} * n * n`), row: "n", column: "1" });
  return transpose ? whole.transposed : whole;
}

/** x_i = (b_i - sum of t_ij x_j over the rows of the block before it) / t_ii. */
function writeSolve(context: RoutineContext, triangle: Triangle, system: System): Stage {
  const { lower, transpose, unit } = triangle;
  const forward = lower !== transpose;
  const stage = begin(context, triangle, system, "substitution", context.tuning.rowThreads);
  stage.units("count * columns");
  const t = triangleOf(stage, triangle, "(unit / columns)");
  const base = stage.let("unit / columns * n * columns + unit % columns");
  const x = stage.matrix(system.target, { base, row: "columns", column: "1" });
  const rowOf = (step: string) => stage.let(forward ? `first + ${step}` : `first + size - 1 - ${step}`);
  stage.loop("0", "size", (s) => {
    const i = rowOf(s);
    const sum = stage.variable("f32", x.get(i, "0"));
    stage.loop("0", s, (k) => {
      const j = rowOf(k);
      stage.line(`${sum} -= ${t.get(i, j)} * ${x.get(j, "0")};`);
    });
    if (!unit) {
      const pivot = stage.let(t.get(i, i));
      stage.line(`if (${pivot} == 0.0) { ${stage.word(0, "unit / columns")} = 1u; }`);
      stage.line(`${sum} /= ${pivot};`);
    }
    x.set(i, "0", sum);
  });
  return stage;
}

/** The rows that are not solved yet lose what the block contributes. */
function writeUpdate(context: RoutineContext, triangle: Triangle, system: System): Stage {
  const forward = triangle.lower !== triangle.transpose;
  const stage = begin(context, triangle, system, "substitution rest");
  stage.line(forward ? "let rows = n - first - size;" : "let rows = first;");
  stage.line(`let start = ${forward ? "first + size" : "0"};`);
  writeTileUpdate(stage, {
    matrices: "count",
    rows: "rows",
    columns: "columns",
    depth: "size",
    begin(number) {
      const t = triangleOf(stage, triangle, number);
      const base = stage.let(`${number} * n * columns`);
      const x = stage.matrix(system.target, { base, row: "columns", column: "1" });
      return {
        left: (row, k) => t.get(`start + ${row}`, `first + ${k}`),
        right: (k, column) => x.get(`first + ${k}`, column),
        get: (row, column) => x.get(`start + ${row}`, column),
        set: (row, column, value) => x.set(`start + ${row}`, column, value),
      };
    },
  });
  return stage;
}
