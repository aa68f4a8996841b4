/** One workload, every contestant: results first compared with plain loops, then timed in turns. */
import { commands, ContestantProcess, LIMIT } from "./process.ts";
import { type Expected, makeValues, type Workload } from "./workload.ts";

/** What a contestant showed: times of single computations in milliseconds, or why there are none. */
export interface Showing {
  readonly contestant: string;
  readonly version?: string;
  readonly first?: number;
  readonly times?: readonly number[];
  /** Milliseconds that do not count: of a process that does nothing. */
  readonly empty?: readonly number[];
  /** The largest error of its outputs, relative to the largest value. */
  readonly error?: number;
  readonly reason?: string;
}

export interface MeasureOptions {
  readonly contestants: readonly string[];
  readonly rounds: number;
  /** Milliseconds of one contestant's turn in a round. */
  readonly turn: number;
}

/** How many turns long the first one is, which is not counted: engines compile again what they have seen to be hot. */
const WARMING_TURNS = 10;

/** Time for a first computation, compiling included, and for a turn. */
export const PATIENCE = 60_000;

/** The largest difference over the largest value; infinite where a value is NaN or an output has another size. */
function relativeError(outputs: readonly Float32Array[], expected: readonly Expected[]): number {
  let worst = outputs.length === expected.length ? 0 : Infinity;
  expected.forEach(({ positions, values }, i) => {
    let difference = 0, largest = 0;
    for (let j = 0; j < positions.length; j++) {
      const off = Math.abs(outputs[i]?.[positions[j]] - values[j]);
      difference = Math.max(difference, Number.isNaN(off) ? Infinity : off);
      largest = Math.max(largest, Math.abs(values[j]));
    }
    worst = Math.max(worst, difference / largest);
  });
  return worst;
}

/** A contestant that takes part. */
export interface Runner {
  readonly showing: Showing;
  readonly process: ContestantProcess;
  readonly times: number[];
}

/** A workload's inputs as files, and what must come out. */
export interface Course {
  readonly folder: string;
  readonly expected: readonly Expected[];
}

/** Starts a contestant and compares what it computes; one that is wrong or lacks the workload is ended. */
export async function start(
  workload: Workload,
  name: string,
  { folder, expected }: Course,
): Promise<Runner> {
  const process = new ContestantProcess(commands[name]);
  const { version, failed } = await process.read(PATIENCE);
  let showing: Showing = { contestant: name, version, reason: failed };
  if (version !== undefined) {
    const inputs = Object.fromEntries(
      Object.entries(workload.inputs).map(([key, { shape, scale }]) => [
        key,
        { file: `${folder}/${key}`, shape, dtype: scale === "labels" ? "int32" : "float32" },
      ]),
    );
    const { name: named, program = named, fresh } = workload;
    const call = fresh === "first call";
    const reply = await process.ask({ prepare: program, inputs, folder, call }, PATIENCE);
    if (reply.outputs) {
      const outputs = reply.outputs.map((file) => new Float32Array(Deno.readFileSync(file).buffer));
      const error = name === LIMIT ? 0 : relativeError(outputs, expected);
      const wrong = error <= workload.tolerance ? undefined : `wrong result (error ${error.toPrecision(2)})`;
      showing = { contestant: name, version, first: reply.first, error, reason: wrong };
    } else showing = { contestant: name, version, reason: reply.failed ?? "not available" };
  }
  if (showing.reason !== undefined) await process.close();
  return { showing, process, times: [] };
}

/** Makes a workload's inputs and results for as long as `run` takes. */
export async function withCourse<T>(workload: Workload, run: (course: Course) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "damo_contest_" });
  try {
    const values = Object.fromEntries(
      Object.entries(workload.inputs).map(([name, spec], i) => [name, makeValues(spec, 12345 + i)]),
    );
    for (const [name, { buffer }] of Object.entries(values)) {
      await Deno.writeFile(`${folder}/${name}`, new Uint8Array(buffer));
    }
    return await run({ folder, expected: workload.expected(values) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The times of all contestants, in turns. */
export function measure(workload: Workload, options: MeasureOptions): Promise<Showing[]> {
  return withCourse(workload, async (course) => {
    const runners: Runner[] = [];
    for (const name of options.contestants) runners.push(await start(workload, name, course));
    const racing = runners.filter(({ showing }) => showing.reason === undefined);
    for (let round = 0; round <= options.rounds; round++) {
      for (const { process, times } of racing) {
        // One computation of seconds a round is enough.
        const slow = times.length > 1 && times[0] > 2000;
        if (slow) continue;
        const turn = round === 0 ? WARMING_TURNS * options.turn : options.turn;
        const { times: measured = [] } = await process.ask({ round: turn }, PATIENCE);
        if (round > 0) times.push(...measured);
      }
    }
    for (const { process } of racing) await process.close();
    return runners.map(({ showing, times }) => times.length > 0 ? { ...showing, times } : showing);
  });
}
