/**
 * `deno task bundle`: makes lib/bundle, the library as one file, where its sources have changed since; with
 * `--check` it only says whether they have. mod.ts and the entry points of the namespaces load it, because the time
 * to import the library is nearly all spent on the number of its modules. Tests run from the sources.
 */
import { type FunctionRange, functionsRunBy, makeEager } from "./eager_functions.ts";
import { root } from "./std.ts";
import { stripText } from "./strip_text.ts";

const folder = `${root}lib/bundle/`;
const bundle = `${folder}damo.js`;
const entry = `${root}lib/mod.ts`;

/** The first line of the bundle names what it was made of, so that no rebuild is needed to know that it is stale. */
function firstLine(digest: string): string {
  return `// Made by "deno task bundle"; the sources and the tools that make it have the SHA-256 digest ${digest}.\n`;
}

async function sourceFiles(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(path)) {
    if (isFile && name.endsWith(".ts")) found.push(`${path}${name}`);
    if (isDirectory && `${path}${name}/` !== folder) found.push(...await sourceFiles(`${path}${name}/`));
  }
  return found.sort();
}

async function digestOfSources(): Promise<string> {
  const tools = ["bundle", "eager_functions", "first_programs", "strip_text"].map((name) =>
    `${root}tools/${name}.ts`
  );
  const files = [...await sourceFiles(`${root}lib/`), ...tools];
  const texts = await Promise.all(
    files.map(async (file) => `${file.slice(root.length)}\n${await Deno.readTextFile(file)}`),
  );
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(texts.join("\n")));
  return new Uint8Array(digest).toHex();
}

async function isFresh(digest: string): Promise<boolean> {
  try {
    return (await Deno.readTextFile(bundle)).startsWith(firstLine(digest));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The namespaces that lib/mod.ts exports, with the module each of them is. */
async function namespaces(): Promise<[name: string, module: string][]> {
  const text = await Deno.readTextFile(entry);
  return [...text.matchAll(/^export \* as (\w+) from "\.\/(.*)";$/gm)].map((
    [, name, module],
  ) => [name, module]);
}

/** The functions of the bundle that first programs take. */
async function ranFirst(): Promise<FunctionRange[]> {
  const coverage = `${folder}coverage`;
  try {
    return await functionsRunBy(`${root}tools/first_programs.ts`, bundle, coverage);
  } finally {
    await Deno.remove(coverage, { recursive: true });
  }
}

/** A script as short as it can be said: the same for all texts that mean the same but for spaces and comments. */
async function shortest(file: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", file],
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${file} is no script.\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Takes from a text what does not count; an error if it means something else then. */
async function strip(text: string): Promise<string> {
  const stripped = stripText(text);
  const files = [`${folder}whole.js`, `${folder}stripped.js`];
  try {
    await Deno.writeTextFile(files[0], text);
    await Deno.writeTextFile(files[1], stripped);
    const [whole, rest] = await Promise.all(files.map(shortest));
    if (whole !== rest) throw new Error("The bundle would mean something else without its spaces.");
  } finally {
    for (const file of files) await Deno.remove(file);
  }
  return stripped;
}

async function makeBundle(digest: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", `--output=${bundle}`, entry],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`The bundle was not made.\n${new TextDecoder().decode(stderr)}`);
  await Deno.writeTextFile(
    bundle,
    firstLine(digest) + await strip(makeEager(await Deno.readTextFile(bundle), await ranFirst())),
  );
  const made = await import(`file://${bundle}`);
  for (const [name, module] of await namespaces()) {
    const names = Object.keys(made[name]);
    // Under a name of its own first: `loop.while` is exported, but cannot be declared.
    const declared = names.map((key) => `${key}: ${key}_`).join(", ");
    const exported = names.map((key) => `${key}_ as ${key}`).join(", ");
    await Deno.writeTextFile(
      `${folder}${name}.js`,
      `/* @ts-self-types="../${module}" */\nimport { ${name} as namespace } from "./damo.js";\n` +
        `const { ${declared} } = namespace;\nexport { ${exported} };\n`,
    );
  }
}

async function run(checking: boolean): Promise<number> {
  const digest = await digestOfSources();
  if (await isFresh(digest)) return 0;
  if (checking) {
    console.error("lib/bundle is not made of the sources as they are: run `deno task bundle` and commit it.");
    return 1;
  }
  await makeBundle(digest);
  return 0;
}

if (import.meta.main) Deno.exit(await run(Deno.args.includes("--check")));
