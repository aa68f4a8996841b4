/**
 * Transforms of lines as passes over their factors (Stockham; Govindaraju et al., "High performance discrete Fourier
 * transforms on graphics processors", 2008): a thread has the elements of one butterfly, and results are in order.
 */
import type { Dispatch } from "../plan.ts";
import { butterfly, type Complex, product, RADICES } from "./fft_butterfly.ts";
import { readTable } from "./fft_roots.ts";
import { type RoutineContext, Stage } from "./stage.ts";

/** Where the elements of lines come from. */
export interface Source {
  /** Operands touched. */
  readonly operands: readonly number[];
  /** The element of a line (expressions); the length of lines is `signal`. */
  readonly read: (stage: Stage, line: string, element: string) => Complex;
}

/** Where they go. */
export interface Target {
  readonly operands: readonly number[];
  readonly write: (stage: Stage, line: string, element: string, value: Complex) => void;
}

/** What shaders of passes know: `done` is the product of the factors before, the last ones are places. */
const PARAMETERS = ["lines", "signal", "done", "reads_at", "writes_at", "roots_at"];

/** The factors of a length, or null when it has others than those with a butterfly. */
export function factorsOf(length: number): number[] | null {
  const factors: number[] = [];
  let rest = length;
  for (const radix of RADICES) {
    for (; rest % radix === 0; rest /= radix) factors.push(radix);
  }
  return rest === 1 ? factors.length === 0 ? [1] : factors : null;
}

/** Words of the scratch buffer that lines of complex numbers take: all real parts, then all imaginary ones. */
export function lineWords(lines: number, length: number): number {
  return 2 * lines * length;
}

export interface Transform {
  readonly lines: number;
  readonly length: number;
  /** In the scratch buffer where nothing else is said: at the second of the places. */
  readonly source?: Source;
  /** Likewise: at the first or, after an even number of passes, at the second. */
  readonly target?: Target;
  /** Two places of {@linkcode lineWords} words in the scratch buffer. */
  readonly work: readonly [number, number];
  /** Where the table of the roots of the length lies. */
  readonly rootsAt: number;
}

/** Transforms lines whose length has {@linkcode factorsOf}. */
export function transform(context: RoutineContext, plan: Transform): Dispatch[] {
  const { lines, length, source, target, work, rootsAt } = plan;
  const factors = factorsOf(length)!;
  let done = 1;
  return factors.map((radix, i) => {
    const first = i === 0, last = i === factors.length - 1;
    const from = first && source ? source : WORK_SOURCE, to = last && target ? target : WORK_TARGET;
    const stage = writePass(context, radix, from, to, first);
    const parameters = [lines, length, done, work[(i + 1) % 2], work[i % 2], rootsAt];
    done *= radix;
    return stage.over(lines * length / radix, parameters);
  });
}

/** Elements in the scratch buffer. */
export const WORK_SOURCE: Source = {
  operands: [],
  read(stage, line, element) {
    const at = stage.let(`reads_at + ${line} * signal + ${element}`);
    const area = { scratch: 0 };
    return [stage.let(stage.read(area, at)), stage.let(stage.read(area, `${at} + lines * signal`))];
  },
};

const WORK_TARGET: Target = {
  operands: [],
  write(stage, line, element, [re, im]) {
    const at = stage.let(`writes_at + ${line} * signal + ${element}`);
    const area = { scratch: 0 };
    stage.write(area, at, re);
    stage.write(area, `${at} + lines * signal`, im);
  },
};

function writePass(
  context: RoutineContext,
  radix: number,
  source: Source,
  target: Target,
  first: boolean,
): Stage {
  const stage = new Stage(context, {
    label: `fft pass ${radix}`,
    operands: [...new Set([...source.operands, ...target.operands])],
    scratch: true,
    parameters: PARAMETERS,
  });
  stage.line(`let steps = signal / ${radix};`);
  stage.units("lines * steps");
  const line = stage.let("unit / steps"), number = stage.let("unit % steps");
  const position = stage.let(first ? "0" : `${number} % done`);
  const turn = stage.let(first ? "0" : `${position} * (steps / done)`);
  const inputs = Array.from({ length: radix }, (_, q): Complex => {
    const value = source.read(stage, line, stage.let(`${number} + ${q} * steps`));
    if (q === 0 || first) return value;
    return product(stage, value, readTable(stage, "roots_at", "signal", `${q} * ${turn}`));
  });
  const start = stage.let(
    first ? `${number} * ${radix}` : `(${number} - ${position}) * ${radix} + ${position}`,
  );
  butterfly(stage, inputs).forEach((value, q) => {
    target.write(stage, line, stage.let(first ? `${start} + ${q}` : `${start} + ${q} * done`), value);
  });
  return stage;
}
