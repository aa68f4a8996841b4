// Constants in memory at constant addresses. A splat load from such an address costs about a tenth of a
// `v128.const` inside a loop in V8, which rebuilds the latter in every round.

const scratchBytes = new Uint8Array(16);
const scratch = new DataView(scratchBytes.buffer);

/**
 * Places constants once in a region of memory and hands out their addresses; equal bit patterns share one place.
 * Every method returns -1 when the region is full: the caller then emits the constant inline.
 */
export class ConstantPool {
  readonly #memory: Uint8Array;
  readonly #end: number;
  readonly #places: Map<string | number | bigint, number> = new Map();
  #next: number;
  #next4 = 0;
  #next8 = 0;

  /**
   * @param memory the bytes of the memory from address 0, at least to the end of the region
   * @param start the first address of the region, a multiple of 16
   * @param byteSize the size of the region
   */
  constructor(memory: Uint8Array, start: number, byteSize: number) {
    if (start % 16 !== 0) throw new RangeError(`The region must start at a multiple of 16, not at ${start}`);
    if (start + byteSize > memory.length) {
      throw new RangeError(`The region ends at ${start + byteSize}, the memory at ${memory.length}`);
    }
    this.#memory = memory;
    this.#next = start;
    this.#end = start + byteSize;
  }

  /** The number of bytes still unused. */
  get free(): number {
    return this.#end - this.#next;
  }

  /** The address of a float32, for `f32.load` or `v128.load32_splat`. */
  f32(value: number): number {
    scratch.setFloat32(0, value, true);
    return this.#place4(scratch.getInt32(0, true));
  }

  /** The address of 32 bits. */
  i32(bits: number): number {
    return this.#place4(bits | 0);
  }

  /** The address of a float64, for `f64.load` or `v128.load64_splat`. */
  f64(value: number): number {
    scratch.setFloat64(0, value, true);
    return this.i64(scratch.getBigInt64(0, true));
  }

  /** The address of 64 bits. */
  i64(bits: bigint): number {
    const key = BigInt.asIntN(64, bits);
    const found = this.#places.get(key);
    if (found !== undefined) return found;
    if (this.#next8 % 16 === 0) {
      const chunk = this.#chunk();
      if (chunk < 0) return -1;
      this.#next8 = chunk;
    }
    const address = this.#next8;
    this.#next8 += 8;
    scratch.setBigInt64(0, key, true);
    this.#memory.set(scratchBytes.subarray(0, 8), address);
    this.#places.set(key, address);
    return address;
  }

  /** The address of 16 bytes, for `v128.load`. */
  v128(bytes: ArrayLike<number>): number {
    scratchBytes.set(bytes);
    const key = scratchBytes.join();
    const found = this.#places.get(key);
    if (found !== undefined) return found;
    const address = this.#chunk();
    if (address < 0) return -1;
    this.#memory.set(scratchBytes, address);
    this.#places.set(key, address);
    return address;
  }

  #place4(bits: number): number {
    const found = this.#places.get(bits);
    if (found !== undefined) return found;
    if (this.#next4 % 16 === 0) {
      const chunk = this.#chunk();
      if (chunk < 0) return -1;
      this.#next4 = chunk;
    }
    const address = this.#next4;
    this.#next4 += 4;
    scratch.setInt32(0, bits, true);
    this.#memory.set(scratchBytes.subarray(0, 4), address);
    this.#places.set(bits, address);
    return address;
  }

  #chunk(): number {
    if (this.#next + 16 > this.#end) return -1;
    const address = this.#next;
    this.#next += 16;
    return address;
  }
}
