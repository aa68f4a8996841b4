/**
 * Device memory as a cache, so that nobody has to give tensors back by hand.
 *
 * JavaScript's collector does not see device memory, and finalizers never run inside one synchronous
 * turn. So a budget bounds what lies on the device: when a new block would exceed it, the blocks that
 * were not used for longest are spilled, that is, copied to an ordinary `Uint8Array` and freed. A
 * spilled block is held by its owner alone; if the owner is already garbage, so is the array.
 *
 * Copying what is dead is a waste (about 0.25 ms for 1 MB), so large blocks avoid it in three ways:
 *
 * - The cache knows the owner of a large block only weakly. Under pressure it first frees the blocks
 *   whose owners are gone.
 * - A `WeakRef` keeps its target for the rest of the turn that made or read it. Where the engine lets
 *   us (`node:vm`), a script that ends its own job clears this list now and then, so that a long
 *   synchronous loop sees its garbage too. Elsewhere the cache makes no WeakRef and spills.
 * - A FinalizationRegistry frees dead blocks as soon as the event loop turns.
 *
 * So that the collector runs at all, the cache makes a ballast for every 64 MB of large blocks (`ballast.ts`). With all
 * this a temporary of 1 MB costs 15 µs beyond its computation, one of 4 KB 1 µs; with spilling alone the first cost 250.
 *
 * Room that nothing else wants may hold contents once more in a form that kernels read faster. Such blocks go with
 * the one they were made from, when its contents change, and before anything is spilled.
 *
 * The scheme knows the device through `BlockDevice` only.
 */

import { OutOfMemoryError } from "../../trace/errors.ts";
import { ballastBytes, makeBallast } from "./ballast.ts";
import { Block, BlockList, Form, MOST_FORMS } from "./block.ts";
import { makeKeptObjectsCleaner } from "./kept_objects.ts";

/** What the cache needs from a device. Address 0 means "none". */
export interface BlockDevice {
  /** The address of a fresh block, 0 when there is no room. */
  allocate(bytes: number): number;
  /** Gives a block back. */
  free(address: number): void;
  /** Copies a block into a new array that nothing else holds. */
  read(address: number, bytes: number): Uint8Array<ArrayBuffer>;
  /** Copies bytes into a block. */
  write(address: number, bytes: Uint8Array): void;
  /** Called when there is much to come: what the device puts off for short programs is due. */
  expectMuch?(): void;
}

/** What a cache holds, in bytes, and what it did so far. */
export interface BlockCacheStats {
  /** Bytes charged to the blocks on the device. */
  resident: number;
  /** Blocks on the device. */
  blocks: number;
  /** The limit of `resident`, which only pinned blocks may exceed. */
  budget: number;
  /** Blocks copied to the host. */
  spills: number;
  /** Spilled blocks brought back. */
  restores: number;
  /** Blocks freed because their owner was found dead. */
  collected: number;
  /** Blocks with contents of others in another form. */
  forms: number;
}

/** How a cache behaves. */
export interface BlockCacheOptions {
  /** Bytes that may lie on the device, 256 MB if not given. */
  budget?: number;
  /** Blocks of at least this many bytes are watched for dead owners, 1 KB if not given. */
  largeBytes?: number;
  /** Blocks of at least this many bytes are freed by the event loop too, 64 KB if not given. */
  registeredBytes?: number;
}

/**
 * What every block is charged beyond its size, so that the number of tiny ones is bounded too. It covers the
 * JavaScript objects around a block and the arrays of spilled ones that wait for the collector.
 */
const extraCharge = 3072;
/** Bytes of large blocks between two looks for garbage. */
const lookEvery = 16 << 20;

/** The blocks of one device, bounded by a budget. */
export class BlockCache {
  budget: number;
  readonly #device: BlockDevice;
  readonly #largeBytes: number;
  readonly #registeredBytes: number;
  readonly #small: BlockList = new BlockList();
  readonly #large: BlockList = new BlockList();
  readonly #formed: BlockList = new BlockList();
  readonly #registry: FinalizationRegistry<Block>;
  #clearKeptObjects: (() => boolean) | null = makeKeptObjectsCleaner();
  #resident = 0;
  #blocks = 0;
  #spills = 0;
  #restores = 0;
  #collected = 0;
  #forms = 0;
  #clock = 0;
  #largeSinceClear = 0;
  #largeSinceLook = 0;
  #largeSinceBallast = 0;
  #lookDue = false;

  constructor(device: BlockDevice, options: BlockCacheOptions = {}) {
    this.#device = device;
    this.budget = options.budget ?? 256 << 20;
    this.#largeBytes = options.largeBytes ?? 1024;
    this.#registeredBytes = options.registeredBytes ?? 64 << 10;
    this.#registry = new FinalizationRegistry((block) => {
      block.registered = false;
      if (block.address !== 0 && block.pins === 0) {
        this.#collected++;
        this.free(block);
      }
    });
  }

  /**
   * A block of `bytes` bytes on the device with unspecified contents. With an owner, which must be the
   * only object that holds the block (a tensor's storage), it may be spilled while unpinned and is freed
   * after the owner's death; without one it stays pinned until the caller frees it. Throws an OutOfMemoryError when the device has no room
   * left for it and nothing can be spilled.
   */
  allocate(bytes: number, owner: object | null = null): Block {
    const block = new Block(bytes, bytes + extraCharge);
    this.#place(block);
    if (owner === null) {
      block.pins = 1;
      return block;
    }
    block.owned = true;
    if (bytes >= this.#largeBytes) this.#watch(block, owner);
    this.#list(block);
    return block;
  }

  /**
   * Makes another object the owner of a block that is on the device: a donated one, or one that was allocated
   * without an owner (which then is no longer pinned for want of one). The old owner must let go of it.
   */
  give(block: Block, owner: object): void {
    const hadOwner = block.owned;
    if (block.next !== null) BlockList.remove(block);
    this.#unregister(block);
    block.owner = null;
    block.owned = true;
    if (block.bytes >= this.#largeBytes) this.#watch(block, owner);
    if (!hadOwner) block.pins--;
    if (block.pins === 0 && block.address !== 0) this.#list(block);
  }

  /** Frees the block now, on the device and on the host. It must not be pinned by a running program. */
  free(block: Block): void {
    this.changed(block);
    this.#unregister(block);
    block.host = null;
    if (block.address !== 0) this.#drop(block);
  }

  /**
   * The block for the contents of a pinned block in another form, pinned until `unpin`: the caller fills it where its
   * form is not `filled`. Null as long as the contents may be in use for the first time, and without room to spare.
   */
  form(block: Block, name: string, bytes: number): Block | null {
    const forms = block.forms ??= [];
    let form: Form | null = null;
    for (let i = 0; i < forms.length; i++) if (forms[i].name === name) form = forms[i];
    if (form === null) {
      if (forms.length === MOST_FORMS) return null;
      forms.push(form = new Form(name));
    }
    if (form.block !== null) {
      this.pin(form.block);
      return form.block;
    }
    if (form.wait > 0) {
      form.wait--;
      return null;
    }
    const made = new Block(bytes, bytes + extraCharge);
    if (this.#resident + made.charge > this.budget && this.#largeSinceLook > lookEvery) this.#freeDead();
    if (this.#resident + made.charge > this.budget) return null;
    if (!this.#settle(made)) return null;
    made.pins = 1;
    made.form = form;
    this.#forms++;
    return form.block = made;
  }

  /** The contents of the block are going to be others: what is kept of them in other forms is freed. */
  changed(block: Block): void {
    const { forms } = block;
    if (forms === null) return;
    for (const form of forms) {
      const made = form.block;
      form.lose(true);
      if (made !== null) this.#drop(made);
    }
  }

  /** Brings the block to the device if it is not there, keeps it there until `unpin`, and gives its address. */
  pin(block: Block): number {
    if (block.pins++ === 0) {
      if (block.address === 0) {
        // Should there be no room, the block is as it was.
        block.pins = 0;
        this.#restore(block);
        block.pins = 1;
      } else BlockList.remove(block);
    }
    return block.address;
  }

  /** Ends one `pin`; the last makes the block the most recently used. */
  unpin(block: Block): void {
    if (--block.pins === 0 && block.address !== 0) this.#list(block);
  }

  /** Makes the block the most recently used one. */
  touch(block: Block): void {
    if (block.next === null) return;
    BlockList.remove(block);
    this.#list(block);
  }

  /** Frees unpinned blocks, dead ones first, then the least recently used, until at most `bytes` are resident. */
  shrink(bytes: number): void {
    if (this.#resident > bytes) this.#freeDead();
    while (this.#resident > bytes && this.#freeOldest());
  }

  /** What the cache holds and did. */
  stats(): BlockCacheStats {
    return {
      resident: this.#resident,
      blocks: this.#blocks,
      budget: this.budget,
      spills: this.#spills,
      restores: this.#restores,
      collected: this.#collected,
      forms: this.#forms,
    };
  }

  #watch(block: Block, owner: object): void {
    this.#register(block, owner);
    this.#largeSinceBallast += block.bytes;
    if (this.#largeSinceBallast > ballastBytes) {
      this.#largeSinceBallast = 0;
      this.#lookDue = true;
      this.#device.expectMuch?.();
      makeBallast();
    }
    if (this.#clearKeptObjects === null) return;
    block.owner = new WeakRef(owner);
    this.#largeSinceClear += block.bytes;
    if (this.#largeSinceClear > lookEvery) {
      this.#largeSinceClear = 0;
      if (!this.#clearKeptObjects()) this.#clearKeptObjects = null;
    }
  }

  #list(block: Block): void {
    block.stamp = ++this.#clock;
    if (block.form !== null) this.#formed.add(block);
    else if (block.owner !== null) this.#large.add(block);
    else this.#small.add(block);
  }

  #place(block: Block): void {
    // The collection that a ballast asked for has had time to run: what it found dead need not fill the budget.
    if (this.#lookDue && this.#largeSinceBallast > ballastBytes / 2) {
      this.#lookDue = false;
      this.#freeDead();
    }
    if (this.#resident + block.charge > this.budget) this.#makeRoom(block.charge);
    let settled = this.#settle(block);
    if (!settled) {
      this.#freeDead();
      settled = this.#settle(block);
      while (!settled && this.#freeOldest()) settled = this.#settle(block);
      if (!settled) {
        throw new OutOfMemoryError(
          `Cannot allocate ${block.bytes} bytes: ${this.#resident} bytes in ${this.#blocks} blocks are in use and none can be spilled.`,
          { remedy: "Work on smaller batches, or dispose of tensors that are not needed any more." },
        );
      }
    }
  }

  /** Gives the block a place on the device; false when there is none. */
  #settle(block: Block): boolean {
    const address = this.#device.allocate(block.bytes);
    if (address === 0) return false;
    block.address = address;
    this.#resident += block.charge;
    this.#blocks++;
    this.#largeSinceLook += block.charge;
    return true;
  }

  #makeRoom(charge: number): void {
    if (this.#largeSinceLook > lookEvery) this.#freeDead();
    while (this.#resident + charge > this.budget && this.#freeOldest());
  }

  /** Frees the large blocks whose owners are known to be dead. */
  #freeDead(): void {
    this.#largeSinceLook = 0;
    for (let block = this.#large.oldest; block !== null;) {
      const next: Block | null = this.#large.after(block);
      if (block.owner!.deref() === undefined) {
        this.#collected++;
        this.free(block);
      }
      block = next;
    }
    // Reading a WeakRef keeps its target for the rest of the turn.
    this.#clearKeptObjects?.();
  }

  /** Makes room at the least cost: what can be made again from other blocks goes first. */
  #freeOldest(): boolean {
    const formed = this.#formed.oldest;
    if (formed === null) return this.#spillOldest();
    formed.form!.lose(false);
    this.#drop(formed);
    return true;
  }

  #spillOldest(): boolean {
    const small = this.#small.oldest;
    const large = this.#large.oldest;
    const block = small === null || (large !== null && large.stamp < small.stamp) ? large : small;
    if (block === null) return false;
    if (block.owner !== null && block.owner.deref() === undefined) {
      this.#collected++;
      this.free(block);
      return true;
    }
    block.host = this.#device.read(block.address, block.bytes);
    // The registry would keep the array alive.
    this.#unregister(block);
    this.#spills++;
    this.#drop(block);
    return true;
  }

  #restore(block: Block): void {
    this.#place(block);
    this.#device.write(block.address, block.host!);
    block.host = null;
    this.#restores++;
    // A watched block stays so: its WeakRef is still there, only the registry forgot it.
    const owner = block.owner?.deref();
    if (owner !== undefined) this.#register(block, owner);
  }

  #register(block: Block, owner: object): void {
    if (block.bytes < this.#registeredBytes) return;
    this.#registry.register(owner, block, block);
    block.registered = true;
  }

  #unregister(block: Block): void {
    if (!block.registered) return;
    this.#registry.unregister(block);
    block.registered = false;
  }

  #drop(block: Block): void {
    if (block.next !== null) BlockList.remove(block);
    this.#device.free(block.address);
    block.address = 0;
    if (block.form !== null) this.#forms--;
    this.#resident -= block.charge;
    this.#blocks--;
  }
}
