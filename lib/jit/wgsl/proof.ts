/**
 * Proof that what was submitted ran. WebGPU tells of a refused shader later, and skips all commands that were submitted
 * with it: a number copied along with them is missing then, and what they should have computed is never taken for a result.
 */
import { DeviceError } from "../../trace/errors.ts";
import type { GpuDevice } from "./device.ts";
import type { Readback } from "./readback.ts";

export class SubmissionProof {
  readonly #device: GpuDevice;
  readonly #readback: Readback;
  readonly #source: GPUBuffer;
  readonly #target: GPUBuffer;
  #number = 0;

  constructor(device: GpuDevice, readback: Readback) {
    this.#device = device;
    this.#readback = readback;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#source = device.device.createBuffer({ size: 4, usage });
    this.#target = device.device.createBuffer({ size: 4, usage });
  }

  /** Lets the commands copy a new number. */
  begin(encoder: GPUCommandEncoder): void {
    if (!this.#device.canReadAtOnce) return;
    this.#device.device.queue.writeBuffer(this.#source, 0, Uint32Array.of(++this.#number));
    encoder.copyBufferToBuffer(this.#source, 0, this.#target, 0, 4);
  }

  /** Throws when the commands that were submitted since did not run; `kernels` are those compiled for them. */
  check(kernels: readonly string[]): void {
    if (!this.#device.canReadAtOnce) return;
    const bytes = new Uint8Array(4);
    this.#readback.read(this.#target, 0, bytes);
    if (new Uint32Array(bytes.buffer)[0] === this.#number || this.#device.isLost) return;
    throw new DeviceError(
      `WebGPU refused to run a program; it was the first time for these kernels:\n${kernels.join("\n")}`,
      {
        operation: "webgpu",
        remedy:
          "The next use of the device says which was refused and why: await synchronize(). A shader of " +
          "your own is to be put right; for any other please report both messages.",
      },
    );
  }
}
