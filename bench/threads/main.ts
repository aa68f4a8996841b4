/**
 * `deno task bench:threads`: every kind of kernel at one size on one thread and on two, in turns; the results must have the
 * same bits. `--only=words` takes the kinds whose names contain them, `--write` puts the table into bench/RESULTS.md.
 */
import { init, jit, type Tensor } from "../../mod.ts";
import { writeSection } from "../results_page.ts";
import { type Kind, kinds } from "./kinds.ts";

/** Milliseconds for a kind, and rounds at least. */
const TIME = 4000;
const LEAST_ROUNDS = 7;
/** Milliseconds of calls before anything counts: threads start by themselves, and code is optimised while it runs. */
const WARM_UP = 600;

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

function milliseconds(call: Call): number {
  const start = performance.now();
  const results = call();
  const time = performance.now() - start;
  dispose(results);
  return time;
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

async function measure(kind: Kind): Promise<string> {
  const inputs = kind.inputs();
  const calls = [await compiled(kind, inputs, 1), await compiled(kind, inputs, 2)];
  for (const call of calls) {
    for (const end = performance.now() + WARM_UP; performance.now() < end;) dispose(call());
  }
  if (!sameBits(calls[0], calls[1])) {
    throw new Error(`${kind.name}: two threads do not give the bits of one.`);
  }
  const times: number[][] = [[], []];
  const end = performance.now() + TIME;
  while (performance.now() < end || times[0].length < LEAST_ROUNDS) {
    calls.forEach((call, k) => times[k].push(milliseconds(call)));
  }
  dispose(inputs);
  const [best, middle] = [times.map((all) => Math.min(...all)), times.map(median)];
  const cells = [best, middle].map(([one, two]) =>
    `${one.toPrecision(3)} | ${two.toPrecision(3)} | ${(one / two).toFixed(2)}`
  );
  return `| ${kind.name} | ${cells.join(" | ")} |`;
}

const words = Deno.args.find((arg) => arg.startsWith("--only="))?.slice("--only=".length);
const rows = [
  "| kind and size | one thread, best ms | two | ratio | one thread, median ms | two | ratio |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
];
for (const row of rows) console.log(row);
for (const kind of kinds) {
  if (words !== undefined && !kind.name.includes(words)) continue;
  const row = await measure(kind);
  console.log(row);
  rows.push(row);
}
if (Deno.args.includes("--write")) await writeSection("Threads", rows.join("\n"));
