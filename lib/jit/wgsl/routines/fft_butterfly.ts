/** Small transforms of numbers in registers. */
import { floatLiteral } from "../literal.ts";
import type { Stage } from "./stage.ts";

/** A complex number, as the names of its parts. */
export type Complex = readonly [re: string, im: string];

/** The factors of a length that have a butterfly, in the order in which they are taken out. */
export const RADICES: readonly number[] = [8, 4, 2, 3, 5, 7];

function sum(stage: Stage, a: Complex, b: Complex): Complex {
  return [stage.let(`${a[0]} + ${b[0]}`), stage.let(`${a[1]} + ${b[1]}`)];
}

function difference(stage: Stage, a: Complex, b: Complex): Complex {
  return [stage.let(`${a[0]} - ${b[0]}`), stage.let(`${a[1]} - ${b[1]}`)];
}

export function product(stage: Stage, a: Complex, b: Complex): Complex {
  return [
    stage.let(`${a[0]} * ${b[0]} - ${a[1]} * ${b[1]}`),
    stage.let(`${a[0]} * ${b[1]} + ${a[1]} * ${b[0]}`),
  ];
}

/** a * -i. */
function turned(stage: Stage, [re, im]: Complex): Complex {
  return [im, stage.let(`-${re}`)];
}

/** X_k = sum over j of x_j e^(-2 pi i j k / r), for one of {@linkcode RADICES} or 1. */
export function butterfly(stage: Stage, x: readonly Complex[]): readonly Complex[] {
  switch (x.length) {
    case 1:
      return x;
    case 2:
      return [sum(stage, x[0], x[1]), difference(stage, x[0], x[1])];
    case 4:
    case 8:
      return halves(stage, x);
    default:
      return odd(stage, x);
  }
}

/** X_k = E_k + w^k O_k and X_(k + r/2) = E_k - w^k O_k of the transforms of the even and odd elements. */
function halves(stage: Stage, x: readonly Complex[]): Complex[] {
  const even = butterfly(stage, x.filter((_, i) => i % 2 === 0));
  const uneven = butterfly(stage, x.filter((_, i) => i % 2 === 1));
  const half = x.length / 2;
  const root = stage.let(floatLiteral(Math.SQRT1_2));
  const parts = uneven.map((o, k): Complex => {
    if (k === 0) return o;
    if (2 * k === half) return turned(stage, o);
    // w = (1 - i) / sqrt(2) and its cube, -(1 + i) / sqrt(2).
    const a = stage.let(`${o[0]} + ${o[1]}`), b = stage.let(`${o[1]} - ${o[0]}`);
    return k === 1
      ? [stage.let(`${root} * ${a}`), stage.let(`${root} * ${b}`)]
      : [stage.let(`${root} * ${b}`), stage.let(`-${root} * ${a}`)];
  });
  return [
    ...even.map((e, k) => sum(stage, e, parts[k])),
    ...even.map((e, k) => difference(stage, e, parts[k])),
  ];
}

/** Elements j and r - j together: X_k, X_(r - k) = (x_0 + sum of cos s_j) -+ i (sum of sin d_j). */
function odd(stage: Stage, x: readonly Complex[]): Complex[] {
  const r = x.length, half = (r - 1) / 2;
  const numbers = Array.from({ length: half }, (_, i) => i + 1);
  const sums = numbers.map((j) => sum(stage, x[j], x[r - j]));
  const differences = numbers.map((j) => difference(stage, x[j], x[r - j]));
  const result: Complex[] = new Array(r);
  const total = (part: 0 | 1) => stage.let([x[0], ...sums].map((value) => value[part]).join(" + "));
  result[0] = [total(0), total(1)];
  for (const k of numbers) {
    const weighted = (values: readonly Complex[], part: 0 | 1, weight: (angle: number) => number) =>
      values.map((value, j) =>
        `${floatLiteral(weight(2 * Math.PI * ((j + 1) * k % r) / r))} * ${value[part]}`
      ).join(" + ");
    const re = stage.let(`${x[0][0]} + (${weighted(sums, 0, Math.cos)})`);
    const im = stage.let(`${x[0][1]} + (${weighted(sums, 1, Math.cos)})`);
    const acrossRe = stage.let(weighted(differences, 0, Math.sin));
    const acrossIm = stage.let(weighted(differences, 1, Math.sin));
    result[k] = [stage.let(`${re} + ${acrossIm}`), stage.let(`${im} - ${acrossRe}`)];
    result[r - k] = [stage.let(`${re} - ${acrossIm}`), stage.let(`${im} + ${acrossRe}`)];
  }
  return result;
}
