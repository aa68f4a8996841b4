/** Workloads that count once in a process: a first call, and a first result from nothing. */
import { type MeasureOptions, PATIENCE, type Showing, start, withCourse } from "./measure.ts";
import { firstResults } from "./process.ts";
import type { Workload } from "./workload.ts";

/** Processes for each round of other workloads. */
const PROCESSES_PER_ROUND = 2;

/** Milliseconds after which a contestant is not asked again. */
const SLOW = 5000;

/**
 * Calls `once` for the contestants in turns. The first turn, in which runtimes write their caches of code, counts only for
 * contestants so slow that they have no other.
 */
async function inTurns(
  { contestants, rounds }: MeasureOptions,
  once: (name: string) => Promise<Showing>,
): Promise<Showing[]> {
  const showings = new Map<string, Showing>();
  for (let turn = 0; turn <= PROCESSES_PER_ROUND * rounds; turn++) {
    for (const name of contestants) {
      const before = showings.get(name);
      if (before?.reason !== undefined || Number(before?.times?.[0]) > SLOW) continue;
      const showing = await once(name);
      const kept = turn > 1 ? before : undefined;
      const times = [...kept?.times ?? [], ...showing.times ?? []];
      const empty = showing.empty && [...kept?.empty ?? [], ...showing.empty];
      showings.set(name, showing.reason === undefined ? { ...showing, times, empty } : showing);
    }
  }
  return contestants.map((name) => showings.get(name)!);
}

/** The time of a first call, in processes that have prepared its tensors. */
export function measureFirstCalls(workload: Workload, options: MeasureOptions): Promise<Showing[]> {
  return withCourse(workload, (course) =>
    inTurns(options, async (name) => {
      // It compiles nothing: its first call is like any other.
      if (name === "NumPy") return { contestant: name, reason: "not available" };
      const { showing, process } = await start(workload, name, course);
      await process.close();
      return showing.first === undefined ? showing : { ...showing, times: [showing.first] };
    }));
}

/** Milliseconds from starting a process to its end; an error where it fails, or takes longer than anybody waits. */
async function timeOf(command: readonly string[]): Promise<number> {
  const started = performance.now();
  const { success } = await new Deno.Command(command[0], {
    args: command.slice(1),
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(PATIENCE),
  }).output();
  if (!success) throw new Error("the process failed");
  return performance.now() - started;
}

/** The time of processes that load a library and read a result, beside that of processes that do nothing. */
export function measureFirstResults(_workload: Workload, options: MeasureOptions): Promise<Showing[]> {
  return inTurns(options, async (name) => {
    const commands = firstResults[name];
    if (!commands) return { contestant: name, reason: "not available" };
    try {
      const empty = [await timeOf(commands.empty)];
      return { contestant: name, empty, times: [await timeOf(commands.script)] };
    } catch (error) {
      return { contestant: name, reason: error instanceof Error ? error.message : String(error) };
    }
  });
}
