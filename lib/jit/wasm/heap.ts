/** The memory of a backend: blocks of tensors, scratch memory of kernels, arenas of running programs. */
import { type Block, BlockCache, type DeviceMemory, deviceMemory, MemoryDevice } from "./memory/mod.ts";
import { type ChunkFunction, ThreadPool } from "./threads/mod.ts";

/** Scratch memory that programs share; kernels that need more get their own. Untouched pages cost nothing. */
const SHARED_SCRATCH = 8 << 20;
/** Arenas up to this size lie in one place, which stays warm in the caches. */
const SHARED_ARENA = 1 << 20;

/**
 * Milliseconds of work that threads could have shared, before they are started: that takes 70. Programs that end
 * soon do without.
 */
const WORK_BEFORE_THREADS = 150;

/** What programs run in. */
export class WasmHeap {
  readonly memory: DeviceMemory;
  readonly cache: BlockCache;
  #scratch = 0;
  #arena = 0;
  #arenaTaken = false;

  readonly #pool: ThreadPool;
  #shared = 0;

  constructor(budget?: number, threads?: number, memory: DeviceMemory = deviceMemory()) {
    this.memory = memory;
    this.#pool = new ThreadPool(memory, threads === undefined ? {} : { threads });
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

  /** How many threads share the work of large kernels. */
  get threads(): number {
    return this.#pool.threads;
  }

  /** Makes a module known whose kernels are split; gives its number. */
  register(bytes: Uint8Array, chunk: ChunkFunction): number {
    return this.#pool.register(bytes, chunk);
  }

  unregister(job: number): void {
    this.#pool.unregister(job);
  }

  /** Runs the chunks of a kernel's call, on all threads once there was enough work to start them. */
  run(job: number, kernel: number, frame: number, chunks: number): void {
    if (this.#shared < WORK_BEFORE_THREADS) {
      const start = performance.now();
      this.#pool.run(job, kernel, frame, chunks);
      this.#shared += performance.now() - start;
      if (this.#shared >= WORK_BEFORE_THREADS) this.#pool.start();
    } else this.#pool.run(job, kernel, frame, chunks);
  }

  /** Scratch memory for kernels that need so much on each thread; valid while one kernel runs. */
  scratch(bytes: number): number {
    if (bytes > SHARED_SCRATCH) return this.reserve(this.threads * this.scratchStep(bytes));
    return this.#scratch ||= this.reserve(this.threads * SHARED_SCRATCH);
  }

  /** From the scratch memory of one thread to that of the next. */
  scratchStep(bytes: number): number {
    return bytes > SHARED_SCRATCH ? Math.ceil(bytes / 64) * 64 : SHARED_SCRATCH;
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
