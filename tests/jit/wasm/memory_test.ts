import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Block, BlockCache } from "../../../lib/jit/memory/mod.ts";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import { Allocator, DeviceMemory, MemoryDevice } from "../../../lib/jit/wasm/memory/mod.ts";
import { OutOfMemoryError } from "../../../lib/trace/errors.ts";

/** A tensor's storage as the cache sees it. */
class Storage {
  block: Block | null = null;
}

function makeCache(budget: number, pages: number = 1024): { memory: DeviceMemory; cache: BlockCache } {
  const memory = new DeviceMemory(pages);
  return { memory, cache: new BlockCache(new MemoryDevice(memory), { budget }) };
}

Deno.test("blocks never overlap, are aligned, and waste at most one eighth", () => {
  const words = new Int32Array(4 << 20);
  const allocator = new Allocator({ i32: words }, 131072, words.byteLength);
  const bytes = new Uint8Array(words.buffer);
  const live = new Map<number, { size: number; mark: number }>();
  let state = 12345;
  const random = (n: number): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n;
  for (let step = 0; step < 20000; step++) {
    if (live.size > 60 && random(2) === 0) {
      const address = [...live.keys()][random(live.size)];
      const { size, mark } = live.get(address)!;
      assertEquals([bytes[address], bytes[address + size - 1]], [mark, mark]);
      allocator.free(address);
      live.delete(address);
      continue;
    }
    const size = 1 + random([64, 2000, 40000, 300000][random(4)]);
    const address = allocator.allocate(size);
    if (address === 0) continue;
    assertEquals(address % 64, 0);
    assert(address >= 131072 && address + size <= words.byteLength);
    const rounded = allocator.roundedBytes(size);
    assert(rounded >= size && (rounded <= size * 1.125 || rounded - size < 64 || size > 32768));
    const mark = random(256);
    bytes.fill(mark, address, address + size);
    live.set(address, { size, mark });
  }
  for (const [address, { size, mark }] of live) {
    for (let i = 0; i < size; i++) if (bytes[address + i] !== mark) throw new Error("blocks overlap");
    allocator.free(address);
  }
  assertEquals(allocator.live, 0);
});

Deno.test("freed memory is merged: after small blocks one of all the memory fits again", () => {
  const words = new Int32Array(4 << 20);
  const allocator = new Allocator({ i32: words }, 131072, words.byteLength);
  const addresses: number[] = [];
  for (let address = allocator.allocate(40000); address !== 0; address = allocator.allocate(40000)) {
    addresses.push(address);
  }
  assert(addresses.length > 350);
  assertEquals(allocator.allocate(15 << 20), 0);
  for (let i = 0; i < addresses.length; i += 2) allocator.free(addresses[i]);
  for (let i = 1; i < addresses.length; i += 2) allocator.free(addresses[i]);
  assert(allocator.allocate(15 << 20) !== 0);
  assertEquals(allocator.peak >= 350 * 40000, true);
});

Deno.test("the least recently used unpinned block is spilled and comes back with its contents", () => {
  const { memory, cache } = makeCache(100_000);
  const owners = [1, 2, 3].map((value) => {
    const storage = new Storage();
    storage.block = cache.allocate(30_000, storage);
    memory.u8.fill(value, storage.block.address, storage.block.address + 30_000);
    return storage;
  });
  cache.touch(owners[0].block!);
  cache.pin(owners[1].block!);
  const fourth = new Storage();
  fourth.block = cache.allocate(30_000, fourth);
  // Second is pinned, first was touched: third goes.
  assertEquals(owners.map((o) => o.block!.address !== 0), [true, true, false]);
  assertEquals(owners[2].block!.host![29_999], 3);
  const address = cache.pin(owners[2].block!);
  assertEquals(memory.u8[address + 29_999], 3);
  assertEquals(owners[2].block!.host, null);
  assertEquals(owners[0].block!.address, 0);
  cache.unpin(owners[2].block!);
  const { spills, restores, resident } = cache.stats();
  assertEquals([spills, restores], [2, 1]);
  assert(resident <= 100_000);
});

Deno.test("pinned blocks may exceed the budget; when the memory itself is full, an OutOfMemoryError says so and harms nothing", () => {
  const { memory, cache } = makeCache(1 << 20, 1024);
  const pinned: Block[] = [];
  for (let i = 0; i < 60; i++) pinned.push(cache.allocate(1 << 20));
  assertThrows(() => cache.allocate(8 << 20), OutOfMemoryError, "Cannot allocate 8388608 bytes");
  for (const block of pinned) cache.free(block);
  assertEquals(memory.use().live, 0);
  assertEquals(cache.stats().resident, 0);
  assert(cache.allocate(8 << 20).address !== 0);
});

Deno.test("zero-sized blocks are blocks", () => {
  const { memory, cache } = makeCache(1 << 20);
  const storage = new Storage();
  storage.block = cache.allocate(0, storage);
  assert(storage.block.address !== 0);
  cache.shrink(0);
  assertEquals(storage.block.host!.length, 0);
  assert(cache.pin(storage.block) !== 0);
  cache.unpin(storage.block);
  cache.free(storage.block);
  assertEquals(memory.use().live, 0);
});

// Measured from the start: all test files share one process. tests/spine/memory_test.ts has processes of its own.
Deno.test("10,000 temporaries of 1 MB in one synchronous turn take under 448 MB and read back right", () => {
  const start = Deno.memoryUsage().rss;
  const { memory, cache } = makeCache(256 << 20, 65536);
  const bytes = 1 << 20;
  const words = bytes >> 2;
  let previous: Storage | null = null;
  const kept: { storage: Storage; value: number }[] = [];
  let largest = 0;
  for (let i = 0; i < 10_000; i++) {
    const storage: Storage = new Storage();
    storage.block = cache.allocate(bytes, storage);
    const at = cache.pin(storage.block) / 4;
    memory.i32.fill(i, at, at + words);
    cache.unpin(storage.block);
    if (previous !== null) {
      const before = cache.pin(previous.block!) / 4;
      assertEquals([memory.i32[before], memory.i32[before + words - 1]], [i - 1, i - 1]);
      cache.unpin(previous.block!);
    }
    previous = storage;
    if (i % 500 === 0) kept.push({ storage, value: i });
    if (i % 100 === 0) largest = Math.max(largest, Deno.memoryUsage().rss);
  }
  for (const { storage, value } of kept) {
    const at = cache.pin(storage.block!) / 4;
    assertEquals([memory.i32[at], memory.i32[at + words - 1]], [value, value]);
    cache.unpin(storage.block!);
  }
  assert(largest - start < 448 << 20, `resident ${largest} after ${start}`);
  const { resident, spills, collected } = cache.stats();
  assert(resident <= 256 << 20);
  // Most are found dead rather than copied.
  assert(collected > 5000 && spills < 5000, `${collected} found dead, ${spills} copied`);
});

Deno.test("the event loop frees dead blocks without any need for room", async () => {
  const { memory, cache } = makeCache(256 << 20, 4096);
  const fill = (): void => {
    for (let i = 0; i < 100; i++) {
      const storage = new Storage();
      storage.block = cache.allocate(1 << 20, storage);
    }
  };
  fill();
  // Allocating calls the collector, in its own time.
  for (let turn = 0; turn < 400 && cache.stats().resident > 50 << 20; turn++) {
    const storage = new Storage();
    storage.block = cache.allocate(1 << 20, storage);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { resident, spills } = cache.stats();
  assert(resident <= 50 << 20, `${resident} bytes are still there`);
  assertEquals(spills, 0);
  assert(memory.use().live <= 50 << 20);
});

Deno.test("a block given to another owner outlives the first one", () => {
  const { memory, cache } = makeCache(64 << 20, 4096);
  const survivors: Storage[] = [];
  for (let i = 0; i < 1000; i++) {
    const first = new Storage();
    first.block = cache.allocate(1 << 20, first);
    memory.i32[first.block.address / 4] = i;
    const second = new Storage();
    second.block = first.block;
    cache.give(first.block, second);
    first.block = null;
    if (i % 100 === 0) survivors.push(second);
  }
  survivors.forEach(({ block }, i) => {
    assertEquals(memory.i32[cache.pin(block!) / 4], 100 * i);
    cache.unpin(block!);
  });
});

Deno.test("a block without an owner stays until it gets one", () => {
  const { memory, cache } = makeCache(100_000);
  const block = cache.allocate(60_000);
  memory.u8[block.address] = 7;
  cache.shrink(0);
  assert(block.address !== 0);
  const storage = new Storage();
  storage.block = block;
  cache.give(block, storage);
  cache.shrink(0);
  assertEquals([block.address, block.host![0]], [0, 7]);
});

Deno.test("without the weak path, spilling alone bounds memory and keeps every value", () => {
  const memory = new DeviceMemory(2048);
  const cache = new BlockCache(new MemoryDevice(memory), { budget: 8 << 20, largeBytes: Infinity });
  const all: Storage[] = [];
  for (let i = 0; i < 3000; i++) {
    const storage = new Storage();
    storage.block = cache.allocate(10_000, storage);
    memory.i32.fill(i, storage.block.address / 4, storage.block.address / 4 + 2500);
    all.push(storage);
    assert(cache.stats().resident <= 8 << 20);
  }
  all.forEach(({ block }, i) => {
    const start = cache.pin(block!) / 4;
    assertEquals([memory.i32[start], memory.i32[start + 2499]], [i, i]);
    cache.unpin(block!);
  });
  assert(cache.stats().spills > 2000);
});

Deno.test("a memory begins small and grows once, to its full size, when blocks do not fit", () => {
  const memory = new DeviceMemory(2048, 64);
  assertEquals([memory.currentPages, memory.pages], [64, 2048]);
  const early = memory.i32;
  const small = memory.allocate(100), block = memory.allocate(1 << 20);
  memory.i32.fill(7, block / 4, block / 4 + 10);
  const large = memory.allocate(64 << 20);
  assert(large !== 0);
  assertEquals(memory.currentPages, 2048);
  memory.u8[large + (64 << 20) - 1] = 9;
  assertEquals([memory.u8[large + (64 << 20) - 1], memory.i32[block / 4]], [9, 7]);
  // Who took a view before still sees what it covered.
  memory.i32[block / 4] = 8;
  assertEquals(early[block / 4], 8);
  // Free blocks are linked through the memory, which the allocator must look at anew.
  memory.free(small);
  assertEquals(memory.allocate(100), small);
  const far = Array.from({ length: 5000 }, () => memory.allocate(30_000)).filter((address) => address !== 0);
  assert(far.some((address) => address > 64 * 65536));
  for (const address of far) memory.free(address);
  assertEquals(new Set(far.map(() => memory.allocate(30_000))), new Set(far));
  assertEquals(memory.grow(), false);
  assertEquals(memory.allocate(80 << 20), 0);
});

Deno.test("a program compiled before its memory grows runs on blocks beyond the old end", () => {
  const memory = new DeviceMemory(2048, 64);
  const module = new ModuleBuilder();
  module.importMemory({ module: "device", name: "memory" }, {
    minimum: memory.currentPages,
    maximum: memory.pages,
    shared: memory.shared,
  });
  module.importFunction({ module: "host", name: "grow" }, { params: [], results: ["i32"] });
  const f = module.addFunction({ params: [], results: ["f32"] });
  // The address comes from a call during which the memory grows.
  f.call(0).f32Load(4);
  module.exportFunction(f.index, "read");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    device: { memory: memory.memory },
    host: {
      grow: () => {
        const address = memory.allocate(100 << 20) + (90 << 20);
        memory.f32[address / 4 + 1] = 2.5;
        return address;
      },
    },
  });
  assertEquals((exports.read as () => number)(), 2.5);
});
