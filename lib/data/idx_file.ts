/** The IDX format of the MNIST files (LeCun, Cortes and Burges): a magic number with dtype and rank, the sizes, the values. */
import { decodeElements, elementBytes, elementDType, type FileElement } from "../io/element.ts";
import { elementCount, type FileArray, refuse } from "../io/file_array.ts";

/** The third byte of the file tells the type of an element; all are big-endian. */
const ELEMENTS: Readonly<Record<number, FileElement>> = {
  0x08: "uint8",
  0x09: "int8",
  0x0b: "int16",
  0x0c: "int32",
  0x0d: "float32",
  0x0e: "float64",
};

/** Reads an IDX file; 16-bit integers become int32. */
export function decodeIdx(bytes: Uint8Array): FileArray {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    refuse(
      "These bytes are compressed with gzip.",
      `Decompress them first: new Response(stream.pipeThrough(new DecompressionStream("gzip"))).bytes().`,
    );
  }
  if (bytes.length < 4) {
    refuse(`An IDX file begins with 4 bytes of magic number; these are ${bytes.length} bytes.`);
  }
  const element = ELEMENTS[bytes[2]];
  const rank = bytes[3];
  if (bytes[0] !== 0 || bytes[1] !== 0 || element === undefined) {
    const magic = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    refuse(`No IDX file begins with the bytes ${magic}.`);
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) refuse(`The IDX file claims ${rank} axes and is truncated within their sizes.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = elementCount(shape, "The IDX file") * elementBytes(element);
  const found = bytes.length - start;
  if (found !== expected) {
    refuse(
      `The IDX file claims ${element}[${
        shape.join(", ")
      }], which takes ${expected} bytes, and ${found} follow` +
        (found < expected ? ": it is truncated." : "."),
    );
  }
  const data = decodeElements(element, bytes.subarray(start), "The IDX file", true);
  return { dtype: elementDType(element), shape, data };
}
