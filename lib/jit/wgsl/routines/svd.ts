/**
 * The routine svd: rotations of the rows of the matrix, or of its transpose when it is tall, in pairs until all are orthogonal
 * (Hestenes 1958; Brent and Luk 1985). Several threads share a pair. Vectors for singular values that are nothing but
 * rounding are completed by reflections.
 */
import { sizeOf } from "../../../trace/shape.ts";
import { floatLiteral } from "../literal.ts";
import type { Dispatch, KernelPlan } from "../plan.ts";
import {
  flagTurn,
  greatestOf,
  isFiniteGreatest,
  PAIR_OF,
  playersOf,
  ROTATION,
  signOf,
  sweepsAtOnce,
  sweepsOf,
  turnedBefore,
  wholeSweeps,
} from "./jacobi.ts";
import { combine, multiplyOut, type Reflected, triangularise } from "./reflections.ts";
import { type Area, type RoutineContext, Stage, threadsFor } from "./stage.ts";

const SOURCE: Area = { operand: 0 }, U: Area = { operand: 1 }, S: Area = { operand: 2 };
const VT: Area = { operand: 3 }, SCRATCH: Area = { scratch: 0 };

/** Beside a greatest magnitude of 1: squares of shorter rows lose digits, and they are only rounding. */
const SMALLEST_SQUARE = 1e-30;

/** About ten are usual, twenty where singular values are of all magnitudes. */
const SWEEPS = 24;

/** Two rows are orthogonal when their product is below so many roundings, at least, of those of their lengths. */
const ROUNDINGS = 2;

/** The matrices have k rows of `length` elements; they are the transposed ones where `tall` is 1. */
const SHAPE = ["count", "k", "length", "tall"];
/** Places in the scratch buffer, behind the matrices. */
const PLACES = ["turns_at", "greatest_at", "flags_at", "sizes_at", "order_at", "long_at", "full_at"];

export function planSvd(context: RoutineContext): KernelPlan {
  const [shape] = context.kernel.shapes;
  const [rows, columns] = shape.slice(-2), count = sizeOf(shape.slice(0, -2));
  const k = Math.min(rows, columns), length = Math.max(rows, columns), elements = count * k * length;
  const sweeps = sweepsOf(k, SWEEPS), pairs = playersOf(k) / 2;
  let used = elements;
  const place = (words: number) => (used += words) - words;
  const turnsAt = place(count * k * k), greatestAt = place(count), flagsAt = place(count * (sweeps + 1));
  const sizesAt = place(3 * count * k), orderAt = place(count * k);
  const longAt = place(elements), fullAt = place(elements), tausAt = place(count * k);
  const places = [turnsAt, greatestAt, flagsAt, sizesAt, orderAt, longAt, fullAt];
  const parameters = [count, k, length, rows >= columns ? 1 : 0, ...places];
  const dispatches: Dispatch[] = [
    writeZero(context).over(count * (1 + sweeps), [...parameters, sweeps]),
    greatestOf(context, SOURCE, { count, size: k * length, place: greatestAt }),
    writeBegin(context).over(elements, parameters),
  ];
  const shares = context.tuning.matrixThreads / 8, threads = threadsFor(context.tuning, pairs * shares);
  const iterations = (2 * pairs - 1) * Math.ceil(pairs * shares / threads) *
    (3 * Math.ceil(length / shares) + shares + 8);
  const atOnce = k * length > LARGEST_WHOLE ? 0 : sweepsAtOnce(context, iterations);
  if (atOnce > 0) {
    const whole = writeSweeps(context, threads, shares);
    for (let sweep = 0; sweep < sweeps; sweep += atOnce) {
      dispatches.push(whole.each(count, [...parameters, sweep, Math.min(sweeps, sweep + atOnce)]));
    }
  } else {
    const step = writeStep(context, length);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (let number = 0; number < 2 * pairs - 1; number++) {
        dispatches.push(step.each(Math.ceil(count * pairs / PAIRS), [...parameters, sweep, number]));
      }
    }
  }
  const reflected: Reflected = { count, rows: length, columns: k, place: longAt, tausAt };
  dispatches.push(
    writeSizes(context, length).each(count * k, parameters),
    writeOrder(context).over(count * k, parameters),
    writeLong(context).over(elements, parameters),
    writeShort(context).over(count * k * k, parameters),
    ...triangularise(context, reflected),
    ...multiplyOut(context, reflected, SCRATCH, k, fullAt),
    writeCompleted(context).over(elements, parameters),
  );
  return { dispatches, scratchBytes: 4 * used };
}

function begin(
  context: RoutineContext,
  label: string,
  operands: readonly number[],
  units: string,
  more: readonly string[] = [],
  threads?: number,
): Stage {
  const parameters = [...SHAPE, ...PLACES, ...more];
  const stage = new Stage(context, { label, operands, scratch: true, parameters, threads });
  stage.units(units);
  return stage;
}

function finite(stage: Stage): string {
  return isFiniteGreatest(stage.read(SCRATCH, "greatest_at + matrix"));
}

/** Nothing greatest, and no flags, which lie behind. */
function writeZero(context: RoutineContext): Stage {
  const stage = begin(context, "svd zero", [], "count * (1 + sweeps)", ["sweeps"]);
  stage.line(`${stage.word(0, "greatest_at + unit")} = 0u;`);
  return stage;
}

/** The rows, scaled to a greatest magnitude of 1; a unit matrix of turns. */
function writeBegin(context: RoutineContext): Stage {
  const stage = begin(context, "svd begin", [0], "count * k * length");
  stage.line("let matrix = unit / (k * length);");
  stage.line("let row = unit / length % k;");
  stage.line("let element = unit % length;");
  const greatest = stage.let(stage.read(SCRATCH, "greatest_at + matrix"));
  const at = stage.let("select(unit, (matrix * length + element) * k + row, tall == 1)");
  const scale = `select(${greatest}, 1.0, ${greatest} == 0.0)`;
  stage.write(SCRATCH, "unit", `${stage.read(SOURCE, at)} / ${scale}`);
  stage.block("if (unit < count * k * k)", () => {
    stage.write(SCRATCH, "turns_at + unit", "select(0.0, 1.0, unit % k == unit / k % k)");
  });
  return stage;
}

/** A workgroup takes matrices of up to so many elements through whole sweeps; a step of larger ones has work for many. */
const LARGEST_WHOLE = 4096;
/** Rows that are longer are worth more threads. */
const LONG = 8192;
/** Pairs of rows of a workgroup. */
const PAIRS = 2;

/** A step, some pairs for each workgroup. */
function writeStep(context: RoutineContext, length: number): Stage {
  const { matrixThreads } = context.tuning;
  const shares = matrixThreads / (length > LONG ? PAIRS : 8), threads = PAIRS * shares;
  const stage = new Stage(context, {
    label: "svd step",
    operands: [],
    scratch: true,
    parameters: [...SHAPE, ...PLACES, "sweep", "step"],
    threads,
  });
  stage.shader.declarations.push(PAIR_OF, ROTATION);
  const sums = stage.shared("sums", `array<vec3f, ${threads}>`);
  stage.line("let pairs = (k + 1) / 2;");
  stage.workgroups(`(count * pairs + ${PAIRS - 1}) / ${PAIRS}`);
  stage.line(`let index = number * ${PAIRS} + lane / ${shares};`);
  stage.line("let matrix = min(index / pairs, count - 1);");
  stage.line("let pair = pair_of(index - matrix * pairs, step, 2 * pairs);");
  stage.line("var busy = index < count * pairs && pair.y < k;");
  stage.line(`if (busy && sweep > 0) { busy = ${turnedBefore(stage)}; }`);
  writePair(stage, sums, shares);
  return stage;
}

/** Whole sweeps, a workgroup for each matrix. */
function writeSweeps(context: RoutineContext, threads: number, shares: number): Stage {
  const stage = new Stage(context, {
    label: "svd sweeps",
    operands: [],
    scratch: true,
    parameters: [...SHAPE, ...PLACES, "first", "last"],
    threads,
  });
  stage.shader.declarations.push(PAIR_OF, ROTATION);
  const sums = stage.shared("sums", `array<vec3f, ${threads}>`);
  stage.line("let pairs = (k + 1) / 2;");
  wholeSweeps(stage, "2 * pairs - 1", () => {
    stage.block(`for (var start = 0; start < pairs; start += ${threads / shares})`, () => {
      stage.line(`let index = start + lane / ${shares};`);
      stage.line("let pair = pair_of(min(index, pairs - 1), step, 2 * pairs);");
      stage.line("let busy = index < pairs && pair.y < k;");
      writePair(stage, sums, shares);
      stage.barrier();
    });
  });
  return stage;
}

/**
 * Makes the rows of a pair orthogonal, and turns the rows of the turns along; `shares` threads do so together. Those of pairs
 * with nothing to do come along to the barrier.
 */
function writePair(stage: Stage, sums: string, shares: number): void {
  stage.line(`let share = lane % ${shares};`);
  const [p, q] = ["x", "y"].map((end) => stage.let(`(matrix * k + pair.${end}) * length`));
  stage.line("var sum = vec3f(0.0);");
  stage.block("if (busy)", () => {
    stage.loop("share", "length", (i) => {
      const [x, y] = [p, q].map((row) => stage.let(stage.read(SCRATCH, `${row} + ${i}`)));
      stage.line(`sum += vec3f(${x} * ${x}, ${x} * ${y}, ${y} * ${y});`);
    }, shares);
  });
  stage.line(`${sums}[lane] = sum;`);
  stage.line("workgroupBarrier();");
  stage.line("var total = vec3f(0.0);");
  stage.loop("0", `${shares}`, (i) => stage.line(`total += ${sums}[lane - share + ${i}];`));
  stage.line(`let orthogonal = ${floatLiteral(2 ** -23)} * max(${ROUNDINGS}.0, 0.5 * sqrt(f32(length)));`);
  stage.line("let limit = orthogonal * sqrt(total.x) * sqrt(total.z);");
  const smallest = floatLiteral(SMALLEST_SQUARE);
  stage.line(`let long_enough = total.x > ${smallest} && total.z > ${smallest};`);
  stage.block("if (busy && long_enough && abs(total.y) > limit)", () => {
    stage.line("if (share == 0) {");
    flagTurn(stage);
    stage.line("}");
    stage.line("let turn = rotation(total.x, total.y, total.z);");
    const turnRows = (places: readonly string[], extent: string) =>
      stage.loop("share", extent, (i) => {
        const at = places.map((place) => stage.let(`${place} + ${i}`));
        const [x, y] = at.map((position) => stage.let(stage.read(SCRATCH, position)));
        stage.write(SCRATCH, at[0], `turn.x * ${x} - turn.y * ${y}`);
        stage.write(SCRATCH, at[1], `turn.y * ${x} + turn.x * ${y}`);
      }, shares);
    turnRows([p, q], "length");
    turnRows(["x", "y"].map((end) => stage.let(`turns_at + (matrix * k + pair.${end}) * k`)), "k");
  });
}

/**
 * For each row, by a workgroup, the singular value and the factors that make vectors of the row and of its turns; 0 for a row
 * to be completed. Hundreds of rotations, each off by a rounding, let the lengths of both drift alike.
 */
function writeSizes(context: RoutineContext, length: number): Stage {
  const threads = threadsFor(context.tuning, length);
  const stage = new Stage(context, {
    label: "svd sizes",
    operands: [],
    scratch: true,
    parameters: [...SHAPE, ...PLACES],
    threads,
  });
  const sums = stage.shared("sums", `array<f32, ${threads}>`);
  stage.workgroups("count * k");
  const row = stage.let("number * length"), turns = stage.let("turns_at + number * k");
  const element = (i: string) => stage.read(SCRATCH, `${row} + ${i}`);
  const component = (i: string) => stage.read(SCRATCH, `${turns} + ${i}`);
  stage.line("var most = 0.0;");
  stage.loop("lane", "length", (i) => stage.line(`most = max(most, abs(${element(i)}));`), threads);
  const greatest = combine(stage, sums, threads, "most", (x, y) => `max(${x}, ${y})`);
  const scale = stage.let(`select(${greatest}, 1.0, ${greatest} == 0.0)`);
  const squaresOf = (extent: string, part: (i: string) => string): string => {
    const sum = stage.variable("f32", "0.0");
    stage.loop("lane", extent, (i) => {
      const value = stage.let(part(i));
      stage.line(`${sum} += ${value} * ${value};`);
    }, threads);
    return combine(stage, sums, threads, sum, (x, y) => `${x} + ${y}`);
  };
  const squares = squaresOf("length", (i) => `${element(i)} / ${scale}`);
  const turned = squaresOf("k", component);
  stage.line("if (lane > 0) { return; }");
  const sign = signOf(stage, "k", component);
  const size = stage.let(`${scale} * sqrt(${squares})`), short = stage.let(`inverseSqrt(${turned})`);
  const unit = stage.read(SCRATCH, "greatest_at + number / k");
  stage.write(SCRATCH, "sizes_at + number", `${size} * ${short} * ${unit}`);
  const completed = `${size} < ${floatLiteral(Math.sqrt(SMALLEST_SQUARE))}`;
  const factor = `${sign} / select(${size}, 1.0, ${size} == 0.0)`;
  stage.write(SCRATCH, "sizes_at + count * k + number", `select(${factor}, 0.0, ${completed})`);
  stage.write(SCRATCH, "sizes_at + 2 * count * k + number", `${sign} * ${short}`);
  return stage;
}

/** Descending. */
function writeOrder(context: RoutineContext): Stage {
  const stage = begin(context, "svd order", [2], "count * k", [], context.tuning.rowThreads);
  stage.line("let matrix = unit / k;");
  stage.line("let row = unit % k;");
  const valueOf = (i: string) => stage.read(SCRATCH, `sizes_at + matrix * k + ${i}`);
  const value = stage.let(valueOf("row"));
  stage.line("var place = 0;");
  stage.loop("0", "k", (i) => {
    const other = stage.let(valueOf(i));
    stage.line(`if (${other} > ${value} || (${other} == ${value} && ${i} < row)) { place++; }`);
  });
  const known = finite(stage);
  stage.line(`if (!${known}) { place = row; }`);
  stage.line(`${stage.word(0, "order_at + matrix * k + place")} = u32(row);`);
  stage.write(S, "matrix * k + place", `select(${floatLiteral(NaN)}, ${value}, ${known})`);
  return stage;
}

/** Names the matrix, the place in order and the row that came there, of units [count, extent, k]. */
function locate(stage: Stage, extent: string): void {
  stage.line(`let matrix = unit / (${extent} * k);`);
  stage.line("let place = unit % k;");
  stage.line(`let element = unit / k % ${extent};`);
  stage.line(`let row = matrix * k + i32(${stage.word(0, "order_at + matrix * k + place")});`);
}

/** The long vectors as columns, zeros for those to be completed. */
function writeLong(context: RoutineContext): Stage {
  const stage = begin(context, "svd long", [], "count * k * length");
  locate(stage, "length");
  const factor = stage.read(SCRATCH, "sizes_at + count * k + row");
  stage.write(SCRATCH, "long_at + unit", `${factor} * ${stage.read(SCRATCH, "row * length + element")}`);
  return stage;
}

/** The short vectors: rows of V^T for a tall matrix, columns of U for a wide one. */
function writeShort(context: RoutineContext): Stage {
  const stage = begin(context, "svd short", [1, 3], "count * k * k");
  locate(stage, "k");
  const factor = stage.read(SCRATCH, "sizes_at + 2 * count * k + row");
  const value = stage.let(`${factor} * ${stage.read(SCRATCH, "turns_at + row * k + element")}`);
  const result = stage.let(`select(${floatLiteral(NaN)}, ${value}, ${finite(stage)})`);
  stage.line("if (tall == 1) {");
  stage.write(VT, "(matrix * k + place) * k + element", result);
  stage.line("} else {");
  stage.write(U, "unit", result);
  stage.line("}");
  return stage;
}

/** The long vectors: columns of U for a tall matrix, rows of V^T for a wide one. */
function writeCompleted(context: RoutineContext): Stage {
  const stage = begin(context, "svd completed", [1, 3], "count * k * length");
  locate(stage, "length");
  const factor = stage.let(stage.read(SCRATCH, "sizes_at + count * k + row"));
  const own = stage.let(`${factor} * ${stage.read(SCRATCH, "row * length + element")}`);
  const value = stage.let(`select(${own}, ${stage.read(SCRATCH, "full_at + unit")}, ${factor} == 0.0)`);
  const result = stage.let(`select(${floatLiteral(NaN)}, ${value}, ${finite(stage)})`);
  stage.line("if (tall == 1) {");
  stage.write(U, "unit", result);
  stage.line("} else {");
  stage.write(VT, "(matrix * k + place) * length + element", result);
  stage.line("}");
  return stage;
}
