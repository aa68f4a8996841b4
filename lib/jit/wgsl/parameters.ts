/** Numbers that differ between dispatches of one kernel: a record each, at a dynamic offset of one uniform buffer. */
import type { GpuDevice } from "./device.ts";

/** Records between two submits. */
const RECORDS = 4096;
/** Bytes of a record. */
const RECORD_BYTES = 256;

export class ParameterBlock {
  readonly #device: GpuDevice;
  readonly #buffer: GPUBuffer;
  readonly #words: Int32Array<ArrayBuffer> = new Int32Array(RECORDS * RECORD_BYTES / 4);
  readonly group: GPUBindGroup;
  #used = 0;

  constructor(device: GpuDevice, layout: GPUBindGroupLayout) {
    this.#device = device;
    this.#buffer = device.device.createBuffer({
      size: RECORDS * RECORD_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.group = device.device.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: { buffer: this.#buffer, offset: 0, size: RECORD_BYTES } }],
    });
  }

  hasRoom(records: number): boolean {
    return this.#used + records <= RECORDS;
  }

  /** Adds a record and gives its offset in bytes. */
  add(words: readonly number[]): number {
    if (words.length > RECORD_BYTES / 4) throw new Error("A kernel has more than 64 parameters.");
    const offset = this.#used++ * RECORD_BYTES;
    this.#words.set(words, offset / 4);
    return offset;
  }

  /** Sends the records, before the dispatches that use them are submitted. */
  send(): void {
    if (this.#used === 0) return;
    const words = this.#used * RECORD_BYTES / 4;
    this.#device.device.queue.writeBuffer(this.#buffer, 0, this.#words, 0, words);
    this.#used = 0;
  }
}
