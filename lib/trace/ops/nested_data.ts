/** Nested JavaScript arrays as flat data, with errors that name the place of what does not fit. */
import {
  castValue,
  defaultFloat,
  type DType,
  isFloat,
  newTypedArray,
  promote,
  rangeOf,
  type TypedArray,
} from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import { sizeOf } from "../shape.ts";

/** Typed arrays that are taken as data; 16-bit integers become int32. */
export type TypedInput =
  | TypedArray
  | Int16Array<ArrayBufferLike>
  | Uint16Array<ArrayBufferLike>
  | Uint8ClampedArray<ArrayBufferLike>;

export interface FlatData {
  readonly data: TypedArray;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const TYPED_DTYPES: { readonly [name: string]: DType } = {
  Float32Array: "float32",
  Float64Array: "float64",
  Float16Array: "float16",
  Int32Array: "int32",
  Uint32Array: "uint32",
  Int8Array: "int8",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Int16Array: "int32",
  Uint16Array: "int32",
};

/** The dtype a typed array becomes. */
export function dtypeOfTyped(operation: string, array: ArrayBufferView): DType {
  const name = (array as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "ArrayBuffer view";
  const dtype = TYPED_DTYPES[name];
  if (dtype) return dtype;
  throw new DTypeError(`${operation}: a ${name} is no tensor data.`, {
    operation,
    remedy: name.startsWith("Big")
      ? "There are no 64-bit integers: convert it, for example Float64Array.from(data, Number) or Int32Array.from(data, Number)."
      : "Pass a Float32Array, Int32Array, Uint8Array or another typed array of numbers.",
  });
}

/** A typed array as elements of `dtype`: itself when it has that type already. */
export function convertTyped(array: TypedInput, from: DType, to: DType): TypedArray {
  if (from === to && array.constructor === newTypedArray(to, 0).constructor) return array as TypedArray;
  const result = newTypedArray(to, array.length);
  for (let i = 0; i < array.length; i++) result[i] = castValue(array[i], from, to);
  return result;
}

function place(path: readonly number[]): string {
  return path.length === 0 ? "the data" : `position [${path.join("][")}]`;
}

function raggedError(
  operation: string,
  path: readonly number[],
  expected: string,
  found: string,
): ShapeError {
  return new ShapeError(
    `${operation}: ragged nested arrays: ${place(path)} is ${found}, expected ${expected}.`,
    {
      operation,
      arguments: [{ name: "data", value: [...path] }],
      remedy: "Every array of one level must have the same length; pad the short ones.",
    },
  );
}

function isRow(value: unknown): value is readonly unknown[] | TypedInput {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/** The shape that the first elements suggest; `flatten` then checks all others. */
function shapeOf(operation: string, data: unknown): number[] {
  const shape: number[] = [];
  for (let value = data; isRow(value);) {
    if (ArrayBuffer.isView(value)) dtypeOfTyped(operation, value);
    shape.push((value as readonly unknown[]).length);
    value = (value as readonly unknown[])[0];
  }
  return shape;
}

interface Collected {
  readonly values: Float64Array;
  count: number;
  numbers: boolean;
  booleans: boolean;
  typed: DType | null;
}

/**
 * Flattens nested arrays of numbers or booleans, whose rows may be typed arrays. All booleans give bool, typed rows
 * their own type, and numbers the default float.
 *
 * @throws {ShapeError} for ragged arrays.
 * @throws {DTypeError} for anything that is no number or boolean.
 */
export function flattenNested(operation: string, data: readonly unknown[], dtype?: DType): FlatData {
  const shape = shapeOf(operation, data);
  const all: Collected = {
    values: new Float64Array(sizeOf(shape)),
    count: 0,
    numbers: false,
    booleans: false,
    typed: null,
  };
  collect(operation, data, shape, 0, [], all);
  const own: DType = all.numbers || (!all.typed && !all.booleans)
    ? (all.typed && isFloat(all.typed) ? all.typed : defaultFloat())
    : all.typed && all.booleans
    ? promote(all.typed, "bool")
    : all.typed ?? "bool";
  const target = dtype ?? own;
  const result = newTypedArray(target, all.values.length);
  if (isFloat(target)) result.set(all.values);
  else for (let i = 0; i < result.length; i++) result[i] = castValue(all.values[i], "float64", target);
  return { data: result, dtype: target, shape };
}

function collect(
  operation: string,
  value: unknown,
  shape: readonly number[],
  axis: number,
  path: number[],
  all: Collected,
): void {
  if (axis === shape.length) {
    if (typeof value === "number") all.numbers = true;
    else if (typeof value === "boolean") all.booleans = true;
    else if (isRow(value)) throw raggedError(operation, path, "one element", describeRow(value));
    else throw elementError(operation, path, value);
    all.values[all.count++] = Number(value);
    return;
  }
  const size = shape[axis];
  if (!isRow(value)) {
    if (typeof value !== "number" && typeof value !== "boolean") throw elementError(operation, path, value);
    throw raggedError(operation, path, `an array of ${size}`, `the ${typeof value} ${String(value)}`);
  }
  if (value.length !== size) throw raggedError(operation, path, `an array of ${size}`, describeRow(value));
  if (ArrayBuffer.isView(value)) {
    const dtype = dtypeOfTyped(operation, value);
    all.typed = all.typed ? promote(all.typed, dtype) : dtype;
    all.values.set(value as TypedArray, all.count);
    all.count += size;
    return;
  }
  const last = axis === shape.length - 1;
  for (let i = 0; i < size; i++) {
    const element = value[i];
    if (last && typeof element === "number") {
      all.numbers = true;
      all.values[all.count++] = element;
      continue;
    }
    path.push(i);
    collect(operation, element, shape, axis + 1, path, all);
    path.pop();
  }
}

function describeRow(value: readonly unknown[] | TypedInput): string {
  return `an array of ${value.length}`;
}

/** Whether `x` is a plain number, or nested arrays of plain numbers, that `dtype` holds: an integer dtype integers in its range. */
export function plainNumbers(x: unknown, dtype: DType): boolean {
  if (Array.isArray(x)) return x.every((value) => plainNumbers(value, dtype));
  if (typeof x !== "number" || dtype === "bool") return false;
  const [low, high] = rangeOf(dtype);
  return isFloat(dtype) || Number.isInteger(x) && x >= low && x <= high;
}

/** The error for something that is no element. */
export function elementError(operation: string, path: readonly number[], value: unknown): DTypeError {
  const shown = typeof value === "bigint"
    ? `the BigInt ${value}n`
    : typeof value === "string"
    ? `the string ${JSON.stringify(value)}`
    : typeof value === "function"
    ? "a function"
    : Object.prototype.toString.call(value) === "[object Object]"
    ? "an object"
    : String(value);
  return new DTypeError(`${operation}: ${place(path)} is ${shown}, which is no number or boolean.`, {
    operation,
    arguments: [{ name: "data", value: [...path] }],
    remedy: typeof value === "bigint"
      ? "There are no 64-bit integers: use Number(value)."
      : "Pass a Tensor, a Shared, a number, a boolean, a typed array, or nested arrays of these.",
  });
}
