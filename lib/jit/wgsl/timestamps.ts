/** How long passes take on the device itself, for profiles. */
import type { GpuDevice } from "./device.ts";
import type { Readback } from "./readback.ts";

export class Timestamps {
  readonly #device: GpuDevice;
  readonly #readback: Readback;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #passes = 0;

  /** Null where the device has no clock, or its values cannot be read at once. */
  static of(device: GpuDevice, readback: Readback): Timestamps | null {
    const hasClock = device.device.features.has("timestamp-query") && device.canReadAtOnce;
    return hasClock ? new Timestamps(device, readback) : null;
  }

  constructor(device: GpuDevice, readback: Readback) {
    this.#device = device;
    this.#readback = readback;
    this.#queries = device.device.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = device.device.createBuffer({
      size: 256,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Starts a measurement. */
  begin(): void {
    this.#passes = 0;
  }

  /** What the next pass of the measurement notes: when the first begins and the last ends. */
  writes(): GPUComputePassTimestampWrites {
    const first = this.#passes++ === 0;
    return {
      querySet: this.#queries,
      ...(first ? { beginningOfPassWriteIndex: 0 } : {}),
      endOfPassWriteIndex: 1,
    };
  }

  /** Milliseconds from the first pass's begin to the last one's end; null when there was no pass. */
  end(): number | null {
    if (this.#passes === 0) return null;
    const { device } = this.#device;
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    device.queue.submit([encoder.finish()]);
    const bytes = new Uint8Array(16);
    this.#readback.read(this.#resolved, 0, bytes);
    const [begin, end] = new BigUint64Array(bytes.buffer);
    // A clock that was set back says nothing.
    return end > begin ? Number(end - begin) / 1e6 : null;
  }
}
