/**
 * `deno task bench:threads`: every kind of kernel at one size on one thread and on two, in turns; the results must have the
 * same bits. `--only=words` takes the kinds whose names contain them, `--write` puts the table into bench/RESULTS.md.
 */
import { init, jit, type Tensor } from "../../mod.ts";
import { writeSection } from "../results_page.ts";
import { type Kind, kinds } from "./kinds.ts";
import { startLimits } from "./limits.ts";

/** Milliseconds for a kind, and blocks of each at least. */
const TIME = 4000;
const LEAST_BLOCKS = 4;
/** Milliseconds of calls before anything counts: threads start by themselves, and code is optimised while it runs. */
const WARM_UP = 600;
/**
 * Programs call the same again and again, so the two take turns by blocks: a few calls that do not count, in which the
 * threads wake up (or fall asleep) and caches fill, then calls for so many milliseconds.
 */
const BLOCK = 25;
const UNCOUNTED_CALLS = 2, UNCOUNTED_TIME = 10;
const LEAST_COUNTED = 2;

type Call = () => Tensor[];

/** The function compiled for so many threads. */
async function compiled({ compute }: Kind, inputs: readonly Tensor[], threads: number): Promise<Call> {
  await init({ device: "wasm", threads });
  const call = jit((...args: Tensor[]) => compute(...args)) as (...args: Tensor[]) => Tensor[];
  const run = (): Tensor[] => call(...inputs);
  dispose(run());
  return run;
}

function dispose(results: readonly Tensor[]): void {
  for (const result of results) result.dispose();
}

function sameBits(one: Call, two: Call): boolean {
  const [a, b] = [one(), two()];
  const bytes = (x: Tensor): Uint8Array => new Uint8Array((x.dataSync() as Float32Array).slice().buffer);
  const same = a.every((x, k) => {
    const other = bytes(b[k]);
    return bytes(x).every((byte, i) => byte === other[i]);
  });
  dispose(a);
  dispose(b);
  return same;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}

/** Calls for a block; the times of those that count go to `times`. */
function runBlock(call: () => void, times: number[]): void {
  const uncounted = performance.now() + UNCOUNTED_TIME;
  for (let i = 0; i < UNCOUNTED_CALLS && performance.now() < uncounted; i++) call();
  const end = performance.now() + BLOCK;
  for (let i = 0; i < LEAST_COUNTED || performance.now() < end; i++) {
    const start = performance.now();
    call();
    times.push(performance.now() - start);
  }
}

/** The row of two functions, which take turns. */
function compare(name: string, calls: readonly (() => void)[]): string {
  for (const call of calls) {
    for (const end = performance.now() + WARM_UP; performance.now() < end;) call();
  }
  const times: number[][] = [[], []];
  const end = performance.now() + TIME;
  for (let blocks = 0; performance.now() < end || blocks < LEAST_BLOCKS; blocks++) {
    calls.forEach((call, k) => runBlock(call, times[k]));
  }
  const [best, middle] = [times.map((all) => Math.min(...all)), times.map(median)];
  const cells = [best, middle].map(([one, two]) =>
    `${one.toPrecision(3)} | ${two.toPrecision(3)} | ${(one / two).toFixed(2)}`
  );
  return `| ${name} | ${cells.join(" | ")} |`;
}

async function measure(kind: Kind): Promise<string> {
  const inputs = kind.inputs();
  const calls = [await compiled(kind, inputs, 1), await compiled(kind, inputs, 2)];
  // Threads start with the first calls that have work for them; what they compute counts.
  for (const end = performance.now() + WARM_UP; performance.now() < end;) dispose(calls[1]());
  if (!sameBits(calls[0], calls[1])) {
    throw new Error(`${kind.name}: two threads do not give the bits of one.`);
  }
  const row = compare(kind.name, calls.map((call) => () => dispose(call())));
  dispose(inputs);
  return row;
}

const words = Deno.args.find((arg) => arg.startsWith("--only="))?.slice("--only=".length);
const wanted = (name: string): boolean => words === undefined || name.includes(words);
const rows = [
  "| kind and size | one thread, best ms | two | ratio | one thread, median ms | two | ratio |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
];
for (const row of rows) console.log(row);

function record(row: string): void {
  console.log(row);
  rows.push(row);
}

const { limits, stop } = await startLimits();
for (const { name, one, two } of limits) if (wanted(name)) record(compare(name, [one, two]));
stop();
for (const kind of kinds) if (wanted(kind.name)) record(await measure(kind));
if (Deno.args.includes("--write")) await writeSection("Threads", rows.join("\n"));
