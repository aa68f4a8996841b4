/** What a run does with the blocks of its inputs and outputs, the same on every device. */
import type { DType, TypedArray } from "../trace/dtype.ts";
import type { Storage } from "../trace/storage.ts";
import { IN_PLACE, KEEP, type RunInput } from "./backend.ts";
import type { Block, BlockCache } from "./memory/mod.ts";

/** A storage with its elements in a block. */
export interface BlockStorage<H> extends Storage {
  /** Null after it was given away or disposed. */
  block: Block | null;
  readonly heap: H;
  /** Puts elements into a new block. */
  write(data: TypedArray): void;
  /** Ends the pin of a run on a block that was released meanwhile. */
  finishRelease(): void;
}

/** An output of a program. */
export interface BlockOutput {
  readonly dtype: DType;
  readonly length: number;
  /** Position of the input that it may be written over; -1 for none. */
  readonly reuses: number;
}

/** The rules for storages of one class. `reuse` says of each input how it may be used; null keeps them all. */
export class RunBlocks<S extends BlockStorage<H>, H extends { readonly cache: BlockCache }> {
  readonly #Storage: new (heap: H, dtype: DType, length: number) => S;

  constructor(Storage: new (heap: H, dtype: DType, length: number) => S) {
    this.#Storage = Storage;
  }

  /** An input as a storage of this heap: itself, or a copy of what another backend has. */
  own(input: Storage, heap: H): S {
    if (input instanceof this.#Storage && input.heap === heap) return input;
    const storage = new this.#Storage(heap, input.dtype, input.length);
    storage.write(input.read());
    return storage;
  }

  /** The block of the input that an output may be written over; null when it must not be. */
  reusable(
    { reuses }: BlockOutput,
    heap: H,
    inputs: readonly RunInput[],
    reuse: Uint8Array | null,
  ): Block | null {
    if (reuses < 0 || reuse === null || reuse[reuses] === KEEP) return null;
    const input = inputs[reuses];
    if (!(input instanceof this.#Storage) || input.heap !== heap) return null;
    // Somebody else reads it too.
    if (input.block === null || input.block.pins !== 1) return null;
    return input.block;
  }

  /** Whether a block that an output was put into is that of its input. */
  overwrites(
    { reuses }: BlockOutput,
    block: Block,
    inputs: readonly RunInput[],
    reuse: Uint8Array | null,
  ): boolean {
    const input = reuses < 0 || reuse === null ? null : inputs[reuses];
    return input instanceof this.#Storage && input.block !== null && input.block === block;
  }

  /** The storage of an output whose block is filled: that of the input updated in place, or a new one. */
  result(
    output: BlockOutput,
    block: Block,
    heap: H,
    inputs: readonly RunInput[],
    reuse: Uint8Array | null,
  ): S {
    if (this.overwrites(output, block, inputs, reuse)) {
      const input = inputs[output.reuses] as RunInput as S;
      if (reuse![output.reuses] === IN_PLACE) return input;
      input.block = null;
    }
    const storage = new this.#Storage(heap, output.dtype, output.length);
    storage.block = block;
    heap.cache.give(block, storage);
    return storage;
  }

  /** Ends the pin of a run on an input. */
  unpin(storage: S): void {
    if (storage.block !== null) storage.heap.cache.unpin(storage.block);
    else storage.finishRelease();
  }
}
