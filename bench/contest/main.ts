/**
 * `deno task bench:peers [--write] [--quick | --check] [filter]`: every workload for Damo and for every peer that can be
 * had, in turns in one run, results compared with plain loops first. `--write` records RESULTS.md and results.json;
 * `--quick` takes half as long, `--check` computes hardly more than once.
 */
import { writeSection } from "../results_page.ts";
import { measure } from "./measure.ts";
import { commands } from "./process.ts";
import { type Result, resultOf, tableOf } from "./results.ts";
import { workloads } from "./workload.ts";

const RECORD = new URL("../results.json", import.meta.url).pathname;

export interface Record {
  readonly date: string;
  readonly machine: string;
  readonly versions: readonly string[];
  readonly results: readonly Result[];
}

async function describeMachine(): Promise<string> {
  const cores = `${navigator.hardwareConcurrency} cores`;
  try {
    const model = /model name\s*: (.*)/.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
    return model ? `${cores}, ${model}` : cores;
  } catch {
    return cores;
  }
}

export interface RunOptions {
  readonly filter?: string;
  /** Rounds that are counted. */
  readonly rounds?: number;
  /** Milliseconds of a contestant's turn. */
  readonly turn?: number;
  readonly contestants?: readonly string[];
}

/** Measures the workloads whose name has the filter in it. */
export async function runContest(
  { filter = "", rounds = 6, turn = 120, contestants }: RunOptions,
): Promise<Record> {
  const results: Result[] = [];
  const versions = new Set<string>();
  for (const workload of workloads.filter(({ name }) => name.includes(filter))) {
    const showings = await measure(workload, {
      contestants: contestants ?? Object.keys(commands),
      rounds,
      turn,
    });
    for (const { contestant, version, reason } of showings) {
      if (version) versions.add(version);
      if (reason) console.error(`${workload.name}, ${contestant}: ${reason}`);
    }
    const result = resultOf(workload, showings);
    results.push(result);
    console.error(tableOf([result], workloads).split("\n").at(-1));
  }
  const date = new Date().toISOString().slice(0, 10);
  const runtime = `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
  return { date, machine: await describeMachine(), versions: [...versions, runtime], results };
}

function describeRun({ date, machine, versions }: Record): string {
  return `## Beside its peers

\`deno task bench:peers\`, ${date}, ${machine}; two threads where the library has threads. ${
    versions.join("; ")
  }.
Medians, with half the distance between the quartiles, and behind the comma the best computation: on a machine whose
cores others use as well, it says what the program can do. Every contestant computes for ten turns before it counts, and for
a moment at the start of each turn; it is halted while another has its turn. Results were compared with plain loops first. Ratios are
quotients of times in this run, of medians and of best ones: above 1 Damo is faster. jax-js puts off computing z = x + y until it is read;
its figure is the call alone.`;
}

if (import.meta.main) {
  const flags = Deno.args.filter((argument) => argument.startsWith("--"));
  const filter = Deno.args.find((argument) => !argument.startsWith("--"));
  const effort = flags.includes("--check")
    ? { rounds: 1, turn: 1 }
    : flags.includes("--quick")
    ? { rounds: 3, turn: 60 }
    : {};
  const record = await runContest({ filter, ...effort });
  const table = tableOf(record.results, workloads);
  console.log(table);
  if (flags.includes("--write")) {
    await writeSection("peers", `${describeRun(record)}\n\n${table}`);
    await Deno.writeTextFile(RECORD, `${JSON.stringify(record, null, 1)}\n`);
  }
}
