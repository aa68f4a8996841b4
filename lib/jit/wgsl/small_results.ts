/**
 * Small results of one run that are read one after the other come to the host in one copy: a copy and its wait cost as
 * much for four bytes as for thousands. Which of a program's outputs are read is learnt from its earlier runs, so that
 * nothing is copied which nobody asked for.
 */
import type { WgslStorage } from "./storage.ts";

/** Bytes of a result that is small. */
export const SMALL_BYTES = 4096;

/** The small outputs of one run. */
export class SmallResults {
  /** Those that are brought together: none once they are there, so that results are not held longer than by others. */
  #members: WgslStorage[];
  /** For each output of the program whether it was ever read; shared by all runs. */
  readonly #wasRead: Uint8Array;

  /** Lets the small ones of a run's outputs be read together. */
  static share(outputs: readonly WgslStorage[], wasRead: Uint8Array): void {
    const small = outputs.filter(({ bytes }) => bytes > 0 && bytes <= SMALL_BYTES);
    if (small.length < 2) return;
    outputs.forEach((storage, i) => storage.output = i);
    const results = new SmallResults(small.filter(({ output }) => wasRead[output] !== 0), wasRead);
    for (const storage of small) storage.siblings = results;
  }

  private constructor(members: WgslStorage[], wasRead: Uint8Array) {
    this.#members = members;
    this.#wasRead = wasRead;
  }

  /** Brings an output to the host, and with it those that were read after earlier runs. */
  fetch(wanted: WgslStorage): void {
    const { heap } = wanted;
    this.#wasRead[wanted.output] = 1;
    // What was given away or spilled is not there any more.
    const others = this.#members.filter((member) =>
      member !== wanted && member.siblings === this && member.block !== null && member.block.address !== 0
    );
    this.#members = [];
    const fetched = [wanted, ...others];
    const parts = fetched.map(({ block, bytes }) => ({
      source: heap.buffers.buffer(block!.address),
      target: new Uint8Array(Math.ceil(bytes / 4) * 4),
    }));
    heap.readback.readMany(parts);
    fetched.forEach((member, i) => member.onHost = parts[i].target);
  }
}
