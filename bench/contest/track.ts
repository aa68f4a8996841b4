/**
 * `deno task bench:track`: measures Damo beside NumPy and the fastest peers again and compares the ratios with the last
 * recorded ones. A ratio that has fallen by more than the noise of both runs fails.
 */
import { type Record, runContest } from "./main.ts";
import type { Figure, Result } from "./results.ts";

const RECORD = new URL("../results.json", import.meta.url);

/** The least loss that counts: machines differ in more than the spread within one run. */
const LEAST_LOSS = 0.15;

/** How far a figure's quartiles lie from its middle. */
function noise(figure: Figure | undefined): number {
  if (!figure?.spread || !figure.median) return 0;
  return (figure.spread[1] - figure.spread[0]) / figure.median;
}

function find(result: Result, name: string): Figure | undefined {
  return result.figures.find(({ contestant }) => contestant === name);
}

/** Damo's time over another's in the same run, and how uncertain that is. */
function ratio(result: Result, other: string): { value: number; noise: number } | null {
  const own = find(result, "Damo"), against = find(result, other);
  if (!own?.median || !against?.median) return null;
  return { value: own.median / against.median, noise: noise(own) + noise(against) };
}

/** A line for each workload and peer whose ratio got worse beyond the noise. */
export function losses(before: Record, now: Record): string[] {
  const found: string[] = [];
  for (const result of now.results) {
    const recorded = before.results.find(({ workload }) => workload === result.workload);
    if (!recorded) continue;
    for (const { contestant } of result.figures.filter(({ contestant }) => !contestant.startsWith("Damo"))) {
      const old = ratio(recorded, contestant), fresh = ratio(result, contestant);
      if (!old || !fresh) continue;
      const allowed = 1 + Math.max(LEAST_LOSS, old.noise + fresh.noise);
      if (fresh.value <= old.value * allowed) continue;
      found.push(
        `${result.workload}: ${fresh.value.toPrecision(3)} of the time of ${contestant}, ` +
          `recorded ${old.value.toPrecision(3)}, allowed ${(old.value * allowed).toPrecision(3)}`,
      );
    }
  }
  return found;
}

if (import.meta.main) {
  const before: Record = JSON.parse(await Deno.readTextFile(RECORD));
  const contestants = ["Damo", "jax-js", "onnxruntime-web", "NumPy"];
  const now = await runContest({ filter: Deno.args[0], rounds: 3, turn: 60, contestants });
  const found = losses(before, now);
  for (const line of found) console.error(`slower: ${line}`);
  console.log(`${now.results.length} workloads compared with ${before.date}, ${found.length} losses`);
  if (found.length > 0) Deno.exit(1);
}
