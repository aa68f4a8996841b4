/** Uniform and normal numbers. */
import { defaultFloat, type DType, isFloat } from "../trace/dtype.ts";
import { DTypeError } from "../trace/errors.ts";
import { castTo, type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { checkDType, checkOptions } from "../trace/ops/options.ts";
import { apply } from "../trace/primitives/elementwise_rules.ts";
import { broadcastToPrimitive } from "../trace/primitives/move.ts";
import type { Shape } from "../trace/shape.ts";
import { Tensor } from "../trace/tensor.ts";
import { bindOne } from "../trace/trace.ts";
import { unitUniform } from "./bits.ts";

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
  readonly mean?: TensorLike;
  readonly std?: TensorLike;
  readonly dtype?: DType;
}

export function floatDType(operation: string, dtype: DType | undefined): DType {
  if (dtype === undefined) return defaultFloat();
  checkDType(operation, dtype);
  if (isFloat(dtype)) return dtype;
  throw new DTypeError(`${operation} draws floats, not ${dtype}.`, {
    operation,
    arguments: [{ name: "dtype", value: dtype }],
    remedy: "Pass a float dtype, or use random.randint.",
  });
}

/** A parameter of a distribution: a scalar or a tensor that broadcasts to the shape. */
export function parameter(operation: string, value: TensorLike, dtype: DType, shape: Shape): Tensor {
  const x = castTo(toTensor(value, { operation }), dtype);
  // Broadcasting towards the shape only: the draw decides the shape of the result.
  return x.shape.length === 0 ? x : bindOne(broadcastToPrimitive, [x], { shape });
}

/**
 * Numbers uniform in [low, high).
 *
 * @throws {ShapeError} when `shape` is no shape or the bounds do not broadcast to it.
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
  const unit = unitUniform(operation, key, shape, dtype);
  const { low = 0, high = 1 } = options;
  if (low === 0 && high === 1) return unit;
  const from = parameter(operation, low, dtype, shape), to = parameter(operation, high, dtype, shape);
  const scaled = apply("add", apply("mul", unit, apply("sub", to, from)), from);
  // Rounding may reach the bound, which is not included: such a draw becomes the lower one.
  return apply("select", apply("lt", scaled, to), scaled, from);
}

/**
 * Normally distributed numbers, by the inverse error function of a uniform one.
 *
 * @throws {ShapeError} when `shape` is no shape or the parameters do not broadcast to it.
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
  const standard = standardNormal(operation, key, shape, dtype);
  const { mean = 0, std = 1 } = options;
  const scaled = std === 1 ? standard : apply("mul", standard, parameter(operation, std, dtype, shape));
  return mean === 0 ? scaled : apply("add", scaled, parameter(operation, mean, dtype, shape));
}

/** sqrt(2) erfinv(u) of u uniform in (-1, 1). */
export function standardNormal(operation: string, key: TensorLike, shape: Shape, dtype: DType): Tensor {
  const unit = unitUniform(operation, key, shape, dtype);
  // The middles of the cells of the unit interval: symmetric, and never -1 or 1.
  const cell = dtype === "float64" ? 2 ** -52 : dtype === "float32" ? 2 ** -23 : 2 ** -11;
  const twice = apply(
    "mul",
    apply("add", unit, Tensor.literal(cell / 2 - 0.5, dtype)),
    Tensor.literal(2, dtype),
  );
  return apply("mul", apply("erfinv", twice), Tensor.literal(Math.SQRT2, dtype));
}
