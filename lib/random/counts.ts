/** Counts: poisson and binomial, by inversion where they are small and by rejection where they are large. */
import { defaultFloat, type DType } from "../trace/dtype.ts";
import { stopGradient } from "../autodiff/mod.ts";
import { forLoop } from "../loop/functions.ts";
import { castTo, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { where } from "../trace/ops/logic.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { broadcastShape } from "../trace/primitives/elementwise_rules.ts";
import { checkShape, type Shape, sizeOf } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { whole } from "../trace/whole.ts";
import { fineUnit, randomWords, unitFromWords } from "./bits.ts";
import { parameter, parameterGiven } from "./parameters.ts";

/** Options of poisson. */
export interface PoissonOptions {
  /** The mean; 1 by default. */
  readonly rate?: TensorLike;
}

/** Options of binomial. */
export interface BinomialOptions {
  /** The number of trials; 1 by default. */
  readonly n?: TensorLike;
  /** The probability of success; 0.5 by default. */
  readonly p?: TensorLike;
}

/**
 * Fewer counts are drawn operation by operation where no trace is: they take dozens of equal steps, each of which is
 * compiled once that way, and the intermediate values are small.
 */
const LEAST_WHOLE = 4096;

/** From this mean on counts are drawn by rejection. */
const LARGE = 30;

/** Counts that inversion reaches: a mean of 30 exceeds them with a probability below 2^-26 or 2^-53. */
function inversionSteps(dtype: DType): number {
  return dtype === "float64" ? 86 : 66;
}

/** A round accepts with probability 0.76 or more (found by simulation): 12 fail for fewer than 4 draws in 10^8. */
const ROUNDS = 12;

/** (1 + y) log(1 + y) - y, about y^2 / 2: the deviance of counts. */
function deviance(y: Tensor): Tensor {
  return y.add(1).mul(y.log1p()).sub(y);
}

/** log(k!) without the leading terms of Stirling's formula in m = k + 1: 1 / 12 m - 1 / 360 m^3 + 1 / 1260 m^5. */
function stirlingTail(m: Tensor): Tensor {
  const inverse = m.reciprocal();
  const square = inverse.square();
  return inverse.mul(square.mul(square.mul(1 / 1260).sub(1 / 360)).add(1 / 12));
}

/** Two numbers in (0, 1) for each element, for each round. */
type Proposals = (round: Tensor) => readonly [u: Tensor, v: Tensor];

/** The first accepted proposal of the transformed rejection method. */
function transformedRejection(
  shape: Shape,
  words: Proposals,
  { a, b, centre, fallback, accept }: {
    readonly a: Tensor;
    readonly b: Tensor;
    readonly centre: Tensor;
    readonly fallback: Tensor;
    accept(k: Tensor, us: Tensor, v: Tensor): Tensor;
  },
): Tensor {
  return forLoop(ROUNDS, (step, result: Tensor) => {
    // Backwards, so that an earlier round replaces a later one.
    const [unit, v] = words(step.neg().add(ROUNDS - 1));
    const u = unit.sub(0.5);
    const us = u.abs().neg().add(0.5);
    const k = a.mul(2).div(us).add(b).mul(u).add(centre).floor();
    return where(accept(k, us, v), k, result);
  }, broadcastShape(fallback, shape));
}

function proposals(operation: string, key: TensorLike, shape: Shape, dtype: DType): Proposals {
  const own = toTensor(key);
  return (round) => {
    // Inside (0, 1), so that 1 / us and log v are finite; round 0 belongs to inversion.
    const u = unitFromWords(randomWords(operation, own, shape, round.mul(2).add(1)), dtype);
    const cell = dtype === "float64" ? 2 ** -53 : 2 ** -24;
    return [u.add(cell), fineUnit(randomWords(operation, own, shape, round.mul(2).add(2)), dtype)];
  };
}

/** `small` and `large` as the mean says; only one of them is computed when the mean is a plain number. */
function byMean(
  mean: Tensor,
  isSmall: boolean | undefined,
  small: (mean: Tensor) => Tensor,
  large: (mean: Tensor) => Tensor,
): Tensor {
  if (isSmall !== undefined) return isSmall ? small(mean) : large(mean);
  const below = mean.lt(LARGE);
  // Each branch gets a mean that it can do, so that no NaN arises in what is not taken.
  return where(below, small(where(below, mean, 1)), large(where(below, LARGE, mean)));
}

/**
 * Poisson-distributed counts (int32). Rates below 30 by inversion; above by transformed rejection (Hörmann, "The
 * transformed rejection method for generating Poisson random variables", 1993): 12 rounds at once, of which the first
 * success counts; with a probability below 2e-9 all fail and the draw is the most probable count. Computed in the default
 * float: float32 counts are exact up to 2^24. A rate in a tensor that is negative or NaN gives -1.
 *
 * @throws {DamoError} for a negative number.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.poisson(random.key(0), [5000], { rate: 4 });
 * console.assert(x.dtype === "int32" && Math.abs(Number(x.mean()) - 4) < 0.2);
 * ```
 */
export function poisson(
  key: TensorLike,
  shape: readonly number[] = [],
  options: PoissonOptions = {},
): Tensor {
  const operation = "random.poisson";
  checkOptions(operation, options, ["rate"]);
  checkShape(operation, shape);
  const dtype = defaultFloat();
  const { rate = 1 } = options;
  const range = { least: 0, greatest: 2 ** 31 - 2 ** 20 };
  const given = parameterGiven(operation, "rate", rate, { dtype, range });
  const isSmall = typeof rate === "number" ? rate < LARGE : undefined;
  const own = toTensor(key, { operation });
  return sizeOf(shape) < LEAST_WHOLE
    ? poissonOf(own, shape, dtype, given, isSmall)
    : whole(operation, poissonOf, own, shape, dtype, given, isSmall);
}

/** `isSmall` is known where the rate is a plain number in its range. */
function poissonOf(key: Tensor, shape: Shape, dtype: DType, rate: Tensor, isSmall?: boolean): Tensor {
  const operation = "random.poisson";
  const mean = stopGradient(parameter(operation, "rate", rate, { dtype, shape }));
  const counts = byMean(
    mean,
    isSmall,
    (m) => smallPoisson(fineUnit(randomWords(operation, key, shape), dtype), m),
    (m) => largePoisson(shape, proposals(operation, key, shape, dtype), m),
  );
  return checked(counts, mean.ge(0), shape, isSmall !== undefined);
}

function checked(counts: Tensor, valid: Tensor, shape: Shape, known: boolean): Tensor {
  const integers = broadcastShape(castTo(counts, "int32"), shape);
  return known ? integers : where(valid, integers, -1);
}

/** The number of k with P(X <= k) < u, from p(k) = p(k - 1) rate / k. */
function smallPoisson(u: Tensor, mean: Tensor): Tensor {
  let p = mean.neg().exp();
  let cumulative = p;
  let count: Tensor = Tensor.literal(0, "int32");
  for (let k = 1; k <= inversionSteps(u.dtype); k++) {
    count = count.add(castTo(u.gt(cumulative), "int32"));
    p = p.mul(mean).mul(1 / k);
    cumulative = cumulative.add(p);
  }
  return castTo(count, u.dtype);
}

function largePoisson(shape: Shape, words: Proposals, mean: Tensor): Tensor {
  const b = mean.sqrt().mul(2.53).add(0.931);
  const a = b.mul(0.02483).sub(0.059);
  const inverseAlpha = b.sub(3.4).reciprocal().mul(1.1328).add(1.1239);
  const quick = b.sub(2).reciprocal().mul(-3.6224).add(0.9277);
  const logScale = mean.mul(2 * Math.PI).log().mul(0.5);
  return transformedRejection(shape, words, {
    a,
    b,
    centre: mean.add(0.43),
    fallback: mean.floor(),
    accept(k, us, v) {
      const inside = k.ge(0);
      const m = where(inside, k, 0).add(1);
      // log p(k) = -mean D(y) + log(1 + y) / 2 - log(2 pi mean) / 2 - tail(m), y = (m - mean) / mean, m = k + 1
      const y = m.sub(mean).div(mean);
      const logP = y.log1p().mul(0.5).sub(mean.mul(deviance(y))).sub(logScale).sub(stirlingTail(m));
      const bound = v.mul(inverseAlpha).div(a.div(us.square()).add(b)).log();
      const early = us.ge(0.07).and(v.le(quick));
      return inside.and(early.or(us.ge(0.013).or(v.le(us)).and(bound.le(logP))));
    },
  });
}

/**
 * Numbers of successes in `n` trials of probability `p` (int32): by inversion where the rarer outcome has a mean below 30,
 * else by transformed rejection (Hörmann, "The generation of binomial random variates", 1993) in 12 rounds at once, of
 * which the first success counts; with a probability below 4e-8 all fail and the draw is the most probable count. Computed
 * in the default float: float32 counts are exact up to 2^24. Parameters in tensors that are out of range or NaN give -1.
 *
 * @throws {DamoError} for a number that is no count or no probability.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.binomial(random.key(0), [5000], { n: 40, p: 0.3 });
 * console.assert(Math.abs(Number(x.mean()) - 12) < 0.3 && Number(x.max()) <= 40);
 * ```
 */
export function binomial(
  key: TensorLike,
  shape: readonly number[] = [],
  options: BinomialOptions = {},
): Tensor {
  const operation = "random.binomial";
  checkOptions(operation, options, ["n", "p"]);
  checkShape(operation, shape);
  const dtype = defaultFloat();
  const { n = 1, p = 0.5 } = options;
  const range = { least: 0, greatest: 2 ** 31 - 1, integral: true };
  const trials = parameterGiven(operation, "n", n, { dtype, range });
  const chance = parameterGiven(operation, "p", p, { dtype, range: { least: 0, greatest: 1 } });
  const known = typeof n === "number" && typeof p === "number";
  const isSmall = known ? n * Math.min(p, 1 - p) < LARGE : undefined;
  const own = toTensor(key, { operation });
  return sizeOf(shape) < LEAST_WHOLE
    ? binomialOf(own, shape, dtype, trials, chance, isSmall)
    : whole(operation, binomialOf, own, shape, dtype, trials, chance, isSmall);
}

/** `isSmall` is known where the parameters are plain numbers in their ranges. */
function binomialOf(
  key: Tensor,
  shape: Shape,
  dtype: DType,
  n: Tensor,
  p: Tensor,
  isSmall?: boolean,
): Tensor {
  const operation = "random.binomial";
  const trials = stopGradient(parameter(operation, "n", n, { dtype, shape }));
  const given = stopGradient(parameter(operation, "p", p, { dtype, shape }));
  // Of the two outcomes the rarer one is counted.
  const flipped = given.gt(0.5);
  const rare = where(flipped, given.neg().add(1), given);
  const counts = byMean(
    trials.mul(rare),
    isSmall,
    () => smallBinomial(fineUnit(randomWords(operation, key, shape), dtype), trials, rare),
    (mean) => largeBinomial(shape, proposals(operation, key, shape, dtype), trials, mean),
  );
  const valid = trials.ge(0).and(given.ge(0)).and(given.le(1));
  return checked(where(flipped, trials.sub(counts), counts), valid, shape, isSmall !== undefined);
}

/** The number of k with P(X <= k) < u, from p(k) = p(k - 1) (n - k + 1) / k p / (1 - p). */
function smallBinomial(u: Tensor, n: Tensor, p: Tensor): Tensor {
  const odds = p.div(p.neg().add(1));
  let probability = n.mul(p.neg().log1p()).exp();
  let cumulative = probability;
  let count: Tensor = Tensor.literal(0, "int32");
  for (let k = 1; k <= inversionSteps(u.dtype); k++) {
    count = count.add(castTo(u.gt(cumulative).and(n.ge(k)), "int32"));
    probability = probability.mul(n.sub(k - 1)).mul(odds).mul(1 / k);
    cumulative = cumulative.add(probability);
  }
  return castTo(count, u.dtype);
}

function largeBinomial(shape: Shape, words: Proposals, trials: Tensor, mean: Tensor): Tensor {
  // Where the mean was replaced because the other branch is taken, n is too: 2 mean trials, p = 1 / 2.
  const n = trials.maximum(mean.mul(2));
  const p = mean.div(n), q = p.neg().add(1);
  const deviation = mean.mul(q).sqrt();
  const b = deviation.mul(2.53).add(1.15);
  const a = b.mul(0.0248).sub(0.0873).add(p.mul(0.01));
  const alpha = b.reciprocal().mul(5.1).add(2.83).mul(deviation);
  const quick = b.reciprocal().mul(-4.2).add(0.92);
  const mode = n.add(1).mul(p).floor();
  const logMode = logBinomial(mode, n, p, q);
  return transformedRejection(shape, words, {
    a,
    b,
    centre: mean.add(0.5),
    fallback: mode,
    accept(k, us, v) {
      const inside = k.ge(0).and(k.le(n));
      const logP = logBinomial(where(inside, k, mode), n, p, q).sub(logMode);
      const bound = v.mul(alpha).div(a.div(us.square()).add(b)).log();
      return inside.and(us.ge(0.07).and(v.le(quick)).or(bound.le(logP)));
    },
  });
}

/**
 * log of the probability of k successes, up to what depends on n alone. With K = k + 1, L = n - k + 1, N = n + 1,
 * y = (K - N p) / (N p) and z = (L - N q) / (N q) it is
 * -N p D(y) - N q D(z) + (log(1 + y) + log(1 + z)) / 2 - tail(K) - tail(L): no large terms cancel.
 */
function logBinomial(k: Tensor, n: Tensor, p: Tensor, q: Tensor): Tensor {
  const successes = k.add(1), failures = n.sub(k).add(1);
  const whole = n.add(1);
  const np = whole.mul(p), nq = whole.mul(q);
  const y = successes.sub(np).div(np), z = failures.sub(nq).div(nq);
  const halves = y.log1p().add(z.log1p()).mul(0.5);
  const divergence = np.mul(deviance(y)).add(nq.mul(deviance(z)));
  return halves.sub(divergence).sub(stirlingTail(successes)).sub(stirlingTail(failures));
}
