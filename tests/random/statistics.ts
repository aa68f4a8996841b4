/** Statistics of samples against distributions. The seeds are fixed, so that a test passes always or never. */
import { assert } from "@std/assert";

/** Numbers of a sample as they are. */
export type Sample = ArrayLike<number>;

export function moments(sample: Sample): { mean: number; variance: number } {
  let mean = 0, variance = 0;
  for (let i = 0; i < sample.length; i++) mean += sample[i] / sample.length;
  for (let i = 0; i < sample.length; i++) variance += (sample[i] - mean) ** 2 / sample.length;
  return { mean, variance };
}

/**
 * Kolmogorov and Smirnov: the largest distance between the sample's and the true distribution function, times sqrt(n).
 * 1.95 is exceeded with probability 0.001.
 */
export function assertContinuous(sample: Sample, cdf: (x: number) => number, what: string): void {
  const sorted = Float64Array.from(sample).sort();
  let distance = 0;
  sorted.forEach((x, i) => {
    const p = cdf(x);
    distance = Math.max(distance, Math.abs(p - i / sorted.length), Math.abs(p - (i + 1) / sorted.length));
  });
  const statistic = distance * Math.sqrt(sorted.length);
  assert(statistic < 1.95, `${what}: the Kolmogorov-Smirnov statistic is ${statistic}`);
}

/** Pearson's chi-square of counts against probabilities; classes that are expected fewer than 8 times are pooled. */
export function chiSquare(
  counts: readonly number[],
  probabilities: readonly number[],
): { value: number; freedom: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let value = 0, freedom = -1, pooled = 0, pooledExpected = 0;
  counts.forEach((count, i) => {
    const expected = total * probabilities[i];
    if (expected < 8) {
      pooled += count;
      pooledExpected += expected;
      return;
    }
    value += (count - expected) ** 2 / expected;
    freedom++;
  });
  if (pooledExpected > 1) {
    value += (pooled - pooledExpected) ** 2 / pooledExpected;
    freedom++;
  } else assert(pooled < 8 + pooledExpected, `${pooled} draws of what is expected ${pooledExpected} times`);
  return { value, freedom };
}

/** Fails where chi-square has a probability below about 0.001 (Wilson and Hilferty's normal approximation). */
export function assertCounts(
  counts: readonly number[],
  probabilities: readonly number[],
  what: string,
): void {
  const { value, freedom } = chiSquare(counts, probabilities);
  assert(freedom > 0, `${what}: too few classes`);
  const spread = 2 / (9 * freedom);
  const z = (Math.cbrt(value / freedom) - (1 - spread)) / Math.sqrt(spread);
  assert(z < 3.1, `${what}: chi-square is ${value} at ${freedom} degrees of freedom`);
}

/** How often each of 0 .. classes - 1 comes. */
export function countClasses(sample: Sample, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < sample.length; i++) {
    assert(sample[i] >= 0 && sample[i] < classes, `${sample[i]} is no class of ${classes}`);
    counts[sample[i]]++;
  }
  return counts;
}

/** log(k!) by adding logarithms. */
export function logFactorial(k: number): number {
  let sum = 0;
  for (let i = 2; i <= k; i++) sum += Math.log(i);
  return sum;
}

/** The error function by its series and continued fraction, to 1e-12. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x < 2.5) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return sum * 2 / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (x + fraction);
  return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** The standard normal distribution function. */
export function normalCdf(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}

/** The gamma distribution function of scale 1, by its series. */
export function gammaCdf(alpha: number, x: number): number {
  if (x <= 0) return 0;
  let term = 1 / alpha, sum = term;
  for (let n = 1; n < 2000 && term > sum * 1e-16; n++) {
    term *= x / (alpha + n);
    sum += term;
  }
  return Math.min(1, sum * Math.exp(alpha * Math.log(x) - x - logGamma(alpha)));
}

/** log(gamma(x)) by Stirling's series far from 0. */
function logGamma(x: number): number {
  let shift = 0;
  while (x < 20) shift += Math.log(x++);
  const inverse = 1 / x;
  const tail = inverse / 12 - inverse ** 3 / 360 + inverse ** 5 / 1260;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + tail - shift;
}
