/** Triangular systems by blocks of rows: a thread solves a column of a block, tiles bring the other rows up to date. */
import type { Dispatch } from "../plan.ts";
import { type Area, type RoutineContext, Stage } from "./stage.ts";
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
  /** Where a word for each matrix lies in the scratch buffer. */
  readonly flagsAt: number;
}

/**
 * A block begins with row `head` and goes on in the direction of `way`, 1 or -1. The matrix has `row_step` and `column_step` between its
 * rows and columns. `start` and `rows` are about the rows that are not solved yet.
 */
const PARAMETERS = [
  "count",
  "n",
  "columns",
  "size",
  "head",
  "way",
  "row_step",
  "column_step",
  "one",
  "start",
  "rows",
  "flags_at",
];

/**
 * Solves in place. Sets the word of a matrix that has a zero on its diagonal, unless that is taken as ones.
 */
export function substitute(context: RoutineContext, triangle: Triangle, system: System): Dispatch[] {
  const { count, n, columns, flagsAt } = system;
  const { lower, transpose, unit } = triangle;
  const forward = lower !== transpose;
  const solve = writeSolve(context, triangle, system);
  const update = n > BLOCK ? writeUpdate(context, triangle, system) : null;
  const dispatches: Dispatch[] = [];
  const blocks = Math.ceil(n / BLOCK);
  for (let b = 0; b < blocks; b++) {
    const first = BLOCK * (forward ? b : blocks - 1 - b), size = Math.min(BLOCK, n - first);
    const rest = forward ? n - first - size : first;
    const parameters = [
      count,
      n,
      columns,
      size,
      forward ? first : first + size - 1,
      forward ? 1 : -1,
      transpose ? 1 : n,
      transpose ? n : 1,
      unit ? 1 : 0,
      forward ? first + size : 0,
      rest,
      flagsAt,
    ];
    dispatches.push(solve.over(count * columns, parameters));
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

/** x_i = (b_i - sum of t_ij x_j over the rows of the block before it) / t_ii. */
function writeSolve(context: RoutineContext, triangle: Triangle, system: System): Stage {
  const stage = begin(context, triangle, system, "substitution", context.tuning.rowThreads);
  stage.units("count * columns");
  stage.line("let matrix = unit / columns;");
  const { operand } = triangle;
  const t = stage.matrix({ operand }, {
    base: stage.let("matrix * n * n"),
    row: "row_step",
    column: "column_step",
  });
  const base = stage.let("matrix * n * columns + unit % columns");
  const x = stage.matrix(system.target, { base, row: "columns", column: "1" });
  stage.loop("0", "size", (s) => {
    const i = stage.let(`head + way * ${s}`);
    const sum = stage.variable("f32", x.get(i, "0"));
    stage.loop("0", s, (k) => {
      const j = stage.let(`head + way * ${k}`);
      stage.line(`${sum} -= ${t.get(i, j)} * ${x.get(j, "0")};`);
    });
    stage.block("if (one == 0)", () => {
      const pivot = stage.let(t.get(i, i));
      stage.line(`if (${pivot} == 0.0) { ${stage.word(0, "flags_at + matrix")} = 1u; }`);
      stage.line(`${sum} /= ${pivot};`);
    });
    x.set(i, "0", sum);
  });
  return stage;
}

/** The rows that are not solved yet lose what the block contributes. */
function writeUpdate(context: RoutineContext, { operand, ...triangle }: Triangle, system: System): Stage {
  const stage = begin(context, { operand, ...triangle }, system, "substitution rest");
  writeTileUpdate(stage, {
    matrices: "count",
    rows: "rows",
    columns: "columns",
    depth: "size",
    begin(number) {
      const t = stage.matrix({ operand }, {
        base: stage.let(`${number} * n * n`),
        row: "row_step",
        column: "column_step",
      });
      const base = stage.let(`${number} * n * columns`);
      const x = stage.matrix(system.target, { base, row: "columns", column: "1" });
      return {
        left: (row, k) => t.get(`start + ${row}`, `head + way * ${k}`),
        right: (k, column) => x.get(`head + way * ${k}`, column),
        get: (row, column) => x.get(`start + ${row}`, column),
        set: (row, column, value) => x.set(`start + ${row}`, column, value),
      };
    },
  });
  return stage;
}
