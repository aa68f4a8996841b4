/** What a `deno bench` file cannot measure of loops: first calls, each in a process of its own, and memory. */

import type { Fact } from "../figures.ts";

const LENGTHS = [10, 100, 10_000];
const PROCESSES = 3;

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

/** The least first call less the least steady one of several processes, for each length in turn. */
async function firstCalls(memory: "fresh" | "used"): Promise<Fact[]> {
  const first = LENGTHS.map(() => Infinity), steady = LENGTHS.map(() => Infinity);
  for (let i = 0; i < PROCESSES; i++) {
    for (const [k, length] of LENGTHS.entries()) {
      const times = await run<{ first: number; steady: number }>("first_call.ts", String(length), memory);
      first[k] = Math.min(first[k], times.first);
      steady[k] = Math.min(steady[k], times.steady);
    }
  }
  const rest = LENGTHS.map((_, k) => first[k] - steady[k]);
  const spread = Math.max(...rest) / Math.min(...rest);
  const facts = LENGTHS.map((length, k): Fact => ({
    name: `RNN with backward, T = ${length}, ${memory} memory: first call less a steady one`,
    value: `${rest[k].toFixed(1)} ms`,
    aim: `at most 150: ${rest[k] <= 150 ? "met" : "missed"}`,
  }));
  const aim = `at most 1.2: ${spread >= 1 && spread <= 1.2 ? "met" : "missed"}`;
  return [...facts, {
    name: `the greatest of them over the least, ${memory} memory`,
    value: spread.toFixed(2),
    aim,
  }];
}

export async function loopFacts(): Promise<Fact[]> {
  return [...await firstCalls("fresh"), ...await firstCalls("used"), ...await run<Fact[]>("memory.ts")];
}
