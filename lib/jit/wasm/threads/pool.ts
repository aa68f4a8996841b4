/** Fork and join over the shared memory: calls stay synchronous, and the main thread takes part. */

import { controlAddress, type DeviceMemory } from "../memory/mod.ts";
import { spinRounds, words } from "./protocol.ts";
import { startWorker } from "./spawn.ts";
import { workerSource } from "./worker_source.ts";

/**
 * One chunk of a job. Chunks may run in any order and on any thread; `thread` (0 is the main one) says which
 * scratch memory is free.
 */
export type ChunkFunction = (functionIndex: number, argument: number, chunk: number, thread: number) => void;

/** How many threads a pool may use. */
export interface ThreadPoolOptions {
  /** Threads, the main one included; as many as the machine has if not given. */
  threads?: number;
}

interface RegisteredModule {
  readonly chunk: ChunkFunction;
  readonly address: number;
  readonly length: number;
}

/** Of so many short jobs one wakes threads that sleep: if more follow at once, these threads stay awake. */
const SHORT_JOBS = 4;

/** More threads than this wait for memory and for one another. */
const MOST_THREADS = 32;

/** As many threads as the machine has cores. */
export function availableThreads(): number {
  const cores = (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator
    ?.hardwareConcurrency;
  return Math.min(MOST_THREADS, cores ?? 1);
}

/**
 * Threads that share a memory. Until `start` is called, and until the workers are up, the main thread does all
 * work itself; nothing ever waits for a worker that has not begun.
 */
export class ThreadPool {
  /** Threads of the pool, the main one included. */
  readonly threads: number;
  readonly #memory: DeviceMemory;
  readonly #page: Int32Array;
  readonly #modules: Map<number, RegisteredModule> = new Map();
  #lastModule = 0;
  #begun = false;
  #running = false;
  #mayBlock = true;
  #shortJobs = 0;

  constructor(memory: DeviceMemory, options: ThreadPoolOptions = {}) {
    this.#memory = memory;
    this.#page = memory.i32.subarray(controlAddress / 4, controlAddress / 4 + 1024);
    this.threads = memory.shared ? Math.max(1, Math.floor(options.threads ?? availableThreads())) : 1;
  }

  /** How many threads are up, the main one included. */
  get ready(): number {
    return 1 + Atomics.load(this.#page, words.started);
  }

  /**
   * Starts the workers, without waiting until they are up. Making the first one takes the main thread about
   * 25 ms in Deno (3 ms in Node); the others are started by workers. Later calls do nothing.
   */
  start(): void {
    if (this.#begun || this.threads < 2) return;
    this.#begun = true;
    // Afterwards it has one size for all threads.
    this.#memory.grow();
    startWorker({
      memory: this.#memory.memory,
      control: controlAddress,
      thread: 1,
      threads: this.threads,
      source: workerSource,
    });
  }

  /**
   * Makes a module known. Its bytes must export `chunk`, a `ChunkFunction`, and may import the memory, functions
   * of `Math` by their names, and functions that `chunk` never calls; `chunk` is that of the caller's own instance.
   */
  register(bytes: Uint8Array, chunk: ChunkFunction): number {
    const address = this.threads > 1 ? this.#memory.allocate(bytes.length) : 0;
    if (address !== 0) this.#memory.u8.set(bytes, address);
    const id = ++this.#lastModule;
    this.#modules.set(id, { chunk, address, length: bytes.length });
    return id;
  }

  /** Says from which bytes workers instantiate the tiles with left operands in structs, which modules may import. */
  provideStructTiles(bytes: Uint8Array, reserve: (bytes: number) => number): void {
    const page = this.#page;
    if (this.threads < 2 || page[words.tilesAddress] !== 0) return;
    const address = reserve(bytes.length);
    this.#memory.u8.set(bytes, address);
    page[words.tilesLength] = bytes.length;
    page[words.tilesAddress] = address;
  }

  /** Forgets a module. */
  unregister(id: number): void {
    const module = this.#modules.get(id);
    if (module === undefined) return;
    this.#modules.delete(id);
    if (module.address !== 0) this.#memory.free(module.address);
  }

  /**
   * Computes the chunks 0 to `chunks` - 1 and returns when all are done. Inside a chunk it runs on one thread. A job that
   * is over before a thread wakes does not `wake` any, unless others like it came before.
   */
  run(moduleId: number, functionIndex: number, argument: number, chunks: number, wake: boolean = true): void {
    const module = this.#modules.get(moduleId)!;
    const { chunk } = module;
    const page = this.#page;
    const alone = !this.#begun || this.#running || chunks < 2 || module.address === 0 ||
      page[words.started] === 0;
    const allSleep = !alone && Atomics.load(page, words.sleepers) >= page[words.started];
    if (alone || (!wake && allSleep && ++this.#shortJobs % SHORT_JOBS !== 0)) {
      for (let i = 0; i < chunks; i++) chunk(functionIndex, argument, i, 0);
      return;
    }
    page[words.module] = moduleId;
    page[words.functionIndex] = functionIndex;
    page[words.argument] = argument;
    page[words.chunks] = chunks;
    page[words.bytesAddress] = module.address;
    page[words.bytesLength] = module.length;
    page[words.failures] = 0;
    Atomics.store(page, words.claimed, 0);
    Atomics.store(page, words.claimedByWorkers, 0);
    Atomics.store(page, words.open, 1);
    Atomics.add(page, words.epoch, 1);
    if ((wake || allSleep) && Atomics.load(page, words.sleepers) > 0) Atomics.notify(page, words.epoch);
    this.#running = true;
    try {
      for (let i = 0; Atomics.add(page, words.claimed, 1) < chunks; i++) chunk(functionIndex, argument, i, 0);
    } finally {
      Atomics.store(page, words.open, 0);
      this.#join();
      this.#running = false;
    }
    if (page[words.failures] > 0) throw new Error("A kernel failed on a worker thread");
  }

  /** Waits for the workers that are inside the job. */
  #join(): void {
    const page = this.#page;
    let rounds = 0;
    for (let active; (active = Atomics.load(page, words.active)) > 0;) {
      if (++rounds < spinRounds || !this.#mayBlock) continue;
      Atomics.store(page, words.mainSleeps, 1);
      try {
        // The time limit covers a worker that counted itself out between the two lines above.
        Atomics.wait(page, words.active, active, 5);
      } catch {
        // The main thread of a browser may not sleep.
        this.#mayBlock = false;
      }
      Atomics.store(page, words.mainSleeps, 0);
    }
  }
}
