import { assert, assertEquals } from "@std/assert";
import { type Block, BlockCache, type BlockDevice } from "../../../lib/jit/memory/mod.ts";

/** A device that remembers which addresses are taken. */
class TestDevice implements BlockDevice {
  readonly live: Map<number, number> = new Map();
  #next = 64;
  constructor(readonly room = Infinity) {}
  allocate(bytes: number): number {
    let used = bytes;
    for (const size of this.live.values()) used += size;
    if (used > this.room) return 0;
    this.live.set(this.#next, bytes);
    return (this.#next += 64) - 64;
  }
  free(address: number): void {
    assert(this.live.delete(address), `${address} was freed twice`);
  }
  read(_address: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(bytes);
  }
  write(): void {}
}

const BYTES = 100_000;

/** A use of a block as a run makes it: both are pinned while it lasts. */
function use(cache: BlockCache, block: Block, name = "form"): Block | null {
  cache.pin(block);
  const form = cache.form(block, name, BYTES);
  if (form !== null) {
    form.form!.filled = true;
    cache.unpin(form);
  }
  cache.unpin(block);
  return form;
}

function make(
  budget: number,
  room?: number,
): { device: TestDevice; cache: BlockCache; owners: object[]; add(): Block } {
  const device = new TestDevice(room);
  const cache = new BlockCache(device, { budget });
  const owners: object[] = [];
  const add = (): Block => {
    const owner = {};
    owners.push(owner);
    return cache.allocate(BYTES, owner);
  };
  return { device, cache, owners, add };
}

Deno.test("a form is made at the second use of the same contents, and found again after that", () => {
  const { cache, add } = make(1e6);
  const block = add();
  assertEquals(use(cache, block), null);
  const form = use(cache, block);
  assert(form !== null && form.address !== 0);
  assertEquals(use(cache, block), form);
  assertEquals(use(cache, block, "another"), null);
  assert(use(cache, block, "another") !== form);
  assertEquals(cache.stats().forms, 2);
  assert(cache.stats().resident > 3 * BYTES);
});

Deno.test("forms go when the contents change and when the block is freed", () => {
  const { device, cache, add } = make(1e6);
  const block = add();
  use(cache, block);
  use(cache, block);
  cache.changed(block);
  assertEquals([cache.stats().forms, device.live.size], [0, 1]);
  assertEquals(use(cache, block), null);
  assert(use(cache, block) !== null);
  cache.free(block);
  assertEquals([cache.stats().forms, cache.stats().resident, device.live.size], [0, 0, 0]);
});

Deno.test("contents that change at every use never get a form", () => {
  const { cache, add } = make(1e6);
  const block = add();
  for (let i = 0; i < 100; i++) {
    assertEquals(use(cache, block), null);
    cache.changed(block);
  }
});

Deno.test("a block given to another owner keeps its forms", () => {
  const { cache, add } = make(1e6);
  const block = add(), owner = {};
  use(cache, block);
  const form = use(cache, block);
  cache.give(block, owner);
  assertEquals(use(cache, block), form);
});

Deno.test("a form is not made where it would not fit the budget, and frees nothing", () => {
  const { cache, add } = make(2.5 * BYTES);
  const block = add(), other = add();
  for (let i = 0; i < 10; i++) assertEquals(use(cache, block), null);
  assert(other.address !== 0);
  assertEquals(cache.stats().spills, 0);
});

Deno.test("under pressure forms are freed before anything is spilled, and come back only after many uses", () => {
  const { cache, add } = make(4.5 * BYTES);
  const first = add(), second = add();
  for (const block of [first, second, first, second]) use(cache, block);
  assertEquals(cache.stats().forms, 2);
  const third = add();
  assertEquals([cache.stats().forms, cache.stats().spills], [1, 0]);
  add();
  assertEquals([cache.stats().forms, cache.stats().spills], [0, 0]);
  add();
  assertEquals(cache.stats().spills, 1);
  cache.free(third);
  const uses = Array.from({ length: 40 }, () => use(cache, second));
  assertEquals(uses.findIndex((form) => form !== null), 32);
});

Deno.test("a pinned form stays under pressure", () => {
  const { cache, add } = make(2.5 * BYTES);
  const block = add();
  use(cache, block);
  cache.pin(block);
  const form = cache.form(block, "form", BYTES)!;
  add();
  add();
  assert(form.address !== 0 && block.address !== 0);
  cache.unpin(form);
  cache.unpin(block);
});

Deno.test("when the device is full there is no form, and forms make room for blocks", () => {
  const { cache, add } = make(1e9, 3 * BYTES);
  const block = add();
  use(cache, block);
  assert(use(cache, block) !== null);
  const more = [add(), add()];
  assertEquals([cache.stats().forms, cache.stats().spills], [0, 0]);
  use(cache, more[0]);
  assertEquals(use(cache, more[0]), null);
});

Deno.test("a form that was never filled is filled by the next use", () => {
  const { cache, add } = make(1e6);
  const block = add();
  use(cache, block);
  cache.pin(block);
  const form = cache.form(block, "form", BYTES)!;
  cache.unpin(form);
  cache.unpin(block);
  assertEquals(form.form!.filled, false);
  cache.pin(block);
  assertEquals(cache.form(block, "form", BYTES), form);
  assertEquals(form.form!.filled, false);
});

Deno.test("a block has a bounded number of forms", () => {
  const { cache, add } = make(1e9);
  const block = add();
  for (let round = 0; round < 3; round++) for (let i = 0; i < 50; i++) use(cache, block, `form ${i}`);
  assertEquals(cache.stats().forms, 8);
});

Deno.test("forms of blocks whose owners are garbage go with them, without any need for room", async () => {
  const { cache } = make(1e9);
  const formed = (): void => {
    const owner = {}, block = cache.allocate(1 << 20, owner);
    use(cache, block);
    assert(use(cache, block) !== null);
  };
  for (let i = 0; i < 100; i++) formed();
  // Allocating calls the collector, in its own time.
  for (let turn = 0; turn < 400 && cache.stats().forms > 80; turn++) {
    cache.allocate(1 << 20, {});
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { forms, spills, collected } = cache.stats();
  assert(forms <= 80 && collected > 0, `${forms} forms are still there`);
  assertEquals(spills, 0);
});
