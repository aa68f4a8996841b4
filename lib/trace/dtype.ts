/** Element types: names, sizes, typed arrays and the promotion table of API.md section 1. */
import { DTypeError } from "./errors.ts";

/** The element type of a tensor. */
export type DType = "float32" | "float64" | "float16" | "int32" | "uint32" | "int8" | "uint8" | "bool";

/** The typed arrays that tensors are made from and read back as. */
export type TypedArray =
  | Float32Array<ArrayBufferLike>
  | Float64Array<ArrayBufferLike>
  | Float16Array<ArrayBufferLike>
  | Int32Array<ArrayBufferLike>
  | Uint32Array<ArrayBufferLike>
  | Int8Array<ArrayBufferLike>
  | Uint8Array<ArrayBufferLike>;

interface DTypeInfo {
  readonly bytes: number;
  readonly kind: "float" | "signed" | "unsigned" | "bool";
  /** Position in the promotion order; equal ranks with different signs meet at int32. */
  readonly rank: number;
}

const INFO: { readonly [D in DType]: DTypeInfo } = {
  bool: { bytes: 1, kind: "bool", rank: 0 },
  uint8: { bytes: 1, kind: "unsigned", rank: 1 },
  int8: { bytes: 1, kind: "signed", rank: 1 },
  int32: { bytes: 4, kind: "signed", rank: 2 },
  uint32: { bytes: 4, kind: "unsigned", rank: 2 },
  float16: { bytes: 2, kind: "float", rank: 3 },
  float32: { bytes: 4, kind: "float", rank: 4 },
  float64: { bytes: 8, kind: "float", rank: 5 },
};

/** All dtypes, lowest first in promotion order. */
export const DTYPES: readonly DType[] = Object.keys(INFO) as DType[];

export function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(INFO, value);
}

export function byteSize(dtype: DType): number {
  return INFO[dtype].bytes;
}

export function isFloat(dtype: DType): boolean {
  return INFO[dtype].kind === "float";
}

/** Signed and unsigned integers, without bool. */
export function isInteger(dtype: DType): boolean {
  const kind = INFO[dtype].kind;
  return kind === "signed" || kind === "unsigned";
}

export function isUnsigned(dtype: DType): boolean {
  return INFO[dtype].kind === "unsigned";
}

/** The dtype two tensors meet at: bool < uint8, int8 < int32, uint32 < float16 < float32 < float64. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const infoA = INFO[a], infoB = INFO[b];
  if (infoA.rank === infoB.rank) return "int32";
  const [low, high] = infoA.rank < infoB.rank ? [infoA, b] : [infoB, a];
  // A signed integer meeting a wider unsigned one (int8 with uint32) needs a sign: int32.
  if (low.kind === "signed" && INFO[high].kind === "unsigned") return "int32";
  return high;
}

let currentDefaultFloat: "float32" | "float64" = "float32";

/** The dtype of plain numbers, means and transcendental functions of integers. */
export function defaultFloat(): "float32" | "float64" {
  return currentDefaultFloat;
}

/**
 * Chooses the dtype that JS numbers, and float results of integer tensors, get.
 *
 * @throws {DTypeError} for anything but "float32" and "float64".
 * @example
 * ```ts
 * import { setDefaultFloat, tensor } from "@damo/damo";
 * setDefaultFloat("float64");
 * console.assert(tensor([1, 2]).dtype === "float64");
 * setDefaultFloat("float32");
 * ```
 */
export function setDefaultFloat(dtype: "float32" | "float64"): void {
  if (dtype !== "float32" && dtype !== "float64") {
    throw new DTypeError(`setDefaultFloat takes "float32" or "float64", got ${JSON.stringify(dtype)}.`, {
      operation: "setDefaultFloat",
      remedy: `Pass "float32" or "float64".`,
    });
  }
  currentDefaultFloat = dtype;
}

/** The remedy besides a cast where float64 meets float32 and must not lose its precision unseen; else nothing. */
export function otherDefault(wide: DType, narrow: DType): string {
  const precision = wide === "float64" && narrow === "float32";
  return precision ? `, or make float64 the default at the start: setDefaultFloat("float64")` : "";
}

/** The float dtype in which a transcendental function of `dtype` is computed. */
export function floatFor(dtype: DType): DType {
  return isFloat(dtype) ? dtype : currentDefaultFloat;
}

/** The dtype of a sum: bool and 8-bit integers are summed as int32. */
export function sumDType(dtype: DType): DType {
  return INFO[dtype].bytes === 1 ? "int32" : dtype;
}

/** A new zeroed typed array for `length` elements; bool is stored as bytes of 0 and 1. */
export function newTypedArray(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "float16":
      return new Float16Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint32":
      return new Uint32Array(length);
    case "int8":
      return new Int8Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
  }
}

/** A view of `buffer` as elements of `dtype`. */
export function viewTypedArray(
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, length);
    case "float64":
      return new Float64Array(buffer, byteOffset, length);
    case "float16":
      return new Float16Array(buffer, byteOffset, length);
    case "int32":
      return new Int32Array(buffer, byteOffset, length);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, length);
    case "int8":
      return new Int8Array(buffer, byteOffset, length);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

const conversion = {
  int32: new Int32Array(1),
  uint32: new Uint32Array(1),
  int8: new Int8Array(1),
  uint8: new Uint8Array(1),
  float32: new Float32Array(1),
  float16: new Float16Array(1),
};

/** Wraps an integer-valued number into the range of an integer dtype, modulo 2^bits. */
export function wrapInteger(value: number, dtype: DType): number {
  if (dtype === "bool") return value !== 0 ? 1 : 0;
  const cell = conversion[dtype as "int32"];
  cell[0] = value;
  return cell[0];
}

const RANGE: { readonly [d: string]: readonly [number, number] } = {
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  int8: [-128, 127],
  uint8: [0, 255],
};

/** The least and greatest value of an integer dtype (0 and 1 for bool), or -Infinity and Infinity. */
export function rangeOf(dtype: DType): readonly [number, number] {
  return dtype === "bool" ? [0, 1] : RANGE[dtype] ?? [-Infinity, Infinity];
}

/**
 * `cast` of one value: floats round, a float cast to an integer truncates and saturates with NaN to 0, integers
 * wrap, and everything but 0 is true.
 */
export function castValue(value: number, from: DType, to: DType): number {
  switch (to) {
    case "float64":
      return value;
    case "float32":
      return Math.fround(value);
    case "float16":
      return Math.f16round(value);
    case "bool":
      return value !== 0 ? 1 : 0;
    default: {
      if (!isFloat(from)) return wrapInteger(value, to);
      if (value !== value) return 0;
      const [low, high] = rangeOf(to);
      return value <= low ? low : value >= high ? high : Math.trunc(value) + 0;
    }
  }
}
