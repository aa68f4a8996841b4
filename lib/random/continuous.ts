/** Uniform, normal and exponential numbers: exact functions of random words, differentiable in their parameters. */
import type { DType } from "../trace/dtype.ts";
import { DamoError } from "../trace/errors.ts";
import { stopGradient } from "../autodiff/mod.ts";
import { castTo, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { bitcastPrimitive } from "../trace/primitives/bitcast.ts";
import { apply } from "../trace/primitives/elementwise_rules.ts";
import type { Shape } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { whole } from "../trace/whole.ts";
import { fineUnit, randomWords, unitUniform } from "./bits.ts";
import { checkBounds, floatDType, parameter, parameterGiven, workingDType } from "./parameters.ts";

/** Options of uniform. */
export interface UniformOptions {
  /** The least value, included; 0 by default. */
  readonly low?: TensorLike;
  /** The bound above, not reached; 1 by default. */
  readonly high?: TensorLike;
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/** Options of normal. */
export interface NormalOptions {
  /** The mean; 0 by default. */
  readonly mean?: TensorLike;
  /** The standard deviation; 1 by default. */
  readonly std?: TensorLike;
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/** Options of truncatedNormal. */
export interface TruncatedNormalOptions extends NormalOptions {
  /** The bound below, in standard deviations from the mean; -2 by default. */
  readonly low?: TensorLike;
  /** The bound above, in standard deviations from the mean; 2 by default. */
  readonly high?: TensorLike;
}

/** Options of exponential. */
export interface ExponentialOptions {
  /** The mean; 1 by default. */
  readonly scale?: TensorLike;
  /** Events in a unit of time, 1 / scale; either of the two may be given. */
  readonly rate?: TensorLike;
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/**
 * Numbers uniform in [low, high). The bounds may be tensors that broadcast to the shape; the result is differentiable
 * in them. 23 random bits make a float32, 52 a float64.
 *
 * @throws {ShapeError} when `shape` is no shape or the bounds do not broadcast to it.
 * @throws {DamoError} for numbers of which `low` is above `high`.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.uniform(random.key(0), [1000], { low: -1, high: 1 });
 * console.assert(Number(x.min()) >= -1 && Number(x.max()) < 1);
 * ```
 */
export function uniform(
  key: TensorLike,
  shape: readonly number[] = [],
  options: UniformOptions = {},
): Tensor {
  const operation = "random.uniform";
  checkOptions(operation, options, ["low", "high", "dtype"]);
  const dtype = floatDType(operation, options.dtype);
  const given = toTensor(key, { operation });
  const { low = 0, high = 1 } = options;
  if (low === 0 && high === 1) return whole(operation, unitOf, given, shape, dtype);
  checkBounds(operation, low, high);
  const from = parameterGiven(operation, "low", low, { dtype });
  const to = parameterGiven(operation, "high", high, { dtype });
  return whole(operation, uniformOf, given, shape, dtype, from, to);
}

function unitOf(key: Tensor, shape: Shape, dtype: DType): Tensor {
  return unitUniform("random.uniform", key, shape, dtype);
}

function uniformOf(key: Tensor, shape: Shape, dtype: DType, low: Tensor, high: Tensor): Tensor {
  const operation = "random.uniform";
  const unit = unitUniform(operation, key, shape, dtype);
  const from = parameter(operation, "low", low, { dtype, shape });
  const to = parameter(operation, "high", high, { dtype, shape });
  const width = apply("sub", to, from);
  const scaled = dtype === "float32"
    ? scaleExactly(unit, width, from)
    : apply("add", apply("mul", unit, width), from);
  // Rounding may reach the bound, which is not included: such a draw becomes the lower one.
  return apply("select", apply("lt", scaled, to), scaled, from);
}

/**
 * unit * width + from with the same bits on every device: some compute products and sums in one step with one rounding,
 * others with two. Both factors are cut in halves of 12 bits, so that all products are exact and it does not matter.
 */
function scaleExactly(unit: Tensor, width: Tensor, from: Tensor): Tensor {
  const [unitHigh, unitLow] = halves(unit), [widthHigh, widthLow] = halves(width);
  let sum = apply("mul", unitLow, widthLow);
  sum = apply("add", sum, apply("mul", unitLow, widthHigh));
  sum = apply("add", sum, apply("mul", unitHigh, widthLow));
  return apply("add", apply("add", sum, apply("mul", unitHigh, widthHigh)), from);
}

/** x = high + low, each of at most 12 significant bits; the derivative of x is that of low. */
function halves(x: Tensor): [high: Tensor, low: Tensor] {
  const bits = bindOne(bitcastPrimitive, [stopGradient(x)], { dtype: "uint32" });
  const cut = apply("and", bits, Tensor.literal(0xfffff000, "uint32"));
  const high = bindOne(bitcastPrimitive, [cut], { dtype: "float32" });
  return [high, apply("sub", x, high)];
}

/**
 * Normally distributed numbers, by the inverse error function of a uniform one. Mean and standard deviation may be
 * tensors that broadcast to the shape; the result is differentiable in them.
 *
 * @throws {ShapeError} when `shape` is no shape or the parameters do not broadcast to it.
 * @throws {DamoError} for a negative number as `std`.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.normal(random.key(0), [10_000], { mean: 3 });
 * console.assert(Math.abs(Number(x.mean()) - 3) < 0.05);
 * ```
 */
export function normal(key: TensorLike, shape: readonly number[] = [], options: NormalOptions = {}): Tensor {
  const operation = "random.normal";
  checkOptions(operation, options, ["mean", "std", "dtype"]);
  const dtype = floatDType(operation, options.dtype);
  const { mean, std } = placeAndSpread(operation, options, dtype);
  return whole(operation, normalOf, toTensor(key, { operation }), shape, dtype, mean, std);
}

function normalOf(key: Tensor, shape: Shape, dtype: DType, mean?: Tensor, std?: Tensor): Tensor {
  const operation = "random.normal";
  const work = workingDType(dtype);
  const standard = fromUnit(unitUniform(operation, key, shape, work), work);
  return castTo(scaleAndShift(operation, standard, shape, { mean, std }), dtype);
}

/** Mean and standard deviation to hand to `whole`, undefined where they change nothing. */
function placeAndSpread(
  operation: string,
  { mean = 0, std = 1 }: NormalOptions,
  result: DType,
): { readonly mean: Tensor | undefined; readonly std: Tensor | undefined } {
  const dtype = workingDType(result);
  const range = { least: 0 };
  return {
    mean: mean === 0 ? undefined : parameterGiven(operation, "mean", mean, { dtype }),
    std: std === 1 ? undefined : parameterGiven(operation, "std", std, { dtype, range }),
  };
}

/** The standard normal number of a unit one: sqrt(2) erfinv(u) of u uniform in (-1, 1). */
export function fromUnit(unit: Tensor, dtype: DType): Tensor {
  // The middles of the cells of the unit interval: symmetric, and never -1 or 1.
  const cell = dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const centred = apply("add", unit, Tensor.literal(cell / 2 - 0.5, dtype));
  const spread = apply("erfinv", apply("mul", centred, Tensor.literal(2, dtype)));
  return apply("mul", spread, Tensor.literal(Math.SQRT2, dtype));
}

function scaleAndShift(
  operation: string,
  x: Tensor,
  shape: Shape,
  { mean, std }: { readonly mean?: Tensor; readonly std?: Tensor },
): Tensor {
  const { dtype } = x;
  const scaled = std ? apply("mul", x, parameter(operation, "std", std, { dtype, shape })) : x;
  return mean ? apply("add", scaled, parameter(operation, "mean", mean, { dtype, shape })) : scaled;
}

/**
 * Normal numbers under the condition that they lie between two bounds, which are counted in standard deviations from
 * the mean (as in the usual initial values of weights, -2 and 2). By inversion: beyond about 5 standard deviations
 * float32 cannot tell probabilities apart, and such bounds give coarse draws.
 *
 * @throws {ShapeError} when `shape` is no shape or the parameters do not broadcast to it.
 * @throws {DamoError} for numbers of which `low` is above `high`, and for a negative number as `std`.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.truncatedNormal(random.key(0), [1000], { std: 0.1 });
 * console.assert(Number(x.max()) <= 0.2 && Number(x.min()) >= -0.2);
 * ```
 */
export function truncatedNormal(
  key: TensorLike,
  shape: readonly number[] = [],
  options: TruncatedNormalOptions = {},
): Tensor {
  const operation = "random.truncatedNormal";
  checkOptions(operation, options, ["low", "high", "mean", "std", "dtype"]);
  const dtype = floatDType(operation, options.dtype);
  const work = workingDType(dtype);
  checkBounds(operation, options.low ?? -2, options.high ?? 2);
  const low = parameterGiven(operation, "low", options.low ?? -2, { dtype: work });
  const high = parameterGiven(operation, "high", options.high ?? 2, { dtype: work });
  const { mean, std } = placeAndSpread(operation, options, dtype);
  const given = toTensor(key, { operation });
  return whole(operation, truncatedNormalOf, given, shape, dtype, low, high, mean, std);
}

function truncatedNormalOf(
  key: Tensor,
  shape: Shape,
  dtype: DType,
  least: Tensor,
  most: Tensor,
  mean?: Tensor,
  std?: Tensor,
): Tensor {
  const operation = "random.truncatedNormal";
  const work = workingDType(dtype);
  const low = parameter(operation, "low", least, { dtype: work, shape });
  const high = parameter(operation, "high", most, { dtype: work, shape });
  const unit = unitUniform(operation, key, shape, work);
  const from = low.mul(Math.SQRT1_2).erf(), to = high.mul(Math.SQRT1_2).erf();
  const standard = to.sub(from).mul(unit).add(from).erfinv().mul(Math.SQRT2);
  const inside = apply("minimum", apply("maximum", standard, low), high);
  return castTo(scaleAndShift(operation, inside, shape, { mean, std }), dtype);
}

/**
 * Exponentially distributed numbers, -log(u) times the scale; differentiable in it.
 *
 * @throws {ShapeError} when `shape` is no shape or the parameter does not broadcast to it.
 * @throws {DamoError} when both `scale` and `rate` are given, or a number is out of range.
 * @example
 * ```ts
 * import { random } from "@damo/damo";
 * const x = random.exponential(random.key(0), [10_000], { scale: 2 });
 * console.assert(Math.abs(Number(x.mean()) - 2) < 0.1);
 * ```
 */
export function exponential(
  key: TensorLike,
  shape: readonly number[] = [],
  options: ExponentialOptions = {},
): Tensor {
  const operation = "random.exponential";
  checkOptions(operation, options, ["scale", "rate", "dtype"]);
  const dtype = floatDType(operation, options.dtype);
  const { scale, rate } = scaleGiven(operation, options, workingDType(dtype));
  return whole(operation, exponentialOf, toTensor(key, { operation }), shape, dtype, scale, rate);
}

function exponentialOf(key: Tensor, shape: Shape, dtype: DType, scale?: Tensor, rate?: Tensor): Tensor {
  const operation = "random.exponential";
  const words = randomWords(operation, key, shape);
  const standard = apply("neg", apply("log", fineUnit(words, workingDType(dtype))));
  return castTo(scaleOrRate(operation, standard, shape, { scale, rate }), dtype);
}

/** Scale or rate to hand to `whole`, undefined where they are not given. */
export function scaleGiven(
  operation: string,
  { scale, rate }: { readonly scale?: TensorLike; readonly rate?: TensorLike },
  dtype: DType,
): { readonly scale: Tensor | undefined; readonly rate: Tensor | undefined } {
  if (scale !== undefined && rate !== undefined) {
    throw new DamoError(`${operation}: scale and rate are both given.`, {
      operation,
      remedy: "Pass one of them: rate is 1 / scale.",
    });
  }
  return {
    scale: scale === undefined
      ? undefined
      : parameterGiven(operation, "scale", scale, { dtype, range: { least: 0 } }),
    rate: rate === undefined
      ? undefined
      : parameterGiven(operation, "rate", rate, { dtype, range: { least: 0, open: true } }),
  };
}

/** `x` times the scale, or divided by the rate. */
export function scaleOrRate(
  operation: string,
  x: Tensor,
  shape: Shape,
  { scale, rate }: { readonly scale?: Tensor; readonly rate?: Tensor },
): Tensor {
  const { dtype } = x;
  if (rate) return apply("div", x, parameter(operation, "rate", rate, { dtype, shape }));
  return scale ? apply("mul", x, parameter(operation, "scale", scale, { dtype, shape })) : x;
}
