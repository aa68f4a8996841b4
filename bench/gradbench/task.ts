/**
 * `deno task gradbench [evaluation ...]`: runs the recorded sessions through the protocol and then the largest default
 * sizes of the suite, checks every output, and prints times. It needs nothing else installed.
 *
 * Flags: `--small` leaves the large sizes out; `--suite=PATH` names a checkout of the suite, whose programs in C++ are
 * built and timed on the same inputs; `--write` puts the table into bench/RESULTS.md when
 * all evaluations were run.
 */
import { init } from "@damo/damo";
import { type NativePrograms, nativePrograms } from "./compare.ts";
import type { Evaluation } from "./evaluation.ts";
import { evaluations } from "./evaluations/mod.ts";
import { type Expected, largeCases, largeError, outputError, session } from "./golden.ts";
import { inputOfSize } from "./inputs.ts";
import { evaluate, respond, type Timing } from "./protocol.ts";
import { writeSection } from "../results_page.ts";
import { markdown, type Pair, printRows, type Row } from "./table.ts";

const TOLERANCE = 1e-8;
/** So many turns of so many seconds for each function. */
const TURNS = 3, SECONDS = 0.25;

const BUDGET = (TURNS * SECONDS).toFixed(2);

const NOTE = `
Milliseconds, the least of the runs within ${BUDGET} s, on one thread; the first call, which compiles, is not counted.
Among the sizes are the largest that the suite runs by default. \`error\` is the largest difference from the expected
outputs (tests/golden/gradbench.py) over their largest number. The programs in C++ are the suite's hand-differentiated
ones, \`g++ -O3 -march=native\`, one thread; there are none for particle and saddle. That of the gradient of ode is a
closed formula without any steps, and that of det expands each minor anew where Damo's computes each once: there the
factors say nothing.
`;

/** What the numbers of a size are. */
const SIZES: Readonly<Record<string, readonly string[]>> = {
  llsq: ["n", "m"],
  lse: ["n"],
  gmm: ["d", "k", "n"],
  kmeans: ["k", "n", "d"],
  ode: ["n", "s"],
  det: ["l"],
  lstm: ["l", "c"],
  ba: ["n", "m", "p"],
  ht: ["vertices", "points"],
};

/** The least times so far. */
type Times = { -readonly [K in keyof Pair]: Pair[K] };

/** Which functions are no derivatives. */
const PRIMAL = new Set(["primal", "objective", "cost", "square"]);

function least(timings: readonly Timing[]): number {
  let nanoseconds = Infinity;
  for (const timing of timings) {
    if (timing.name === "evaluate") nanoseconds = Math.min(nanoseconds, timing.nanoseconds);
  }
  return nanoseconds / 1e6;
}

/** Runs a recorded session: the largest error of each evaluated message. */
function runSession(module: string, report: (what: string, error: number) => void): void {
  for (const { message, response } of session(module)) {
    const actual = respond(message);
    const what = `${module} message ${message.id} (${message.kind} ${message.function ?? ""})`;
    if (message.kind === "evaluate") {
      if (actual.error) console.error(actual.error);
      report(what, actual.success ? outputError(actual.output, response.output) : Infinity);
    } else report(what, actual.id === response.id && actual.success === response.success ? 0 : Infinity);
  }
}

class Runner {
  readonly failures: string[] = [];
  readonly native: NativePrograms | null;

  constructor(native: NativePrograms | null) {
    this.native = native;
  }

  check(what: string, error: number): number {
    if (!(error <= TOLERANCE)) this.failures.push(`${what}: relative error ${error}`);
    return error;
  }

  /** All functions by turns, here and, where there are such programs, in C++: what disturbs the machine meets all alike. */
  row(module: string, size: string, input: object, expected: Readonly<Record<string, Expected>>): Row {
    const runs = { ...input, min_runs: 2, min_seconds: SECONDS };
    const own: Times = {}, native: Times = {};
    let error = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [name, wanted] of Object.entries(expected)) {
        const kind = PRIMAL.has(name) ? "primal" : "derivative";
        const { output, timings } = evaluate(evaluations[module][name], runs);
        own[kind] = Math.min(own[kind] ?? Infinity, least(timings));
        error = Math.max(
          error,
          this.check(`${module}.${name}`, largeError(module, name, output, wanted)),
        );
        const other = this.native?.evaluate(module, name, runs);
        if (!other) continue;
        native[kind] = Math.min(native[kind] ?? Infinity, least(other.timings));
        this.check(`${module}.${name} in C++`, largeError(module, name, other.output, wanted));
      }
    }
    return { module, size, own, native: Object.keys(native).length > 0 ? native : undefined, error };
  }
}

/** The sizes of an evaluation without arrays are its functions: four combinations of modes. */
function modeRows(runner: Runner, module: string, evaluation: Evaluation): Row[] {
  const { message, response } = session(module).find(({ message }) => message.kind === "evaluate")!;
  return Object.keys(evaluation).map((name) =>
    runner.row(module, name, message.input as object, { [name]: { output: response.output } })
  );
}

async function main(args: readonly string[]): Promise<number> {
  const flags = args.filter((arg) => arg.startsWith("--"));
  const suite = flags.find((flag) => flag.startsWith("--suite="))?.slice("--suite=".length);
  const chosen = args.filter((arg) => !arg.startsWith("--"));
  const unknown = chosen.find((name) => !Object.hasOwn(evaluations, name));
  if (unknown !== undefined) {
    console.error(`There is no evaluation ${unknown}: choose from ${Object.keys(evaluations).join(", ")}.`);
    return 2;
  }
  // The programs it is compared with run on one thread too.
  await init({ device: "wasm", threads: 1 });
  const modules = chosen.length > 0 ? chosen : Object.keys(evaluations);
  using native = suite === undefined ? null : nativePrograms(suite);
  const runner = new Runner(native);
  const rows: Row[] = [];
  for (const module of modules) {
    let worst = 0;
    runSession(module, (what, error) => worst = Math.max(worst, runner.check(what, error)));
    console.log(`${module}: recorded session, relative error ${worst.toExponential(1)}`);
    if (flags.includes("--small")) continue;
    if (module === "particle" || module === "saddle") {
      rows.push(...modeRows(runner, module, evaluations[module]));
    }
    for (const { size, expected } of largeCases().filter((entry) => entry.module === module)) {
      const input = inputOfSize[module](...size as never[]) as object;
      const named = size.map((value, i) =>
        typeof value === "number" ? `${SIZES[module][i]} ${value}` : value ? "in triangles" : ""
      );
      rows.push(runner.row(module, named.filter((part) => part).join(", "), input, expected));
    }
  }
  if (rows.length > 0) printRows(rows);
  for (const failure of runner.failures) console.error(`FAILED ${failure}`);
  console.log(runner.failures.length === 0 ? `All outputs within ${TOLERANCE}.` : "Some outputs are wrong.");
  const complete = chosen.length === 0 && !flags.includes("--small");
  if (flags.includes("--write") && complete && runner.failures.length === 0) {
    await writeSection("gradbench", `## GradBench\n${NOTE}\n${markdown(rows)}`);
  }
  return runner.failures.length === 0 ? 0 : 1;
}

Deno.exit(await main(Deno.args));
