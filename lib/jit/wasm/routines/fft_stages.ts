/** Stages of Stockham's self-sorting transform: each reads one buffer and writes another. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Kind } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { butterfly, complexProduct, type Pair } from "./fft_butterfly.ts";
import type { Planar } from "./fft_roots.ts";
import { transposedBlock } from "./turn_over.ts";

/** The lengths of the two halves of a stage: `distance` between its inputs, `stride` of equal twiddles. */
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

/** Moves of pointers go in calls of about this many elements, so that the compiler soon knows the function to be hot. */
export const CALL_ELEMENTS = 1024;

const STAGE_PARAMS: readonly Kind[] = new Array<Kind>(10).fill("int");

/** The two arrays at a place. */
function pairAt(code: Code, x: Planar, bytes: Expression, kind: "real" | "vector"): Pair {
  return [code.load(x.re.plus(bytes), kind), code.load(x.im.plus(bytes), kind)];
}

/**
 * `(xRe, xIm, yRe, yIm, rootsRe, rootsIm, distance, stride, from, to)`: for p from `from` to before `to` and q < stride,
 * y[q + stride (radix p + k)] = w^(p k stride) * butterfly(x[q + stride (p + distance j)])_k.
 */
export function generalStage(context: ModuleContext, dtype: RoutineDType, radix: number): Procedure {
  return procedure(
    context,
    dtype,
    `fftStage${radix}`,
    STAGE_PARAMS,
    null,
    (code, xRe, xIm, yRe, yIm, rootsRe, rootsIm, distance, stride, p, to) => {
      const strideBytes = code.variable("int", stride.times(code.bytes));
      const gap = code.variable("int", strideBytes.times(distance));
      const source = code.variable("int"), target = code.variable("int"), left = code.variable("int");
      const root = code.variable("int");
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
        target.set(source.times(radix));
        root.set(0);
        for (const [re, im] of twiddles) {
          root.increase(source);
          re.set(code.loadSplat(rootsRe.plus(root)));
          im.set(code.loadSplat(rootsIm.plus(root)));
        }
        left.set(stride);
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
export function firstStage(context: ModuleContext, dtype: RoutineDType): Procedure {
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
