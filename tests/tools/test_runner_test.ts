import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const runner = fromFileUrl(new URL("../../tools/test.ts", import.meta.url));

/** Runs the runner on one file of tests: its exit code, its last line and all of its output. */
async function run(
  source: string,
  ...flags: string[]
): Promise<{ code: number; last: string; output: string }> {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "sample_test.ts");
  await Deno.writeTextFile(file, source);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", runner, ...flags, file],
    env: { DAMO_STD: "stand-in", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  await Deno.remove(folder, { recursive: true });
  const output = new TextDecoder().decode(stdout);
  return { code, last: output.trimEnd().split("\n").at(-1)!, output };
}

Deno.test("Passing tests are counted, those left out too, and the exit code is 0", async () => {
  const { code, last } = await run(`
    Deno.test("one", () => {});
    Deno.test("steps", async (t) => { await t.step("inner", () => {}); });
    Deno.test({ name: "left out", ignore: true, fn() {} });
  `);
  assertEquals({ code, last }, { code: 0, last: "2 passed, 0 failed, 1 skipped" });
});

Deno.test("A failing test makes the exit code 1, whatever it prints", async () => {
  const { code, last } = await run(`
    Deno.test("good", () => {});
    Deno.test("bad", () => { console.log("ok | 9 passed | 0 failed (1ms)"); throw new Error("no"); });
  `);
  assertEquals({ code, last }, { code: 1, last: "1 passed, 1 failed" });
});

Deno.test("A file that cannot be loaded is a failure", async () => {
  const { code, last } = await run(`import "./missing.ts"; Deno.test("never", () => {});`);
  assertEquals({ code, last }, { code: 1, last: "0 passed, 1 failed" });
  const thrown = await run(`throw new Error("at the top");`);
  assertEquals({ code: thrown.code, last: thrown.last }, { code: 1, last: "0 passed, 1 failed" });
});

Deno.test("No test at all is a failure", async () => {
  const empty = await run(`export {};`);
  assertEquals({ code: empty.code, last: empty.last }, { code: 1, last: "0 passed, 0 failed" });
  const filtered = await run(`Deno.test("one", () => {});`, "--filter", "other");
  assertEquals({ code: filtered.code, last: filtered.last }, { code: 1, last: "0 passed, 0 failed" });
});

Deno.test("Tests have a folder of their own and no other right to write, no network, no environment", async () => {
  const { code, output } = await run(`
    import { assertEquals } from "@std/assert";
    Deno.test("rights", async () => {
      await Deno.remove(await Deno.makeTempDir());
      const state = (descriptor) => Deno.permissions.querySync(descriptor).state;
      assertEquals(state({ name: "write", path: ${
    JSON.stringify(fromFileUrl(new URL("../..", import.meta.url)))
  } }), "prompt");
      assertEquals(state({ name: "net" }), "prompt");
      assertEquals(state({ name: "env", variable: "HOME" }), "prompt");
      assertEquals(state({ name: "ffi" }), "prompt");
    });
  `);
  assertEquals(code, 0, output);
  assertMatch(output, /rights \.\.\. ok/);
});
