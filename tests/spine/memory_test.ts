/** Memory under loops that never yield, each in a process of its own so that its resident size is its own. */
import { assert, assertEquals } from "@std/assert";

const LIMIT = 512 * 2 ** 20;

/** Runs code with `damo` in scope in a fresh process; gives what it prints as JSON. */
async function inProcess(code: string): Promise<{ value: unknown; peak: number }> {
  const mod = new URL("../../lib/mod.ts", import.meta.url).href;
  const source = `import * as damo from ${JSON.stringify(mod)};
    let peak = 0;
    const look = () => { peak = Math.max(peak, Deno.memoryUsage().rss); };
    console.warn = () => {};
    const value = (() => { ${code} })();
    look();
    console.log(JSON.stringify({ value, peak }));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", source],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("10,000 temporaries of 1 MB in one synchronous loop stay under 512 MB and give right results", async () => {
  const { value, peak } = await inProcess(`
    let x = damo.zeros([262144]);
    for (let i = 0; i < 10000; i++) {
      x = x.add(1);
      if (i % 100 === 0) look();
    }
    return x.at(12345).itemSync();`);
  assertEquals(value, 10000);
  assert(peak < LIMIT, `${Math.round(peak / 1e6)} MB resident`);
});

Deno.test("a training loop in one synchronous turn stays under 512 MB", async () => {
  const { value, peak } = await inProcess(`
    const w = damo.shared(new Float32Array(262144), { name: "w" });
    const step = damo.jit((x) => {
      const cost = w.value.sub(x).square().sum();
      w.value = w.value.sub(damo.grad(cost, w).mul(0.25));
      return { cost, residual: w.value.sub(x) };
    });
    const target = damo.ones([262144]);
    let last;
    for (let i = 0; i < 3000; i++) {
      last = step(target);
      if (i % 100 === 0) look();
    }
    return [last.cost.itemSync(), w.value.at(7).itemSync()];`);
  assertEquals(value, [0, 1]);
  assert(peak < LIMIT, `${Math.round(peak / 1e6)} MB resident`);
});

Deno.test("tensors kept while others pass through memory keep their values", async () => {
  const { value, peak } = await inProcess(`
    const kept = [];
    for (let i = 0; i < 2000; i++) {
      const x = damo.zeros([262144]).add(i);
      if (i % 40 === 0) kept.push(x);
      if (i % 100 === 0) look();
    }
    return kept.map((x) => x.at(9).itemSync());`);
  assertEquals(value, Array.from({ length: 50 }, (_, i) => 40 * i));
  assert(peak < LIMIT, `${Math.round(peak / 1e6)} MB resident`);
});

Deno.test("10,000 shapes outside jit run with bounded caches under 512 MB", async () => {
  const { value, peak } = await inProcess(`
    let sum = 0;
    for (let i = 1; i <= 10000; i++) {
      const x = damo.tensor(new Float32Array(i % 101 + 1)).add(1);
      sum += damo.tensor(new Float32Array((1 + i % 101) * (1 + Math.floor(i / 101))), {
        shape: [1 + i % 101, 1 + Math.floor(i / 101)],
      }).add(1).shape[1];
      if (i % 500 === 0) look();
    }
    return sum;`);
  assertEquals(
    value,
    Array.from({ length: 10000 }, (_, i) => 1 + Math.floor((i + 1) / 101)).reduce((a, b) => a + b),
  );
  assert(peak < LIMIT, `${Math.round(peak / 1e6)} MB resident`);
});

Deno.test("10,000 shapes inside jit run with bounded caches under 512 MB", async () => {
  const { value, peak } = await inProcess(`
    const f = damo.jit((x) => x.add(1).sum());
    for (let i = 1; i <= 10000; i++) {
      f(damo.tensor(new Float32Array(i)));
      if (i % 500 === 0) look();
    }
    return [f.cacheSize <= 256, f.traces.length <= 10000];`);
  assertEquals(value, [true, true]);
  assert(peak < LIMIT, `${Math.round(peak / 1e6)} MB resident`);
});
