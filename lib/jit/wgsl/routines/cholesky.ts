/** The routine cholesky: blocks on the diagonal, the rows below each, and the update of the rest (Golub and Van Loan, 4.2). */
import { sizeOf } from "../../../trace/shape.ts";
import { floatLiteral } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { type Area, type Matrix, type RoutineContext, Stage } from "./stage.ts";
import { tileUnits, writeTileUpdate } from "./tile_update.ts";

/** Rows and columns of a block. */
const BLOCK = 32;

const SOURCE: Area = { operand: 0 }, RESULT: Area = { operand: 1 };

export function planCholesky(context: RoutineContext): KernelPlan {
  const [shape] = context.kernel.shapes;
  const n = shape[shape.length - 1], count = sizeOf(shape.slice(0, -2)), elements = count * n * n;
  const begin = writeBegin(context), block = writeBlock(context, Math.min(n, BLOCK)), end = writeEnd(context);
  const dispatches: Dispatch[] = [begin.over(elements, [count, n])];
  const rows = n > BLOCK ? writeRows(context) : null, rest = n > BLOCK ? writeRest(context) : null;
  for (let first = 0; first < n; first += BLOCK) {
    const left = Math.max(0, n - first - BLOCK);
    dispatches.push(block.each(count, [count, n, first, Math.min(BLOCK, n - first)]));
    if (left === 0 || !rows || !rest) break;
    dispatches.push(
      rows.over(count * left, [count, n, first]),
      rest.over(count * tileUnits(left, left), [count, n, first]),
    );
  }
  dispatches.push(end.over(elements, [count, n]));
  // A word for each matrix: whether it is not positive definite.
  return { dispatches, scratchBytes: 4 * count };
}

function result(stage: Stage, base: string): Matrix {
  return stage.matrix(RESULT, { base, row: "n", column: "1" });
}

/** The lower triangle, zeros above it. */
function writeBegin(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "cholesky begin",
    operands: [0, 1],
    scratch: true,
    parameters: ["count", "n"],
  });
  stage.units("count * n * n");
  const value = stage.variable("f32", "0.0");
  stage.block("if (unit % n <= unit / n % n)", () => stage.line(`${value} = ${stage.read(SOURCE, "unit")};`));
  stage.write(RESULT, "unit", value);
  stage.line(`if (unit < count) { ${stage.word(0, "unit")} = 0u; }`);
  return stage;
}

/**
 * A block on the diagonal, brought up to date before: a thread has a row, and the workgroup goes through the columns.
 * l_ij = (a_ij - sum over k < j of l_ik l_jk) / l_jj.
 */
function writeBlock(context: RoutineContext, rows: number): Stage {
  // One for each row.
  const threads = rows <= 8 ? 8 : BLOCK;
  const stage = new Stage(context, {
    label: "cholesky block",
    operands: [1],
    scratch: true,
    parameters: ["count", "n", "first", "size"],
    threads,
  });
  // Rows an odd distance apart do not meet in the banks of the memory.
  const cells = stage.shared("cells", `array<f32, ${threads * (threads + 1)}>`);
  const cell = (row: string, column: string) => `${cells}[${row} * ${threads + 1} + ${column}]`;
  stage.workgroups("count");
  const matrix = result(stage, stage.let("number * n * n + first * (n + 1)"));
  stage.loop("0", "size", (i) => {
    stage.line(`if (lane < size) { ${cell(i, "lane")} = ${matrix.get(i, "lane")}; }`);
  });
  stage.line("workgroupBarrier();");
  stage.loop("0", "size", (j) => {
    stage.block(`if (lane >= ${j} && lane < size)`, () => {
      const own = stage.variable("f32", cell("lane", j)), pivot = stage.variable("f32", cell(j, j));
      stage.loop("0", j, (k) => {
        const across = stage.let(cell(j, k));
        stage.line(`${own} -= ${cell("lane", k)} * ${across};`);
        stage.line(`${pivot} -= ${across} * ${across};`);
      });
      const root = stage.let(`sqrt(${pivot})`);
      // The others still read the cell on the diagonal, and nobody needs it later.
      stage.block(`if (lane == ${j})`, () => {
        matrix.set(j, j, root);
        stage.line(`if (!(${pivot} > 0.0)) { ${stage.word(0, "number")} = 1u; }`);
      });
      stage.line(`if (lane > ${j}) { ${cell("lane", j)} = ${own} / ${root}; }`);
    });
    stage.line("workgroupBarrier();");
  });
  stage.loop("0", "size", (i) => {
    stage.block(`if (lane < ${i})`, () => matrix.set(i, "lane", cell(i, "lane")));
  });
  return stage;
}

/** The rows below a block: L21 = A21 L11^-T, a thread for each. */
function writeRows(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "cholesky rows",
    operands: [1],
    parameters: ["count", "n", "first"],
    threads: BLOCK,
  });
  stage.line(`let rows = n - first - ${BLOCK};`);
  stage.units("count * rows");
  const matrix = result(stage, stage.let("unit / rows * n * n + first * (n + 1)"));
  const row = stage.let(`unit % rows + ${BLOCK}`);
  stage.loop("0", `${BLOCK}`, (j) => {
    const sum = stage.variable("f32", matrix.get(row, j));
    stage.loop("0", j, (k) => stage.line(`${sum} -= ${matrix.get(row, k)} * ${matrix.get(j, k)};`));
    matrix.set(row, j, `${sum} / ${matrix.get(j, j)}`);
  });
  return stage;
}

/** A22 -= L21 L21^T on and below the diagonal. */
function writeRest(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "cholesky rest",
    operands: [1],
    parameters: ["count", "n", "first"],
  });
  stage.line(`let rest = n - first - ${BLOCK};`);
  writeTileUpdate(stage, {
    matrices: "count",
    rows: "rest",
    columns: "rest",
    depth: `${BLOCK}`,
    lower: true,
    begin(number) {
      const base = stage.let(`${number} * n * n + first * (n + 1) + ${BLOCK} * n`);
      const below = result(stage, base), rest = result(stage, stage.let(`${base} + ${BLOCK}`));
      return {
        left: (row, k) => below.get(row, k),
        right: (k, column) => below.get(column, k),
        get: (row, column) => rest.get(row, column),
        set: (row, column, value) => rest.set(row, column, value),
      };
    },
  });
  return stage;
}

/** NaN throughout where the matrix is not positive definite. */
function writeEnd(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "cholesky end",
    operands: [1],
    scratch: true,
    parameters: ["count", "n"],
  });
  stage.units("count * n * n");
  stage.block(`if (${stage.word(0, "unit / (n * n)")} != 0u)`, () => {
    stage.write(RESULT, "unit", floatLiteral(NaN));
  });
  return stage;
}
