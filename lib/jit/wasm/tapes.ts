/** The memory of the tapes of a program's loops. */
import type { Program } from "../kernel/program.ts";
import type { WasmHeap } from "./heap.ts";
import type { Block } from "../memory/mod.ts";
import { type TableLayout, TAPE_CAPACITY, TAPE_POINTER } from "./program/mod.ts";

/** Bytes up to which a tape keeps its room between runs. */
const KEPT_TAPE = 2 ** 16;

export class Tapes {
  readonly #heap: WasmHeap;
  readonly #program: Program;
  readonly #layout: TableLayout;
  /** Blocks by the word of their cells. */
  readonly #blocks: Map<number, Block> = new Map();

  constructor(heap: WasmHeap, program: Program, layout: TableLayout) {
    this.#heap = heap;
    this.#program = program;
    this.#layout = layout;
  }

  /** Doubles the room of a tape. */
  grow(buffer: number, table: number): void {
    const { cache, memory } = this.#heap;
    const base = (table >>> 2) + this.#layout.buffers[buffer];
    const recordBytes = Math.max(1, this.#program.buffers[buffer].bytes);
    const records = memory.u32[base + TAPE_CAPACITY];
    const capacity = Math.max(16, 2 * records);
    const block = cache.allocate(capacity * recordBytes);
    const old = this.#blocks.get(base);
    if (old !== undefined) {
      const from = memory.u32[base + TAPE_POINTER];
      memory.u8.copyWithin(block.address, from, from + records * recordBytes);
      cache.free(old);
    }
    this.#blocks.set(base, block);
    memory.u32[base + TAPE_POINTER] = block.address;
    memory.u32[base + TAPE_CAPACITY] = capacity;
  }

  /** Gives the room of a run's long tapes back; short ones are kept for the next run. */
  freeLong(base: number): void {
    if (this.#blocks.size === 0) return;
    const { u32 } = this.#heap.memory;
    for (const { id, kind } of this.#program.buffers) {
      if (kind !== "tape") continue;
      const cells = base + this.#layout.buffers[id];
      const block = this.#blocks.get(cells);
      if (block === undefined || block.bytes <= KEPT_TAPE) continue;
      this.#blocks.delete(cells);
      this.#heap.cache.free(block);
      u32[cells + TAPE_POINTER] = 0;
      u32[cells + TAPE_CAPACITY] = 0;
    }
  }

  dispose(): void {
    for (const block of this.#blocks.values()) this.#heap.cache.free(block);
    this.#blocks.clear();
  }
}
