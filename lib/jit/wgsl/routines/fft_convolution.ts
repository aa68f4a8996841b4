/**
 * Transforms of lengths that have no butterflies, as convolutions (Bluestein 1970): with c_j = e^(-pi i j^2 / n),
 * X_k = c_k sum over j of (x_j c_j) conj(c_(k - j)), which is circular in any length from 2 n - 1 on.
 */
import type { KernelPlan } from "../plan.ts";
import { type Complex, product } from "./fft_butterfly.ts";
import { factorsOf, lineWords, type Source, type Target, transform, WORK_SOURCE } from "./fft_passes.ts";
import { readTable, tableWords, writeTable } from "./fft_roots.ts";
import { type RoutineContext, Stage } from "./stage.ts";

/** `at`, `other_at` and `chirp_at` are places in the scratch buffer. */
const PARAMETERS = ["lines", "signal", "length", "at", "other_at", "chirp_at"];

function begin(context: RoutineContext, label: string, operands: readonly number[], extent: string): Stage {
  const stage = new Stage(context, { label, operands, scratch: true, parameters: PARAMETERS });
  stage.units(`lines * ${extent}`);
  stage.line(`let line = unit / ${extent};`);
  stage.line(`let element = unit % ${extent};`);
  return stage;
}

function writePair(stage: Stage, place: string, distance: string, [re, im]: Complex): void {
  stage.write({ scratch: 0 }, place, re);
  stage.write({ scratch: 0 }, `${place} + ${distance}`, im);
}

function readPair(stage: Stage, place: string, distance: string): Complex {
  return [`${place}`, `${place} + ${distance}`].map((at) =>
    stage.let(stage.read({ scratch: 0 }, at))
  ) as unknown as Complex;
}

/** Lines of x_j c_j, zeros behind them. */
function writeModulated(context: RoutineContext, source: Source): Stage {
  const stage = begin(context, "fft modulate", source.operands, "length");
  const re = stage.variable("f32", "0.0"), im = stage.variable("f32", "0.0");
  stage.block("if (element < signal)", () => {
    const chirp = readTable(stage, "chirp_at", "signal", "element");
    const value = product(stage, source.read(stage, "line", "element"), chirp);
    stage.line(`${re} = ${value[0]};`);
    stage.line(`${im} = ${value[1]};`);
  });
  writePair(stage, stage.let("at + unit"), "lines * length", [re, im]);
  return stage;
}

/** conj(c_j), around 0. */
function writeFilter(context: RoutineContext): Stage {
  const stage = begin(context, "fft filter", [], "length");
  const re = stage.variable("f32", "0.0"), im = stage.variable("f32", "0.0");
  stage.line("let distance = min(element, length - element);");
  stage.block("if (distance < signal)", () => {
    const value = readTable(stage, "chirp_at", "signal", "distance");
    stage.line(`${re} = ${value[0]};`);
    stage.line(`${im} = -${value[1]};`);
  });
  writePair(stage, stage.let("at + unit"), "length", [re, im]);
  return stage;
}

/** Multiplies by the transformed filter, and exchanges the parts, which makes the next transform the inverse. */
function writeProduct(context: RoutineContext): Stage {
  const stage = begin(context, "fft filtering", [], "length");
  const at = stage.let("at + unit");
  const filter = readPair(stage, stage.let("other_at + element"), "length");
  const [re, im] = product(stage, readPair(stage, at, "lines * length"), filter);
  writePair(stage, at, "lines * length", [im, re]);
  return stage;
}

/** The first elements, scaled, times c_k. */
function writeDemodulated(context: RoutineContext, target: Target): Stage {
  const stage = begin(context, "fft demodulate", target.operands, "signal");
  const at = stage.let("at + line * length + element");
  const [im, re] = readPair(stage, at, "lines * length").map((part) => stage.let(`${part} / f32(length)`));
  const chirp = readTable(stage, "chirp_at", "signal", "element");
  target.write(stage, "line", "element", product(stage, [re, im], chirp));
  return stage;
}

export function planConvolution(
  context: RoutineContext,
  lines: number,
  signal: number,
  source: Source,
  target: Target,
  firstWord: number,
): KernelPlan {
  const length = 2 ** Math.ceil(Math.log2(2 * signal - 1));
  const words = lineWords(lines, length), filterWords = lineWords(1, length);
  let used = firstWord;
  const place = (words: number) => (used += words) - words;
  const work = [place(words), place(words)] as const;
  const filter = [place(filterWords), place(filterWords)] as const;
  const rootsAt = place(tableWords(length)), chirpAt = place(tableWords(signal));
  // After an odd number of passes results are in the first place, and the next transform begins there.
  const odd = factorsOf(length)!.length % 2;
  const back = odd ? [work[1], work[0]] as const : work;
  const parameters = (lines: number, at: number, other = 0) => [lines, signal, length, at, other, chirpAt];
  const between = { source: WORK_SOURCE, length, rootsAt };
  return {
    dispatches: [
      writeTable(context, "chirp", signal, chirpAt),
      writeTable(context, "roots", length, rootsAt),
      writeFilter(context).over(length, parameters(1, filter[1])),
      ...transform(context, { ...between, lines: 1, work: filter }),
      writeModulated(context, source).over(lines * length, parameters(lines, work[1])),
      ...transform(context, { ...between, lines, work }),
      writeProduct(context).over(lines * length, parameters(lines, back[1], filter[1 - odd])),
      ...transform(context, { ...between, lines, work: back }),
      writeDemodulated(context, target).over(lines * signal, parameters(lines, back[1 - odd])),
    ],
    scratchBytes: 4 * used,
  };
}
