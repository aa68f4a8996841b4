/** What methods of rotations share: which rows meet when, and when they may stop. */
import type { Dispatch } from "../plan.ts";
import { type Area, type RoutineContext, Stage } from "./stage.ts";

/**
 * `pair_of(i, step, players)`: the i-th of players / 2 pairs in a step of a tournament in which everyone meets everyone else in
 * players - 1 steps; their number is even (Brent and Luk 1985).
 */
export const PAIR_OF = `fn pair_of(i: i32, step: i32, players: i32) -> vec2i {
  let circle = players - 1;
  let sum = step + i;
  let difference = step - i;
  let a = select(select(sum, sum - circle, sum >= circle), circle, i == 0);
  let b = select(difference, difference + circle, difference < 0);
  return vec2i(min(a, b), max(a, b));
}`;

/**
 * `rotation(a, b, d)`: (c, s, t) that makes the symmetric matrix [[a, b], [b, d]] diagonal: x' = c x - s y, y' = s x + c y,
 * by the smaller of both angles (Golub and Van Loan, 8.5).
 */
export const ROTATION = `fn rotation(a: f32, b: f32, d: f32) -> vec3f {
  let theta = (d - a) / (2.0f * b);
  var t = select(1.0f, -1.0f, theta < 0.0f) / (abs(theta) + sqrt(theta * theta + 1.0f));
  // Squares of greater numbers overflow, and the sum is theta itself long before.
  if (abs(theta) > 1e8f) { t = b / (d - a); }
  let c = 1.0f / sqrt(t * t + 1.0f);
  return vec3f(c, t * c, t);
}`;

/** Steps of a sweep over all pairs of rows. */
export function playersOf(n: number): number {
  return n + n % 2;
}

/** Sweeps at most, a few more for larger matrices; those that have converged do nothing in the last ones. */
export function sweepsOf(n: number, least: number): number {
  return n < 2 ? 0 : least + Math.ceil(Math.log2(n));
}

/**
 * Whether the sweep before found something to turn in a matrix, which is a word for each sweep and matrix; otherwise it has
 * converged.
 */
export function turnedBefore(stage: Stage): string {
  return `${stage.word(0, "flags_at + (sweep - 1) * count + matrix")} != 0u`;
}

/** Ends threads whose matrix has converged. */
export function endWhereConverged(stage: Stage): void {
  stage.block("if (sweep > 0)", () => stage.line(`if (!(${turnedBefore(stage)})) { return; }`));
}

/** Goes through all steps of the sweeps from `first` to `last` with a workgroup for each matrix, until it has converged. */
export function wholeSweeps(stage: Stage, steps: string, step: () => void): void {
  const goesOn = stage.shared("goes_on", "bool");
  stage.workgroups("count");
  stage.line("let matrix = number;");
  stage.block("for (var sweep = first; sweep < last; sweep++)", () => {
    stage.line(`if (lane == 0) { ${goesOn} = true; }`);
    stage.block("if (lane == 0 && sweep > 0)", () => stage.line(`${goesOn} = ${turnedBefore(stage)};`));
    stage.line(`if (!workgroupUniformLoad(&${goesOn})) { break; }`);
    stage.block(`for (var step = 0; step < ${steps}; step++)`, step);
  });
}

/** Sweeps of a dispatch, so that an invocation that takes `iterations` for each has not too many; 0 where one is too much. */
export function sweepsAtOnce({ tuning }: RoutineContext, iterations: number): number {
  return Math.floor(tuning.maxIterations / 2 / iterations);
}

export function flagTurn(stage: Stage): void {
  stage.line(`${stage.word(0, "flags_at + sweep * count + matrix")} = 1u;`);
}

/** Elements that a thread of {@linkcode writeGreatest} goes through. */
const CHUNK = 64;

/**
 * The greatest magnitude of the elements of each matrix of `size` elements, at `place`, where 0 stood; where an element is not
 * finite, neither is it.
 */
export function greatestOf(
  context: RoutineContext,
  source: Area,
  { count, size, place }: { readonly count: number; readonly size: number; readonly place: number },
): Dispatch {
  const stage = new Stage(context, {
    label: "greatest",
    operands: "operand" in source ? [source.operand] : [],
    scratch: "atomic",
    parameters: ["count", "size", "place"],
  });
  stage.line(`let chunks = (size + ${CHUNK - 1}) / ${CHUNK};`);
  stage.units("count * chunks");
  stage.line("let matrix = unit / chunks;");
  stage.line(`let first = (unit - matrix * chunks) * ${CHUNK};`);
  stage.line("var greatest = 0u;");
  // Magnitudes as bits keep their order, infinities and NaN are above all others.
  stage.loop("first", `min(first + ${CHUNK}, size)`, (i) => {
    const bits = `bitcast<u32>(${stage.read(source, `matrix * size + ${i}`)}) & 0x7fffffffu`;
    stage.line(`greatest = max(greatest, ${bits});`);
  });
  stage.line(`atomicMax(&${stage.word(0, "place + matrix")}, greatest);`);
  return stage.over(count * Math.ceil(size / CHUNK), [count, size, place]);
}

/** Whether a matrix is finite, from its greatest magnitude. */
export function isFiniteGreatest(greatest: string): string {
  return `(${greatest} <= 3.4028234e38f)`;
}

/** -1 where the first of `length` elements with at least half the greatest magnitude is negative, otherwise 1. */
export function signOf(stage: Stage, length: string, element: (i: string) => string): string {
  const greatest = stage.variable("f32", "0.0");
  stage.loop("0", length, (i) => stage.line(`${greatest} = max(${greatest}, abs(${element(i)}));`));
  const sign = stage.variable("f32", "0.0");
  stage.loop("0", length, (i) => {
    const value = stage.let(element(i));
    stage.block(`if (${sign} == 0.0 && ${value} != 0.0 && 2.0 * abs(${value}) >= ${greatest})`, () => {
      stage.line(`${sign} = select(1.0, -1.0, ${value} < 0.0);`);
    });
  });
  return stage.let(`select(${sign}, 1.0, ${sign} == 0.0)`);
}
