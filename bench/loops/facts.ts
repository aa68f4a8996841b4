/** What a `deno bench` file cannot measure of loops: first calls, each in a process of its own, and memory. */

import type { Fact } from "../figures.ts";

const LENGTHS = [10, 100, 10_000];
const PROCESSES = 9;

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

/**
 * The first call less the median of those that follow in its process: the median over processes, for each length in
 * turn. The same of the last call instead of the first one would be 0 on a quiet machine.
 */
async function firstCalls(memory: "fresh" | "used"): Promise<Fact[]> {
  const first: number[][] = LENGTHS.map(() => []), last: number[][] = LENGTHS.map(() => []);
  for (let i = 0; i < PROCESSES; i++) {
    for (const [k, length] of LENGTHS.entries()) {
      const times = await run<number[]>("first_call.ts", String(length), memory);
      first[k].push(times[0] - quantile(times.slice(1), 0.5));
      last[k].push(times.at(-1)! - quantile(times.slice(1, -1), 0.5));
    }
  }
  const rest = first.map((numbers) => quantile(numbers, 0.5));
  const facts = LENGTHS.flatMap((length, k): Fact[] => {
    const name = `RNN with backward, T = ${length}, ${memory} memory`;
    return [{
      name: `${name}: first call less a steady one, ${PROCESSES} processes`,
      value: spreadOf(first[k]),
      aim: `at most 150: ${rest[k] <= 150 ? "met" : "missed"}`,
    }, { name: `${name}: noise (the last call less a steady one)`, value: spreadOf(last[k]), aim: "" }];
  });
  const least = Math.min(...rest), spread = Math.max(...rest) / least;
  return [...facts, {
    name: `the greatest of the three over the least, ${memory} memory`,
    value: least > 0 ? spread.toFixed(2) : "lost in noise",
    aim: `at most 1.2: ${least > 0 && spread <= 1.2 ? "met" : "missed"}`,
  }];
}

export async function loopFacts(): Promise<Fact[]> {
  return [...await firstCalls("fresh"), ...await firstCalls("used"), ...await run<Fact[]>("memory.ts")];
}
