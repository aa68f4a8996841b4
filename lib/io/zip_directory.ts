/** The central directory of a ZIP archive: what is said about the members, checked. */
import { refuse } from "./file_array.ts";

/** What the directory says about one member. */
export interface ZipEntry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packedSize: number;
  /** Bytes when unpacked. */
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
}

/** The directory of an archive. */
export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  readonly comment: string;
  /** Where the directory begins and the members end. */
  readonly directoryStart: number;
}

const MAX_UINT32 = 0xffffffff;
const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const DIRECTORY_ENTRY = 0x02014b50;
const ENCRYPTED = 1;

/** Reads the directory at the end of an archive. */
export function readDirectory(bytes: Uint8Array): ZipDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = findEnd(view);
  const comment = new TextDecoder().decode(bytes.subarray(end + 22));
  const { count, size, start, limit } = readEnd(view, end);
  if (start + size > limit) {
    refuse(`The ZIP directory claims bytes ${start} to ${start + size} of ${limit}: the offset is wrong.`);
  }
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let position = start;
  // The loop runs over the bytes that are there, never over the count that is claimed.
  while (position < start + size) {
    const { entry, next } = readEntry(bytes, view, position, start + size);
    if (names.has(entry.name)) refuse(`The archive has the member "${entry.name}" twice.`);
    names.add(entry.name);
    entries.push(entry);
    position = next;
  }
  if (entries.length !== count) refuse(`The archive claims ${count} members and lists ${entries.length}.`);
  return { entries, comment, directoryStart: start };
}

/** The end record is the last of its kind whose comment reaches exactly to the end of the file. */
function findEnd(view: DataView): number {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 0xffff); at--) {
    if (view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === view.byteLength) {
      return at;
    }
  }
  refuse("The ZIP archive has no directory at its end: it is truncated or damaged.");
}

interface End {
  count: number;
  size: number;
  start: number;
  /** The directory must lie before this. */
  limit: number;
}

function readEnd(view: DataView, end: number): End {
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 6, true) !== 0) {
    refuse("The ZIP archive is split over several files.");
  }
  const locator = end - 20;
  if (locator >= 0 && view.getUint32(locator, true) === END64_LOCATOR) {
    const at = uint64(view, locator + 8, "The ZIP64 end record");
    if (at + 56 > locator || view.getUint32(at, true) !== END64) {
      refuse("The ZIP64 end record is not where it should be.");
    }
    return {
      count: uint64(view, at + 32, "The number of members"),
      size: uint64(view, at + 40, "The size of the directory"),
      start: uint64(view, at + 48, "The offset of the directory"),
      limit: at,
    };
  }
  return {
    count: view.getUint16(end + 10, true),
    size: view.getUint32(end + 12, true),
    start: view.getUint32(end + 16, true),
    limit: end,
  };
}

function uint64(view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) refuse(`${what} is ${value}, which overflows.`);
  return Number(value);
}

function readEntry(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  limit: number,
): { entry: ZipEntry; next: number } {
  if (at + 46 > limit || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
    refuse("The ZIP directory is damaged.");
  }
  const nameEnd = at + 46 + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > limit) refuse("The ZIP directory is damaged: an entry ends outside it.");
  const nameBytes = bytes.subarray(at + 46, nameEnd);
  const name = decodeName(nameBytes);
  const method = view.getUint16(at + 10, true);
  if (view.getUint16(at + 8, true) & ENCRYPTED) refuse(`Member "${name}" is encrypted.`);
  if (method !== 0 && method !== 8) {
    refuse(`Member "${name}" is compressed by method ${method}; stored and deflated members can be read.`);
  }
  const wide = wideFields(view, nameEnd, extraEnd, name);
  const read = (place: number): number => {
    const value = view.getUint32(place, true);
    return value === MAX_UINT32 ? wide() : value;
  };
  // ZIP64 gives the fields that do not fit in this order.
  const size = read(at + 24);
  const packedSize = read(at + 20);
  const offset = read(at + 42);
  return {
    entry: { name, nameBytes, method, crc: view.getUint32(at + 16, true), packedSize, size, offset },
    next,
  };
}

function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    refuse("The archive has a member whose name is not UTF-8.");
  }
}

/** Reads the 64-bit values of the ZIP64 extra field one after the other. */
function wideFields(view: DataView, from: number, to: number, name: string): () => number {
  let position = 0, end = 0;
  for (let at = from; at + 4 <= to;) {
    const size = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      position = at + 4;
      end = Math.min(position + size, to);
      break;
    }
    at += 4 + size;
  }
  return () => {
    if (position + 8 > end) refuse(`Member "${name}": its ZIP64 field is missing or too short.`);
    position += 8;
    return uint64(view, position - 8, `A field of member "${name}"`);
  };
}
