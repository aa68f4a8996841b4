/**
 * `deno task guide [names]`: runs the files of examples/guide and the other examples that take seconds, or those whose
 * name contains one of the words given. Each checks its own numbers; each may read and write an empty folder and nothing else.
 */
import { guidePageIsFresh } from "./guide_page.ts";
import { root, stdFlags } from "./std.ts";

const folder = `${root}examples`;

/** What takes minutes, or is no program. */
const LEFT_OUT = ["expect.ts", "lenet.ts", "mnist.ts", "mnist_data.ts", "progress.ts"];

async function guideFiles(words: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (const part of ["guide/", "loops/", ""]) {
    const inPart: string[] = [];
    for await (const { name, isFile } of Deno.readDir(`${folder}/${part}`)) {
      const chosen = words.length === 0 || words.some((word) => name.includes(word));
      if (isFile && name.endsWith(".ts") && chosen && !LEFT_OUT.includes(name)) inPart.push(`${part}${name}`);
    }
    names.push(...inPart.sort());
  }
  return names;
}

async function runExample(name: string, flags: readonly string[]): Promise<boolean> {
  const place = await Deno.makeTempDir({ prefix: "damo_guide_" });
  console.log(`── ${name}`);
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        `--config=${root}deno.json`,
        ...flags,
        `--allow-read=${place}`,
        `--allow-write=${place}`,
        `${folder}/${name}`,
      ],
      cwd: place,
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    if (!success) console.log(`${name} failed`);
    return success;
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

async function runGuide(words: readonly string[]): Promise<number> {
  const names = await guideFiles(words);
  const flags = await stdFlags();
  let failed = 0;
  for (const name of names) if (!await runExample(name, flags)) failed++;
  if (words.length === 0 && !await guidePageIsFresh()) {
    console.log(
      "docs/guide.md is older than the examples: deno run --allow-read --allow-write tools/guide_page.ts",
    );
    failed++;
  }
  console.log(`${names.length - failed} passed, ${failed} failed`);
  return failed > 0 || names.length === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await runGuide(Deno.args));
