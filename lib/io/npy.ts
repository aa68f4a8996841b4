/**
 * The .npy format of NumPy (numpy.lib.format, versions 1 to 3): a magic string, a Python dict with dtype, order and
 * shape, and the values.
 */
import type { DType } from "../trace/dtype.ts";
import { decodeElements, elementBytes, elementDType, type FileElement, toRowMajor } from "./element.ts";
import { bytesOf, checkFileArray, elementCount, type FileArray, refuse } from "./file_array.ts";
import { parsePythonDict, type PythonValue } from "./python_literal.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** NumPy's codes without the byte order. */
const ELEMENTS: Readonly<Record<string, FileElement>> = {
  b1: "bool",
  i1: "int8",
  u1: "uint8",
  i2: "int16",
  u2: "uint16",
  i4: "int32",
  u4: "uint32",
  i8: "int64",
  u8: "uint64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
};

const DESCRIPTIONS: { readonly [D in DType]: string } = {
  bool: "|b1",
  int8: "|i1",
  uint8: "|u1",
  int32: "<i4",
  uint32: "<u4",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
};

const REFUSED: Readonly<Record<string, string>> = {
  O: "Python objects, which only running Python code could read",
  U: "text",
  S: "text",
  V: "records or bytes of no known meaning",
  c: "complex numbers",
  M: "dates",
  m: "time spans",
  f: "floats of an unusual size",
};

/** Whether bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Writes one array as a .npy file, version 1. */
export function encodeNpy(array: FileArray): Uint8Array<ArrayBuffer> {
  checkFileArray(array, "npy");
  const shape = array.shape.length === 1 ? `(${array.shape[0]},)` : `(${array.shape.join(", ")})`;
  const dict = `{'descr': '${DESCRIPTIONS[array.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The values begin at a multiple of 64, after a newline.
  const start = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const file = new Uint8Array(start + array.data.byteLength);
  file.set(MAGIC);
  file[6] = 1;
  new DataView(file.buffer).setUint16(8, start - 10, true);
  file.set(new TextEncoder().encode(dict.padEnd(start - 11) + "\n"), 10);
  file.set(bytesOf(array), start);
  return file;
}

/** Reads a .npy file; column-major and big-endian arrays become row-major ones of this machine. */
export function decodeNpy(bytes: Uint8Array, where = "The .npy file"): FileArray {
  const { text, start } = readHeader(bytes, where);
  const fields = parsePythonDict(text, where);
  for (const name of fields.keys()) {
    if (name !== "descr" && name !== "fortran_order" && name !== "shape") {
      refuse(`${where}: unknown header field "${name}".`);
    }
  }
  const { element, bigEndian } = readDescription(fields.get("descr"), where);
  const columnMajor = fields.get("fortran_order");
  if (typeof columnMajor !== "boolean") refuse(`${where}: fortran_order is neither True nor False.`);
  const shape = fields.get("shape");
  if (!Array.isArray(shape)) refuse(`${where}: it has no shape.`);
  const count = elementCount(shape, where);
  const expected = count * elementBytes(element);
  const found = bytes.length - start;
  if (found !== expected) {
    refuse(
      `${where}: ${element}[${shape.join(", ")}] takes ${expected} bytes, and ${found} follow the header` +
        (found < expected ? ": it is truncated." : "."),
    );
  }
  const sizes = shape as number[];
  const dtype = elementDType(element);
  const data = decodeElements(element, bytes.subarray(start), where, bigEndian);
  return {
    dtype,
    shape: sizes,
    data: columnMajor && sizes.length > 1 ? toRowMajor(dtype, sizes, data) : data,
  };
}

function readHeader(bytes: Uint8Array, where: string): { text: string; start: number } {
  if (!isNpy(bytes)) refuse(`${where} does not begin with "\\x93NUMPY".`);
  const major = bytes[6];
  if (major !== 1 && major !== 2 && major !== 3) {
    refuse(`${where}: format version ${major}.${bytes[7]} is unknown; 1, 2 and 3 are.`);
  }
  const lengthBytes = major === 1 ? 2 : 4;
  const first = 8 + lengthBytes;
  if (bytes.length < first) refuse(`${where} is truncated: it ends within its header.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = first + length;
  if (start > bytes.length) {
    refuse(
      `${where}: the header claims ${length} bytes, and only ${
        bytes.length - first
      } follow: it is truncated.`,
    );
  }
  try {
    const text = new TextDecoder(major === 3 ? "utf-8" : "latin1", { fatal: true });
    return { text: text.decode(bytes.subarray(first, start)), start };
  } catch {
    refuse(`${where}: the header is not text.`);
  }
}

function readDescription(
  description: PythonValue | undefined,
  where: string,
): { element: FileElement; bigEndian: boolean } {
  if (Array.isArray(description)) {
    refuse(`${where} holds records with several fields.`, "Save each field as an array of its own.");
  }
  const parts = typeof description === "string" ? /^([<>|=]?)([a-zA-Z])(\d*)/.exec(description) : null;
  if (!parts) refuse(`${where}: descr is ${JSON.stringify(description)}, which names no dtype.`);
  const code = String(description).slice(parts[1].length);
  if (Object.hasOwn(ELEMENTS, code)) return { element: ELEMENTS[code], bigEndian: parts[1] === ">" };
  const holds = REFUSED[parts[2]];
  if (holds) {
    refuse(
      `${where} holds ${holds} (${description}).`,
      "Convert it to numbers of 8 to 64 bits where it was made.",
    );
  }
  refuse(`${where}: unknown dtype ${description}.`);
}
