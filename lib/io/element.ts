/** The element types that files use, and how each becomes a dtype of Damo. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import { newTypedArray, viewTypedArray } from "../trace/dtype.ts";
import { refuse } from "./file_array.ts";

/** How one element lies in a file. */
export type FileElement =
  | "bool"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64";

interface ElementInfo {
  readonly bytes: number;
  readonly dtype: DType;
}

const INFO: { readonly [E in FileElement]: ElementInfo } = {
  bool: { bytes: 1, dtype: "bool" },
  int8: { bytes: 1, dtype: "int8" },
  uint8: { bytes: 1, dtype: "uint8" },
  int16: { bytes: 2, dtype: "int32" },
  uint16: { bytes: 2, dtype: "int32" },
  int32: { bytes: 4, dtype: "int32" },
  uint32: { bytes: 4, dtype: "uint32" },
  int64: { bytes: 8, dtype: "int32" },
  uint64: { bytes: 8, dtype: "uint32" },
  float16: { bytes: 2, dtype: "float16" },
  bfloat16: { bytes: 2, dtype: "float32" },
  float32: { bytes: 4, dtype: "float32" },
  float64: { bytes: 8, dtype: "float64" },
};

/** Bytes of one element in the file. */
export function elementBytes(element: FileElement): number {
  return INFO[element].bytes;
}

/** The dtype that an element becomes. */
export function elementDType(element: FileElement): DType {
  return INFO[element].dtype;
}

/**
 * Reads `bytes`, which hold whole elements, into a typed array of its own. 64-bit integers are refused where a
 * value does not fit into 32 bits; bool bytes other than 0 and 1 are refused.
 */
export function decodeElements(
  element: FileElement,
  bytes: Uint8Array,
  where: string,
  bigEndian = false,
): TypedArray {
  const { bytes: size, dtype } = INFO[element];
  // Not slice(): that of a Node Buffer shares the memory.
  const own = new Uint8Array(bytes);
  if (bigEndian && size > 1) reverseEach(own, size);
  const count = own.length / size;
  switch (element) {
    case "bool":
      for (let i = 0; i < count; i++) {
        if (own[i] > 1) refuse(`${where}: element ${i} is ${own[i]}, which is neither true nor false.`);
      }
      return own;
    case "int16":
      return Int32Array.from(new Int16Array(own.buffer));
    case "uint16":
      return Int32Array.from(new Uint16Array(own.buffer));
    case "int64":
      return narrow(new BigInt64Array(own.buffer), new Int32Array(count), where);
    case "uint64":
      return narrow(new BigUint64Array(own.buffer), new Uint32Array(count), where);
    case "bfloat16":
      return widenBrainFloat(new Uint16Array(own.buffer));
    default:
      return viewTypedArray(dtype, own.buffer, 0, count);
  }
}

/** 64-bit integers have no dtype here: they pass where every value fits into 32 bits. */
function narrow<T extends Int32Array | Uint32Array>(
  wide: BigInt64Array | BigUint64Array,
  out: T,
  where: string,
): T {
  for (let i = 0; i < wide.length; i++) {
    const value = Number(wide[i]);
    out[i] = value;
    if (out[i] !== value) {
      refuse(
        `${where}: element ${i} is ${wide[i]}, too big for 32 bits.`,
        "Damo has no 64-bit integers: store it as int32, uint32 or float64.",
      );
    }
  }
  return out;
}

/** A bfloat16 is the upper half of a float32. */
function widenBrainFloat(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

function reverseEach(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}

/** Column-major values as row-major ones; `shape` is that of the array. */
export function toRowMajor(dtype: DType, shape: readonly number[], data: TypedArray): TypedArray {
  const out = newTypedArray(dtype, data.length);
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
