/** Initial values of parameters. Fan-in and fan-out follow the layout [in, out] of Linear and [out, in, ...] of filters. */
import type { DType } from "../trace/dtype.ts";
import { DamoError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { ones as onesTensor, zeros as zerosTensor } from "../trace/ops/creation.ts";
import { type Shape, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import * as random from "../random/mod.ts";

/** Options of the initialisers. */
export interface InitOptions {
  readonly dtype?: DType;
}

function fans(shape: Shape): readonly [fanIn: number, fanOut: number] {
  if (shape.length === 2) return [shape[0], shape[1]];
  if (shape.length < 2) {
    throw new DamoError(`nn.init: [${shape.join(", ")}] has no fan-in and fan-out.`, {
      operation: "nn.init",
      arguments: [{ name: "shape", value: shape }],
      remedy: "Use it for weights of at least two axes; vectors start at zeros, ones, uniform or normal.",
    });
  }
  const field = sizeOf(shape.slice(2));
  return [shape[1] * field, shape[0] * field];
}

/** Uniform in [-bound, bound). */
export function uniform(
  key: TensorLike,
  shape: Shape,
  options: InitOptions & { readonly bound?: number } = {},
): Tensor {
  const { bound = 0.05, dtype } = options;
  return random.uniform(key, shape, { low: -bound, high: bound, dtype });
}

/** Normal with mean 0. */
export function normal(
  key: TensorLike,
  shape: Shape,
  options: InitOptions & { readonly std?: number } = {},
): Tensor {
  const { std = 0.05, dtype } = options;
  return random.normal(key, shape, { std, dtype });
}

/** Uniform with variance 2 / (fanIn + fanOut) (Glorot and Bengio, AISTATS 2010). */
export function glorotUniform(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  const [fanIn, fanOut] = fans(shape);
  return uniform(key, shape, { ...options, bound: Math.sqrt(6 / (fanIn + fanOut)) });
}

/** Normal with variance 2 / (fanIn + fanOut) (Glorot and Bengio, AISTATS 2010). */
export function glorotNormal(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  const [fanIn, fanOut] = fans(shape);
  return normal(key, shape, { ...options, std: Math.sqrt(2 / (fanIn + fanOut)) });
}

/** Uniform with variance 2 / fanIn, for rectifiers (He, Zhang, Ren and Sun, ICCV 2015). */
export function heUniform(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return uniform(key, shape, { ...options, bound: Math.sqrt(6 / fans(shape)[0]) });
}

/** Normal with variance 2 / fanIn, for rectifiers (He, Zhang, Ren and Sun, ICCV 2015). */
export function heNormal(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return normal(key, shape, { ...options, std: Math.sqrt(2 / fans(shape)[0]) });
}

/** All 0. */
export function zeros(_key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return zerosTensor(shape, options);
}

/** All 1. */
export function ones(_key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return onesTensor(shape, options);
}
