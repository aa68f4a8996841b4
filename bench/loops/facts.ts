/** What a `deno bench` file cannot measure of loops: first calls, each in a process of its own, and memory. */

import type { Fact } from "../figures.ts";

const LENGTHS = [10, 100, 10_000];
const PROCESSES = 7;

/** What first_call.ts prints. */
interface Calls {
  readonly compiling: number;
  /** Of that the system took for the first call. */
  readonly system: number;
  readonly calls: readonly number[];
  /** The same calls in time of the processor. */
  readonly worked: readonly number[];
  /** The first touch of the memory of all states by a bare loop. */
  readonly touch: number;
}

async function run<T>(file: string, ...args: string[]): Promise<T> {
  const path = new URL(file, import.meta.url).pathname;
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", path, ...args],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!output.success) throw new Error(`${file} failed.`);
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** A share of the numbers is at most so large. */
function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1), below = Math.floor(at);
  return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

/** The median of some numbers, and between which of them half of them lie. */
function spreadOf(numbers: readonly number[]): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(numbers, share).toFixed(1));
  return `${middle} ms (half: ${low} to ${high})`;
}

/** What lies between lengths: the greatest of three times over the least. */
function spreadFact(name: string, times: readonly number[]): Fact {
  const least = Math.min(...times), spread = Math.max(...times) / least;
  return {
    name,
    value: least > 0 ? spread.toFixed(2) : "lost in noise",
    aim: `at most 1.2: ${least > 0 && spread <= 1.2 ? "met" : "missed"}`,
  };
}

/**
 * The first call less the median of those that follow in its process, for each length in turn: the median over
 * processes. The same of the last call instead of the first one would be 0 on a quiet machine. Long calls vary by more
 * than what is measured, in time of the processor by less; tracing and compiling, and what the system takes for memory
 * that is touched first, hardly vary.
 */
async function firstCalls(memory: "fresh" | "used", threads: "one" | "all"): Promise<Fact[]> {
  const where = `${memory} memory, ${threads === "one" ? "one thread" : "all threads"}`;
  const lists = (): number[][] => LENGTHS.map(() => []);
  const first = lists(),
    worked = lists(),
    system = lists(),
    last = lists(),
    compile = lists(),
    touch = lists();
  for (let i = 0; i < PROCESSES; i++) {
    for (const [k, length] of LENGTHS.entries()) {
      const measured = await run<Calls>("first_call.ts", String(length), memory, threads);
      const { calls, compiling } = measured;
      first[k].push(calls[0] - quantile(calls.slice(1), 0.5));
      worked[k].push(measured.worked[0] - quantile(measured.worked.slice(1), 0.5));
      system[k].push(measured.system);
      last[k].push(calls.at(-1)! - quantile(calls.slice(1, -1), 0.5));
      compile[k].push(compiling);
      touch[k].push(measured.touch);
    }
  }
  const medians = (times: number[][]): number[] => times.map((numbers) => quantile(numbers, 0.5));
  const rest = medians(first);
  const facts = LENGTHS.flatMap((length, k): Fact[] => {
    const name = `RNN with backward, T = ${length}, ${where}`;
    return [
      {
        name: `${name}: first call less a steady one, ${PROCESSES} processes`,
        value: spreadOf(first[k]),
        aim: `at most 150: ${rest[k] <= 150 ? "met" : "missed"}`,
      },
      { name: `${name}: the same in time of the processor`, value: spreadOf(worked[k]), aim: "" },
      { name: `${name}: of that, tracing and compiling`, value: spreadOf(compile[k]), aim: "" },
      { name: `${name}: of that, the system's share`, value: spreadOf(system[k]), aim: "" },
      { name: `${name}: a bare loop's first touch of as much memory`, value: spreadOf(touch[k]), aim: "" },
      { name: `${name}: noise (the last call less a steady one)`, value: spreadOf(last[k]), aim: "" },
    ];
  });
  return [
    ...facts,
    spreadFact(`the greatest of the three over the least, ${where}`, rest),
    { ...spreadFact(`the same in time of the processor, ${where}`, medians(worked)), aim: "" },
    { ...spreadFact(`the same of tracing and compiling, ${where}`, medians(compile)), aim: "" },
  ];
}

export async function loopFacts(): Promise<Fact[]> {
  return [
    ...await firstCalls("fresh", "one"),
    ...await firstCalls("used", "one"),
    ...await firstCalls("fresh", "all"),
    ...await run<Fact[]>("memory.ts"),
  ];
}
