// Reads the encodings of the WebAssembly binary format.

const textDecoder = new TextDecoder();

/** A position in bytes that moves on as values are read. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The index of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** Moves over bytes. */
  skip(count: number): void {
    this.#offset += count;
  }

  /** The next byte. */
  byte(): number {
    return this.#view.getUint8(this.#offset++);
  }

  /** An unsigned LEB128 number below 2^53. */
  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  /** A signed LEB128 number of up to 64 bits. */
  signed64(): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return BigInt.asIntN(Number(shift), value);
    }
  }

  /** Four bytes as an unsigned number. */
  word(): number {
    this.#offset += 4;
    return this.#view.getUint32(this.#offset - 4, true);
  }

  /** Four bytes as a float32. */
  float32(): number {
    this.#offset += 4;
    return this.#view.getFloat32(this.#offset - 4, true);
  }

  /** Eight bytes as a float64. */
  float64(): number {
    this.#offset += 8;
    return this.#view.getFloat64(this.#offset - 8, true);
  }

  /** A name: UTF-8 after its byte length. */
  name(): string {
    const length = this.unsigned();
    this.#offset += length;
    return textDecoder.decode(this.#bytes.slice(this.#offset - length, this.#offset));
  }
}
