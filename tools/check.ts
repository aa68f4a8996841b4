/**
 * `deno task check [steps]`: everything that must be clean before a change lands, one line a step.
 * `deno task check fmt types` runs these two only.
 */
import { root, stdFlags } from "./std.ts";

/** The commands of each step, which run side by side. */
const steps: Record<string, () => Promise<string[][]>> = {
  bundle: () => Promise.resolve([["run", "--allow-read", "--allow-env", "tools/bundle.ts", "--check"]]),
  fmt: () => Promise.resolve([["fmt", "--check"]]),
  lint: () => Promise.resolve([["lint", "--quiet"]]),
  types: async () => [["check", "--quiet", ...await stdFlags(), ...await sources()]],
  doclint: async () => [["doc", "--lint", "--quiet", ...await entryPoints()]],
  doctests,
  publish: () => Promise.resolve([["publish", "--dry-run", "--allow-dirty", "--quiet"]]),
};

/** About half of the examples are in one folder. */
const MOST_EXAMPLES = "lib/trace";

/** No permissions: the examples of the documentation must run as a reader's first program does. */
async function doctests(): Promise<string[][]> {
  const others = ["mod.ts", "README.md"];
  for await (const { name, isFile } of Deno.readDir(`${root}lib`)) {
    const path = `lib/${name}`;
    const holds = isFile ? name.endsWith(".ts") : await holdsTypeScript(`${root}${path}`);
    if (holds && path !== MOST_EXAMPLES) others.push(path);
  }
  const flags = ["test", "--doc", "--quiet", "--permit-no-files", ...await stdFlags()];
  return [[...flags, MOST_EXAMPLES], [...flags, ...others.sort()]];
}

interface Config {
  readonly exports: Record<string, string>;
  readonly exclude: readonly string[];
}

async function readConfig(): Promise<Config> {
  return JSON.parse(await Deno.readTextFile(`${root}deno.json`));
}

async function entryPoints(): Promise<string[]> {
  return Object.values((await readConfig()).exports);
}

/** Every folder that holds TypeScript, so that a new one cannot be forgotten. */
async function sources(): Promise<string[]> {
  const { exclude } = await readConfig();
  const found: string[] = [];
  for await (const entry of Deno.readDir(root)) {
    if (entry.isFile && entry.name.endsWith(".ts")) found.push(entry.name);
    const left = entry.name.startsWith(".") || entry.name === "node_modules" || exclude.includes(entry.name);
    if (entry.isDirectory && !left && await holdsTypeScript(`${root}${entry.name}`)) found.push(entry.name);
  }
  return found.sort();
}

async function holdsTypeScript(folder: string): Promise<boolean> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && entry.name.endsWith(".ts")) return true;
    if (entry.isDirectory && await holdsTypeScript(`${folder}/${entry.name}`)) return true;
  }
  return false;
}

async function runStep(name: string): Promise<boolean> {
  const started = performance.now();
  const commands = await steps[name]();
  const outputs = await Promise.all(
    commands.map((args) =>
      new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped", stderr: "piped" }).output()
    ),
  );
  const success = outputs.every((output) => output.success);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"} ${name.padEnd(9)} ${seconds.padStart(6)} s`);
  for (const { stdout, stderr } of outputs.filter((output) => !output.success)) {
    Deno.stdout.writeSync(stdout);
    Deno.stderr.writeSync(stderr);
  }
  return success;
}

async function runSteps(chosen: string[]): Promise<number> {
  const unknown = chosen.filter((name) => !(name in steps));
  if (unknown.length > 0) {
    console.error(`Unknown step "${unknown.join('", "')}": choose among ${Object.keys(steps).join(", ")}.`);
    return 2;
  }
  let code = 0;
  for (const name of chosen.length > 0 ? chosen : Object.keys(steps)) {
    if (!await runStep(name)) code = 1;
  }
  return code;
}

if (import.meta.main) Deno.exit(await runSteps(Deno.args));
