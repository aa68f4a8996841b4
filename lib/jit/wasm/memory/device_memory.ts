/**
 * The one `WebAssembly.Memory` of the process, which every compiled program imports.
 *
 * It is reserved at its full size at once (address space costs nothing until it is touched), so it
 * never grows and the typed views below stay valid for ever.
 */

import { Allocator } from "./allocator.ts";

/** Bytes at address 0 that nothing may use, so that address 0 can mean "no block". */
export const guardBytes = 64;
/** Where the constant pool of compiled programs starts. */
export const constantsAddress = 64;
/** How many bytes the constant pool holds. */
export const constantsBytes = 65536 - 64;
/** Where the page through which threads talk to each other starts. */
export const controlAddress = 65536;
/** How many bytes the control page holds. */
export const controlBytes = 65536;
/** Where the heap starts. */
export const heapAddress: number = controlAddress + controlBytes;

const pageBytes = 65536;
const pagesWanted = [65536, 49152, 32768, 16384, 8192, 4096, 2048, 1024];

/** How much memory is in use, in bytes. */
export interface MemoryUse {
  /** Bytes of blocks that are allocated now. */
  live: number;
  /** Bytes of address space the heap has used so far: live blocks, free blocks kept for reuse, gaps. */
  pool: number;
  /** The largest `live` so far. */
  peak: number;
}

function reserve(limit: number): WebAssembly.Memory {
  let refusal: unknown;
  const sharable = typeof SharedArrayBuffer !== "undefined";
  for (const pages of pagesWanted) {
    if (pages > limit) continue;
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: sharable });
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
  /** Its size, which is both its initial and its maximum size, in pages of 64 KB. */
  readonly pages: number;
  /** Whether threads can share it: the import of a module must say the same. */
  readonly shared: boolean;
  readonly i8: Int8Array;
  readonly u8: Uint8Array;
  readonly i16: Int16Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly #allocator: Allocator;

  /** Reserves at most `maximumPages` pages, fewer where the system refuses. */
  constructor(maximumPages: number = 65536) {
    this.memory = reserve(maximumPages);
    const buffer = this.memory.buffer;
    this.pages = Math.round(buffer.byteLength / pageBytes);
    this.shared = typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    // Kernels may read (and ignore) a vector beyond the last element: the last unit is never given out.
    this.#allocator = new Allocator(this.i32, heapAddress, buffer.byteLength - 4096);
  }

  /**
   * The address of a fresh block of at least `bytes` bytes, aligned to 64; its contents are
   * whatever was there. 0 when there is no room: the caller frees something and tries again.
   */
  allocate(bytes: number): number {
    return this.#allocator.allocate(bytes);
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
