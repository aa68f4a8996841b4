/** The routine lu: panels of columns with partial pivoting, the exchanges and U beside them, and the update of the rest. */
import { sizeOf } from "../../../trace/shape.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import { type Area, type Matrix, type RoutineContext, Stage, threadsFor } from "./stage.ts";
import { tileUnits, writeTileUpdate } from "./tile_update.ts";

/** Columns of a panel at most. */
const PANEL = 32;

const LU: Area = { operand: 1 }, PERMUTATION: Area = { operand: 2 }, PARITY: Area = { operand: 3 };

export function planLu(context: RoutineContext): KernelPlan {
  const [shape] = context.kernel.shapes;
  const n = shape[shape.length - 1], count = sizeOf(shape.slice(0, -2));
  const threads = threadsFor(context.tuning, n), { maxIterations } = context.tuning;
  let width = PANEL;
  // A thread goes through all its rows for each pair of columns of the panel.
  while (width > 1 && Math.ceil(n / threads) * width * (width / 2 + 4) > maxIterations / 2) width /= 2;
  const begin = writeBegin(context), panel = writePanel(context, threads);
  const beside = n > width ? writeBeside(context) : null, rest = n > width ? writeRest(context) : null;
  const dispatches: Dispatch[] = [begin.over(count * Math.max(1, n * n), [count, n])];
  for (let first = 0; first < n; first += width) {
    const size = Math.min(width, n - first), left = n - first - size;
    const parameters = [count, n, first, size];
    dispatches.push(panel.each(count, parameters));
    if (beside) dispatches.push(beside.over(count * (n - size), parameters));
    if (rest && left > 0) dispatches.push(rest.over(count * tileUnits(left, left), parameters));
  }
  // For each column the row it was exchanged with.
  return { dispatches, scratchBytes: 4 * count * Math.max(1, n) };
}

function result(stage: Stage, base: string): Matrix {
  return stage.matrix(LU, { base, row: "n", column: "1" });
}

function writeBegin(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "lu begin",
    operands: [0, 1, 2, 3],
    parameters: ["count", "n"],
  });
  // Without rows and columns a matrix still has a sign.
  stage.units("max(count, count * n * n)");
  stage.block("if (unit < count * n * n)", () => stage.write(LU, "unit", stage.read({ operand: 0 }, "unit")));
  stage.block("if (unit < count * n)", () => stage.write(PERMUTATION, "unit", "unit % n"));
  stage.block("if (unit < count)", () => stage.write(PARITY, "unit", "1"));
  return stage;
}

/**
 * The columns of a panel, brought up to date before, one after another: the greatest element on and below the diagonal
 * comes to it, the first of equal ones, and the rows below lose their multiples of the pivot's row.
 */
function writePanel(context: RoutineContext, threads: number): Stage {
  const stage = new Stage(context, {
    label: "lu panel",
    operands: [1, 2, 3],
    scratch: true,
    parameters: ["count", "n", "first", "size"],
    threads,
  });
  const keys = stage.shared("keys", `array<u32, ${threads}>`);
  const rows = stage.shared("rows", `array<i32, ${threads}>`);
  stage.workgroups("count");
  const base = stage.let("number * n * n");
  const matrix = result(stage, base);
  stage.line("let last = first + size;");
  stage.loop("first", "last", (c) => {
    // Magnitudes as bits keep their order. A NaN is taken where nothing is exchanged, as if comparing values.
    stage.line("var key = 0u;");
    stage.line(`var row = ${c};`);
    stage.loop(`${c} + lane`, "n", (i) => {
      const bits = stage.let(`bitcast<u32>(${matrix.get(i, c)}) & 0x7fffffffu`);
      const own = stage.let(`select(${bits}, select(0u, 0xffffffffu, ${i} == ${c}), ${bits} > 0x7f800000u)`);
      stage.line(`if (${own} > key) { key = ${own}; row = ${i}; }`);
    }, threads);
    stage.line(`${keys}[lane] = key;`);
    stage.line(`${rows}[lane] = row;`);
    stage.line("workgroupBarrier();");
    stage.block(`for (var t = ${threads / 2}; t > 0; t >>= 1u)`, () => {
      stage.block("if (lane < t)", () => {
        const key = stage.let(`${keys}[lane + t]`), row = stage.let(`${rows}[lane + t]`);
        const wins = `${key} > ${keys}[lane] || (${key} == ${keys}[lane] && ${row} < ${rows}[lane])`;
        stage.line(`if (${wins}) { ${keys}[lane] = ${key}; ${rows}[lane] = ${row}; }`);
      });
      stage.line("workgroupBarrier();");
    });
    stage.line(`let chosen = ${rows}[0];`);
    stage.block("if (lane == 0)", () => {
      stage.line(`${stage.word(0, `number * n + ${c}`)} = u32(chosen);`);
      stage.block(`if (chosen != ${c})`, () => {
        const [a, b] = [c, "chosen"].map((i) => stage.let(`number * n + ${i}`));
        const old = stage.let(stage.read(PERMUTATION, a));
        stage.write(PERMUTATION, a, stage.read(PERMUTATION, b));
        stage.write(PERMUTATION, b, old);
        stage.write(PARITY, "number", `-${stage.read(PARITY, "number")}`);
      });
    });
    stage.block(`if (chosen != ${c})`, () => {
      stage.loop("first + lane", "last", (j) => exchange(stage, matrix, c, "chosen", j), threads);
    });
    stage.barrier();
    const pivot = stage.let(matrix.get(c, c));
    stage.block(`if (${pivot} != 0.0)`, () => {
      stage.loop(`${c} + 1 + lane`, "n", (i) => {
        const factor = stage.let(`${matrix.get(i, c)} / ${pivot}`);
        matrix.set(i, c, factor);
        stage.loop(`${c} + 1`, "last", (j) => {
          matrix.set(i, j, `${matrix.get(i, j)} - ${factor} * ${matrix.get(c, j)}`);
        });
      }, threads);
    });
    stage.barrier();
  });
  return stage;
}

function exchange(stage: Stage, matrix: Matrix, a: string, b: string, column: string): void {
  const old = stage.let(matrix.get(a, column));
  matrix.set(a, column, matrix.get(b, column));
  matrix.set(b, column, old);
}

/** Exchanges the rows of the columns beside a panel; right of it U12 = L11^-1 A12. */
function writeBeside(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "lu beside",
    operands: [1],
    scratch: true,
    parameters: ["count", "n", "first", "size"],
    threads: context.tuning.rowThreads,
  });
  stage.line("let others = n - size;");
  stage.units("count * others");
  const number = stage.let("unit / others");
  stage.line("var column = unit % others;");
  stage.line("if (column >= first) { column += size; }");
  const matrix = result(stage, stage.let(`${number} * n * n`));
  stage.loop("first", "first + size", (c) => {
    const row = stage.let(`i32(${stage.word(0, `${number} * n + ${c}`)})`);
    stage.block(`if (${row} != ${c})`, () => exchange(stage, matrix, c, row, "column"));
  });
  stage.line("if (column < first) { return; }");
  stage.loop("first + 1", "first + size", (i) => {
    const sum = stage.variable("f32", matrix.get(i, "column"));
    stage.loop("first", i, (k) => stage.line(`${sum} -= ${matrix.get(i, k)} * ${matrix.get(k, "column")};`));
    matrix.set(i, "column", sum);
  });
  return stage;
}

/** A22 -= L21 U12. */
function writeRest(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "lu rest",
    operands: [1],
    parameters: ["count", "n", "first", "size"],
  });
  stage.line("let start = first + size;");
  stage.line("let rest = n - start;");
  writeTileUpdate(stage, {
    matrices: "count",
    rows: "rest",
    columns: "rest",
    depth: "size",
    begin(number) {
      const matrix = result(stage, stage.let(`${number} * n * n`));
      return {
        left: (row, k) => matrix.get(`start + ${row}`, `first + ${k}`),
        right: (k, column) => matrix.get(`first + ${k}`, `start + ${column}`),
        get: (row, column) => matrix.get(`start + ${row}`, `start + ${column}`),
        set: (row, column, value) => matrix.set(`start + ${row}`, `start + ${column}`, value),
      };
    },
  });
  return stage;
}
