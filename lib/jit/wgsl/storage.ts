/** Elements in a GPU buffer, or spilled from it. */
import { byteSize, type DType, newTypedArray, type TypedArray } from "../../trace/dtype.ts";
import type { Device, Donation, Storage } from "../../trace/storage.ts";
import type { Block } from "../memory/mod.ts";
import type { GpuHeap } from "./heap.ts";
import type { SmallResults } from "./small_results.ts";

/** The only object that holds its block. */
export class WgslStorage implements Storage {
  readonly device: Device = "webgpu";
  readonly dtype: DType;
  readonly length: number;
  donation: Donation | null = null;
  disposed = false;
  holders = 0;
  /** Null after it was given away or disposed. */
  block: Block | null = null;
  readonly heap: GpuHeap;
  /** The small results of the run that this is one of. */
  siblings: SmallResults | null = null;
  /** Which of the program's outputs it is. */
  output = 0;
  /** The bytes, where they came to the host with those of a sibling. */
  onHost: Uint8Array<ArrayBuffer> | null = null;
  #leaving: Block | null = null;

  constructor(heap: GpuHeap, dtype: DType, length: number) {
    this.heap = heap;
    this.dtype = dtype;
    this.length = length;
  }

  get bytes(): number {
    return this.length * byteSize(this.dtype);
  }

  /** Puts elements into a new block. */
  write(data: TypedArray): void {
    const { cache, buffers } = this.heap;
    this.block = cache.allocate(Math.max(4, this.bytes), this);
    buffers.write(this.block.address, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  #target(): { readonly result: TypedArray; readonly bytes: Uint8Array } {
    const result = newTypedArray(this.dtype, this.length);
    return { result, bytes: new Uint8Array(result.buffer) };
  }

  #held(): Block {
    if (this.block === null) throw new Error("A storage without a block was read.");
    return this.block;
  }

  read(): TypedArray {
    const { result, bytes } = this.#target();
    const block = this.#held();
    // What was spilled outlives its device.
    if (block.address === 0 && block.host !== null) {
      bytes.set(block.host.subarray(0, bytes.length));
      return result;
    }
    this.heap.device.check();
    if (bytes.length === 0) return result;
    if (this.siblings !== null) {
      if (this.onHost === null) this.siblings.fetch(this);
      bytes.set(this.onHost!.subarray(0, bytes.length));
    } else this.heap.readback.read(this.heap.buffers.buffer(block.address), 0, bytes);
    return result;
  }

  async readAsync(): Promise<TypedArray> {
    const { result, bytes } = this.#target();
    const block = this.#held();
    if (block.address === 0 && block.host !== null) {
      bytes.set(block.host.subarray(0, bytes.length));
      return result;
    }
    this.heap.device.check();
    if (this.heap.device.canReadAtOnce) return this.read();
    const address = this.heap.cache.pin(block);
    try {
      if (bytes.length > 0) await this.heap.readback.readAsync(this.heap.buffers.buffer(address), 0, bytes);
    } finally {
      this.heap.cache.unpin(block);
    }
    this.heap.device.check();
    return result;
  }

  /** Says that the elements will be others, or none. */
  forget(): void {
    this.siblings = null;
    this.onHost = null;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.release();
  }

  /** Frees the block, if it has one; at the end of the run that needs it, if there is one. */
  release(): void {
    const { block } = this;
    this.forget();
    if (block === null) return;
    this.block = null;
    if (block.pins === 0) this.heap.cache.free(block);
    else this.#leaving = block;
  }

  /** Ends the pin of a run on a block that was released meanwhile. */
  finishRelease(): void {
    const block = this.#leaving;
    if (block === null) return;
    this.heap.cache.unpin(block);
    if (block.pins > 0) return;
    this.#leaving = null;
    this.heap.cache.free(block);
  }

  /** Lets go of the block for a new owner. */
  detach(): Block {
    const { block } = this;
    if (block === null) throw new Error("A storage without a block was given away.");
    this.block = null;
    return block;
  }
}
