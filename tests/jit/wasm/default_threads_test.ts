import { assertEquals } from "@std/assert";

const mod = new URL("../../../lib/mod.ts", import.meta.url).href;

/** Runs a program of its own in a process without any permission; gives what it printed. */
async function runAlone(program: string): Promise<string> {
  const url = "data:application/typescript," +
    encodeURIComponent(`import * as damo from "${mod}";\n${program}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--no-check", "--no-config", url],
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Products until there has been work enough for threads, and a few more; the sum of the last one. */
const WORK = `
  const x = damo.tensor(Float32Array.from({ length: 500 * 501 }, (_, i) => i % 7 - 3), { shape: [500, 501] });
  const step = damo.jit((x) => damo.matmul(x, x.transpose()).add(1).sum());
  const end = performance.now() + 400;
  let sum = step(x).itemSync();
  while (performance.now() < end) sum = step(x).itemSync();
  console.log(sum);`;

Deno.test("a program that uses all cores without having asked for them ends by itself, without permissions", async () => {
  const found = await runAlone(WORK);
  const single = await runAlone(`await damo.init({ device: "wasm", threads: 1 });${WORK}`);
  assertEquals(found, single);
});

Deno.test("a program that fails or exits while threads are up ends at once", async () => {
  const printed = await runAlone(`${WORK}
  try { damo.matmul(x, x); } catch (error) { console.log(error.name); }
  Deno.exit(0);`);
  assertEquals(printed.split("\n").at(-1), "ShapeError");
});
