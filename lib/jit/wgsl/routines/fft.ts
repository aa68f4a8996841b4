/** The routines fft, rfft and irfft: passes, or a convolution for lengths with factors that have no butterfly. */
import { sizeOf } from "../../../trace/shape.ts";
import type { KernelPlan } from "../plan.ts";
import { planConvolution } from "./fft_convolution.ts";
import { factorsOf, lineWords, type Source, type Target, transform } from "./fft_passes.ts";
import {
  join,
  NEIGHBOURS_SOURCE,
  NEIGHBOURS_TARGET,
  PAIRS_SOURCE,
  PAIRS_TARGET,
  pairWords,
  separate,
} from "./fft_real.ts";
import { tableWords, writeTable } from "./fft_roots.ts";
import type { RoutineContext } from "./stage.ts";

/** Complex numbers in two operands, in lines of `signal` elements. Exchanging the parts on both ways inverts. */
function complexSource(operands: readonly [number, number]): Source {
  return {
    operands,
    read(stage, line, element) {
      const at = stage.let(`${line} * signal + ${element}`);
      const [re, im] = operands.map((operand) => stage.let(stage.read({ operand }, at)));
      return [re, im];
    },
  };
}

function complexTarget(operands: readonly [number, number]): Target {
  return {
    operands,
    write(stage, line, element, value) {
      const at = stage.let(`${line} * signal + ${element}`);
      operands.forEach((operand, i) => stage.write({ operand }, at, value[i]));
    },
  };
}

export function planFft(context: RoutineContext): KernelPlan {
  const { inverse } = context.kernel.options as { inverse: boolean };
  return planTransform(
    context,
    context.kernel.shapes[0],
    complexSource(inverse ? [1, 0] : [0, 1]),
    complexTarget(inverse ? [3, 2] : [2, 3]),
  );
}

const REAL_SOURCE: Source = {
  operands: [0],
  read: (stage, line, element) => [
    stage.let(stage.read({ operand: 0 }, `${line} * signal + ${element}`)),
    "0.0",
  ],
};

/** The first half; the imaginary parts at its ends are exactly 0. */
const HALF_TARGET: Target = {
  operands: [1, 2],
  write(stage, line, element, [re, im]) {
    stage.block(`if (2 * ${element} <= signal)`, () => {
      const at = stage.let(`${line} * (signal / 2 + 1) + ${element}`);
      stage.write({ operand: 1 }, at, re);
      stage.write(
        { operand: 2 },
        at,
        `select(${im}, 0.0, ${element} == 0 || 2 * ${element} == signal)`,
      );
    });
  },
};

export function planRfft(context: RoutineContext): KernelPlan {
  const [shape] = context.kernel.shapes;
  const lines = sizeOf(shape.slice(0, -1)), half = halfOf(shape[shape.length - 1]);
  if (half === 0) return planTransform(context, shape, REAL_SOURCE, HALF_TARGET);
  const words = pairWords(lines, half);
  const plan = planLines(context, lines, half, NEIGHBOURS_SOURCE, PAIRS_TARGET, words);
  return { ...plan, dispatches: [...plan.dispatches, separate(context, lines, half)] };
}

/** The whole spectrum from its first half, with the parts exchanged. */
const HALF_SOURCE: Source = {
  operands: [0, 1],
  read(stage, line, element) {
    const mirrored = stage.let(`2 * ${element} > signal`);
    const k = stage.let(`select(${element}, signal - ${element}, ${mirrored})`);
    const at = stage.let(`${line} * (signal / 2 + 1) + ${k}`);
    const re = stage.let(stage.read({ operand: 0 }, at)), im = stage.let(stage.read({ operand: 1 }, at));
    const edge = `${k} == 0 || 2 * ${k} == signal`;
    return [stage.let(`select(select(${im}, -${im}, ${mirrored}), 0.0, ${edge})`), re];
  },
};

const REAL_TARGET: Target = {
  operands: [2],
  write: (stage, line, element, [, re]) => stage.write({ operand: 2 }, `${line} * signal + ${element}`, re),
};

export function planIrfft(context: RoutineContext): KernelPlan {
  const [, , shape] = context.kernel.shapes;
  const lines = sizeOf(shape.slice(0, -1)), half = halfOf(shape[shape.length - 1]);
  if (half === 0) return planTransform(context, shape, HALF_SOURCE, REAL_TARGET);
  const words = pairWords(lines, half);
  const plan = planLines(context, lines, half, PAIRS_SOURCE, NEIGHBOURS_TARGET, words);
  return { ...plan, dispatches: [join(context, lines, half), ...plan.dispatches] };
}

/** Shorter signals are transformed as complex ones: a dispatch more would not pay. */
const LEAST_PAIRS = 64;

/** The half of an even length that is worth transforming instead; 0 for others. */
function halfOf(length: number): number {
  return length >= LEAST_PAIRS && length % 2 === 0 ? length / 2 : 0;
}

function planTransform(
  context: RoutineContext,
  shape: readonly number[],
  source: Source,
  target: Target,
): KernelPlan {
  return planLines(context, sizeOf(shape.slice(0, -1)), shape[shape.length - 1], source, target);
}

/** Transforms lines with what lies in the scratch buffer from `firstWord` on. */
function planLines(
  context: RoutineContext,
  lines: number,
  length: number,
  source: Source,
  target: Target,
  firstWord = 0,
): KernelPlan {
  const factors = factorsOf(length);
  if (factors === null) return planConvolution(context, lines, length, source, target, firstWord);
  const words = lineWords(lines, length), rootsAt = firstWord + 2 * words;
  const work = [firstWord, firstWord + words] as const;
  const passes = transform(context, { lines, length, source, target, work, rootsAt });
  // A single pass has no need of them, nor of the places for work.
  if (factors.length === 1) return { dispatches: passes, scratchBytes: 4 * (firstWord + 1) };
  return {
    dispatches: [writeTable(context, "roots", length, rootsAt), ...passes],
    scratchBytes: 4 * (rootsAt + tableWords(length)),
  };
}
