/** Tables of roots of unity in the scratch buffer, right to a rounding: their angles are reduced as integers. */
import type { Dispatch } from "../plan.ts";
import type { Complex } from "./fft_butterfly.ts";
import { type RoutineContext, Stage } from "./stage.ts";

/**
 * `root(i, n)`: e^(-2 pi i / n) for 0 <= i < n < 2^28. The multiple of pi / 2 that is nearest is taken off before anything is
 * rounded, so that the rest is at most pi / 4.
 */
const ROOT = `fn root(i: i32, n: i32) -> vec2f {
  let quadrant = (8 * i / n + 1) >> 1u;
  let angle = f32(4 * i - quadrant * n) * (1.57079632679f / f32(n));
  let c = cos_kernel_f32(angle);
  let s = sin_kernel_f32(angle);
  let turned = select(vec2f(c, -s), vec2f(-s, -c), (quadrant & 1) == 1);
  return select(turned, -turned, (quadrant & 2) == 2);
}`;

/** `square(j, m)`: j^2 modulo m for 0 <= j < m < 2^28. */
const SQUARE = `fn square(j: u32, m: u32) -> u32 {
  if (j < 65536u) { return (j * j) % m; }
  var result = 0u;
  for (var bit = 0x8000000u; bit > 0u; bit >>= 1u) {
    result = (2u * result) % m;
    if ((j & bit) != 0u) { result = (result + j) % m; }
  }
  return result;
}`;

/** Makes `root` known to a shader. */
export function declareRoot(stage: Stage): void {
  stage.shader.use("sin_kernel_f32");
  stage.shader.declarations.push(ROOT);
}

/** What a table has at j. */
export type RootTable =
  /** e^(-2 pi i j / length). */
  | "roots"
  /** e^(-pi i j^2 / length). */
  | "chirp";

/** Words that a table for a length takes: all real parts, then all imaginary ones. */
export function tableWords(length: number): number {
  return 2 * length;
}

/** Writes a table to a place in the scratch buffer. */
export function writeTable(
  context: RoutineContext,
  table: RootTable,
  length: number,
  place: number,
): Dispatch {
  const stage = new Stage(context, {
    label: `fft ${table}`,
    operands: [],
    scratch: true,
    parameters: ["length", "place"],
  });
  declareRoot(stage);
  if (table === "chirp") stage.shader.declarations.push(SQUARE);
  stage.units("length");
  const value = stage.let(
    table === "roots" ? "root(unit, length)" : "root(i32(square(u32(unit), 2u * u32(length))), 2 * length)",
  );
  stage.write({ scratch: 0 }, "place + unit", `${value}.x`);
  stage.write({ scratch: 0 }, "place + length + unit", `${value}.y`);
  return stage.over(length, [length, place]);
}

/** An element of a table. */
export function readTable(stage: Stage, place: string, length: string, j: string): Complex {
  const at = stage.let(`${place} + ${j}`);
  const area = { scratch: 0 };
  return [stage.let(stage.read(area, at)), stage.let(stage.read(area, `${at} + ${length}`))];
}
