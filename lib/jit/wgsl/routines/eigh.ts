/**
 * The routine eigh: rotations of rows and columns in pairs, n / 2 at a time (Golub and Van Loan, 8.5). First the angles of all
 * pairs are found, and then every pair of pairs turns the elements where its rows and columns meet.
 */
import { sizeOf } from "../../../trace/shape.ts";
import { floatLiteral } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import {
  endWhereConverged,
  flagTurn,
  greatestOf,
  isFiniteGreatest,
  PAIR_OF,
  playersOf,
  ROTATION,
  signOf,
  sweepsAtOnce,
  sweepsOf,
  wholeSweeps,
} from "./jacobi.ts";
import { type RoutineContext, Stage, threadsFor } from "./stage.ts";

const SOURCE = { operand: 0 }, VALUES = { operand: 1 }, VECTORS = { operand: 2 }, SCRATCH = { scratch: 0 };

/** Elements off the diagonal below this part of the greatest of all are 0. */
const NEGLIGIBLE = 2 ** -26;

/** About ten are usual. */
const SWEEPS = 7;

/** A workgroup takes matrices of up to so many rows through whole sweeps; a step of larger ones has work for many. */
const LARGEST_WHOLE = 64;

/** Places in the scratch buffer, behind the matrices, of which only the upper triangle counts. */
const PLACES = ["vectors_at", "greatest_at", "flags_at", "order_at"];

export function planEigh(context: RoutineContext): KernelPlan {
  const [shape] = context.kernel.shapes;
  const n = shape[shape.length - 1], count = sizeOf(shape.slice(0, -2)), elements = count * n * n;
  const sweeps = sweepsOf(n, SWEEPS), pairs = playersOf(n) / 2;
  const vectorsAt = elements, greatestAt = vectorsAt + elements, flagsAt = greatestAt + count;
  const orderAt = flagsAt + count * Math.max(1, sweeps);
  const places = [vectorsAt, greatestAt, flagsAt, orderAt];
  const dispatches: Dispatch[] = [
    writeBegin(context).over(elements, [count, n, sweeps, ...places]),
    greatestOf(context, SCRATCH, { count, size: n * n, place: greatestAt }),
  ];
  const threads = threadsFor(context.tuning, n);
  const iterations = (2 * pairs - 1) *
    (4 + Math.ceil(pairs / threads) + Math.ceil(pairs * (pairs + n) / threads));
  const atOnce = n > LARGEST_WHOLE ? 0 : sweepsAtOnce(context, iterations);
  if (atOnce > 0) {
    const whole = writeSweeps(context, threads);
    for (let sweep = 0; sweep < sweeps; sweep += atOnce) {
      dispatches.push(whole.each(count, [count, n, sweep, ...places, Math.min(sweeps, sweep + atOnce)]));
    }
  } else {
    const angles = writeAngles(context), turn = writeTurn(context);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (let step = 0; step < 2 * pairs - 1; step++) {
        const parameters = [count, n, sweep, ...places, step];
        dispatches.push(
          angles.over(count * pairs, parameters),
          turn.over(count * pairs * (pairs + n), parameters),
        );
      }
    }
  }
  dispatches.push(
    writeOrder(context).over(count * n, [count, n, sweeps, ...places]),
    writeVectors(context).over(elements, [count, n, sweeps, ...places]),
  );
  // The angles take the place of the order, which is found when they are done.
  return { dispatches, scratchBytes: 4 * (orderAt + 3 * count * Math.max(n, 2 * pairs)) };
}

/** The matrix from its lower triangle, unit vectors; no flags, and nothing greatest. */
function writeBegin(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "eigh begin",
    operands: [0],
    scratch: true,
    parameters: ["count", "n", "sweeps", ...PLACES],
  });
  stage.units("count * n * n");
  stage.line("let row = unit / n % n;");
  stage.line("let column = unit % n;");
  const at = "unit / (n * n) * n * n + max(row, column) * n + min(row, column)";
  stage.write(SCRATCH, "unit", stage.read(SOURCE, at));
  stage.write(SCRATCH, "vectors_at + unit", "select(0.0, 1.0, row == column)");
  stage.line(`if (unit < count) { ${stage.word(0, "greatest_at + unit")} = 0u; }`);
  stage.loop("unit", "count * sweeps", (i) => {
    stage.line(`${stage.word(0, `flags_at + ${i}`)} = 0u;`);
  }, "count * n * n");
  return stage;
}

const STEP = ["count", "n", "sweep", ...PLACES, "step"];

/** Whole sweeps by a workgroup for each matrix. */
function writeSweeps(context: RoutineContext, threads: number): Stage {
  const stage = new Stage(context, {
    label: "eigh sweeps",
    operands: [],
    scratch: true,
    parameters: ["count", "n", "first", ...PLACES, "last"],
    threads,
  });
  stage.shader.declarations.push(PAIR_OF, ROTATION);
  stage.line("let pairs = (n + 1) / 2;");
  wholeSweeps(stage, "2 * pairs - 1", () => {
    stage.loop("lane", "pairs", (index) => writeAngle(stage, index), threads);
    stage.barrier();
    stage.block(`for (var part = lane; part < pairs * (pairs + n); part += ${threads})`, () => {
      writeTurned(stage, "continue;");
    });
    stage.barrier();
  });
  return stage;
}

/** The angles of a step, a thread for each pair of each matrix. */
function writeAngles(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "eigh angles",
    operands: [],
    scratch: true,
    parameters: STEP,
    threads: context.tuning.rowThreads,
  });
  stage.shader.declarations.push(PAIR_OF, ROTATION);
  stage.line("let pairs = (n + 1) / 2;");
  stage.units("count * pairs");
  stage.line("let matrix = unit / pairs;");
  endWhereConverged(stage);
  writeAngle(stage, stage.let("unit - matrix * pairs"));
  return stage;
}

/** c, s and t of a pair; no turn where there is nothing to do or the second row does not exist. */
function writeAngle(stage: Stage, index: string): void {
  const pair = stage.let(`pair_of(${index}, step, 2 * pairs)`);
  stage.line("var turn = vec3f(1.0, 0.0, 0.0);");
  stage.block(`if (${pair}.y < n)`, () => {
    const base = stage.let("matrix * n * n");
    const element = (row: string, column: string) =>
      stage.let(stage.read(SCRATCH, `${base} + ${pair}.${row} * n + ${pair}.${column}`));
    const across = element("x", "y");
    const limit = `${floatLiteral(NEGLIGIBLE)} * ${stage.read(SCRATCH, "greatest_at + matrix")}`;
    stage.block(`if (abs(${across}) > ${limit})`, () => {
      const [a, d] = [element("x", "x"), element("y", "y")];
      stage.line(`turn = rotation(${a}, ${across}, ${d});`);
      flagTurn(stage);
    });
  });
  ["x", "y", "z"].forEach((part, i) => {
    stage.write(SCRATCH, `order_at + 3 * (matrix * pairs + ${index}) + ${i}`, `turn.${part}`);
  });
}

/** The turns of a step. */
function writeTurn(context: RoutineContext): Stage {
  const stage = new Stage(context, { label: "eigh turn", operands: [], scratch: true, parameters: STEP });
  stage.shader.declarations.push(PAIR_OF);
  stage.line("let pairs = (n + 1) / 2;");
  stage.units("count * pairs * (pairs + n)");
  stage.line("let matrix = unit / (pairs * (pairs + n));");
  // Few divisions: they take much of the time.
  stage.line("let part = unit - matrix * (pairs * (pairs + n));");
  endWhereConverged(stage);
  writeTurned(stage, "return;");
  return stage;
}

/**
 * One of the parts of a step: for each pair of pairs the elements where the rows of one and the columns of the other meet;
 * then for each pair a component of its vectors, which lie as rows.
 */
function writeTurned(stage: Stage, exit: "return;" | "continue;"): void {
  const turnOf = (pair: string): readonly [c: string, s: string, t: string] => {
    const at = stage.let(`order_at + 3 * (matrix * pairs + ${pair})`);
    const part = (i: number) => stage.let(stage.read(SCRATCH, `${at} + ${i}`));
    return [part(0), part(1), part(2)];
  };
  const turned = (x: string, y: string, [c, s]: readonly string[]) => [
    stage.let(`${c} * ${x} - ${s} * ${y}`),
    stage.let(`${s} * ${x} + ${c} * ${y}`),
  ];
  stage.block("if (part >= pairs * pairs)", () => {
    const rest = stage.let("part - pairs * pairs");
    const number = stage.let(`${rest} / n`);
    const by = turnOf(number);
    stage.line(`if (${by[1]} == 0.0) { ${exit} }`);
    const pair = stage.let(`pair_of(${number}, step, 2 * pairs)`);
    const base = stage.let(`vectors_at + matrix * n * n + ${rest} - ${number} * n`);
    const [p, q] = ["x", "y"].map((end) => stage.let(`${base} + ${pair}.${end} * n`));
    const [x, y] = [p, q].map((at) => stage.let(stage.read(SCRATCH, at)));
    turned(x, y, by).forEach((value, i) => stage.write(SCRATCH, [p, q][i], value));
    stage.line(exit);
  });
  stage.line("let left = part / pairs;");
  stage.line("let right = part - left * pairs;");
  stage.line(`if (left > right) { ${exit} }`);
  const byRows = turnOf("left"), byColumns = turnOf("right");
  stage.line(`if (${byRows[1]} == 0.0 && ${byColumns[1]} == 0.0) { ${exit} }`);
  stage.line("let rows = pair_of(left, step, 2 * pairs);");
  stage.line("let columns = pair_of(right, step, 2 * pairs);");
  const at = (row: string, column: string) =>
    stage.let(`matrix * n * n + min(${row}, ${column}) * n + max(${row}, ${column})`);
  stage.block("if (left == right)", () => {
    const [a, b, d] = [["x", "x"], ["x", "y"], ["y", "y"]].map(([i, j]) => at(`rows.${i}`, `rows.${j}`));
    const change = stage.let(`${byRows[2]} * ${stage.read(SCRATCH, b)}`);
    stage.write(SCRATCH, a, `${stage.read(SCRATCH, a)} - ${change}`);
    stage.write(SCRATCH, d, `${stage.read(SCRATCH, d)} + ${change}`);
    stage.write(SCRATCH, b, "0.0");
    stage.line(exit);
  });
  const places = [["x", "x"], ["x", "y"], ["y", "x"], ["y", "y"]].map(([i, j]) => {
    const place = at(`rows.${i}`, `columns.${j}`);
    return { place, exists: stage.let(`rows.${i} < n && columns.${j} < n`) };
  });
  const [pr, ps, qr, qs] = places.map(({ place, exists }) => {
    const value = stage.variable("f32", "0.0");
    stage.line(`if (${exists}) { ${value} = ${stage.read(SCRATCH, place)}; }`);
    return value;
  });
  const [r1, r2] = turned(pr, qr, byRows), [s1, s2] = turned(ps, qs, byRows);
  [...turned(r1, s1, byColumns), ...turned(r2, s2, byColumns)].forEach((value, i) => {
    stage.block(`if (${places[i].exists})`, () => stage.write(SCRATCH, places[i].place, value));
  });
}

/** The place of each value in ascending order, and the factor that gives its vector its length and sign. */
function writeOrder(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "eigh order",
    operands: [1],
    scratch: true,
    parameters: ["count", "n", "sweeps", ...PLACES],
    threads: context.tuning.rowThreads,
  });
  stage.units("count * n");
  stage.line("let matrix = unit / n;");
  stage.line("let row = unit % n;");
  const valueOf = (i: string) => stage.read(SCRATCH, `matrix * n * n + ${i} * (n + 1)`);
  const value = stage.let(valueOf("row"));
  const finite = isFiniteGreatest(stage.read(SCRATCH, "greatest_at + matrix"));
  stage.line("var place = 0;");
  stage.loop("0", "n", (i) => {
    const other = stage.let(valueOf(i));
    stage.line(`if (${other} < ${value} || (${other} == ${value} && ${i} < row)) { place++; }`);
  });
  stage.line(`if (!${finite}) { place = row; }`);
  const base = stage.let("vectors_at + (matrix * n + row) * n");
  const component = (i: string) => stage.read(SCRATCH, `${base} + ${i}`);
  const sign = signOf(stage, "n", component);
  stage.line("var squares = 0.0;");
  stage.loop("0", "n", (i) => {
    const x = stage.let(component(i));
    stage.line(`squares += ${x} * ${x};`);
  });
  stage.line(`${stage.word(0, "order_at + matrix * n + place")} = u32(row);`);
  // Each rotation may be off by a rounding.
  stage.write(SCRATCH, "order_at + (count + matrix) * n + place", `${sign} / sqrt(squares)`);
  stage.write(VALUES, "matrix * n + place", `select(${floatLiteral(NaN)}, ${value}, ${finite})`);
  return stage;
}

/** Vectors as columns, in order. */
function writeVectors(context: RoutineContext): Stage {
  const stage = new Stage(context, {
    label: "eigh vectors",
    operands: [2],
    scratch: true,
    parameters: ["count", "n", "sweeps", ...PLACES],
  });
  stage.units("count * n * n");
  stage.line("let matrix = unit / (n * n);");
  const row = stage.let(`i32(${stage.word(0, "order_at + matrix * n + unit % n")})`);
  const factor = stage.let(stage.read(SCRATCH, "order_at + (count + matrix) * n + unit % n"));
  const value = stage.let(stage.read(SCRATCH, `vectors_at + (matrix * n + ${row}) * n + unit / n % n`));
  const finite = isFiniteGreatest(stage.read(SCRATCH, "greatest_at + matrix"));
  stage.write(VECTORS, "unit", `select(${floatLiteral(NaN)}, ${factor} * ${value}, ${finite})`);
  return stage;
}
