/** Stages of Stockham's self-sorting transform: each reads one buffer and writes another. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Kind } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { share } from "./share.ts";
import { butterfly, complexProduct, type Pair } from "./fft_butterfly.ts";
import type { Planar } from "./fft_roots.ts";
import { transposedBlock } from "./turn_over.ts";

/** A stage: `stride` neighbours share their twiddles, and the inputs of a butterfly lie `distance` times as many elements apart. */
export interface Stage {
  readonly radix: number;
  readonly distance: number;
  readonly stride: number;
}

/** The stages of a length whose prime factors all have a butterfly; null for others. */
export function stagesOf(length: number, radices: readonly number[]): Stage[] | null {
  const stages: Stage[] = [];
  let rest = length, stride = 1;
  for (const radix of radices) {
    while (rest % radix === 0) {
      rest /= radix;
      stages.push({ radix, distance: rest, stride });
      stride *= radix;
    }
  }
  return rest === 1 ? stages : null;
}

/** A stage goes in calls of about this many elements, so that the compiler soon knows their function to be hot. */
const CALL_ELEMENTS = 1024;

const STAGE_PARAMS: readonly Kind[] = new Array<Kind>(12).fill("int");

/** The two arrays at a place. */
function pairAt(code: Code, x: Planar, bytes: Expression, kind: "real" | "vector"): Pair {
  return [code.load(x.re.plus(bytes), kind), code.load(x.im.plus(bytes), kind)];
}

/**
 * `(xRe, xIm, yRe, yIm, rootsRe, rootsIm, distance, stride, from, to, qFrom, qTo)`: for p from `from` to before `to` and q from
 * `qFrom`, a multiple of a vector, to before `qTo` <= stride, y[q + stride (radix p + k)] = w^(p k stride) * butterfly(x[q + stride (p + distance j)])_k.
 * The roots are w^(step i); the step divides the stride.
 */
function generalStage(
  context: ModuleContext,
  dtype: RoutineDType,
  radix: number,
  rootStep: number,
): Procedure {
  return procedure(
    context,
    dtype,
    `fftStage${radix}:${rootStep}`,
    STAGE_PARAMS,
    null,
    (code, xRe, xIm, yRe, yIm, rootsRe, rootsIm, distance, stride, p, to, qFrom, qTo) => {
      const strideBytes = code.variable("int", stride.times(code.bytes));
      const gap = code.variable("int", strideBytes.times(distance));
      const source = code.variable("int"), target = code.variable("int"), left = code.variable("int");
      const root = code.variable("int"), rootBytes = code.variable("int", strideBytes.quotient(rootStep));
      const twiddles = Array.from(
        { length: radix - 1 },
        () => [code.variable("vector"), code.variable("vector")],
      );
      const stretch = (kind: "real" | "vector"): void => {
        const elements = kind === "real" ? 1 : code.lanes;
        const place = code.variable("int");
        const inputs = Array.from(
          { length: radix },
          () => [code.variable(kind), code.variable(kind)] as const,
        );
        code.while(left.ge(elements), () => {
          place.set(source);
          inputs.forEach(([re, im], j) => {
            re.set(code.load(xRe.plus(place), kind));
            im.set(code.load(xIm.plus(place), kind));
            if (j + 1 < radix) place.increase(gap);
          });
          place.set(target);
          butterfly(code, inputs).forEach((result, k) => {
            let value = result;
            if (k > 0) {
              const a = [code.variable(kind, result[0]), code.variable(kind, result[1])] as const;
              const w = twiddles[k - 1].map((t) => kind === "real" ? t.lane(0) : t);
              value = complexProduct(a, [w[0], w[1]]);
              code.store(yRe.plus(place), value[0]);
              code.store(yIm.plus(place), value[1]);
              code.release(...a);
            } else {
              code.store(yRe.plus(place), value[0]);
              code.store(yIm.plus(place), value[1]);
            }
            if (k + 1 < radix) place.increase(strideBytes);
          });
          source.increase(elements * code.bytes);
          target.increase(elements * code.bytes);
          left.increase(-elements);
        });
      };
      code.while(p.lt(to), () => {
        source.set(p.times(strideBytes));
        target.set(source.times(radix).plus(qFrom.times(code.bytes)));
        root.set(0);
        for (const [re, im] of twiddles) {
          root.increase(p.times(rootBytes));
          re.set(code.loadSplat(rootsRe.plus(root)));
          im.set(code.loadSplat(rootsIm.plus(root)));
        }
        source.increase(qFrom.times(code.bytes));
        left.set(qTo.minus(qFrom));
        stretch("vector");
        stretch("real");
        p.increase(1);
      });
    },
  );
}

/**
 * The first stage when its radix is 4: lanes are neighbouring p, whose results are turned into neighbours by shuffles. The
 * roots are three tables of `distance` each: w^p, w^2p and w^3p. Parameters as of {@linkcode generalStage}.
 */
function firstStage(context: ModuleContext, dtype: RoutineDType): Procedure {
  return procedure(
    context,
    dtype,
    "fftFirstStage",
    STAGE_PARAMS,
    null,
    (code, xRe, xIm, yRe, yIm, rootsRe, rootsIm, distance, _stride, p, to) => {
      const { bytes, lanes } = code;
      const gap = code.variable("int", distance.times(bytes));
      const source = code.variable("int", p.times(bytes)), target = code.variable("int", p.times(4 * bytes));
      const place = code.variable("int");
      const stretch = (kind: "real" | "vector"): void => {
        const elements = kind === "real" ? 1 : lanes;
        const inputs = Array.from({ length: 4 }, () => [code.variable(kind), code.variable(kind)] as const);
        const outputs = Array.from({ length: 4 }, () => [code.variable(kind), code.variable(kind)] as const);
        const roots = { re: rootsRe, im: rootsIm };
        code.while(p.plus(elements).le(to), () => {
          place.set(source);
          inputs.forEach(([re, im], j) => {
            re.set(code.load(xRe.plus(place), kind));
            im.set(code.load(xIm.plus(place), kind));
            if (j < 3) place.increase(gap);
          });
          place.set(source);
          butterfly(code, inputs).forEach((result, k) => {
            const [re, im] = outputs[k];
            re.set(result[0]);
            im.set(result[1]);
            if (k === 0) return;
            const w = pairAt(code, roots, place, kind).map((part) => code.variable(kind, part));
            const value = complexProduct([re, im], [w[0], w[1]]);
            const real = code.variable(kind, value[0]);
            im.set(value[1]);
            re.set(real);
            code.release(real, ...w);
            if (k < 3) place.increase(gap);
          });
          [yRe, yIm].forEach((y, part) => {
            const values = outputs.map((output) => output[part]);
            if (kind === "real") {
              values.forEach((value, k) => code.store(y.plus(target), value, k * bytes));
              return;
            }
            const rows = lanes === 4 ? transposedBlock(code, values) : [0, 1].flatMap((lane) => [
              code.shuffle(values[0], values[1], [lane, 2 + lane]),
              code.shuffle(values[2], values[3], [lane, 2 + lane]),
            ]);
            rows.forEach((row, k) => code.store(y.plus(target), row, 16 * k));
          });
          source.increase(elements * bytes);
          target.increase(4 * elements * bytes);
          p.increase(elements);
        });
      };
      stretch("vector");
      stretch("real");
    },
  );
}

/** Butterflies of a unit of a shared stage, about. */
const UNIT_ELEMENTS = 1 << 14;

/** What a stage reads and writes, and the step of its roots; the first stage has tables of its own. */
export interface StageMemory {
  readonly from: Planar;
  readonly to: Planar;
  readonly roots: Planar;
  readonly rootStep: number;
}

/** Emits a stage; `first` says that it is done by {@linkcode firstStage}. Threads share its butterflies where `shares`. */
export function runStage(
  code: Code,
  { radix, distance, stride }: Stage,
  first: boolean,
  shares: boolean,
  { from, to, roots, rootStep }: StageMemory,
): void {
  const { context, dtype, lanes } = code;
  const part = first ? firstStage(context, dtype) : generalStage(context, dtype, radix, rootStep);
  const work = procedure(
    context,
    dtype,
    `fftParts${first ? "First" : `${radix}:${rootStep}`}`,
    STAGE_PARAMS,
    null,
    (inner, xRe, xIm, yRe, yIm, rootsRe, rootsIm, gap, step, pStep, qStep, begin, end) => {
      const p = inner.variable("int"), q = inner.variable("int"), last = inner.variable("int");
      const call = inner.variable("int"), across = inner.variable("int");
      across.set(step.plus(qStep).minus(1).quotient(qStep));
      call.set(inner.int(Math.ceil(CALL_ELEMENTS / radix)).quotient(qStep.least(step)).greatest(1));
      inner.while(begin.lt(end), () => {
        p.set(begin.quotient(across).times(pStep));
        q.set(begin.remainder(across).times(qStep));
        last.set(p.plus(pStep).least(gap));
        inner.while(p.lt(last), () => {
          const [to, qTo] = [p.plus(call).least(last), q.plus(qStep).least(step)];
          part.run(inner, xRe, xIm, yRe, yIm, rootsRe, rootsIm, gap, step, p, to, q, qTo);
          p.increase(call);
        });
        begin.increase(1);
      });
    },
  );
  const count = Math.ceil(UNIT_ELEMENTS / radix);
  const align = (n: number): number => Math.ceil(n / lanes) * lanes;
  const qStep = align(Math.min(stride, count)),
    pStep = first ? align(count) : Math.max(1, Math.floor(count / stride));
  const units = Math.ceil(stride / qStep) * Math.ceil(distance / pStep);
  share(code, shares, {
    work,
    args: [from.re, from.im, to.re, to.im, roots.re, roots.im, distance, stride, pStep, qStep],
    units,
    unitCost: UNIT_ELEMENTS,
  });
}
