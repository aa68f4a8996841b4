/** The memory of a backend: blocks of tensors, scratch memory of kernels, arenas of running programs. */
import { type Block, BlockCache, type DeviceMemory, deviceMemory, MemoryDevice } from "./memory/mod.ts";

/** Scratch memory that programs share; kernels that need more get their own. Untouched pages cost nothing. */
const SHARED_SCRATCH = 8 << 20;
/** Arenas up to this size lie in one place, which stays warm in the caches. */
const SHARED_ARENA = 1 << 20;

/** What programs run in. */
export class WasmHeap {
  readonly memory: DeviceMemory;
  readonly cache: BlockCache;
  #scratch = 0;
  #arena = 0;
  #arenaTaken = false;

  constructor(budget?: number, memory: DeviceMemory = deviceMemory()) {
    this.memory = memory;
    this.cache = new BlockCache(new MemoryDevice(memory), budget === undefined ? {} : { budget });
  }

  /** A permanent place outside of the cache. */
  reserve(bytes: number): number {
    const address = this.memory.allocate(bytes);
    if (address !== 0) return address;
    this.cache.shrink(0);
    const second = this.memory.allocate(bytes);
    if (second === 0) throw new RangeError(`Cannot reserve ${bytes} bytes of memory.`);
    return second;
  }

  /** Scratch memory for kernels that need so much; valid while one kernel runs. */
  scratch(bytes: number): number {
    if (bytes > SHARED_SCRATCH) return this.reserve(bytes);
    return this.#scratch ||= this.reserve(SHARED_SCRATCH);
  }

  /** Gives scratch memory back that only one program used. */
  freeScratch(address: number): void {
    if (address !== 0 && address !== this.#scratch) this.memory.free(address);
  }

  /** Memory for the temporaries of a run. The block is null for the shared arena. */
  takeArena(bytes: number): { readonly address: number; readonly block: Block | null } {
    if (bytes <= SHARED_ARENA && !this.#arenaTaken) {
      this.#arena ||= this.reserve(SHARED_ARENA);
      this.#arenaTaken = true;
      return { address: this.#arena, block: null };
    }
    const block = this.cache.allocate(bytes);
    return { address: block.address, block };
  }

  returnArena(block: Block | null): void {
    if (block === null) this.#arenaTaken = false;
    else this.cache.free(block);
  }
}
