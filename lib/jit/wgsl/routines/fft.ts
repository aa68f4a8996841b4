/** The routines fft, rfft and irfft: passes, or a convolution for lengths with factors that have no butterfly. */
import { sizeOf } from "../../../trace/shape.ts";
import type { KernelPlan } from "../plan.ts";
import { planConvolution } from "./fft_convolution.ts";
import { factorsOf, lineWords, type Source, type Target, transform } from "./fft_passes.ts";
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
  return planTransform(context, context.kernel.shapes[0], REAL_SOURCE, HALF_TARGET);
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
  return planTransform(context, context.kernel.shapes[2], HALF_SOURCE, REAL_TARGET);
}

function planTransform(
  context: RoutineContext,
  shape: readonly number[],
  source: Source,
  target: Target,
): KernelPlan {
  const length = shape[shape.length - 1], lines = sizeOf(shape.slice(0, -1));
  const factors = factorsOf(length);
  if (factors === null) return planConvolution(context, lines, length, source, target);
  const words = lineWords(lines, length), rootsAt = 2 * words;
  const passes = transform(context, { lines, length, source, target, work: [0, words], rootsAt });
  // A single pass has no need of them, nor of the places for work.
  if (factors.length === 1) return { dispatches: passes, scratchBytes: 4 };
  return {
    dispatches: [writeTable(context, "roots", length, rootsAt), ...passes],
    scratchBytes: 4 * (rootsAt + tableWords(length)),
  };
}
