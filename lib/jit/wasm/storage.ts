/** Elements in the WebAssembly memory, or spilled from it. */
import { byteSize, type DType, newTypedArray, type TypedArray } from "../../trace/dtype.ts";
import type { Device, Donation, Storage } from "../../trace/storage.ts";
import type { WasmHeap } from "./heap.ts";
import type { Block } from "../memory/mod.ts";

/**
 * Tensors of at most so many bytes live in arrays of the collector and visit the program's table for each run: their
 * words are copied in a few nanoseconds, and nothing is left behind when they die. A block would cost a microsecond,
 * most of it for being spilled, and a typed array 0.3.
 */
export const SMALL_BYTES = 256;

/** The only object that holds its block, or the words of a small tensor. */
export class WasmStorage implements Storage {
  readonly device: Device = "wasm";
  readonly dtype: DType;
  readonly length: number;
  donation: Donation | null = null;
  disposed = false;
  holders = 0;
  /** Null after it was given away or disposed. */
  block: Block | null = null;
  /** The elements of a small tensor in words of 32 bits: it has no block; null for others, and after it was given away or disposed. */
  words: number[] | null = null;
  readonly heap: WasmHeap;

  constructor(heap: WasmHeap, dtype: DType, length: number) {
    this.heap = heap;
    this.dtype = dtype;
    this.length = length;
  }

  get bytes(): number {
    return this.length * byteSize(this.dtype);
  }

  /** Gives it a block of its own with unspecified contents. */
  allocate(): Block {
    return this.block = this.heap.cache.allocate(this.bytes, this);
  }

  read(): TypedArray {
    const result = newTypedArray(this.dtype, this.length);
    const { block, heap, words } = this;
    if (words !== null) {
      const target = new Uint8Array(result.buffer);
      for (let i = 0; i < target.length; i++) target[i] = words[i >> 2] >>> (8 * (i & 3));
      return result;
    }
    if (block === null) throw new Error("A storage without a block was read.");
    const bytes = new Uint8Array(result.buffer, 0, this.bytes);
    if (block.address === 0 && block.host !== null) {
      bytes.set(block.host.subarray(0, bytes.length));
      return result;
    }
    const address = heap.cache.pin(block);
    bytes.set(heap.memory.u8.subarray(address, address + bytes.length));
    heap.cache.unpin(block);
    return result;
  }

  readAsync(): Promise<TypedArray> {
    return Promise.resolve(this.read());
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.release();
  }

  /** Puts elements into a new block. */
  write(data: TypedArray): void {
    if (this.bytes <= SMALL_BYTES) {
      const words = new Int32Array((this.bytes + 3) >> 2);
      new Uint8Array(words.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      this.words = Array.from(words);
      return;
    }
    const { address } = this.allocate();
    this.heap.memory.u8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), address);
  }

  /** Frees the block, if it has one; at the end of the run that needs it, if there is one. */
  release(): void {
    this.words = null;
    const { block } = this;
    if (block === null) return;
    this.block = null;
    if (block.pins === 0) this.heap.cache.free(block);
    else this.#leaving = block;
  }

  #leaving: Block | null = null;

  /** Ends the pin of a run on a block that was released meanwhile. */
  finishRelease(): void {
    const block = this.#leaving;
    if (block === null) return;
    this.heap.cache.unpin(block);
    if (block.pins > 0) return;
    this.#leaving = null;
    this.heap.cache.free(block);
  }

  /** Hands its elements over to a new storage of the same size. */
  moveTo(taken: WasmStorage): void {
    const { block, words } = this;
    if (block === null && words === null) throw new Error("A storage without a block was given away.");
    taken.words = words;
    taken.block = block;
    this.words = null;
    this.block = null;
    if (block !== null) this.heap.cache.give(block, taken);
  }
}
