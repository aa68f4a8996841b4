import { assert, assertEquals, assertMatch } from "@std/assert";
import * as damo from "@damo/damo";

const root = new URL("../../", import.meta.url).href;

/** What a program prints that loads the library as users do, as one file. */
async function runProgram(source: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-config", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the bundle exports what the sources export, and its namespaces are entry points of their own", async () => {
  const names = ["nn", "optim", "random", "linalg", "fft", "sparse", "loop", "io", "viz", "data"];
  const printed = await runProgram(`
    import * as damo from "${root}mod.ts";
    ${names.map((name) => `import * as ${name} from "${root}lib/bundle/${name}.js";`).join("\n")}
    const entries = { ${names.join(", ")} };
    for (const [name, entry] of Object.entries(entries)) {
      for (const key of Object.keys(damo[name])) {
        if (entry[key] !== damo[name][key]) throw new Error(name + "." + key);
      }
    }
    console.log(JSON.stringify([Object.keys(damo), ...Object.values(entries).map((entry) => Object.keys(entry))]));
  `);
  const namespaces = names.map((name) => damo[name as keyof typeof damo] as object);
  assertEquals(
    JSON.parse(printed).map((keys: string[]) => keys.sort()),
    [damo, ...namespaces].map((module) => Object.keys(module).sort()),
  );
});

Deno.test("a program on the bundle trains, loops, draws its graph and names the user's line", async () => {
  const printed = await runProgram(`
    import { grad, jit, scan, shared, tensor } from "${root}mod.ts";
    import { adam } from "${root}lib/bundle/optim.js";
    const w = shared([3, -2], { name: "w" });
    const optimiser = adam([w], { lr: 0.1 });
    const step = jit(() => {
      const cost = w.value.square().sum();
      optimiser.step(grad(cost, [w]));
      return cost;
    });
    for (let i = 0; i < 300; i++) step();
    console.log(Math.abs(step().itemSync()) < 1e-3);
    console.log(jit((xs) => scan((a, x) => [a.add(x), a], 0, xs)[0])(tensor([1, 2, 3])).itemSync());
    console.log(step.graph().toHtml().includes("layOutGraph"));
    try {
      tensor([1, 2]).add(tensor([1, 2, 3]));
    } catch (error) {
      console.log(error.name, error.message.replaceAll("\\n", " "));
    }
  `);
  const lines = printed.trim().split("\n");
  assertEquals(lines.slice(0, 3), ["true", "6", "true"]);
  assertMatch(lines[3], /^ShapeError .*float32\[2\] and float32\[3\].*\$deno\$stdin/);
});

Deno.test("loading the library makes no error: its stack would take as long as all the rest", async () => {
  const printed = await runProgram(`
    let made = 0;
    globalThis.Error = class extends Error {
      constructor(...args) {
        super(...args);
        made++;
      }
    };
    await import("${root}mod.ts");
    console.log(made);
    new Error();
    console.log(made);
  `);
  assertEquals(printed, "0\n1\n");
});
