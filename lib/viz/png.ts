/** PNG pictures (W3C PNG, third edition) with stored DEFLATE blocks: nothing to wait for, and exact. */
import { adler32, crc32 } from "../io/checksum.ts";
import { ShapeError } from "../trace/errors.ts";

/** Pixels row by row, 8 bits a channel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGB with opacity. */
  readonly channels: 1 | 3 | 4;
  readonly pixels: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOUR_TYPE = { 1: 0, 3: 2, 4: 6 } as const;
/** The most bytes of one stored block. */
const BLOCK = 0xffff;

/** Encodes pixels as a PNG file. */
export function encodePng({ width, height, channels, pixels }: Raster): Uint8Array<ArrayBuffer> {
  if (width < 1 || height < 1 || pixels.length !== width * height * channels) {
    throw new ShapeError(
      `${pixels.length} bytes do not make a picture of ${width} x ${height} with ${channels} channels.`,
      { operation: "viz.image" },
    );
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  header[9] = COLOUR_TYPE[channels];
  const chunks = [
    chunk("IHDR", header),
    chunk("IDAT", zlibStored(filterRows(pixels, width * channels))),
    chunk("IEND"),
  ];
  const file = new Uint8Array(SIGNATURE.length + chunks.reduce((sum, part) => sum + part.length, 0));
  file.set(SIGNATURE);
  let position = SIGNATURE.length;
  for (const part of chunks) {
    file.set(part, position);
    position += part.length;
  }
  return file;
}

/** Every row begins with the number of its filter: 0, none. */
function filterRows(pixels: Uint8Array, rowBytes: number): Uint8Array {
  const rows = pixels.length / rowBytes;
  const filtered = new Uint8Array(rows * (rowBytes + 1));
  for (let row = 0; row < rows; row++) {
    filtered.set(pixels.subarray(row * rowBytes, (row + 1) * rowBytes), row * (rowBytes + 1) + 1);
  }
  return filtered;
}

function zlibStored(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK));
  const out = new Uint8Array(2 + blocks * 5 + bytes.length + 4);
  const view = new DataView(out.buffer);
  out[0] = 0x78;
  out[1] = 0x01;
  let position = 2;
  for (let block = 0; block < blocks; block++) {
    const part = bytes.subarray(block * BLOCK, (block + 1) * BLOCK);
    out[position] = block === blocks - 1 ? 1 : 0;
    view.setUint16(position + 1, part.length, true);
    view.setUint16(position + 3, ~part.length & 0xffff, true);
    out.set(part, position + 5);
    position += 5 + part.length;
  }
  view.setUint32(position, adler32(bytes));
  return out;
}

function chunk(type: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}
