/**
 * Random numbers: pure functions of keys, and streams that keep a key as their state. Keys, uniform numbers, integers,
 * booleans and permutations are the same bits inside and outside compiled functions and on every device; the other
 * distributions agree to a few units in the last place.
 *
 * @module
 */
import "../jit/install.ts";
import "../trace/ops/mod.ts";

export {
  exponential,
  type ExponentialOptions,
  normal,
  type NormalOptions,
  truncatedNormal,
  type TruncatedNormalOptions,
  uniform,
  type UniformOptions,
} from "./continuous.ts";
export { binomial, type BinomialOptions, poisson, type PoissonOptions } from "./counts.ts";
export {
  bernoulli,
  type BernoulliOptions,
  categorical,
  type CategoricalOptions,
  randint,
  type RandintOptions,
} from "./discrete.ts";
export { gamma, type GammaOptions } from "./gamma.ts";
export { foldIn, key, split } from "./key.ts";
export { choice, type ChoiceOptions, permutation } from "./order.ts";
export { type DrawOptions, RandomStream } from "./stream.ts";
