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

/** The threads of a memory talk through one page of it, so that there is one pool for each. */
const pools = new WeakMap<DeviceMemory, ThreadPool>();

/** What programs run in. */
export class WasmHeap {
  readonly memory: DeviceMemory;
  readonly cache: BlockCache;
  #scratch = 0;
  #scratchThreads = 0;
  #arena = 0;
  #arenaTaken = false;

  /** How many threads share the work of large kernels of programs compiled from now on. */
  threads: number;
  #shared = 0;

  constructor(budget?: number, threads = 1, memory: DeviceMemory = deviceMemory()) {
    this.memory = memory;
    this.threads = memory.shared ? threads : 1;
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

  get #pool(): ThreadPool {
    let pool = pools.get(this.memory);
    if (pool === undefined) {
      pools.set(this.memory, pool = new ThreadPool(this.memory, { threads: this.threads }));
    }
    return pool;
  }

  /** How many threads are up. */
  get threadsReady(): number {
    return this.#pool.ready;
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
  scratch(bytes: number, threads: number): number {
    if (bytes > SHARED_SCRATCH || threads > this.#scratchThreads) {
      const address = this.reserve(threads * this.scratchStep(bytes));
      if (bytes > SHARED_SCRATCH) return address;
      // Programs that have the old one keep it.
      this.#scratch = address;
      this.#scratchThreads = threads;
    }
    return this.#scratch;
  }

  /** From the scratch memory of one thread to that of the next. */
  scratchStep(bytes: number): number {
    return bytes > SHARED_SCRATCH ? Math.ceil(bytes / 64) * 64 : SHARED_SCRATCH;
  }

  /** Gives scratch memory back that only one program used. */
  freeScratch(address: number, bytes: number): void {
    if (bytes > SHARED_SCRATCH) this.memory.free(address);
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
