/**
 * What this machine allows two threads at most in the same minutes: functions of bench/limits.ts on the main thread alone,
 * and half of the work in a worker that waits between calls as the workers of the pool do while a program runs.
 */
import { fmaLimit, limitsModule, limitsPages, readLimit } from "../limits.ts";

/** One kind of limit: a call that does all on this thread, and one that shares it with another. */
export interface Limit {
  readonly name: string;
  readonly one: () => void;
  readonly two: () => void;
}

/** Words of the memory that both threads see: which job is next, which one is done, and its kind. */
const JOB = 0, DONE = 16, KIND = 32;
/** The kind of the last job. */
const STOP = 2;

const workerSource = `
onmessage = ({ data: { module, pages, words } }) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  new Uint8Array(memory.buffer).fill(1);
  const { multiplyAdd, read } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  for (let job = 0;;) {
    while (Atomics.load(words, ${JOB}) === job);
    job = Atomics.load(words, ${JOB});
    if (Atomics.load(words, ${KIND}) === ${STOP}) return close();
    if (Atomics.load(words, ${KIND}) === 0) for (let i = 0; i < 100; i++) multiplyAdd(200);
    else for (let from = 0; from < pages << 16; from += 1 << 18) read(from, from + (1 << 18));
    Atomics.store(words, ${DONE}, job);
  }
};`;

/** Starts the other thread; it is gone after `stop`. */
export async function startLimits(): Promise<{ readonly limits: readonly Limit[]; stop(): void }> {
  const words = new Int32Array(new SharedArrayBuffer(256));
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.postMessage({ module: limitsModule, pages: limitsPages, words });
  const limit = (name: string, kind: number, run: () => number): Limit => ({
    name,
    one() {
      run();
      run();
    },
    two() {
      Atomics.store(words, KIND, kind);
      const job = Atomics.add(words, JOB, 1) + 1;
      run();
      while (Atomics.load(words, DONE) !== job);
    },
  });
  const limits = [
    limit("limit: multiplications and additions in registers", 0, fmaLimit),
    limit("limit: reading 64 MB by each thread", 1, readLimit),
  ];
  // Messages leave when this turn ends.
  await new Promise((resolve) => setTimeout(resolve, 0));
  return {
    limits,
    stop() {
      Atomics.store(words, KIND, STOP);
      Atomics.add(words, JOB, 1);
    },
  };
}
