/**
 * Householder reflections (Golub and Van Loan, 5.2): a workgroup makes those of a few columns at a time, and one workgroup for
 * every few columns applies them to the rest. In a workgroup several threads share a column.
 */
import type { Dispatch } from "../plan.ts";
import { type Area, type Matrix, type RoutineContext, Stage, threadsFor } from "./stage.ts";

/** Columns that a workgroup has at a time. */
const WIDTH = 8;

/** Matrices [count, rows, columns] at a place in the scratch buffer; reflections come to lie below their diagonals. */
export interface Reflected {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly place: number;
  /** Where the factors of the reflections lie, [count, reflections]. */
  readonly tausAt: number;
}

/** The number of reflections that make a matrix upper triangular. */
export function reflectionsOf({ rows, columns }: Reflected): number {
  return Math.min(rows, columns);
}

const PARAMETERS = [
  "count",
  "rows",
  "columns",
  "place",
  "taus_at",
  "first",
  "size",
  "width",
  "tiles",
  "target_at",
];

/** Threads of a workgroup, more of them where each would have too many rows. */
function reflectingThreads({ tuning }: RoutineContext, rows: number): number {
  let threads = threadsFor(tuning, rows);
  while (threads < 256 && iterationsOf(rows, threads) > tuning.maxIterations / 4) threads *= 2;
  return threads;
}

/** Iterations of a thread for one column. */
function iterationsOf(rows: number, threads: number): number {
  return 6 * Math.ceil(WIDTH * rows / threads) + threads;
}

/** Columns of a panel: a thread goes through its share of the rows several times for each. */
function panelWidth(context: RoutineContext, { rows }: Reflected): number {
  const iterations = iterationsOf(rows, reflectingThreads(context, rows));
  return Math.max(1, Math.min(WIDTH, Math.floor(context.tuning.maxIterations / 2 / iterations)));
}

function panels(context: RoutineContext, reflected: Reflected): { first: number; size: number }[] {
  const steps = reflectionsOf(reflected), width = panelWidth(context, reflected);
  return Array.from({ length: Math.ceil(steps / width) }, (_, i) => {
    const first = i * width;
    return { first, size: Math.min(width, steps - first) };
  });
}

/** Makes the matrices upper triangular. */
export function triangularise(context: RoutineContext, reflected: Reflected): Dispatch[] {
  const { count, rows, columns, place, tausAt } = reflected;
  const threads = reflectingThreads(context, rows);
  const panel = writePanel(context, threads), apply = writeApply(context, threads, null);
  return panels(context, reflected).flatMap(({ first, size }) => {
    const rest = Math.ceil((columns - first - size) / WIDTH);
    const parameters = [count, rows, columns, place, tausAt, first, size, columns, rest, 0];
    const dispatches = [panel.each(count, parameters)];
    if (rest > 0) dispatches.push(apply.each(count * rest, parameters));
    return dispatches;
  });
}

/**
 * The first `width` columns of the products of the reflections, in place of those of unit matrices, from `targetAt` in an
 * operand or in the scratch buffer.
 */
export function multiplyOut(
  context: RoutineContext,
  reflected: Reflected,
  target: Area,
  width: number,
  targetAt = 0,
): Dispatch[] {
  const { count, rows, columns, place, tausAt } = reflected;
  const begin = writeUnit(context, target),
    apply = writeApply(context, reflectingThreads(context, rows), target);
  const dispatches = [begin.over(count * rows * width, [count, rows, width, targetAt])];
  // The last ones first: the columns before a panel are those of the unit matrix until then.
  for (const { first, size } of panels(context, reflected).reverse()) {
    const tiles = Math.ceil((width - first) / WIDTH);
    const parameters = [count, rows, columns, place, tausAt, first, size, width, tiles, targetAt];
    dispatches.push(apply.each(count * tiles, parameters));
  }
  return dispatches;
}

function writeUnit(context: RoutineContext, target: Area): Stage {
  const stage = new Stage(context, {
    label: "qr unit",
    operands: "operand" in target ? [target.operand] : [],
    scratch: true,
    parameters: ["count", "rows", "width", "target_at"],
  });
  stage.units("count * rows * width");
  stage.write(target, "target_at + unit", "select(0.0, 1.0, unit % width == unit / width % rows)");
  return stage;
}

function reflectedMatrix(stage: Stage, matrix: string): Matrix {
  const base = stage.let(`place + ${matrix} * rows * columns`);
  return stage.matrix({ scratch: 0 }, { base, row: "columns", column: "1" });
}

function tauPosition(matrix: string, j: string): string {
  return `taus_at + ${matrix} * min(rows, columns) + ${j}`;
}

/** A workgroup: lanes of one column are WIDTH apart, so that neighbours read neighbours. */
function beginGroup(stage: Stage, workgroups: string, threads: number): string {
  const sums = stage.shared("sums", `array<f32, ${threads}>`);
  stage.workgroups(workgroups);
  stage.line(`let share = lane / ${WIDTH};`);
  return sums;
}

/** Lets the threads of each column apply reflection `j` to it: x -= tau (v . x) v. Threads without a column come along. */
function reflect(
  stage: Stage,
  { vectors, target, j, column, inside, tau, sums, threads }: {
    vectors: Matrix;
    target: Matrix;
    j: string;
    column: string;
    inside: string;
    tau: string;
    sums: string;
    threads: number;
  },
): void {
  const shares = threads / WIDTH;
  const sum = stage.variable("f32", "0.0");
  stage.block(`if (${inside})`, () => {
    stage.loop(`${j} + 1 + share`, "rows", (i) => {
      stage.line(`${sum} += ${vectors.get(i, j)} * ${target.get(i, column)};`);
    }, shares);
    stage.line(`if (share == 0) { ${sum} += ${target.get(j, column)}; }`);
  });
  stage.line(`${sums}[lane] = ${sum};`);
  stage.barrier();
  stage.block(`if (${inside})`, () => {
    const whole = stage.variable("f32", "0.0");
    stage.loop(`lane % ${WIDTH}`, `${threads}`, (t) => stage.line(`${whole} += ${sums}[${t}];`), WIDTH);
    const factor = stage.let(`select(${tau} * ${whole}, 0.0, ${tau} == 0.0)`);
    stage.block("if (share == 0)", () => {
      target.set(j, column, `${target.get(j, column)} - ${factor}`);
    });
    stage.loop(`${j} + 1 + share`, "rows", (i) => {
      target.set(i, column, `${target.get(i, column)} - ${factor} * ${vectors.get(i, j)}`);
    }, shares);
  });
  stage.barrier();
}

/** A reduction over all threads of a workgroup, in `sums`; everybody knows the result. */
export function combine(
  stage: Stage,
  sums: string,
  threads: number,
  value: string,
  join: (a: string, b: string) => string,
): string {
  stage.line(`${sums}[lane] = ${value};`);
  stage.line("workgroupBarrier();");
  const t = stage.shader.name("t");
  stage.block(`for (var ${t} = ${threads / 2}; ${t} > 0; ${t} >>= 1u)`, () => {
    const other = `${sums}[lane + ${t}]`;
    stage.line(`if (lane < ${t}) { ${sums}[lane] = ${join(`${sums}[lane]`, other)}; }`);
    stage.line("workgroupBarrier();");
  });
  const result = stage.let(`${sums}[0]`);
  stage.line("workgroupBarrier();");
  return result;
}

/**
 * v = (a - beta e) / (alpha - beta) with alpha the element on the diagonal and beta = -sign(alpha) |a|, tau =
 * (beta - alpha) / beta; none where all is 0 below the diagonal.
 */
function writePanel(context: RoutineContext, threads: number): Stage {
  const stage = new Stage(context, {
    label: "qr panel",
    operands: [],
    scratch: true,
    parameters: PARAMETERS,
    threads,
  });
  const sums = beginGroup(stage, "count", threads);
  const a = reflectedMatrix(stage, "number");
  stage.loop("first", "first + size", (j) => {
    // Relative to the greatest, since squares of small numbers vanish.
    stage.line("var greatest = 0.0;");
    stage.loop(`${j} + 1 + lane`, "rows", (i) => {
      const size = stage.let(`abs(${a.get(i, j)})`);
      stage.line(`if (!(${size} <= greatest)) { greatest = ${size}; }`);
    }, threads);
    const below = combine(stage, sums, threads, "greatest", (x, y) => `select(${y}, ${x}, !(${y} > ${x}))`);
    const alpha = stage.let(a.get(j, j));
    const scale = stage.let(`select(${below}, abs(${alpha}), abs(${alpha}) > ${below})`);
    stage.line("var squares = 0.0;");
    stage.loop(`${j} + 1 + lane`, "rows", (i) => {
      const part = stage.let(`${a.get(i, j)} / ${scale}`);
      stage.line(`squares += ${part} * ${part};`);
    }, threads);
    const sum = combine(stage, sums, threads, "squares", (x, y) => `${x} + ${y}`);
    const head = stage.let(`${alpha} / ${scale}`);
    const norm = stage.let(`${scale} * sqrt(${sum} + ${head} * ${head})`);
    const beta = stage.let(`select(-${norm}, ${norm}, ${alpha} < 0.0)`);
    const none = stage.let(`${below} == 0.0`);
    const tau = stage.let(`select((${beta} - ${alpha}) / ${beta}, 0.0, ${none})`);
    const divisor = stage.let(`select(${alpha} - ${beta}, 1.0, ${none})`);
    stage.loop(`${j} + 1 + lane`, "rows", (i) => a.set(i, j, `${a.get(i, j)} / ${divisor}`), threads);
    stage.block("if (lane == 0)", () => {
      stage.write({ scratch: 0 }, tauPosition("number", j), tau);
      stage.line(`if (!${none}) {`);
      a.set(j, j, beta);
      stage.line("}");
    });
    stage.barrier();
    const column = stage.let(`first + lane % ${WIDTH}`);
    const inside = stage.let(`${column} > ${j} && ${column} < first + size`);
    reflect(stage, { vectors: a, target: a, j, column, inside, tau, sums, threads });
  });
  return stage;
}

/**
 * Applies the reflections of a panel to the columns behind it or, last ones first, to those of another matrix from the same
 * column on.
 */
function writeApply(context: RoutineContext, threads: number, other: Area | null): Stage {
  const stage = new Stage(context, {
    label: "qr apply",
    operands: other && "operand" in other ? [other.operand] : [],
    scratch: true,
    parameters: PARAMETERS,
    threads,
  });
  const sums = beginGroup(stage, "count * tiles", threads);
  const matrix = stage.let("number / tiles");
  const vectors = reflectedMatrix(stage, matrix);
  const start = other ? "first" : "first + size";
  const column = stage.let(`${start} + number % tiles * ${WIDTH} + lane % ${WIDTH}`);
  const inside = stage.let(`${column} < width`);
  const target = other
    ? stage.matrix(other, {
      base: stage.let(`target_at + ${matrix} * rows * width`),
      row: "width",
      column: "1",
    })
    : vectors;
  stage.loop("0", "size", (s) => {
    const j = stage.let(other ? `first + size - 1 - ${s}` : `first + ${s}`);
    const tau = stage.let(stage.read({ scratch: 0 }, tauPosition(matrix, j)));
    reflect(stage, { vectors, target, j, column, inside, tau, sums, threads });
  });
  return stage;
}
