/** What users pass becomes a tensor here, and operands of several dtypes meet here. */
import { defaultFloat, type DType, isFloat, promote, rangeOf, type TypedArray } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import { follow } from "../following.ts";
import { castPrimitive } from "../primitives/cast.ts";
import { elementwise } from "../primitives/elementwise.ts";
import { apply, constantValue } from "../primitives/elementwise_rules.ts";
import { reshapeTo } from "../primitives/move.ts";
import { concatPrimitive } from "../primitives/move_concat.ts";
import { describe, sameShape, type Shape } from "../shape.ts";
import { installSharedConversion, Shared } from "../shared.ts";
import { type Device, executor } from "../storage.ts";
import { type NumberOrigin, Tensor } from "../tensor.ts";
import { bindOne, currentTrace } from "../trace.ts";
import {
  convertTyped,
  dtypeOfTyped,
  elementError,
  flattenNested,
  plainNumbers,
  type TypedInput,
} from "./nested_data.ts";

/** Everything that is accepted where a tensor is: nested arrays may also hold tensors, which are stacked. */
export type TensorLike = Tensor | Shared | number | boolean | TypedInput | readonly TensorLike[];

export interface ConversionOptions {
  /** The dtype of the result. */
  readonly dtype?: DType;
  /** Named in errors. */
  readonly operation?: string;
}

/** A new concrete tensor of the given elements. */
export function upload(data: TypedArray, dtype: DType, shape: Shape, device?: Device): Tensor {
  const storage = executor().upload(data, dtype, device ?? executor().defaultDevice());
  return new Tensor({ shape, dtype }, storage);
}

/**
 * Anything tensor-like as a tensor. Numbers stay weak literals unless a dtype is asked for; booleans are bool;
 * typed arrays keep their type; nested arrays are the default float or bool.
 */
export function toTensor(x: TensorLike, options: ConversionOptions = {}): Tensor {
  const { dtype, operation = "tensor" } = options;
  if (x instanceof Tensor) return dtype === undefined ? x : castTo(x, dtype);
  if (typeof x === "number") {
    return dtype === undefined ? Tensor.literal(x, "float64", true) : Tensor.literal(x, dtype);
  }
  if (typeof x === "boolean") return Tensor.literal(x ? 1 : 0, dtype ?? "bool");
  if (x instanceof Shared) return dtype === undefined ? x.value : castTo(x.value, dtype);
  if (ArrayBuffer.isView(x)) {
    const from = dtypeOfTyped(operation, x);
    const to = dtype ?? from;
    return follow(upload(convertTyped(x as TypedInput, from, to), to, [(x as TypedInput).length]));
  }
  if (!Array.isArray(x)) throw elementError(operation, [], x);
  if (holdsTensors(x)) {
    const stacked = stackNested(x, operation);
    return dtype === undefined ? stacked : castTo(stacked, dtype);
  }
  const flat = flattenNested(operation, x, dtype);
  return follow(upload(flat.data, flat.dtype, flat.shape));
}

/** Plain numbers in arrays take the dtype of the tensor they go into, as a single number does; all else keeps its own. */
export function toTensorFor(x: TensorLike, dtype: DType, operation?: string): Tensor {
  return toTensor(x, { operation, dtype: Array.isArray(x) && plainNumbers(x, dtype) ? dtype : undefined });
}

installSharedConversion({ toTensor: (value, dtype) => toTensorFor(value as TensorLike, dtype), materialize });

function holdsTensors(x: readonly unknown[]): boolean {
  return x.some((value) =>
    value instanceof Tensor || value instanceof Shared || (Array.isArray(value) && holdsTensors(value))
  );
}

function stackNested(x: readonly TensorLike[], operation: string): Tensor {
  const rows = promoteTensors(x.map((value) => strong(value, operation)));
  rows.forEach((row, i) => {
    if (sameShape(row.shape, rows[0].shape)) return;
    throw new ShapeError(
      `${operation}: ragged nested arrays: position [${i}] is ${describe(row.aval)}, position [0] is ${
        describe(rows[0].aval)
      }.`,
      { operation, remedy: "Tensors in an array are stacked and must have one shape." },
    );
  });
  const parts = rows.map((row) => reshapeTo(row, [1, ...row.shape]));
  return parts.length === 1 ? parts[0] : bindOne(concatPrimitive, parts, { axis: 0 });
}

/** `x` in another dtype; itself when it has it. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  if (x.aval.dtype === dtype && !x.aval.weak) return x;
  return x.literal !== null ? Tensor.literal(x.literal, dtype) : bindOne(castPrimitive, [x], { dtype });
}

/**
 * A weak tensor in a definite dtype. A choice between plain numbers is made in that dtype from the start, rather than
 * in float64 and then cast: `x.mul(where(mask, 1, 0))`.
 */
function settle(x: Tensor, dtype: DType): Tensor {
  const node = x.variable?.node;
  if (!node || node.primitive !== elementwise.select as unknown) return x.convertWeak(dtype);
  const [condition, ...choices] = node.inputs.map((variable) =>
    new Tensor(variable.aval, null, x.owner, variable)
  );
  const numbers = choices.map(constantValue);
  if (numbers.includes(undefined)) return x.convertWeak(dtype);
  return apply("select", condition, ...numbers.map((value) => Tensor.literal(value!, dtype)));
}

/** Anything tensor-like as a tensor that is not weak: plain numbers become the default float. */
export function strong(x: TensorLike, operation?: string): Tensor {
  const tensor = toTensor(x, { operation });
  return tensor.aval.weak ? settle(tensor, defaultFloat()) : tensor;
}

/** A tensor with a buffer of its own on a device: what `tensor(3)` gives outside a trace. */
export function materialize(x: Tensor, device?: Device): Tensor {
  if (x.literal === null || currentTrace()) return x;
  const dtype = x.aval.weak ? defaultFloat() : x.aval.dtype;
  return upload(convertTyped(Float64Array.of(x.literal), "float64", dtype), dtype, [], device);
}

/** Tensors that are not weak, cast to the dtype at which they meet. */
function promoteTensors(tensors: readonly Tensor[]): Tensor[] {
  let dtype = tensors[0].aval.dtype;
  for (const x of tensors) dtype = promote(dtype, x.aval.dtype);
  return tensors.map((x) => castTo(x, dtype));
}

export interface PromotionOptions {
  /** Casts to the default float what is no float: transcendental functions and true division. */
  readonly float?: boolean;
  /** A number that the integer dtype cannot hold becomes its nearest value instead of an error. */
  readonly saturate?: boolean;
}

/**
 * The operands of an operation as tensors of one dtype, by the promotion rule: bool < uint8, int8 < int32, uint32 <
 * float16 < float32 < float64; a plain number takes the dtype of the tensors it meets, unless it is fractional and
 * they are integers or bool (default float), or it is integral and they are bool (int32).
 *
 * @throws {DTypeError} for a number that the integer dtype cannot hold.
 */
export function promoteOperands(
  operation: string,
  operands: readonly TensorLike[],
  options: PromotionOptions = {},
): Tensor[] {
  const tensors = operands.map((x) => x instanceof Tensor ? x : toTensor(x, { operation }));
  let dtype: DType | null = null;
  let uniform = true;
  for (const { aval } of tensors) {
    if (aval.weak) uniform = false;
    else if (dtype === null) dtype = aval.dtype;
    else if (dtype !== aval.dtype) {
      dtype = promote(dtype, aval.dtype);
      uniform = false;
    }
  }
  if (dtype === null) return promoteWeak(tensors);
  if (!isFloat(dtype) && options.float) {
    dtype = defaultFloat();
    uniform = false;
  }
  if (uniform) return tensors;
  if (!isFloat(dtype)) dtype = meetNumbers(dtype, tensors);
  const target = dtype;
  return tensors.map((x) => {
    if (!x.aval.weak) return castTo(x, target);
    if (!isFloat(target) && !options.saturate) checkRange(operation, x, target, tensors);
    return settle(x, target);
  });
}

/** Plain numbers only: they stay weak inside a trace, and are the default float outside. */
function promoteWeak(tensors: readonly Tensor[]): Tensor[] {
  if (!currentTrace()) return tensors.map((x) => x.convertWeak(defaultFloat()));
  const dtype = tensors.find((x) => x.literal === null)?.aval.dtype ?? "float64";
  return tensors.map((x) =>
    x.literal !== null && x.aval.dtype !== dtype ? Tensor.literal(x.literal, dtype, true) : x
  );
}

/** The dtype at which integers or bool meet plain numbers. */
function meetNumbers(dtype: DType, tensors: readonly Tensor[]): DType {
  let numbers = false;
  for (const x of tensors) {
    if (!x.aval.weak) continue;
    if (!isIntegral(x)) return defaultFloat();
    numbers = true;
  }
  return numbers && dtype === "bool" ? "int32" : dtype;
}

/** Whether a plain number is integral; the trace then depends on it. */
export function isIntegral(x: Tensor): boolean {
  if (x.literal !== null) return Number.isInteger(x.literal);
  x.origin?.observe();
  return x.origin?.integral ?? false;
}

/** Refuses a plain number, also a traced argument, that an integer dtype cannot hold. */
export function checkRange(
  operation: string,
  number: Tensor,
  dtype: DType,
  tensors: readonly Tensor[],
): void {
  const [low, high] = rangeOf(dtype);
  const value = number.literal ?? number.origin?.within?.(low, high);
  if (value === undefined || value >= low && value <= high) return;
  throw new DTypeError(`${operation}: the number ${value} does not fit ${dtype} (${low} to ${high}).`, {
    operation,
    arguments: tensors.map((x, i) => ({ name: `operand ${i}`, shape: x.shape, dtype: x.aval.dtype })),
    remedy: `Cast the tensor to a wider dtype first, or wrap the number yourself.`,
  });
}

/** The origin of what is computed from several traced numbers. */
class CombinedOrigin implements NumberOrigin {
  readonly integral: boolean;
  readonly roots: ReadonlySet<NumberOrigin>;

  constructor(integral: boolean, roots: ReadonlySet<NumberOrigin>) {
    this.integral = integral;
    this.roots = roots;
  }

  observe(): void {
    for (const root of this.roots) root.observe();
  }
}

/** The origin of a sum, difference or product of plain numbers: integral when all of them are. */
export function combineOrigins(operands: readonly Tensor[]): NumberOrigin | null {
  const roots = new Set<NumberOrigin>();
  let integral = true;
  for (const { literal, origin } of operands) {
    if (literal !== null) integral &&= Number.isInteger(literal);
    else if (origin === null) return null;
    else {
      integral &&= origin.integral;
      if (origin instanceof CombinedOrigin) { for (const root of origin.roots) roots.add(root); }
      else roots.add(origin);
    }
  }
  return roots.size === 0 ? null : new CombinedOrigin(integral, roots);
}
