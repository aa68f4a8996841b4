/**
 * `deno task bench [name]`: runs the `deno bench` files (the one of that name, or the benchmarks whose names contain it)
 * and prints, beside times, the figures they stand for and what others need for the same; then what only a
 * fresh process shows.
 */
import { type Figure, figures } from "./figures.ts";
import { freshProcesses } from "./fresh_processes.ts";
import { loopFacts } from "./loops/facts.ts";
import { runPeers } from "./peers.ts";

interface BenchResult {
  readonly name: string;
  readonly group: string | null;
  readonly results: readonly {
    readonly ok?: { readonly n: number; readonly min: number; readonly avg: number };
  }[];
}

async function runDeno(args: string[]): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).output();
}

async function runBenches(filter: string | undefined): Promise<BenchResult[]> {
  const file = `bench/${filter}_bench.ts`;
  const chosen = filter === undefined
    ? ["bench/"]
    : await exists(file)
    ? [file]
    : [`--filter=${filter}`, "bench/"];
  const output = await runDeno(["bench", "--no-check", "--json", "--allow-read", ...chosen]);
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(text);
  return JSON.parse(text.slice(text.indexOf("{"))).benches;
}

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}

function showAim(figure: Figure, value: number): string {
  if (!figure.aim) return "";
  const { value: aim, better } = figure.aim;
  const met = better === "higher" ? value >= aim : value <= aim;
  return `${better === "higher" ? "at least" : "at most"} ${aim}: ${met ? "met" : "missed"}`;
}

/** How much of what the machine can do, where that was measured in the same run. */
function showLimit({ limit }: Figure, value: number, nanoseconds: number): string {
  const least = limit && measured.find(({ name }) => name === limit.name)?.results[0].ok?.min;
  if (!limit || !least) return "";
  const most = figures[limit.name].of(least, () => NaN) * limit.threads;
  const reached = limit.operations === undefined ? value : limit.operations / nanoseconds;
  return `, ${(100 * reached / most).toFixed(0)} % of the limit`;
}

function printTable(rows: string[][]): void {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    console.log(
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd(),
    );
  }
}

const measured = await runBenches(Deno.args[0]);
const peers = await runPeers(measured.map(({ name }) => name));
const rows = [["benchmark", "least ms", "mean ms", ...peers.map(({ name }) => name), "figure", "aim"]];
const blank = peers.map(() => "");
for (const { name, group, results } of measured) {
  const ok = results[0].ok;
  if (!ok) throw new Error(`${name} failed.`);
  const figure = figures[name];
  const theirs = peers.map(({ timings }) => timings[name]?.min);
  const value = figure?.of(ok.min, (other) => {
    const least = theirs[peers.findIndex((peer) => peer.name === other)];
    return least ?? measured.find((row) => row.name === other)?.results[0].ok?.min ?? NaN;
  });
  rows.push([
    group ? `${group}: ${name}` : name,
    (ok.min / 1e6).toFixed(3),
    (ok.avg / 1e6).toFixed(3),
    ...theirs.map((least) => least === undefined ? "" : (least / 1e6).toFixed(3)),
    figure && Number.isFinite(value)
      ? `${value.toPrecision(4)} ${figure.unit}${showLimit(figure, value, ok.min)}`
      : "",
    figure && Number.isFinite(value) ? showAim(figure, value) : "",
  ]);
}
if (!Deno.args[0] || Deno.args[0] === "loops") {
  for (const { name, value, aim } of await loopFacts()) rows.push([name, "", "", ...blank, value, aim]);
}
if (!Deno.args[0]) {
  for (const { name, value, aim } of await freshProcesses()) rows.push([name, "", "", ...blank, value, aim]);
}
printTable(rows);
