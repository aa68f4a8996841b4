import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const main = fromFileUrl(new URL("../../bench/gradbench/main.ts", import.meta.url));

Deno.test("the tool speaks lines of JSON on standard input and output", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", main],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const messages = [
    { id: 0, kind: "start", eval: "hello" },
    { id: 1, kind: "define", module: "hello" },
    { id: 2, kind: "evaluate", module: "hello", function: "double", input: 3 },
    { id: 3, kind: "analysis", of: 2, valid: true },
  ];
  const writer = child.stdin.getWriter();
  // In pieces that do not end where the lines do; the last line has no end.
  const bytes = new TextEncoder().encode(messages.map((message) => JSON.stringify(message)).join("\n"));
  for (let i = 0; i < bytes.length; i += 37) await writer.write(bytes.slice(i, i + 37));
  await writer.close();
  const { code, stdout } = await child.output();
  const responses = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(code, 0);
  assertEquals(responses.map(({ timings: _, ...rest }) => rest), [
    { id: 0, tool: "damo" },
    { id: 1, success: true },
    { id: 2, success: true, output: 6 },
    { id: 3 },
  ]);
});
