/**
 * Dispatches that the device itself decides about. A _scope_ is a set of dispatches that happen or do not happen
 * together: the steps of a loop until it ends, a branch of a condition. Their numbers of workgroups lie in a buffer, from
 * which they are dispatched, and a small kernel puts zeros there (kernels/predicate.ts). So the host encodes steps without
 * knowing whether they will be taken.
 */
import type { GpuBuffers } from "./buffers.ts";
import type { GpuDevice } from "./device.ts";

/** Scopes between two submits. */
export const MAX_SCOPES = 64;

/** Different numbers of workgroups in a scope. */
export const MAX_RECORDS = 64;

/** Words of a scope: whether it is alive, steps taken, the number of its records; then the records. */
export const SCOPE_HEAD = 4;
/** Words of a record: workgroups as they are dispatched, and how many there are along x while the scope is alive. */
export const RECORD_WORDS = 4;
export const SCOPE_WORDS: number = SCOPE_HEAD + RECORD_WORDS * MAX_RECORDS;

export class Predicates {
  readonly #device: GpuDevice;
  readonly buffer: GPUBuffer;
  /** Its number among the buffers, for the kernels that write it. */
  readonly address: number;
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(MAX_SCOPES * SCOPE_WORDS);
  /** The first scope of each owner, since the last submit. */
  readonly #scopes: Map<object, number> = new Map();
  #used = 0;

  constructor(device: GpuDevice, buffers: GpuBuffers) {
    this.#device = device;
    this.address = buffers.keep(
      this.#words.byteLength,
      GPUBufferUsage.STORAGE | GPUBufferUsage.INDIRECT | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    );
    this.buffer = buffers.buffer(this.address);
  }

  hasRoom(scopes: number): boolean {
    return this.#used + scopes <= MAX_SCOPES;
  }

  /** The first of the scopes of an owner, as the number of its first word. They are alive when what follows is submitted. */
  scopesOf(owner: object, count: number): number {
    let first = this.#scopes.get(owner);
    if (first === undefined) {
      if (!this.hasRoom(count)) throw new Error("There are too many scopes between two submits.");
      first = this.#used * SCOPE_WORDS;
      this.#scopes.set(owner, first);
      this.#words.fill(0, first, first + count * SCOPE_WORDS);
      for (let i = 0; i < count; i++) this.#words[first + i * SCOPE_WORDS] = 1;
      this.#used += count;
    }
    return first;
  }

  /** Where a scope has these numbers of workgroups, in bytes. */
  record(scope: number, [x, y, z]: readonly [x: number, y: number, z: number]): number {
    const words = this.#words, records = words[scope + 2];
    for (let i = 0; i < records; i++) {
      const at = scope + SCOPE_HEAD + i * RECORD_WORDS;
      if (words[at] === x && words[at + 1] === y && words[at + 2] === z) return 4 * at;
    }
    if (records === MAX_RECORDS) throw new Error("A scope has too many numbers of workgroups.");
    const at = scope + SCOPE_HEAD + records * RECORD_WORDS;
    words.set([x, y, z, x], at);
    words[scope + 2]++;
    return 4 * at;
  }

  /** Sends the scopes, before the dispatches that use them are submitted. */
  send(): void {
    if (this.#used === 0) return;
    this.#device.device.queue.writeBuffer(this.buffer, 0, this.#words, 0, this.#used * SCOPE_WORDS);
    this.#used = 0;
    this.#scopes.clear();
  }
}
