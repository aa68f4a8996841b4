/** Small transforms in registers, of reals or of vectors. */
import { rootOfUnity } from "../../../trace/primitives/fft_reference.ts";
import type { Code } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";

/** A complex number, or a vector of them. */
export type Pair = readonly [re: Expression, im: Expression];

/** The radices that have a butterfly; other primes go through convolution. */
export const RADICES: readonly number[] = [4, 2, 3, 5, 7, 11, 13];

function held(code: Code, pair: Pair): [Variable, Variable] {
  const { kind } = pair[0];
  return [code.variable(kind, pair[0]), code.variable(kind, pair[1])];
}

function sum(a: Pair, b: Pair): Pair {
  return [a[0].plus(b[0]), a[1].plus(b[1])];
}

function difference(a: Pair, b: Pair): Pair {
  return [a[0].minus(b[0]), a[1].minus(b[1])];
}

/** The product of two complex numbers that are held in variables. */
export function complexProduct(a: Pair, w: Pair): Pair {
  return [a[1].timesFrom(w[1], a[0].times(w[0])), a[1].timesPlus(w[0], a[0].times(w[1]))];
}

/**
 * X_k = sum_j x_j e^(-2 pi i j k / r) for all k. The inputs must be variables; the results are expressions of variables
 * made here, each to be used once.
 */
export function butterfly(code: Code, x: readonly Pair[]): Pair[] {
  const radix = x.length;
  if (radix === 1) return [...x];
  if (radix === 2) return [sum(x[0], x[1]), difference(x[0], x[1])];
  if (radix === 4) {
    const evenSum = held(code, sum(x[0], x[2])), evenGap = held(code, difference(x[0], x[2]));
    const oddSum = held(code, sum(x[1], x[3])), oddGap = held(code, difference(x[1], x[3]));
    // -i (re + i im) = im - i re.
    return [
      sum(evenSum, oddSum),
      [evenGap[0].plus(oddGap[1]), evenGap[1].minus(oddGap[0])],
      difference(evenSum, oddSum),
      [evenGap[0].minus(oddGap[1]), evenGap[1].plus(oddGap[0])],
    ];
  }
  const half = (radix - 1) / 2;
  const { kind } = x[0][0];
  const sums = Array.from({ length: half }, (_, j) => held(code, sum(x[j + 1], x[radix - 1 - j])));
  const gaps = Array.from({ length: half }, (_, j) => held(code, difference(x[j + 1], x[radix - 1 - j])));
  const results: Pair[] = [sums.reduce<Pair>((total, part) => sum(total, part), x[0])];
  for (let k = 1; k <= half; k++) {
    let even: Pair = x[0], odd: Pair | null = null;
    for (let j = 1; j <= half; j++) {
      const [c, s] = rootOfUnity(j * k, radix).map((value) => code.of(kind, value));
      const [a, d] = [sums[j - 1], gaps[j - 1]];
      even = [a[0].timesPlus(c, even[0]), a[1].timesPlus(c, even[1])];
      odd = odd === null
        ? [d[0].times(s), d[1].times(s)]
        : [d[0].timesPlus(s, odd[0]), d[1].timesPlus(s, odd[1])];
    }
    // With s = -sin: the sum over pairs is even + i odd for k and even - i odd for r - k.
    const e = held(code, even), o = held(code, odd!);
    results[k] = [e[0].minus(o[1]), e[1].plus(o[0])];
    results[radix - k] = [e[0].plus(o[1]), e[1].minus(o[0])];
  }
  return results;
}
