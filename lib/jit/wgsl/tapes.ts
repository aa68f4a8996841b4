/** The tapes of one run: buffers that grow by a record for each step of a loop. */
import type { Program } from "../kernel/program.ts";
import type { Block } from "../memory/mod.ts";
import type { GpuHeap } from "./heap.ts";
import { bufferBytes } from "./layout.ts";

/** Records a tape has room for at first. */
const FIRST_RECORDS = 16;

interface Tape {
  block: Block;
  capacity: number;
  /** How many it has: the length of a loop that reads it. */
  records: number;
}

export class RunTapes {
  readonly #heap: GpuHeap;
  readonly #program: Program;
  readonly #tapes: Map<number, Tape> = new Map();
  /** Blocks that were too small; work that was encoded before still uses them. */
  readonly #outgrown: Block[] = [];

  constructor(heap: GpuHeap, program: Program) {
    this.#heap = heap;
    this.#program = program;
  }

  #bytes(buffer: number, records: number): number {
    return Math.max(4, bufferBytes(this.#program.buffers[buffer]) * records);
  }

  get(buffer: number): Tape {
    let tape = this.#tapes.get(buffer);
    if (tape === undefined) {
      const block = this.#heap.cache.allocate(this.#bytes(buffer, FIRST_RECORDS));
      this.#tapes.set(buffer, tape = { block, capacity: FIRST_RECORDS, records: 0 });
    }
    return tape;
  }

  /** Makes room for some number of records. `encoder` is asked for where those that are there have to be copied. */
  grow(buffer: number, records: number, encoder: () => GPUCommandEncoder): void {
    const tape = this.get(buffer);
    if (records <= tape.capacity) return;
    const capacity = Math.max(records, tape.capacity * 2);
    const { cache, buffers } = this.#heap;
    const block = cache.allocate(this.#bytes(buffer, capacity));
    const used = Math.ceil(this.#bytes(buffer, tape.capacity) / 4) * 4;
    const from = buffers.buffer(tape.block.address), to = buffers.buffer(block.address);
    encoder().copyBufferToBuffer(from, 0, to, 0, used);
    this.#outgrown.push(tape.block);
    tape.block = block;
    tape.capacity = capacity;
  }

  release(): void {
    const { cache } = this.#heap;
    for (const block of this.#outgrown) cache.free(block);
    for (const { block } of this.#tapes.values()) cache.free(block);
    this.#outgrown.length = 0;
    this.#tapes.clear();
  }
}
