import { assert, assertEquals, assertThrows } from "@std/assert";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import { type ContractSpec, emitContract, planContract } from "../../../lib/jit/wasm/contract/mod.ts";
import { splitContract } from "./contract_runner.ts";
import { DeviceMemory } from "../../../lib/jit/wasm/memory/mod.ts";
import { type ChunkFunction, ThreadPool } from "../../../lib/jit/wasm/threads/mod.ts";

const memory = new DeviceMemory(2048);
const pool = new ThreadPool(memory, { threads: 3 });

async function poolUp(): Promise<void> {
  pool.start();
  const deadline = performance.now() + 20_000;
  while (pool.ready < pool.threads) {
    if (performance.now() > deadline) throw new Error("The workers did not start within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function newModule(): ModuleBuilder {
  const module = new ModuleBuilder();
  const { pages, shared } = memory;
  module.importMemory({ module: "env", name: "memory" }, { minimum: pages, maximum: pages, shared });
  return module;
}

function register(module: ModuleBuilder): number {
  const bytes = module.build();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory: memory.memory },
  });
  return pool.register(bytes, instance.exports.chunk as ChunkFunction);
}

/** Each chunk adds 1 to a counter of its own and to one of its thread, and takes a while. */
function countingModule(): ModuleBuilder {
  const module = newModule();
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] }, "chunk");
  const rounds = f.local("i32");
  f.localGet(1).localGet(2).i32Const(4).i32Mul().i32Add().i32Const(1).i32AtomicRmwAdd(64).drop();
  f.localGet(1).localGet(3).i32Const(4).i32Mul().i32Add().i32Const(1).i32AtomicRmwAdd(0).drop();
  f.i32Const(200_000).localSet(rounds);
  f.loop().localGet(rounds).i32Const(1).i32Sub().localTee(rounds).brIf(0).end();
  return module;
}

// The workers outlive the tests on purpose: they do not keep the process alive.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test("before the pool is started the main thread does every chunk", () => {
  const id = register(countingModule());
  const at = memory.allocate(4096);
  memory.i32.fill(0, at / 4, at / 4 + 1024);
  pool.run(id, 0, at, 20);
  assertEquals([...memory.i32.subarray(at / 4, at / 4 + 3)], [20, 0, 0]);
  assertEquals([...memory.i32.subarray(at / 4 + 16, at / 4 + 36)], new Array(20).fill(1));
});

Deno.test("every chunk of every job runs exactly once, and the workers take part", options, async () => {
  await poolUp();
  const ids = [register(countingModule()), register(countingModule())];
  const at = memory.allocate(4096);
  memory.i32.fill(0, at / 4, at / 4 + 1024);
  for (let job = 0; job < 200; job++) pool.run(ids[job % 2], 0, at, 64);
  assertEquals([...memory.i32.subarray(at / 4 + 16, at / 4 + 80)], new Array(64).fill(200));
  const [main, first, second] = memory.i32.subarray(at / 4, at / 4 + 3);
  assertEquals(main + first + second, 200 * 64);
  assert(first + second > 0, "no worker computed anything");
});

Deno.test(
  "short jobs are done whether the workers sleep or not, and wake them when many follow",
  options,
  async () => {
    await poolUp();
    const id = register(countingModule());
    const at = memory.allocate(4096);
    for (const pause of [0, 5]) {
      memory.i32.fill(0, at / 4, at / 4 + 1024);
      for (let job = 0; job < 50; job++) {
        if (pause > 0 && job % 10 === 0) await new Promise((done) => setTimeout(done, pause));
        pool.run(id, 0, at, 64, false);
      }
      assertEquals([...memory.i32.subarray(at / 4 + 16, at / 4 + 80)], new Array(64).fill(50));
      const counts = memory.i32.subarray(at / 4, at / 4 + 3);
      assertEquals(counts[0] + counts[1] + counts[2], 50 * 64);
    }
  },
);

Deno.test("a matrix product has the same bits on three threads as on one", options, async () => {
  await poolUp();
  const spec: ContractSpec = {
    dtype: "float32",
    rows: 131,
    columns: 270,
    depth: 515,
    a: { outer: 515, depth: 1 },
    b: { outer: 1, depth: 270 },
    rowStride: 270,
  };
  const plan = planContract(spec);
  const parts = splitContract(spec, plan, 6);
  const module = newModule();
  const { index } = emitContract(module, spec);
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] }, "chunk");
  const part = f.local("i32");
  f.localGet(1).localGet(2).i32Const(16).i32Mul().i32Add().localSet(part);
  for (const offset of [0, 4, 8]) f.localGet(1).i32Load(offset);
  f.localGet(1).i32Load(12).localGet(3).i32Const(plan.scratchBytes).i32Mul().i32Add();
  for (const offset of [16, 20, 24, 28]) f.localGet(part).i32Load(offset);
  f.call(index);
  const bytes = module.build();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory: memory.memory },
  });
  const chunk = instance.exports.chunk as ChunkFunction;
  const id = pool.register(bytes, chunk);
  const [a, b, c] = [[131, 515], [515, 270], [131, 270]].map(([m, n]) => memory.allocate(m * n * 4 + 64));
  const scratch = memory.allocate(plan.scratchBytes * pool.threads);
  for (let i = 0; i < 131 * 515; i++) memory.f32[a / 4 + i] = Math.sin(i);
  for (let i = 0; i < 515 * 270; i++) memory.f32[b / 4 + i] = Math.cos(i);
  const argument = memory.allocate(16 + 16 * parts.length);
  memory.i32.set([a, b, c, scratch], argument / 4);
  parts.forEach((p, i) =>
    memory.i32.set([p.rowStart, p.rowEnd, p.columnStart, p.columnEnd], argument / 4 + 4 + 4 * i)
  );
  for (let i = 0; i < parts.length; i++) chunk(0, argument, i, 0);
  const expected = memory.i32.slice(c / 4, c / 4 + 131 * 270);
  for (let round = 0; round < 20; round++) {
    memory.i32.fill(0, c / 4, c / 4 + 131 * 270);
    pool.run(id, 0, argument, parts.length);
    assertEquals(memory.i32.slice(c / 4, c / 4 + 131 * 270), expected);
  }
});

Deno.test("a failing chunk throws on the main thread and leaves the pool usable", options, async () => {
  await poolUp();
  const module = newModule();
  module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] }, "chunk").unreachable();
  const bad = register(module);
  for (let i = 0; i < 20; i++) assertThrows(() => pool.run(bad, 0, 0, 8));
  pool.unregister(bad);
  const good = register(countingModule());
  const at = memory.allocate(4096);
  memory.i32.fill(0, at / 4, at / 4 + 1024);
  pool.run(good, 0, at, 32);
  assertEquals([...memory.i32.subarray(at / 4 + 16, at / 4 + 48)], new Array(32).fill(1));
});

Deno.test("a process with a started pool ends by itself and needs no permission", async () => {
  const root = new URL("../../../lib/jit/wasm/", import.meta.url).href;
  const program = `
    import { DeviceMemory } from "${root}memory/mod.ts";
    import { ThreadPool } from "${root}threads/mod.ts";
    const pool = new ThreadPool(new DeviceMemory(1024), { threads: 4 });
    pool.start();
    while (pool.ready < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("threads", pool.ready);`;
  const url = "data:application/typescript," + encodeURIComponent(program);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--no-config", url],
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
  });
  const { code, stdout, stderr } = await child.output();
  assertEquals(
    [code, new TextDecoder().decode(stdout).trim()],
    [0, "threads 4"],
    new TextDecoder().decode(stderr),
  );
});
