/** The checksums of ZIP and PNG files. */

let crcTable: Uint32Array | undefined;

/** CRC-32 with the reflected polynomial 0xEDB88320 (ISO 3309), one table entry a byte. */
function makeCrcTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    }
    return remainder;
  });
}

/** The CRC-32 of bytes, or of bytes that follow those with the checksum `previous`. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const table = crcTable ??= makeCrcTable();
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The Adler-32 of bytes (RFC 1950): two sums modulo 65521. */
export function adler32(bytes: Uint8Array): number {
  let low = 1, high = 0;
  for (let start = 0; start < bytes.length; start += 5552) {
    // So many bytes can be added up before `high` leaves 32 bits.
    const end = Math.min(start + 5552, bytes.length);
    for (let i = start; i < end; i++) {
      low += bytes[i];
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return high * 65536 + low;
}
