/**
 * `deno task bench:peers [--write] [--quick | --check] [filter]`: every workload for Damo and for every peer that can be
 * had, in turns in one run, results compared with plain loops first; with a filter those whose name has it in it.
 * `--write` records RESULTS.md and results.json; `--quick` takes half as long, `--check` computes hardly more than once.
 */
import { writeSection } from "../results_page.ts";
import { measureFirstCalls, measureFirstResults } from "./fresh_processes.ts";
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
    const measured = workload.fresh === undefined
      ? measure
      : workload.fresh === "first call"
      ? measureFirstCalls
      : measureFirstResults;
    const showings = await measured(workload, {
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
its figure is the call alone. The limit does the multiplications and additions of a row on registers of 128 bits alone, or
reads the numbers of a sum and adds up nothing, on two threads: what the machine allows in the same minutes. The last rows are of fresh processes, each of which counts once: the first call after importing the
library and making its tensors, and all the time of a process that reads a first result (of x + 1, summed and compiled) less that
of one of the same runtime that does nothing.`;
}

if (import.meta.main) {
  const flags = Deno.args.filter((argument) => argument.startsWith("--"));
  const filter = Deno.args.find((argument) => !argument.startsWith("--"));
  const effort = flags.includes("--check")
    ? { rounds: 1, turn: 1 }
    : flags.includes("--quick")
    ? { rounds: 3, turn: 60 }
    : {};
  if (filter && flags.includes("--write")) throw new Error("--write records whole runs: name no workload.");
  const record = await runContest({ filter, ...effort });
  const table = tableOf(record.results, workloads);
  console.log(table);
  if (flags.includes("--write")) {
    await writeSection("peers", `${describeRun(record)}\n\n${table}`);
    await Deno.writeTextFile(RECORD, `${JSON.stringify(record, null, 1)}\n`);
  }
}
