/** The memory of a backend: blocks of tensors, scratch memory of kernels, arenas of running programs. */
import { type Block, BlockCache } from "../memory/mod.ts";
import { type DeviceMemory, deviceMemory, MemoryDevice } from "./memory/mod.ts";
import { availableThreads, type ChunkFunction, ThreadPool } from "./threads/mod.ts";

/** Programs share scratch memory up to this size for each thread; kernels that need more get their own. */
const SHARED_SCRATCH = 8 << 20;
/** The least scratch memory of a thread; more comes in powers of two. */
const LEAST_SCRATCH = 64 << 10;
/** Arenas up to this size lie in one place, which stays warm in the caches. */
const SHARED_ARENA = 1 << 20;

/**
 * Milliseconds of work that threads could have shared, before they are started: that takes 25. Programs that end soon
 * do without, and the first call of a program does not wait for them unless it is long, or expected to be.
 */
const WORK_BEFORE_THREADS = 60;
const WORK_OF_FIRST_CALLS = 100;

/** The threads of a memory talk through one page of it, so that there is one pool for each. */
const pools = new WeakMap<DeviceMemory, ThreadPool>();

/** What programs run in. */
export class WasmHeap {
  readonly memory: DeviceMemory;
  readonly cache: BlockCache;
  /** Scratch memory that programs share, by its bytes for each thread and the number of threads. */
  readonly #scratch: Map<string, number> = new Map();
  #arena = 0;
  #arenaTaken = false;

  /** How many threads share the work of large kernels of programs compiled from now on. */
  threads: number;
  #shared = 0;

  constructor(
    budget?: number,
    threads: number = availableThreads(),
    memory: DeviceMemory = deviceMemory(),
  ) {
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

  /** Lets the threads know the module of tiles with left operands in structs. */
  provideStructTiles(bytes: Uint8Array): void {
    this.#pool.provideStructTiles(bytes, (size) => this.reserve(size));
  }

  unregister(job: number): void {
    this.#pool.unregister(job);
  }

  /**
   * Runs the chunks of a kernel's call, on all threads once there was enough work to start them. `wakes` says that there
   * is enough of it to wake threads, `repeated` that the program has run before.
   */
  run(job: number, kernel: number, frame: number, chunks: number, wakes: boolean, repeated: boolean): void {
    if (this.#shared >= WORK_OF_FIRST_CALLS) {
      this.#pool.run(job, kernel, frame, chunks, wakes);
      return;
    }
    const start = performance.now();
    this.#pool.run(job, kernel, frame, chunks, wakes);
    this.#shared += performance.now() - start;
    if (this.#shared >= (repeated ? WORK_BEFORE_THREADS : WORK_OF_FIRST_CALLS)) this.#startThreads();
  }

  /** Starts the threads before a program's first call if so many milliseconds of work for them are worth it. */
  expect(shared: number): void {
    if (this.#shared < WORK_OF_FIRST_CALLS && shared >= WORK_OF_FIRST_CALLS) this.#startThreads();
  }

  #startThreads(): void {
    this.#shared = WORK_OF_FIRST_CALLS;
    this.#pool.start();
  }

  /** Scratch memory for kernels that need so much on each thread; valid while one kernel runs. */
  scratch(bytes: number, threads: number): number {
    const step = this.scratchStep(bytes);
    if (bytes > SHARED_SCRATCH) return this.reserve(threads * step);
    const key = `${step} ${threads}`;
    let address = this.#scratch.get(key);
    if (address === undefined) this.#scratch.set(key, address = this.reserve(threads * step));
    return address;
  }

  /** From the scratch memory of one thread to that of the next. */
  scratchStep(bytes: number): number {
    if (bytes > SHARED_SCRATCH) return Math.ceil(bytes / 64) * 64;
    return Math.max(LEAST_SCRATCH, 2 ** Math.ceil(Math.log2(bytes)));
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
