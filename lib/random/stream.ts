/** RandomStream: random numbers with state, so that no keys have to be passed around. */
import type { TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { shared } from "../trace/ops/creation.ts";
import { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import {
  exponential,
  type ExponentialOptions,
  normal,
  type NormalOptions,
  truncatedNormal,
  type TruncatedNormalOptions,
  uniform,
  type UniformOptions,
} from "./continuous.ts";
import { binomial, type BinomialOptions, poisson, type PoissonOptions } from "./counts.ts";
import {
  bernoulli,
  type BernoulliOptions,
  categorical,
  type CategoricalOptions,
  randint,
  type RandintOptions,
} from "./discrete.ts";
import { gamma, type GammaOptions } from "./gamma.ts";
import { key, keyWords, split } from "./key.ts";
import { choice, type ChoiceOptions, permutation } from "./order.ts";

/** What every draw of a stream takes besides its own options. */
export interface DrawOptions {
  /** Leaves the state as it is: the next draw uses the same random bits. */
  readonly frozen?: boolean;
}

let unnamed = 0;

/**
 * A source of random numbers whose state, a key, is shared and advances at every draw. In a compiled function the state
 * is updated when the call ends, in a loop at every step; one draw used twice is one value. Under vmap a draw is an
 * error, because all examples would share it: draw outside, or map over keys. Two streams of the same seed draw the same.
 *
 * @example
 * ```ts
 * import { jit, random } from "@damo/damo";
 * const stream = new random.RandomStream(7);
 * const noise = jit(() => stream.normal([3]));
 * const first = noise(), second = noise();
 * console.assert(String(first) !== String(second));
 * stream.seed(7);
 * console.assert(String(noise()) === String(first));
 * ```
 */
export class RandomStream {
  readonly #state: Shared;

  /**
   * Makes a stream.
   *
   * @param seed An integer, or a key.
   * @throws {DTypeError} for a seed that is neither.
   */
  constructor(seed: TensorLike) {
    this.#state = shared(keyOf(seed), { name: `stream${unnamed++}` });
  }

  /** The key that the next draw splits. Assign another stream's state, or a key, to go on from there. */
  get state(): Shared {
    return this.#state;
  }

  set state(state: Shared | TensorLike) {
    this.#state.value = state instanceof Shared ? state.value : state;
  }

  /** Starts again from a seed or a key. */
  seed(seed: TensorLike): void {
    this.#state.value = keyOf(seed);
  }

  /** A stream in the same state, which advances on its own. */
  copy(): RandomStream {
    return new RandomStream(this.#state.value);
  }

  /** A key of its own for draws by functions of keys; the state advances. */
  key(options: DrawOptions = {}): Tensor {
    return this.#next("key", options)[0];
  }

  /** See {@link uniform}. */
  uniform(shape: readonly number[] = [], options: UniformOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("uniform", options);
    return uniform(key, shape, rest);
  }

  /** See {@link normal}. */
  normal(shape: readonly number[] = [], options: NormalOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("normal", options);
    return normal(key, shape, rest);
  }

  /** See {@link truncatedNormal}. */
  truncatedNormal(shape: readonly number[] = [], options: TruncatedNormalOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("truncatedNormal", options);
    return truncatedNormal(key, shape, rest);
  }

  /** See {@link bernoulli}. */
  bernoulli(shape: readonly number[] = [], options: BernoulliOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("bernoulli", options);
    return bernoulli(key, shape, rest);
  }

  /** See {@link binomial}. */
  binomial(shape: readonly number[] = [], options: BinomialOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("binomial", options);
    return binomial(key, shape, rest);
  }

  /** See {@link categorical}. */
  categorical(logits: TensorLike, options: CategoricalOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("categorical", options);
    return categorical(key, logits, rest);
  }

  /** See {@link randint}. */
  randint(shape: readonly number[], options: RandintOptions & DrawOptions): Tensor {
    const [key, rest] = this.#next("randint", options);
    return randint(key, shape, rest);
  }

  /** See {@link poisson}. */
  poisson(shape: readonly number[] = [], options: PoissonOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("poisson", options);
    return poisson(key, shape, rest);
  }

  /** See {@link exponential}. */
  exponential(shape: readonly number[] = [], options: ExponentialOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("exponential", options);
    return exponential(key, shape, rest);
  }

  /** See {@link gamma}. */
  gamma(shape: readonly number[] = [], options: GammaOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("gamma", options);
    return gamma(key, shape, rest);
  }

  /** See {@link choice}. */
  choice(x: TensorLike, shape: readonly number[] = [], options: ChoiceOptions & DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("choice", options);
    return choice(key, x, shape, rest);
  }

  /** See {@link permutation}. */
  permutation(x: TensorLike, options: DrawOptions = {}): Tensor {
    const [key, rest] = this.#next("permutation", options);
    checkOptions("random.permutation", rest, ["frozen"]);
    return permutation(key, x);
  }

  /** The key of a draw and the options that are its own; the state has advanced. */
  #next<O extends DrawOptions>(draw: string, options: O): [key: Tensor, rest: Omit<O, "frozen">] {
    const { frozen = false, ...rest } = options ?? {};
    if (draw === "key") checkOptions("RandomStream.key", rest, ["frozen"]);
    const [state, own] = split(this.#state.value);
    if (!frozen) this.#state.value = state;
    return [own, rest as Omit<O, "frozen">];
  }
}

/** A key itself, or that of a seed. */
function keyOf(seed: TensorLike): Tensor {
  const given = seed instanceof Shared ? seed.value : seed;
  if (typeof given === "object" && "dtype" in given && given.dtype === "uint32" && given.ndim === 1) {
    keyWords("RandomStream", given);
    return given;
  }
  return key(given);
}
