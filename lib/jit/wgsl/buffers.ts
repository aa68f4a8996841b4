/** GPU buffers as blocks of a cache: numbered, pooled by size, read and written as bytes. */
import { DeviceError } from "../../trace/errors.ts";
import type { BlockDevice } from "../memory/mod.ts";
import type { GpuDevice } from "./device.ts";
import type { Readback } from "./readback.ts";
import type { TexturePool } from "./textures.ts";

/** Bytes of free buffers that are kept for reuse. */
const POOL_BYTES = 256 << 20;

/** Few different sizes, so that freed buffers fit again; never less than 16 bytes more than whole vectors need. */
function roundedSize(bytes: number): number {
  if (bytes <= 16384) return Math.max(256, Math.ceil(bytes / 256) * 256);
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

export class GpuBuffers implements BlockDevice {
  readonly #device: GpuDevice;
  readonly #readback: Readback;
  readonly #textures: TexturePool;
  readonly #buffers: Map<number, GPUBuffer> = new Map();
  /** Numbers of free buffers by size. */
  readonly #free: Map<number, number[]> = new Map();
  #freeBytes = 0;
  #next = 1;
  #live = 0;
  #peak = 0;

  constructor(device: GpuDevice, readback: Readback, textures: TexturePool) {
    this.#device = device;
    this.#readback = readback;
    this.#textures = textures;
  }

  get use(): { readonly live: number; readonly pool: number; readonly peak: number } {
    return { live: this.#live, pool: this.#live + this.#freeBytes, peak: this.#peak };
  }

  /** The buffer with a number. */
  buffer(address: number): GPUBuffer {
    return this.#buffers.get(address)!;
  }

  allocate(bytes: number): number {
    const size = roundedSize(bytes);
    const { device: { limits }, tuning } = this.#device;
    const largest = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize, tuning.bindingBytes);
    if (bytes > largest) {
      throw new DeviceError(`A tensor of ${bytes} bytes does not fit one buffer of the WebGPU device.`, {
        operation: "webgpu",
        remedy:
          `The adapter binds at most ${largest} bytes at once: split the tensor, or use the device "wasm".`,
      });
    }
    const limited = Math.min(size, Math.floor(largest / 16) * 16);
    const free = this.#free.get(limited);
    let address: number;
    if (free !== undefined && free.length > 0) {
      address = free.pop()!;
      this.#freeBytes -= limited;
    } else {
      address = this.#next++;
      this.#buffers.set(
        address,
        this.#device.device.createBuffer({
          size: limited,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        }),
      );
    }
    this.#live += limited;
    if (this.#live > this.#peak) this.#peak = this.#live;
    return address;
  }

  /** A buffer for something else than blocks, which is never freed. */
  keep(size: number, usage: number): number {
    this.#buffers.set(this.#next, this.#device.device.createBuffer({ size, usage }));
    return this.#next++;
  }

  free(address: number): void {
    const buffer = this.#buffers.get(address)!;
    const { size } = buffer;
    this.#textures.drop(address);
    this.#live -= size;
    let free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, free = []);
    free.push(address);
    this.#freeBytes += size;
    if (this.#freeBytes > POOL_BYTES) this.#trim();
  }

  /** Destroys free buffers, the largest sizes first. */
  #trim(): void {
    const sizes = [...this.#free.keys()].sort((a, b) => b - a);
    for (const size of sizes) {
      const free = this.#free.get(size)!;
      while (free.length > 0 && this.#freeBytes > POOL_BYTES / 2) {
        const address = free.pop()!;
        this.#buffers.get(address)!.destroy();
        this.#buffers.delete(address);
        this.#freeBytes -= size;
      }
    }
  }

  read(address: number, bytes: number): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(bytes);
    this.#readback.read(this.buffer(address), 0, result);
    return result;
  }

  write(address: number, bytes: Uint8Array): void {
    this.#textures.touch(address);
    writeBytes(this.#device.device.queue, this.buffer(address), bytes);
  }
}

/** Writes bytes of any number: WebGPU wants multiples of four, and never more than the data. */
export function writeBytes(queue: GPUQueue, buffer: GPUBuffer, bytes: Uint8Array, at = 0): void {
  const whole = bytes.length & ~3;
  if (whole > 0) {
    queue.writeBuffer(buffer, at, bytes.buffer as ArrayBuffer, bytes.byteOffset, whole);
  }
  if (whole === bytes.length) return;
  const rest = new Uint8Array(4);
  rest.set(bytes.subarray(whole));
  queue.writeBuffer(buffer, at + whole, rest);
}
