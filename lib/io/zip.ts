/**
 * ZIP archives (PKWARE's APPNOTE 6.3.10): members stored or deflated, ZIP64 when reading, no encryption, one disk. The
 * directory is checked completely before a member is read.
 */
import { crc32 } from "./checksum.ts";
import { deflate, inflate } from "./deflate.ts";
import { refuse } from "./file_array.ts";
import { readDirectory, type ZipEntry } from "./zip_directory.ts";

/** An archive: its members in order, and its comment. */
export interface ZipArchive {
  readonly members: ReadonlyMap<string, Uint8Array>;
  readonly comment: string;
}

/** How an archive is written. */
export interface ZipWriteOptions {
  /** Compress the members. */
  compress?: boolean;
  comment?: string;
}

/** How an archive is read. */
export interface ZipReadOptions {
  /** The most bytes that the members may take together; 64 times the archive, and at least 256 MiB, unless said. */
  maxBytes?: number;
}

const METHOD_DEFLATE = 8;
const VERSION = 20;
const UTF8_NAMES = 1 << 11;
/** 1980-01-01, the first day of the format, so that equal contents make equal files. */
const FIRST_DATE = 33;
const MAX_UINT32 = 0xffffffff;
const LOCAL_HEADER = 0x04034b50;

/** Whether bytes begin as a ZIP archive does, an empty one included. */
export function isZip(bytes: Uint8Array): boolean {
  const local = bytes[2] === 3 && bytes[3] === 4;
  const empty = bytes[2] === 5 && bytes[3] === 6;
  return bytes.length >= 22 && bytes[0] === 0x50 && bytes[1] === 0x4b && (local || empty);
}

interface Packed {
  readonly name: Uint8Array;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly body: Uint8Array;
}

/** Writes an archive. Equal members make an equal archive: no time of day is stored. */
export async function encodeZip(
  members: ReadonlyMap<string, Uint8Array>,
  { compress = false, comment = "" }: ZipWriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const packed: Packed[] = [];
  for (const [name, bytes] of members) {
    const body = compress ? await deflate(bytes) : bytes;
    const smaller = body.length < bytes.length;
    packed.push({
      name: encoder.encode(name),
      method: smaller ? METHOD_DEFLATE : 0,
      crc: crc32(bytes),
      size: bytes.length,
      body: smaller ? body : bytes,
    });
  }
  const note = encoder.encode(comment);
  if (note.length > 0xffff) {
    refuse(`The comment of a ZIP archive takes 65535 bytes at most, not ${note.length}.`);
  }
  if (packed.length > 0xfffe) {
    refuse(`An archive of ${packed.length} members is not written; 65534 are possible.`);
  }
  const directorySize = packed.reduce((sum, { name }) => sum + 46 + name.length, 0);
  const total = packed.reduce((sum, { name, body }) => sum + 30 + name.length + body.length, directorySize) +
    22;
  if (total + note.length >= MAX_UINT32) {
    refuse(
      "An npz file of 4 GiB or more is not written.",
      "Save it as safetensors, which has no such bound.",
    );
  }
  return layOut(packed, note, directorySize, total + note.length);
}

function layOut(
  packed: readonly Packed[],
  comment: Uint8Array,
  directorySize: number,
  total: number,
): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  let position = 0;

  // The 26 bytes that a local header and a directory entry have in common.
  function common({ method, crc, size, body, name }: Packed): void {
    view.setUint16(position, VERSION, true);
    view.setUint16(position + 2, UTF8_NAMES, true);
    view.setUint16(position + 4, method, true);
    view.setUint16(position + 8, FIRST_DATE, true);
    view.setUint32(position + 10, crc, true);
    view.setUint32(position + 14, body.length, true);
    view.setUint32(position + 18, size, true);
    view.setUint16(position + 22, name.length, true);
    position += 26;
  }

  const offsets: number[] = [];
  for (const member of packed) {
    offsets.push(position);
    view.setUint32(position, LOCAL_HEADER, true);
    position += 4;
    common(member);
    file.set(member.name, position);
    file.set(member.body, position + member.name.length);
    position += member.name.length + member.body.length;
  }
  const directory = position;
  packed.forEach((member, i) => {
    view.setUint32(position, 0x02014b50, true);
    view.setUint16(position + 4, VERSION, true);
    position += 6;
    common(member);
    view.setUint32(position + 10, offsets[i], true);
    file.set(member.name, position + 14);
    position += 14 + member.name.length;
  });
  view.setUint32(position, 0x06054b50, true);
  view.setUint16(position + 8, packed.length, true);
  view.setUint16(position + 10, packed.length, true);
  view.setUint32(position + 12, directorySize, true);
  view.setUint32(position + 16, directory, true);
  view.setUint16(position + 20, comment.length, true);
  file.set(comment, position + 22);
  return file;
}

/** Reads an archive, its members decompressed and their checksums compared. */
export async function decodeZip(
  bytes: Uint8Array,
  { maxBytes = Math.max(2 ** 28, 64 * bytes.length) }: ZipReadOptions = {},
): Promise<ZipArchive> {
  const { entries, comment, directoryStart } = readDirectory(bytes);
  let total = 0;
  for (const { size } of entries) total += size;
  if (total > maxBytes) {
    refuse(
      `The archive of ${bytes.length} bytes claims to hold ${total} bytes; at most ${maxBytes} are unpacked.`,
      "Pass { maxBytes } if this file is to be trusted.",
    );
  }
  const members = new Map<string, Uint8Array>();
  let position = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    const { start, end } = locate(bytes, entry, position, directoryStart);
    position = end;
    members.set(entry.name, await unpack(entry, bytes.subarray(start, end)));
  }
  return { members, comment };
}

/** Where the body of a member lies; members that share bytes are refused. */
function locate(
  bytes: Uint8Array,
  entry: ZipEntry,
  from: number,
  directoryStart: number,
): { start: number; end: number } {
  const where = `Member "${entry.name}"`;
  const { offset, nameBytes, packedSize } = entry;
  if (offset < from) refuse(`${where} overlaps the member before it.`);
  if (offset + 30 > directoryStart) {
    refuse(`${where} begins at byte ${offset}, outside the archive's members.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 30);
  if (view.getUint32(0, true) !== LOCAL_HEADER) refuse(`${where}: no member begins at byte ${offset}.`);
  const nameLength = view.getUint16(26, true);
  const start = offset + 30 + nameLength + view.getUint16(28, true);
  const end = start + packedSize;
  if (end > directoryStart) refuse(`${where} ends at byte ${end}, outside the archive's members.`);
  const sameName = nameLength === nameBytes.length &&
    nameBytes.every((byte, i) => bytes[offset + 30 + i] === byte);
  if (!sameName) refuse(`${where} has another name in its own header.`);
  return { start, end };
}

async function unpack(entry: ZipEntry, packed: Uint8Array): Promise<Uint8Array> {
  const where = `Member "${entry.name}"`;
  if (entry.method === 0 && entry.size !== packed.length) {
    refuse(`${where} is stored in ${packed.length} bytes and claims ${entry.size}.`);
  }
  const body = entry.method === METHOD_DEFLATE ? await inflate(packed, entry.size, where) : packed;
  if (crc32(body) !== entry.crc) refuse(`${where}: its checksum does not hold; the file is damaged.`);
  return body;
}
