/**
 * The safetensors format (Hugging Face, https://github.com/huggingface/safetensors): the length of a JSON header in
 * 8 bytes, the header, and the arrays back to back. The header is checked completely before an array is read.
 */
import type { DType } from "../trace/dtype.ts";
import { decodeElements, elementBytes, elementDType, type FileElement } from "./element.ts";
import {
  bytesOf,
  checkFileArray,
  describeShape,
  elementCount,
  type FileArray,
  type NamedArrays,
  refuse,
} from "./file_array.ts";
import { duplicateKey } from "./json.ts";

/** A file: its arrays, and its `__metadata__`. */
export interface Safetensors {
  readonly arrays: NamedArrays;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own bound on the header. */
const MAX_HEADER = 100_000_000;

const ELEMENTS: Readonly<Record<string, FileElement>> = {
  BOOL: "bool",
  I8: "int8",
  U8: "uint8",
  I16: "int16",
  U16: "uint16",
  I32: "int32",
  U32: "uint32",
  I64: "int64",
  U64: "uint64",
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
  F64: "float64",
};

const CODES: { readonly [D in DType]: string } = {
  bool: "BOOL",
  int8: "I8",
  uint8: "U8",
  int32: "I32",
  uint32: "U32",
  float16: "F16",
  float32: "F32",
  float64: "F64",
};

interface Entry {
  readonly name: string;
  readonly element: FileElement;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Whether bytes look like a safetensors file: a header length that is possible, and a `{` after it. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes[6] === 0 && bytes[7] === 0;
}

/** Writes arrays as a safetensors file. Wider elements come first, so that each array is aligned. */
export function encodeSafetensors(
  arrays: NamedArrays,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...arrays].sort(([nameA, a], [nameB, b]) =>
    b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (nameA < nameB ? -1 : 1)
  );
  const begins = new Map<string, number>();
  let end = 0;
  for (const [name, array] of ordered) {
    if (name === "__metadata__") refuse(`No array can be named "__metadata__" in a safetensors file.`);
    checkFileArray(array, name);
    begins.set(name, end);
    end += array.data.byteLength;
  }
  // The header keeps the order of the arrays, the data has its own.
  const entries: [string, unknown][] = [...arrays].map(([name, { dtype, shape, data }]) => {
    const begin = begins.get(name)!;
    return [name, { dtype: CODES[dtype], shape, data_offsets: [begin, begin + data.byteLength] }];
  });
  if (Object.keys(metadata).length > 0) entries.unshift(["__metadata__", metadata]);
  const header = Object.fromEntries(entries);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  if (headerLength > MAX_HEADER) {
    refuse(`The header would take ${headerLength} bytes; ${MAX_HEADER} are allowed.`);
  }
  const file = new Uint8Array(8 + headerLength + end);
  new DataView(file.buffer).setUint32(0, headerLength, true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, 8 + headerLength);
  let position = 8 + headerLength;
  for (const [, array] of ordered) {
    file.set(bytesOf(array), position);
    position += array.data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file. 16-bit integers become int32, 64-bit ones int32 or uint32 where every value fits, bfloat16
 * becomes float32; 8-bit and smaller floats are refused.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { entries, metadata, dataStart } = readHeader(bytes);
  checkCoverage(entries, bytes.length - dataStart);
  const arrays = new Map<string, FileArray>();
  for (const { name, element, shape, begin, end } of entries) {
    const data = decodeElements(
      element,
      bytes.subarray(dataStart + begin, dataStart + end),
      `Array "${name}"`,
    );
    arrays.set(name, { dtype: elementDType(element), shape, data });
  }
  return { arrays, metadata };
}

function readHeader(
  bytes: Uint8Array,
): { entries: Entry[]; metadata: Record<string, string>; dataStart: number } {
  if (bytes.length < 8) {
    refuse(`A safetensors file begins with 8 bytes of length; this one has ${bytes.length} bytes.`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    refuse(`The safetensors header claims ${length} bytes; at most ${MAX_HEADER} are allowed.`);
  }
  const headerLength = Number(length);
  const dataStart = 8 + headerLength;
  if (dataStart > bytes.length) {
    refuse(
      `The safetensors header claims ${headerLength} bytes, and only ${
        bytes.length - 8
      } follow: the file is truncated.`,
    );
  }
  const header = parseHeader(bytes.subarray(8, dataStart));
  const entries: Entry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(value);
    else entries.push(readEntry(name, value));
  }
  return { entries, metadata, dataStart };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) refuse(`The safetensors header does not begin with "{".`);
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    refuse(`The safetensors header is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  // JSON.parse keeps the last of two equal names: the first array would vanish.
  const twice = duplicateKey(text);
  if (twice !== undefined) refuse(`The safetensors header has the name "${twice}" twice.`);
  return header as Record<string, unknown>;
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value) || Object.values(value).some((entry) => typeof entry !== "string")) {
    refuse(`The safetensors "__metadata__" is not a map from text to text.`);
  }
  return value as Record<string, string>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readEntry(name: string, value: unknown): Entry {
  const where = `Array "${name}"`;
  if (!isRecord(value)) refuse(`${where}: its header entry is not an object.`);
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const unknown = Object.keys(others);
  if (unknown.length > 0) refuse(`${where}: unknown header field "${unknown[0]}".`);
  const element = readElement(dtype, where);
  if (!Array.isArray(shape)) refuse(`${where}: it has no shape.`);
  const count = elementCount(shape, where);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isOffset)) {
    refuse(`${where}: data_offsets is ${JSON.stringify(offsets)}, not two offsets.`);
  }
  const [begin, end] = offsets;
  if (end - begin !== count * elementBytes(element)) {
    refuse(
      `${where}: ${dtype}${describeShape(shape)} takes ${count * elementBytes(element)} bytes, ` +
        `and data_offsets [${begin}, ${end}] holds ${end - begin}.`,
    );
  }
  return { name, element, shape, begin, end };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function readElement(dtype: unknown, where: string): FileElement {
  if (typeof dtype === "string" && Object.hasOwn(ELEMENTS, dtype)) return ELEMENTS[dtype];
  if (typeof dtype === "string" && /^(F8|F6|F4|C64)/.test(dtype)) {
    const kind = dtype.startsWith("C") ? "complex numbers" : "floats of 8 bits or less";
    refuse(
      `${where}: its dtype is ${dtype}, and Damo has no ${kind}.`,
      "Convert it to F16 or F32 where it was made.",
    );
  }
  refuse(`${where}: unknown dtype ${JSON.stringify(dtype)}.`);
}

/** The arrays must cover the data exactly: no gap, no overlap, nothing outside. */
function checkCoverage(entries: readonly Entry[], dataLength: number): void {
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < position) {
      refuse(`Array "${name}" overlaps the array before it (offset ${begin} < ${position}).`);
    }
    if (begin > position) refuse(`${begin - position} bytes before array "${name}" belong to no array.`);
    if (end > dataLength) {
      refuse(
        `Array "${name}" ends at byte ${end} of ${dataLength}: the file is truncated or the offset is wrong.`,
      );
    }
    position = end;
  }
  if (position !== dataLength) {
    refuse(`${dataLength - position} bytes after the last array belong to no array.`);
  }
}
