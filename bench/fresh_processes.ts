/** What only a process shows that has compiled nothing: the time to import the library, and first calls. */

import type { Fact } from "./figures.ts";

function scriptPath(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

async function runDeno(args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" });
  const { stdout, success } = await command.output();
  if (!success) throw new Error(`deno ${args.join(" ")} failed.`);
  return new TextDecoder().decode(stdout);
}

/** Milliseconds of a process that runs a script of bench/startup, the least of several. */
async function processTime(name: string): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    await runDeno(["run", "--no-check", scriptPath(`startup/${name}.ts`)]);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** The least milliseconds of the first call of a program of first_call.ts. */
async function firstCall(program: string, times: number): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    best = Math.min(best, Number(await runDeno(["run", "--no-check", scriptPath("first_call.ts"), program])));
  }
  return best;
}

function fact(name: string, value: number, unit: string, aim: number): Fact {
  return {
    name,
    value: `${value.toPrecision(3)} ${unit}`,
    aim: `at most ${aim}: ${value <= aim ? "met" : "missed"}`,
  };
}

export async function freshProcesses(): Promise<Fact[]> {
  const empty = await processTime("empty");
  const imported = await processTime("import"), result = await processTime("first_result");
  const facts = [
    fact("import mod.ts over an empty script", imported - empty, "ms", 60),
    fact("import and first result over an empty script", result - empty, "ms", 60),
    fact("MLP step, first call", await firstCall("MLP step", 7), "ms", 60),
  ];
  for (const program of ["sin", "mul", "gradient of sin", "gradient of mul"]) {
    const [short, long] = ["10,000", "100,000"].map((count) => program.replace(/(sin|mul)/, `${count} $1`));
    const ratio = await firstCall(long, 2) / await firstCall(short, 3);
    facts.push(fact(`first call of ${long} over ${short}`, ratio, "times", 13));
  }
  return facts;
}
