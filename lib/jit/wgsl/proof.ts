/**
 * Proof that what was submitted ran. WebGPU tells of a refused shader later, and skips all commands that were submitted
 * with it: a number copied along with them is missing then, and what they should have computed is never taken for a result.
 */
import { DeviceError } from "../../trace/errors.ts";
import type { GpuDevice } from "./device.ts";
import type { Readback } from "./readback.ts";

/** Submissions that are proved together. */
const MAX_PENDING = 16;

export class SubmissionProof {
  readonly #device: GpuDevice;
  readonly #readback: Readback;
  readonly #source: GPUBuffer;
  readonly #target: GPUBuffer;
  #number = 0;
  /** What was submitted and not proved yet: the number that it copies, and the kernels compiled for it. */
  readonly #pending: { readonly number: number; readonly kernels: readonly (() => string)[] }[] = [];

  constructor(device: GpuDevice, readback: Readback) {
    this.#device = device;
    this.#readback = readback;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#source = device.device.createBuffer({ size: 4 * MAX_PENDING, usage });
    this.#target = device.device.createBuffer({ size: 4 * MAX_PENDING, usage });
  }

  /** Whether one more submission can wait for its proof. */
  get canWait(): boolean {
    return this.#pending.length < MAX_PENDING - 1;
  }

  /** Lets commands copy a new number; `kernels` says in words which were compiled for them. */
  begin(encoder: GPUCommandEncoder, kernels: readonly (() => string)[]): void {
    if (!this.#device.canReadAtOnce) return;
    const number = ++this.#number, at = 4 * this.#pending.length;
    this.#pending.push({ number, kernels });
    this.#device.device.queue.writeBuffer(this.#source, at, Uint32Array.of(number));
    encoder.copyBufferToBuffer(this.#source, at, this.#target, at, 4);
  }

  /** Throws when commands that were submitted since the last call did not run. */
  check(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending.splice(0);
    const words = new Uint32Array(pending.length);
    this.#readback.read(this.#target, 0, new Uint8Array(words.buffer));
    if (this.#device.isLost) return;
    const kernels = pending.filter(({ number }, i) => words[i] !== number).flatMap(({ kernels }) => kernels);
    if (kernels.length === 0) return;
    throw new DeviceError(
      `WebGPU refused to run a program; it was the first time for these kernels:\n${
        kernels.map((words) => words()).join("\n")
      }`,
      {
        operation: "webgpu",
        remedy:
          "The next use of the device says which was refused and why: await synchronize(). A shader of " +
          "your own is to be put right; for any other please report both messages.",
      },
    );
  }
}
