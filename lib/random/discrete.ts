/** Draws from finite sets: bernoulli, randint, categorical. */
import { defaultFloat, type DType, isFloat, isInteger, rangeOf } from "../trace/dtype.ts";
import { DamoError, DTypeError, ShapeError } from "../trace/errors.ts";
import { castTo, strong, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkDType, checkOptions } from "../trace/ops/options.ts";
import { argmax } from "../trace/ops/reductions.ts";
import { bitcastPrimitive } from "../trace/primitives/bitcast.ts";
import { apply } from "../trace/primitives/elementwise_rules.ts";
import {
  broadcastShapes,
  checkShape,
  describe,
  normalizeAxis,
  sameShape,
  type Shape,
} from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { whole } from "../trace/whole.ts";
import { fineUnit, randomWords, shiftRight, unitUniform, type Words } from "./bits.ts";
import { parameter, parameterGiven, workingDType } from "./parameters.ts";

/** Options of bernoulli. */
export interface BernoulliOptions {
  /** The probability of true; 0.5 by default. */
  readonly p?: TensorLike;
}

/** Options of randint. */
export interface RandintOptions {
  /** The least value, included; 0 by default. */
  readonly low?: TensorLike;
  /** The bound above, not reached. */
  readonly high: TensorLike;
  /** An integer dtype; int32 by default. */
  readonly dtype?: DType;
}

/** Options of categorical. */
export interface CategoricalOptions {
  /** The axis of the classes; the last by default. */
  readonly axis?: number;
  /** The shape of the result, to which the other axes of the logits broadcast; those axes when left out. */
  readonly shape?: readonly number[];
}

/**
 * bool tensors, true with probability `p`: exactly where `uniform` of the same key is below p.
 *
 * @throws {DamoError} for a number outside 0 to 1.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.bernoulli(random.key(0), [1000], { p: 0.2 });
 * console.assert(x.dtype === "bool" && Math.abs(Number(x.mean()) - 0.2) < 0.05);
 * ```
 */
export function bernoulli(
  key: TensorLike,
  shape: readonly number[] = [],
  options: BernoulliOptions = {},
): Tensor {
  const operation = "random.bernoulli";
  checkOptions(operation, options, ["p"]);
  const { p = 0.5 } = options;
  const given = toTensor(p, { operation });
  const dtype = workingDType(given.aval.weak || !isFloat(given.dtype) ? defaultFloat() : given.dtype);
  const range = { least: 0, greatest: 1 };
  const probability = typeof p === "number" ? parameterGiven(operation, "p", p, { dtype, range }) : given;
  return whole(operation, bernoulliOf, toTensor(key, { operation }), shape, dtype, probability);
}

function bernoulliOf(key: Tensor, shape: Shape, dtype: DType, p: Tensor): Tensor {
  const operation = "random.bernoulli";
  const probability = parameter(operation, "p", p, { dtype, shape });
  return apply("lt", unitUniform(operation, key, shape, dtype), probability);
}

/**
 * Integers uniform in low .. high - 1: the high word of a 64-bit random number times the width (Lemire, "Fast random
 * integer generation in an interval", 2019), whose bias is below 2^-32. Bounds may be integer tensors that broadcast to
 * the shape; an interval without integers gives `low` then, and is an error for numbers.
 *
 * @throws {DamoError} when `high` is missing or numbers make an empty interval.
 * @throws {DTypeError} when a bound does not fit the dtype, or is no integer.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const dice = random.randint(random.key(0), [100], { low: 1, high: 7 });
 * console.assert(Number(dice.min()) >= 1 && Number(dice.max()) <= 6);
 * ```
 */
export function randint(
  key: TensorLike,
  shape: readonly number[],
  options: RandintOptions,
): Tensor {
  const operation = "random.randint";
  checkOptions(operation, options, ["low", "high", "dtype"]);
  const { low = 0, high, dtype = "int32" } = options ?? {};
  if (high === undefined) {
    throw new DamoError(`${operation}: high is missing.`, {
      operation,
      remedy: "Pass { high }, the bound above, which is not reached; low is 0 when left out.",
    });
  }
  checkDType(operation, dtype);
  if (!isInteger(dtype)) {
    throw new DTypeError(`${operation} draws integers, not ${dtype}.`, {
      operation,
      arguments: [{ name: "dtype", value: dtype }],
      remedy: "Pass an integer dtype, or use random.uniform.",
    });
  }
  checkInterval(operation, low, high, dtype);
  const all = typeof low === "number" && typeof high === "number" && high - low === 2 ** 32;
  const [start, end] = [boundGiven(operation, low), boundGiven(operation, high)];
  return whole(operation, randintOf, toTensor(key, { operation }), shape, dtype, start, end, all);
}

/** `all`: the interval has all the 2^32 integers. */
function randintOf(
  key: Tensor,
  shape: Shape,
  dtype: DType,
  low: Tensor,
  high: Tensor,
  all: boolean,
): Tensor {
  const operation = "random.randint";
  const words = randomWords(operation, key, shape);
  const start = bound(operation, "low", low, shape);
  const width = apply("sub", bound(operation, "high", high, shape), start);
  const offset = all ? words[0] : highProduct(words, width);
  return fromWord(apply("add", start, offset), dtype);
}

function checkInterval(operation: string, low: TensorLike, high: TensorLike, dtype: DType): void {
  const [least, greatest] = rangeOf(dtype);
  for (const [name, value, most] of [["low", low, greatest], ["high", high, greatest + 1]] as const) {
    if (typeof value !== "number") continue;
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new DTypeError(`${operation}: ${name} is ${value}, which is no ${dtype}.`, {
      operation,
      arguments: [{ name, value }],
      remedy: `Pass an integer from ${least} to ${most}.`,
    });
  }
  if (typeof low !== "number" || typeof high !== "number" || low < high) return;
  throw new DamoError(`${operation}: there is no integer from low ${low} up to and without high ${high}.`, {
    operation,
    arguments: [{ name: "low", value: low }, { name: "high", value: high }],
    remedy: "Pass a high above low; high itself is not drawn.",
  });
}

/** A bound to hand to `whole`: a number as the uint32 of the same bits. */
function boundGiven(operation: string, value: TensorLike): Tensor {
  if (typeof value !== "number") return strong(value, operation);
  return Tensor.literal(value < 0 ? value + 2 ** 32 : value % 2 ** 32, "uint32");
}

/** A bound as the uint32 of the same bits. */
function bound(operation: string, name: string, given: Tensor, shape: Shape): Tensor {
  if (!isInteger(given.dtype)) {
    throw new DTypeError(`${operation}: ${name} is ${describe(given.aval)}, no integer.`, {
      operation,
      arguments: [{ name, shape: given.shape, dtype: given.dtype }],
      remedy: "Cast it to an integer dtype.",
    });
  }
  const dtype = given.dtype === "uint32" ? "uint32" : "int32";
  const x = parameter(operation, name, given, { dtype, shape });
  return dtype === "uint32" ? x : bindOne(bitcastPrimitive, [x], { dtype: "uint32" });
}

function fromWord(word: Tensor, dtype: DType): Tensor {
  if (dtype === "int32") return bindOne(bitcastPrimitive, [word], { dtype });
  return castTo(word, dtype);
}

/** floor(w width / 2^64) of w = first 2^32 + second. */
function highProduct([first, second]: Words, width: Tensor): Tensor {
  const low = apply("mul", first, width);
  const sum = apply("add", low, highWord(second, width));
  const carry = castTo(apply("lt", sum, low), "uint32");
  return apply("add", highWord(first, width), carry);
}

/** The high word of the 64-bit product of two uint32, from products of 16 bits. */
function highWord(a: Tensor, b: Tensor): Tensor {
  const lowHalf = (x: Tensor) => apply("and", x, Tensor.literal(0xffff, "uint32"));
  const [aLow, aHigh, bLow, bHigh] = [lowHalf(a), shiftRight(a, 16), lowHalf(b), shiftRight(b, 16)];
  const middle = apply("add", apply("mul", aHigh, bLow), shiftRight(apply("mul", aLow, bLow), 16));
  const other = apply("add", apply("mul", aLow, bHigh), lowHalf(middle));
  const high = apply("add", apply("mul", aHigh, bHigh), shiftRight(middle, 16));
  return apply("add", high, shiftRight(other, 16));
}

/**
 * Class numbers (int32) with probabilities softmax(logits) along an axis, by the greatest of logits plus Gumbel noise
 * (Gumbel 1954). A logit of -Infinity is never drawn.
 *
 * @throws {DTypeError} for logits that are no floats.
 * @throws {ShapeError} for a scalar, no classes, or a shape to which the logits do not broadcast.
 * @example
 * ```ts
 * import { random, tensor } from "@damo/damo";
 * const logits = tensor([[0, -Infinity], [-Infinity, 0]]);
 * console.assert(String(random.categorical(random.key(0), logits).arraySync()) === "0,1");
 * ```
 */
export function categorical(
  key: TensorLike,
  logits: TensorLike,
  options: CategoricalOptions = {},
): Tensor {
  const operation = "random.categorical";
  checkOptions(operation, options, ["axis", "shape"]);
  const x = strong(logits, operation);
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${operation}: logits are ${describe(x.aval)}.`, {
      operation,
      arguments: [{ name: "logits", shape: x.shape, dtype: x.dtype }],
      remedy: "Pass float logits: the logarithms of the probabilities, up to a constant.",
    });
  }
  if (x.ndim === 0 || x.shape[normalizeAxis(operation, options.axis ?? -1, x.aval)] === 0) {
    throw new ShapeError(`${operation}: logits ${describe(x.aval)} have no classes.`, {
      operation,
      arguments: [{ name: "logits", shape: x.shape, dtype: x.dtype }],
      remedy: "Pass logits with at least one class along the axis.",
    });
  }
  const axis = normalizeAxis(operation, options.axis ?? -1, x.aval);
  const batch = x.shape.filter((_, i) => i !== axis);
  const { shape = batch } = options;
  const common = broadcastShapes(batch, checkShape(operation, shape));
  if (!common || !sameShape(common, shape)) {
    throw new ShapeError(
      `${operation}: logits ${describe(x.aval)} over axis ${axis} do not broadcast to [${shape.join(", ")}].`,
      {
        operation,
        arguments: [{ name: "logits", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
        remedy: `Pass a shape that ends in [${batch.join(", ")}], or leave it out.`,
      },
    );
  }
  // The axis counted from the end stays in its place when axes are added in front.
  const place = shape.length - (batch.length - axis);
  const extended = [...shape.slice(0, place), x.shape[axis], ...shape.slice(place)];
  return whole(operation, categoricalOf, toTensor(key, { operation }), x, extended, place);
}

function categoricalOf(key: Tensor, logits: Tensor, shape: Shape, axis: number): Tensor {
  const { dtype } = logits;
  const noise = gumbel("random.categorical", key, shape, dtype);
  return argmax(apply("add", castTo(logits, workingDType(dtype)), noise), { axis });
}

/** Standard Gumbel numbers -log(e), e exponential: fine where they are large, which decides between classes. */
export function gumbel(operation: string, key: TensorLike, shape: Shape, dtype: DType): Tensor {
  const work = workingDType(dtype);
  const unit = fineUnit(randomWords(operation, key, shape), work);
  const most = Tensor.literal(work === "float64" ? 1 - 2 ** -53 : 1 - 2 ** -24, work);
  // e = -log(1 - u), whose small values have all digits; u stays below 1.
  const e = apply("neg", apply("log1p", apply("neg", apply("minimum", unit, most))));
  return apply("neg", apply("log", e));
}
