/**
 * Transforms of real signals of an even length n = 2 h: even and odd elements are one complex signal z of length h. With
 * E = (Z_k + conj Z_(h-k)) / 2, O = -i (Z_k - conj Z_(h-k)) / 2 and w = e^(-2 pi i / n): X_k = E + w^k O (Press et al.,
 * "Numerical Recipes", 12.3).
 */
import type { Dispatch } from "../plan.ts";
import { type Complex, product } from "./fft_butterfly.ts";
import type { Source, Target } from "./fft_passes.ts";
import { declareRoot } from "./fft_roots.ts";
import { type RoutineContext, Stage } from "./stage.ts";

/** Words that the complex signals take, at the beginning of the scratch buffer. */
export function pairWords(lines: number, half: number): number {
  return 2 * lines * half;
}

const SCRATCH = { scratch: 0 };

/** Two neighbours as one complex number, of operand 0. */
export const NEIGHBOURS_SOURCE: Source = {
  operands: [0],
  read(stage, line, element) {
    const at = stage.let(`2 * (${line} * signal + ${element})`);
    const read = (at: string) => stage.let(stage.read({ operand: 0 }, at));
    return [read(at), read(`${at} + 1`)];
  },
};

/** The same of operand 2, with the parts exchanged. */
export const NEIGHBOURS_TARGET: Target = {
  operands: [2],
  write(stage, line, element, [im, re]) {
    const at = stage.let(`2 * (${line} * signal + ${element})`);
    stage.write({ operand: 2 }, at, re);
    stage.write({ operand: 2 }, `${at} + 1`, im);
  },
};

function placeOf(stage: Stage, line: string, element: string): readonly [re: string, im: string] {
  const at = stage.let(`${line} * signal + ${element}`);
  return [at, `${at} + lines * signal`];
}

/** The complex signals at the beginning of the scratch buffer. */
export const PAIRS_SOURCE: Source = {
  operands: [],
  read(stage, line, element) {
    const [re, im] = placeOf(stage, line, element).map((at) => stage.let(stage.read(SCRATCH, at)));
    return [re, im];
  },
};

export const PAIRS_TARGET: Target = {
  operands: [],
  write(stage, line, element, value) {
    placeOf(stage, line, element).forEach((at, i) => stage.write(SCRATCH, at, value[i]));
  },
};

function begin(
  context: RoutineContext,
  label: string,
  operands: readonly number[],
  extent: string,
): { stage: Stage; root: Complex } {
  const stage = new Stage(context, { label, operands, scratch: true, parameters: ["lines", "signal"] });
  declareRoot(stage);
  stage.units(`lines * ${extent}`);
  stage.line(`let line = unit / (${extent});`);
  stage.line(`let k = unit - line * (${extent});`);
  const root = stage.let("root(k, 2 * signal)");
  return { stage, root: [`${root}.x`, `${root}.y`] };
}

/** Spectra of the complex signals to half spectra in operands 1 and 2; the imaginary parts at their ends are exactly 0. */
export function separate(context: RoutineContext, lines: number, half: number): Dispatch {
  const { stage, root } = begin(context, "fft separate", [1, 2], "(signal + 1)");
  const here = PAIRS_SOURCE.read(stage, "line", stage.let("select(k, 0, k == signal)"));
  const there = PAIRS_SOURCE.read(stage, "line", stage.let("select(signal - k, 0, k == 0)"));
  const even = [`0.5 * (${here[0]} + ${there[0]})`, `0.5 * (${here[1]} - ${there[1]})`];
  const odd: Complex = [
    stage.let(`0.5 * (${here[1]} + ${there[1]})`),
    stage.let(`0.5 * (${there[0]} - ${here[0]})`),
  ];
  const turned = product(stage, odd, root);
  stage.write({ operand: 1 }, "unit", `${even[0]} + ${turned[0]}`);
  stage.write({ operand: 2 }, "unit", `select(${even[1]} + ${turned[1]}, 0.0, k == 0 || k == signal)`);
  return stage.over(lines * (half + 1), [lines, half]);
}

/** Half spectra in operands 0 and 1 to twice the spectra of the complex signals, with the parts exchanged. */
export function join(context: RoutineContext, lines: number, half: number): Dispatch {
  const { stage, root } = begin(context, "fft join", [0, 1], "signal");
  const read = (k: string): Complex => {
    const at = stage.let(`line * (signal + 1) + ${k}`);
    const re = stage.let(stage.read({ operand: 0 }, at)), im = stage.let(stage.read({ operand: 1 }, at));
    // The imaginary parts at the ends are taken as 0.
    return [re, stage.let(`select(${im}, 0.0, k == 0)`)];
  };
  const here = read("k"), there = read("signal - k");
  const even = [stage.let(`${here[0]} + ${there[0]}`), stage.let(`${here[1]} - ${there[1]}`)];
  const rest: Complex = [stage.let(`${here[0]} - ${there[0]}`), stage.let(`${here[1]} + ${there[1]}`)];
  const odd = product(stage, rest, [root[0], stage.let(`-${root[1]}`)]);
  // Z = E + i O.
  PAIRS_TARGET.write(stage, "line", "k", [
    stage.let(`${even[1]} + ${odd[0]}`),
    stage.let(`${even[0]} - ${odd[1]}`),
  ]);
  return stage.over(lines * half, [lines, half]);
}
