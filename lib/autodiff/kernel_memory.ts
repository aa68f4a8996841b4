/** The part of a WebAssembly memory that is lent to a kernel's inputs and outputs. */
import { OutOfMemoryError } from "../trace/errors.ts";

const PAGE = 65536;
/** Every array begins at a multiple of it, as vector loads like. */
const ALIGNMENT = 16;

/**
 * Room behind everything that was in the memory when it was needed first. Allocators of the module's own go on
 * behind it: they use what their own `memory.grow` gives them.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly #kernel: string;
  #start = 0;
  #end = 0;

  constructor(memory: WebAssembly.Memory, kernel: string) {
    this.memory = memory;
    this.#kernel = kernel;
  }

  /** The byte addresses of arrays of these lengths in bytes; those given before are taken over. */
  place(byteLengths: readonly number[]): number[] {
    let size = 0;
    const offsets = byteLengths.map((length) => {
      const offset = size;
      size += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
      return offset;
    });
    if (this.#end - this.#start < size) this.#grow(size);
    return offsets.map((offset) => this.#start + offset);
  }

  #grow(size: number): void {
    const before = this.memory.buffer.byteLength;
    // Room at the very end of the memory is widened; when the module has grown it since, there is new room.
    const start = before === this.#end ? this.#start : before;
    const pages = Math.ceil((size - (before - start)) / PAGE);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new OutOfMemoryError(
        `${this.#kernel}: the memory of the WebAssembly module cannot grow by ${pages} pages of 64 KiB, which ` +
          `${size} bytes of inputs and outputs need.`,
        {
          operation: this.#kernel,
          cause,
          remedy: "Raise the maximum of the module's memory, or call the kernel on smaller parts.",
        },
      );
    }
    this.#start = start;
    this.#end = this.memory.buffer.byteLength;
  }
}
