/**
 * The container of an exported function:
 *
 *     bytes 0 to 3     "DAMO"
 *     bytes 4 to 7     the version of the format, 1 (all numbers are little-endian, 32 bits, unsigned)
 *     bytes 8 to 11    the length of the header, a multiple of 8
 *     bytes 12 to 15   the CRC-32 of everything behind them
 *     bytes 16 on      the header: JSON, filled up with spaces
 *     then             a safetensors file with the captured tensors and the state
 *
 * What the header holds, function_header.ts says.
 */
import { crc32 } from "./checksum.ts";
import { type NamedArrays, refuse } from "./file_array.ts";
import { duplicateKey } from "./json.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

const MAGIC = [0x44, 0x41, 0x4d, 0x4f];
const VERSION = 1;
const START = 16;

/** Deeper than any header: JSON.parse and everything after it stay far from the end of the stack. */
const MAX_DEPTH = 200;

/** What a file holds: the header as JSON gives it, unchecked, and the arrays. */
export interface FunctionFile {
  readonly header: unknown;
  readonly arrays: NamedArrays;
}

/** The bytes of a file. */
export function writeFunctionFile(header: unknown, arrays: NamedArrays): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const tensors = encodeSafetensors(arrays);
  const bytes = new Uint8Array(START + length + tensors.length);
  bytes.set(MAGIC);
  bytes.set(json, START);
  bytes.fill(0x20, START + json.length, START + length);
  bytes.set(tensors, START + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, length, true);
  view.setUint32(12, crc32(bytes.subarray(START)), true);
  return bytes;
}

/** Takes a file apart, after checking that it is whole. */
export function readFunctionFile(bytes: Uint8Array): FunctionFile {
  if (bytes.length < START || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    refuse(
      `These ${bytes.length} bytes are no exported function: they do not begin with "DAMO".`,
      "Pass what exportFunction gave; io.decode reads files of tensors.",
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(4, true);
  if (version !== VERSION) {
    refuse(
      `The function was exported in version ${version} of the format, and this Damo reads version ${VERSION}.`,
      "Export it again, or import it with the Damo that wrote it.",
    );
  }
  const length = view.getUint32(8, true);
  if (START + length > bytes.length) {
    refuse(
      `The header claims ${length} bytes, and only ${bytes.length - START} follow: the file is truncated.`,
    );
  }
  if (crc32(bytes.subarray(START)) !== view.getUint32(12, true)) {
    refuse("The checksum of the exported function is wrong: it is damaged or truncated.", "Copy it again.");
  }
  const header = parseHeader(bytes.subarray(START, START + length));
  return { header, arrays: decodeSafetensors(bytes.subarray(START + length)).arrays };
}

function parseHeader(bytes: Uint8Array): unknown {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    checkDepth(text);
    header = JSON.parse(text);
  } catch (error) {
    refuse(
      `The header of the function is not JSON: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) refuse(`The header of the function has the name "${twice}" twice.`);
  return header;
}

function checkDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === "\\") i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "[" || character === "{") {
      if (++depth > MAX_DEPTH) throw new Error(`it is nested more than ${MAX_DEPTH} deep`);
    } else if (character === "]" || character === "}") depth--;
  }
}
