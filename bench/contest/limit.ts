/**
 * What no program of the same work can beat on this machine: the multiplications and additions of a workload on
 * registers alone, or the reading of its bytes from memory with nothing done to them, on two threads.
 */
import { multiplyAddLimit, readLimit } from "../limits.ts";
import type { Contestant } from "./contestant.ts";
import { workloads } from "./workload.ts";

/** Words of the memory both threads see: how often work was given, how much of it was done, and half of it, in thousands of operations and in bytes. */
const GIVEN = 0, DONE = 1, THOUSANDS = 2, BYTES = 3, WORDS = 4;

function computeHalf(words: Int32Array): void {
  multiplyAddLimit(1000 * words[THOUSANDS]);
  readLimit(words[BYTES]);
}

/** Half of each computation: it never sleeps, since the process is halted between its turns. */
export function help(words: Int32Array): never {
  for (let done = 0;;) {
    if (Atomics.load(words, GIVEN) === done) continue;
    computeHalf(words);
    Atomics.store(words, DONE, ++done);
  }
}

function onTwoThreads(words: Int32Array): void {
  const given = Atomics.add(words, GIVEN, 1) + 1;
  computeHalf(words);
  while (Atomics.load(words, DONE) !== given);
}

export async function contestant(): Promise<Contestant> {
  const words = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  const helper = new Worker(new URL("./limit_helper.ts", import.meta.url), { type: "module" });
  const ready = new Promise((resolve) => helper.onmessage = resolve);
  helper.postMessage(words);
  await ready;
  return {
    version: "",
    prepare(workload) {
      const { billions = 0, bytes = 0 } = workloads.find(({ name }) => name === workload) ?? {};
      if (billions === 0 && bytes === 0) return null;
      words[THOUSANDS] = billions * 1e6 / 2;
      words[BYTES] = bytes / 2;
      return { run: () => onTwoThreads(words), outputs: () => [] };
    },
  };
}
