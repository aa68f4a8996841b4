/** Initial values of parameters. Fan-in and fan-out follow the layout [in, out] of Linear and [out, in, ...] of filters. */
import type { DType } from "../trace/dtype.ts";
import { defaultFloat } from "../trace/dtype.ts";
import { DamoError } from "../trace/errors.ts";
import { withDevice } from "../jit/devices.ts";
import { type TensorLike, toTensor } from "../trace/ops/convert.ts";
import { ones as onesTensor, tensor, zeros as zerosTensor } from "../trace/ops/creation.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { type Shape, sizeOf } from "../trace/shape.ts";
import type { Tensor } from "../trace/tensor.ts";
import * as random from "../random/mod.ts";
import { orthonormalRows } from "./orthonormal.ts";

/** Options of the initialisers. */
export interface InitOptions {
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/** Options of uniform. */
export interface UniformInitOptions extends InitOptions {
  /** Values lie in [-bound, bound); 0.05 by default. */
  readonly bound?: number;
}

/** Options of normal. */
export interface NormalInitOptions extends InitOptions {
  /** The standard deviation; 0.05 by default. */
  readonly std?: number;
}

/** Options of orthogonal. */
export interface OrthogonalOptions extends InitOptions {
  /** The length of rows or columns; 1 by default. */
  readonly gain?: number;
}

/** What makes the initial value of a parameter, as the option `init` of layers takes it. */
export type Initializer = (key: TensorLike, shape: Shape, options?: InitOptions) => Tensor;

function fans(name: string, shape: Shape): readonly [fanIn: number, fanOut: number] {
  if (shape.length === 2) return [shape[0], shape[1]];
  if (shape.length < 2) {
    throw new DamoError(`nn.init.${name}: [${shape.join(", ")}] has no fan-in and fan-out.`, {
      operation: `nn.init.${name}`,
      arguments: [{ name: "shape", value: shape }],
      remedy: "Use it for weights of at least two axes; vectors start at zeros, ones, uniform or normal.",
    });
  }
  const field = sizeOf(shape.slice(2));
  return [shape[1] * field, shape[0] * field];
}

/**
 * Uniform in [-bound, bound).
 *
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * const w = nn.init.uniform(random.key(0), [3, 4], { bound: 0.1 });
 * console.assert(Number(w.abs().max()) <= 0.1);
 * ```
 */
export function uniform(key: TensorLike, shape: Shape, options: UniformInitOptions = {}): Tensor {
  checkOptions("nn.init.uniform", options, ["bound", "dtype"]);
  const { bound = 0.05, dtype } = options;
  return random.uniform(key, shape, { low: -bound, high: bound, dtype });
}

/**
 * Normal with mean 0.
 *
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * const w = nn.init.normal(random.key(0), [50, 40], { std: 0.1 });
 * console.assert(Math.abs(Number(w.std()) - 0.1) < 0.01);
 * ```
 */
export function normal(key: TensorLike, shape: Shape, options: NormalInitOptions = {}): Tensor {
  checkOptions("nn.init.normal", options, ["std", "dtype"]);
  const { std = 0.05, dtype } = options;
  return random.normal(key, shape, { std, dtype });
}

/**
 * Uniform with variance 2 / (fanIn + fanOut) (Glorot and Bengio, AISTATS 2010).
 *
 * @throws {DamoError} for shapes of fewer than two axes.
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * const w = nn.init.glorotUniform(random.key(0), [3, 3]);
 * console.assert(Number(w.abs().max()) <= 1);
 * ```
 */
export function glorotUniform(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  const [fanIn, fanOut] = fans("glorotUniform", shape);
  return uniform(key, shape, { ...options, bound: Math.sqrt(6 / (fanIn + fanOut)) });
}

/**
 * Normal with variance 2 / (fanIn + fanOut) (Glorot and Bengio, AISTATS 2010).
 *
 * @throws {DamoError} for shapes of fewer than two axes.
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * console.assert(nn.init.glorotNormal(random.key(0), [3, 4]).shape.join() === "3,4");
 * ```
 */
export function glorotNormal(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  const [fanIn, fanOut] = fans("glorotNormal", shape);
  return normal(key, shape, { ...options, std: Math.sqrt(2 / (fanIn + fanOut)) });
}

/**
 * Uniform with variance 2 / fanIn, for rectifiers (He, Zhang, Ren and Sun, ICCV 2015).
 *
 * @throws {DamoError} for shapes of fewer than two axes.
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * console.assert(Number(nn.init.heUniform(random.key(0), [6, 4]).abs().max()) <= 1);
 * ```
 */
export function heUniform(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return uniform(key, shape, { ...options, bound: Math.sqrt(6 / fans("heUniform", shape)[0]) });
}

/**
 * Normal with variance 2 / fanIn, for rectifiers (He, Zhang, Ren and Sun, ICCV 2015).
 *
 * @throws {DamoError} for shapes of fewer than two axes.
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * const w = nn.init.heNormal(random.key(0), [16, 8, 3, 3]);
 * console.assert(Math.abs(Number(w.std()) - Math.sqrt(2 / 72)) < 0.02);
 * ```
 */
export function heNormal(key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return normal(key, shape, { ...options, std: Math.sqrt(2 / fans("heNormal", shape)[0]) });
}

/**
 * A matrix (the first axis against all others) with orthonormal rows or, where it is higher than wide, columns, times the
 * gain (Saxe, McClelland and Ganguli, ICLR 2014). Computed at once, outside compiled functions.
 *
 * @throws {DamoError} for shapes of fewer than two axes.
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * const w = nn.init.orthogonal(random.key(0), [3, 3]);
 * const product = w.matmul(w.transpose());
 * console.assert(Math.abs(Number(product.at(0, 0)) - 1) < 1e-5 && Math.abs(Number(product.at(0, 1))) < 1e-5);
 * ```
 */
export function orthogonal(key: TensorLike, shape: Shape, options: OrthogonalOptions = {}): Tensor {
  checkOptions("nn.init.orthogonal", options, ["gain", "dtype"]);
  fans("orthogonal", shape);
  const { gain = 1, dtype = defaultFloat() } = options;
  const rows = shape[0], columns = sizeOf(shape.slice(1));
  // Every device gets the same matrix, made in float64, which not every device has.
  const own = toTensor(key).to("wasm");
  const draw = withDevice(
    "wasm",
    () => random.normal(own, [Math.min(rows, columns), Math.max(rows, columns)], { dtype: "float64" }),
  );
  const basis = orthonormalRows(draw.dataSync() as Float64Array, draw.shape[0], draw.shape[1]);
  const matrix = tensor(basis.map((value) => value * gain), { shape: [...draw.shape], dtype });
  return (rows <= columns ? matrix : matrix.transpose()).reshape(shape);
}

/**
 * All 0. The key is there so that all initialisers are called alike.
 *
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * console.assert(nn.init.zeros(random.key(0), [2]).dataSync().join() === "0,0");
 * ```
 */
export function zeros(_key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return zerosTensor(shape, options);
}

/**
 * All 1. The key is there so that all initialisers are called alike.
 *
 * @example
 * ```ts
 * import { nn, random } from "@damo/damo";
 * console.assert(nn.init.ones(random.key(0), [2]).dataSync().join() === "1,1");
 * ```
 */
export function ones(_key: TensorLike, shape: Shape, options: InitOptions = {}): Tensor {
  return onesTensor(shape, options);
}
