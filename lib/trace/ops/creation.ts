/** New tensors from data, fills and ranges, and casts. */
import { defaultFloat, type DType, isFloat } from "../dtype.ts";
import { ShapeError, TracedValueError } from "../errors.ts";
import { stay } from "../following.ts";
import { apply } from "../primitives/elementwise_rules.ts";
import { iotaPrimitive } from "../primitives/iota.ts";
import { reshapeTo } from "../primitives/move.ts";
import { filled } from "../primitives/zeros.ts";
import { checkShape, describe, refuseTraced, type Shape, sizeOf } from "../shape.ts";
import { Shared } from "../shared.ts";
import { type Device, executor } from "../storage.ts";
import { Tensor } from "../tensor.ts";
import { bindOne, currentTrace, withoutTrace } from "../trace.ts";
import { castTo, materialize, strong, type TensorLike, toTensor, upload } from "./convert.ts";
import { convertTyped, dtypeOfTyped, type TypedInput } from "./nested_data.ts";
import { installFunctions } from "./install.ts";
import { checkCreation, checkDevice, checkDType, checkOptions, type CreationOptions } from "./options.ts";

/** Options of tensor. */
export interface TensorOptions extends CreationOptions {
  /** Lays the elements out in this shape. */
  readonly shape?: readonly number[];
}

/**
 * A tensor of the given data: a number, a boolean, a typed array, nested arrays of these, or another tensor.
 * Numbers and nested arrays of them make the default float (float32 unless `setDefaultFloat` says otherwise),
 * booleans bool; a typed array keeps its own type.
 *
 * @throws {ShapeError} for ragged arrays and a shape of another size.
 * @throws {DTypeError} for data that is no number or boolean.
 * @example
 * ```ts
 * import { tensor } from "@damo/damo";
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.assert(x.dtype === "float32" && x.shape.join() === "2,3");
 * const labels = tensor(new Uint8Array([1, 0, 2, 1]), { shape: [2, 2], dtype: "int32" });
 * console.assert(labels.dtype === "int32");
 * ```
 */
export function tensor(data: TensorLike, options: TensorOptions = {}): Tensor {
  checkOptions("tensor", options, ["dtype", "shape", "device"]);
  const { dtype, device } = options;
  if (dtype !== undefined) checkDType("tensor", dtype);
  if (device !== undefined) checkDevice("tensor", device);
  const shape = options.shape === undefined ? undefined : checkShape("tensor", options.shape);
  if (ArrayBuffer.isView(data)) return fromTyped(data as TypedInput, { dtype, device, shape });
  const made = stay(placed(fromData(data, dtype, device), device));
  return shape === undefined ? made : reshapeTo(made, filledBy(made, shape));
}

/** The shape that the elements of some data fill. */
function filledBy(data: { readonly shape: Shape; readonly dtype: DType }, shape: Shape): Shape {
  const size = sizeOf(data.shape);
  if (sizeOf(shape) === size) return shape;
  throw new ShapeError(
    `tensor: ${size} elements do not fill the shape [${shape.join(", ")}] of ${sizeOf(shape)}.`,
    {
      operation: "tensor",
      arguments: [{ name: "data", shape: data.shape, dtype: data.dtype }, { name: "shape", value: shape }],
      remedy: "Pass a shape whose product is the number of elements.",
    },
  );
}

/** Uploaded in its shape at once: another one later would be another buffer. */
function fromTyped(
  data: TypedInput,
  { dtype, device, shape }: { dtype?: DType; device?: Device; shape?: Shape },
): Tensor {
  const from = dtypeOfTyped("tensor", data);
  const to = dtype ?? from, flat = [data.length];
  const sizes = shape === undefined ? flat : filledBy({ shape: flat, dtype: to }, shape);
  return placed(upload(convertTyped(data, from, to), to, sizes, device), device);
}

function fromData(data: TensorLike, dtype: DType | undefined, device: Device | undefined): Tensor {
  if (typeof data === "number") return materialize(Tensor.literal(data, dtype ?? defaultFloat()), device);
  if (typeof data === "boolean") return materialize(Tensor.literal(data ? 1 : 0, dtype ?? "bool"), device);
  const converted = toTensor(data, { dtype, operation: "tensor" });
  return materialize(strong(converted), device);
}

/** `x` on the device that was asked for. */
export function placed(x: Tensor, device: Device | undefined): Tensor {
  if (device === undefined || x.owner !== null || x.device === device) return x;
  return upload(x.dataSync(), x.dtype, x.shape, device);
}

/** A constant over a shape: nodes inside a trace, a new buffer outside. */
function constantFill(
  operation: string,
  shape: readonly number[],
  value: number,
  options: CreationOptions,
): Tensor {
  checkCreation(operation, options);
  const sizes = checkShape(operation, shape);
  const { dtype = defaultFloat(), device } = options;
  return stay(placed(materialize(filled(value, { shape: sizes, dtype }), device), device));
}

/**
 * Zeros.
 *
 * @example
 * ```ts
 * import { zeros } from "@damo/damo";
 * console.assert(zeros([2, 3]).sum().itemSync() === 0);
 * ```
 */
export function zeros(shape: readonly number[], options: CreationOptions = {}): Tensor {
  return constantFill("zeros", shape, 0, options);
}

/**
 * Ones.
 *
 * @example
 * ```ts
 * import { ones } from "@damo/damo";
 * console.assert(ones([2, 3], { dtype: "int32" }).sum().itemSync() === 6);
 * ```
 */
export function ones(shape: readonly number[], options: CreationOptions = {}): Tensor {
  return constantFill("ones", shape, 1, options);
}

/**
 * One value everywhere; a boolean makes bool, a tensor is broadcast.
 *
 * @example
 * ```ts
 * import { full } from "@damo/damo";
 * console.assert(full([2], 7).sum().itemSync() === 14);
 * ```
 */
export function full(shape: readonly number[], value: TensorLike, options: CreationOptions = {}): Tensor {
  if (typeof value === "number") return constantFill("full", shape, value, options);
  if (typeof value === "boolean") {
    return constantFill("full", shape, value ? 1 : 0, { dtype: "bool", ...options });
  }
  checkCreation("full", options);
  const source = strong(toTensor(value, { dtype: options.dtype, operation: "full" }));
  return placed(source.broadcastTo(checkShape("full", shape)), options.device);
}

/** The dtype and device of what is made like `x`. */
function like(
  operation: string,
  x: TensorLike,
  options: CreationOptions,
): { shape: Shape; options: CreationOptions } {
  checkCreation(operation, options);
  const model = strong(x, operation);
  const device = model.owner === null && currentTrace() === null ? model.device : undefined;
  return { shape: model.shape, options: { dtype: model.dtype, device, ...options } };
}

/**
 * Zeros of the shape, dtype and device of `x`.
 *
 * @example
 * ```ts
 * import { tensor, zerosLike } from "@damo/damo";
 * console.assert(String(zerosLike(tensor([1, 2])).arraySync()) === "0,0");
 * ```
 */
export function zerosLike(x: TensorLike, options: CreationOptions = {}): Tensor {
  const model = like("zerosLike", x, options);
  return constantFill("zerosLike", model.shape, 0, model.options);
}

/**
 * Ones of the shape, dtype and device of `x`.
 *
 * @example
 * ```ts
 * import { onesLike, tensor } from "@damo/damo";
 * console.assert(String(onesLike(tensor([1, 2])).arraySync()) === "1,1");
 * ```
 */
export function onesLike(x: TensorLike, options: CreationOptions = {}): Tensor {
  const model = like("onesLike", x, options);
  return constantFill("onesLike", model.shape, 1, model.options);
}

/**
 * One value in the shape, dtype and device of `x`.
 *
 * @example
 * ```ts
 * import { fullLike, tensor } from "@damo/damo";
 * console.assert(String(fullLike(tensor([1, 2]), 9).arraySync()) === "9,9");
 * ```
 */
export function fullLike(x: TensorLike, value: TensorLike, options: CreationOptions = {}): Tensor {
  const model = like("fullLike", x, options);
  return full(model.shape, value, model.options);
}

function checkFinite(operation: string, names: readonly string[], values: readonly unknown[]): void {
  values.forEach((value, i) => {
    if (typeof value === "number" && Number.isFinite(value)) return;
    refuseTraced(operation, names[i], value);
    throw new ShapeError(`${operation}: ${names[i]} is ${String(value)}.`, {
      operation,
      arguments: [{ name: names[i], value }],
      remedy: "Pass a finite number: sizes are fixed while a function is traced.",
    });
  });
}

/** Counts along one axis of a shape. */
export function iota(shape: Shape, axis: number, dtype: DType): Tensor {
  return bindOne(iotaPrimitive, [], { shape, axis, dtype });
}

/**
 * Evenly spaced numbers from `start` (0) up to and without `stop`, `step` (1) apart, of the default float. With one
 * number that is `stop`.
 *
 * @throws {ShapeError} for a step of 0 and numbers that are not finite.
 * @example
 * ```ts
 * import { arange } from "@damo/damo";
 * console.assert(String(arange(3).arraySync()) === "0,1,2");
 * console.assert(String(arange(5, 0, -2, { dtype: "int32" }).arraySync()) === "5,3,1");
 * ```
 */
export function arange(stop: number, options?: CreationOptions): Tensor;
/** From `start` up to and without `stop`, `step` apart. */
export function arange(start: number, stop: number, step?: number, options?: CreationOptions): Tensor;
/** From `start` up to and without `stop`. */
export function arange(start: number, stop: number, options: CreationOptions): Tensor;
export function arange(...given: (number | CreationOptions | undefined)[]): Tensor {
  const last = given[given.length - 1];
  const options = typeof last === "object" && last !== null && !("aval" in last)
    ? given.pop() as CreationOptions
    : {};
  checkCreation("arange", options);
  const [first, second, step = 1] = given as (number | undefined)[];
  const [start, stop] = (second === undefined ? [0, first] : [first, second]) as [number, number];
  checkFinite("arange", ["start", "stop", "step"], [start, stop, step]);
  if (step === 0) {
    throw new ShapeError("arange: step is 0.", {
      operation: "arange",
      arguments: [{ name: "step", value: step }],
      remedy: "Pass a step that is not 0.",
    });
  }
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const { dtype = defaultFloat(), device } = options;
  if (
    Number.isInteger(start) && Number.isInteger(step) && (!device || device === executor().defaultDevice())
  ) {
    return stay(arithmetic(start, step, count, dtype));
  }
  const values = Float64Array.from({ length: count }, (_, i) => start + i * step);
  return upload(convertTyped(values, "float64", dtype), dtype, [count], device);
}

/** start + i step for integers, as nodes inside a trace. */
function arithmetic(start: number, step: number, count: number, dtype: DType): Tensor {
  const exact = isFloat(dtype) && dtype !== "float16" ? dtype : "int32";
  let values = iota([count], 0, exact);
  if (step !== 1) values = apply("mul", values, Tensor.literal(step, exact));
  if (start !== 0) values = apply("add", values, Tensor.literal(start, exact));
  return castTo(values, dtype);
}

/**
 * `count` evenly spaced numbers from `start` to `stop`, both included.
 *
 * @throws {ShapeError} for a count that is no non-negative integer.
 * @example
 * ```ts
 * import { linspace } from "@damo/damo";
 * console.assert(String(linspace(0, 1, 3).arraySync()) === "0,0.5,1");
 * ```
 */
export function linspace(start: number, stop: number, count: number, options: CreationOptions = {}): Tensor {
  checkCreation("linspace", options);
  checkFinite("linspace", ["start", "stop"], [start, stop]);
  checkShape("linspace", [count], "count");
  const { dtype = defaultFloat(), device } = options;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    // Weighted from both ends, so that the ends and the middle are exact.
    values[i] = count === 1 ? start : (start * (count - 1 - i) + stop * i) / (count - 1);
  }
  return upload(convertTyped(values, "float64", dtype), dtype, [count], device);
}

/** Options of shared. */
export interface SharedOptions extends CreationOptions {
  /** Its name in graphs and errors. */
  readonly name?: string;
}

let unnamed = 0;

/**
 * A variable that keeps its value between calls: see {@link Shared}.
 *
 * @throws {TracedValueError} when the value is a traced tensor.
 * @example
 * ```ts
 * import { shared, zeros } from "@damo/damo";
 * const weights = shared(zeros([3, 2]), { name: "weights" });
 * weights.value = weights.value.add(1);
 * console.assert(weights.value.sum().itemSync() === 6);
 * ```
 */
export function shared(value: TensorLike, options: SharedOptions = {}): Shared {
  checkOptions("shared", options, ["name", "dtype", "device"]);
  const { name = `shared${unnamed++}`, ...rest } = options;
  const initial = value instanceof Shared ? value.peek() : value;
  const traced = initial instanceof Tensor && initial.owner !== null;
  const made = traced ? initial : withoutTrace(() => tensor(initial, rest));
  if (made.owner === null) {
    // Refuses what was disposed or donated.
    made.storage();
    return new Shared(made, name);
  }
  throw new TracedValueError(`shared: the value ${describe(made.aval)} of "${name}" is traced.`, {
    operation: "shared",
    arguments: [{ name, shape: made.shape, dtype: made.dtype }],
    remedy: "Make shared variables outside traced functions, and assign their .value inside.",
  });
}

/**
 * The same values in another dtype: floats round, floats become integers by truncation within the range (NaN 0),
 * integers wrap, and everything but 0 is true.
 *
 * @throws {DTypeError} for a name that is no dtype.
 * @example
 * ```ts
 * import { cast, tensor } from "@damo/damo";
 * console.assert(String(cast(tensor([1.9, -1.9, NaN]), "int32").arraySync()) === "1,-1,0");
 * ```
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  return castTo(toTensor(x, { operation: "cast" }), checkDType("cast", dtype));
}

/** The same tensor on a device: itself when it is there, otherwise a copy. Traced tensors are where they are run. */
function to(x: Tensor, device: Device): Tensor {
  return placed(materialize(x, checkDevice("to", device)), device);
}

/** The methods of this file. */
export interface ConversionMethods {
  /** The same tensor on a device: itself when it is there, otherwise a copy. Inside a trace it is the tensor itself. */
  to(device: Device): Tensor;
  /** See {@link cast}. */
  cast(dtype: DType): Tensor;
}

installFunctions({ cast, to });
