/**
 * Reading GPU memory. In Deno `mapAsync` has mapped the buffer when it returns, if the buffer was once mapped at
 * creation: values are there at once, without the 11 ms a promise takes. Elsewhere the promise is awaited.
 */
import { DeviceError } from "../../trace/errors.ts";
import type { GpuDevice } from "./device.ts";

/** Longer reads are done in pieces of this many bytes. */
const PIECE = 16 << 20;

export class Readback {
  readonly #device: GpuDevice;
  /** Staging buffers by size, a power of two. */
  readonly #staging: Map<number, GPUBuffer> = new Map();

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Finds out whether values can be read at once. */
  verify(): void {
    const { device } = this.#device;
    const source = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(source, 0, Uint32Array.of(1, 20, 300, 0xabcdef01));
    try {
      this.#device.canReadAtOnce = true;
      const bytes = new Uint8Array(16);
      this.read(source, 0, bytes);
      const words = new Uint32Array(bytes.buffer);
      this.#device.canReadAtOnce = words[0] === 1 && words[2] === 300 && words[3] === 0xabcdef01;
    } catch {
      this.#device.canReadAtOnce = false;
      // A buffer with a map under way cannot be used again.
      this.#staging.clear();
    } finally {
      source.destroy();
    }
  }

  #newStaging(size: number): GPUBuffer {
    const buffer = this.#device.device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      mappedAtCreation: true,
    });
    buffer.unmap();
    return buffer;
  }

  #stagingFor(bytes: number): GPUBuffer {
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    let buffer = this.#staging.get(size);
    if (buffer === undefined) this.#staging.set(size, buffer = this.#newStaging(size));
    return buffer;
  }

  #copy(source: GPUBuffer, offset: number, staging: GPUBuffer, bytes: number): void {
    const { device } = this.#device;
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
  }

  #refuseIfSlow(): void {
    if (this.#device.canReadAtOnce) return;
    throw new DeviceError("This runtime cannot read from WebGPU at once.", {
      operation: "webgpu",
      remedy: "Use await data(), array() or item() instead of their Sync forms.",
    });
  }

  /** Fills targets, whole words from the start of their buffers, with one copy. */
  readMany(parts: readonly { readonly source: GPUBuffer; readonly target: Uint8Array }[]): void {
    this.#refuseIfSlow();
    const bytes = parts.reduce((sum, { target }) => sum + target.length, 0);
    const staging = this.#stagingFor(bytes);
    const { device } = this.#device;
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const { source, target } of parts) {
      encoder.copyBufferToBuffer(source, 0, staging, at, target.length);
      at += target.length;
    }
    device.queue.submit([encoder.finish()]);
    staging.mapAsync(GPUMapMode.READ, 0, bytes).catch(() => {});
    const mapped = this.#mapped(staging, bytes);
    at = 0;
    for (const { target } of parts) {
      target.set(new Uint8Array(mapped, at, target.length));
      at += target.length;
    }
    staging.unmap();
  }

  /** Fills `target` from a multiple of four on, at once. */
  read(source: GPUBuffer, offset: number, target: Uint8Array): void {
    this.#refuseIfSlow();
    for (let start = 0; start < target.length; start += PIECE) {
      const wanted = Math.min(PIECE, target.length - start);
      const bytes = Math.ceil(wanted / 4) * 4;
      const staging = this.#stagingFor(bytes);
      this.#copy(source, offset + start, staging, bytes);
      // Without a handler a rejection would end the process.
      staging.mapAsync(GPUMapMode.READ, 0, bytes).catch(() => {});
      target.set(new Uint8Array(this.#mapped(staging, bytes), 0, wanted), start);
      staging.unmap();
    }
  }

  /** What was mapped; where the device is gone, an error in words. */
  #mapped(staging: GPUBuffer, bytes: number): ArrayBuffer {
    try {
      return staging.getMappedRange(0, bytes);
    } catch (cause) {
      this.#staging.clear();
      if (!this.#device.canReadAtOnce) throw cause;
      this.#device.check();
      throw new DeviceError(`WebGPU memory could not be read: ${(cause as Error).message}`, {
        operation: "webgpu",
        cause,
        remedy: 'The device may be lost: call await init({ device: "webgpu" }) to get a new one.',
      });
    }
  }

  /** As `read`; waits for a promise where that is the only way. */
  async readAsync(source: GPUBuffer, offset: number, target: Uint8Array): Promise<void> {
    if (this.#device.canReadAtOnce) return this.read(source, offset, target);
    const bytes = Math.ceil(target.length / 4) * 4;
    if (bytes === 0) return;
    const staging = this.#newStaging(bytes);
    this.#copy(source, offset, staging, bytes);
    await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    target.set(new Uint8Array(staging.getMappedRange(0, bytes), 0, target.length));
    staging.unmap();
    staging.destroy();
  }
}
