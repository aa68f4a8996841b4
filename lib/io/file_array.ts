/** Arrays as they stand in files: a dtype, a shape and the values in row-major order. */
import { byteSize, type DType, type TypedArray } from "../trace/dtype.ts";
import { FormatError } from "../trace/errors.ts";

/** An array as files hold it, row-major; bool is stored as bytes of 0 and 1. */
export interface FileArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Named arrays in the order of the file. */
export type NamedArrays = ReadonlyMap<string, FileArray>;

/** More axes than any array has; a file that claims more is not one of ours. */
const MAX_AXES = 64;

/** Refuses a file or a tree: what is wrong with it, and what to do where something can be done. */
export function refuse(reason: string, remedy?: string): never {
  throw new FormatError(reason, { operation: "io", remedy });
}

/** What a reader of bytes was given, as bytes. */
export function givenBytes(operation: string, given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given;
  if (given instanceof ArrayBuffer) return new Uint8Array(given);
  const shown = typeof given === "object" ? given?.constructor?.name ?? "null" : typeof given;
  refuse(
    `${operation} reads bytes, and got a value of type ${shown}.`,
    "Pass a Uint8Array or an ArrayBuffer.",
  );
}

/**
 * The number of elements of a shape that a file states, before anything is allocated for it. The product
 * must stay exact, so it is bounded by 2^53 at every step, sizes of 0 notwithstanding.
 */
export function elementCount(shape: readonly unknown[], where: string): number {
  if (shape.length > MAX_AXES) refuse(`${where}: ${shape.length} axes; at most ${MAX_AXES} are possible.`);
  let count = 1;
  let empty = false;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      refuse(`${where}: the shape [${shape.join(", ")}] holds ${String(size)}, which is not a size.`);
    }
    if (size === 0) empty = true;
    else count *= size;
    if (!Number.isSafeInteger(count * 8)) refuse(`${where}: the shape [${shape.join(", ")}] overflows.`);
  }
  return empty ? 0 : count;
}

/** The bytes of an array, without a copy. */
export function bytesOf(array: FileArray): Uint8Array {
  return new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
}

/** Checks that an array is what it says, so that no broken file is written. */
export function checkFileArray(array: FileArray, name: string): void {
  const where = `Array "${name}"`;
  const count = elementCount(array.shape, where);
  if (array.data.length !== count || array.data.BYTES_PER_ELEMENT !== byteSize(array.dtype)) {
    refuse(`${where}: ${array.data.length} values do not make ${array.dtype}[${array.shape.join(", ")}].`);
  }
}

/** A shape in a message. */
export function describeShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
