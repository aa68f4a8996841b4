/**
 * The one `WebAssembly.Memory` of the process, which every compiled program imports.
 *
 * All of its address space is reserved at once, which costs nothing until it is touched, but the engine takes every byte
 * of its size for one that is in use: at the full size it would collect garbage during the first call. So it begins small
 * and grows once, to the full size: when blocks need it, when there were many, or before threads start, which so never
 * see it grow. Views taken before that stay valid for what they covered.
 */

import { Allocator } from "./allocator.ts";

/** Bytes at address 0 that nothing may use, so that address 0 can mean "no block". */
const guardBytes = 64;
/** Where the page through which threads talk to each other starts. */
export const controlAddress = 65536;
/** Where the constant pool of compiled programs starts. */
export const constantsAddress: number = guardBytes;
/** How many bytes the constant pool holds. */
export const constantsBytes: number = controlAddress - constantsAddress;
/** How many bytes the control page holds. */
const controlBytes = 65536;
/** Where the heap starts. */
export const heapAddress: number = controlAddress + controlBytes;

const pageBytes = 65536;
const pagesWanted = [65536, 49152, 32768, 16384, 8192, 4096, 2048, 1024];
const firstPages = 4096;
/** Kernels may read (and ignore) a vector beyond the last element: so many bytes at the end are never given out. */
const lastBytes = 4096;

/** How much memory is in use, in bytes. */
export interface MemoryUse {
  /** Bytes of blocks that are allocated now. */
  live: number;
  /** Bytes of address space the heap has used so far: live blocks, free blocks kept for reuse, gaps. */
  pool: number;
  /** The largest `live` so far. */
  peak: number;
}

function reserve(limit: number, first: number): { memory: WebAssembly.Memory; pages: number } {
  let refusal: unknown;
  const sharable = typeof SharedArrayBuffer !== "undefined";
  for (const pages of pagesWanted) {
    if (pages > limit) continue;
    try {
      // Views of a memory that is not shared would be lost when it grows.
      const initial = sharable ? Math.min(pages, first) : pages;
      return { memory: new WebAssembly.Memory({ initial, maximum: pages, shared: sharable }), pages };
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

/** The memory, its views and its allocator. */
export class DeviceMemory {
  /** What a module imports. */
  readonly memory: WebAssembly.Memory;
  /** The size that it may grow to, in pages of 64 KB. */
  readonly pages: number;
  /** Whether threads can share it: the import of a module must say the same. */
  readonly shared: boolean;
  i8!: Int8Array;
  u8!: Uint8Array;
  i16!: Int16Array;
  u16!: Uint16Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  f32!: Float32Array;
  f64!: Float64Array;
  readonly #allocator: Allocator;

  /** Reserves at most `maximumPages` pages, fewer where the system refuses, and begins with `first` of them. */
  constructor(maximumPages: number = 65536, first: number = firstPages) {
    const { memory, pages } = reserve(maximumPages, first);
    this.memory = memory;
    this.pages = pages;
    const buffer = this.#view();
    this.shared = typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
    this.#allocator = new Allocator(
      this,
      heapAddress,
      buffer.byteLength - lastBytes,
      pages * pageBytes - lastBytes,
    );
  }

  #view(): ArrayBufferLike {
    const { buffer } = this.memory;
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    return buffer;
  }

  /** Its size in pages of 64 KB. */
  get currentPages(): number {
    return Math.round(this.u8.length / pageBytes);
  }

  /** Grows to the full size; false where it has that, or the system refuses more. */
  grow(): boolean {
    const from = this.currentPages;
    for (const pages of [this.pages, ...pagesWanted]) {
      if (pages > this.pages || pages <= from) continue;
      try {
        this.memory.grow(pages - from);
        this.#allocator.extend(this.#view().byteLength - lastBytes);
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return false;
  }

  /**
   * The address of a fresh block of at least `bytes` bytes, aligned to 64; its contents are
   * whatever was there. 0 when there is no room: the caller frees something and tries again.
   */
  allocate(bytes: number): number {
    const address = this.#allocator.allocate(bytes);
    return address !== 0 || !this.grow() ? address : this.#allocator.allocate(bytes);
  }

  /** Gives a block back. */
  free(address: number): void {
    this.#allocator.free(address);
  }

  /** Live, pooled and peak bytes. */
  use(): MemoryUse {
    const { live, pool, peak } = this.#allocator;
    return { live, pool, peak };
  }
}

let processMemory: DeviceMemory | null = null;

/** The memory of this process, reserved at the first call. */
export function deviceMemory(): DeviceMemory {
  return processMemory ??= new DeviceMemory();
}
