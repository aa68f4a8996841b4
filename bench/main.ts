/**
 * `deno task bench [filter]`: runs the `deno bench` files and prints, beside times, the figures they stand for; then
 * the time to import the library over an empty script.
 */
import { type Figure, figures } from "./figures.ts";

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
  const flags = filter ? [`--filter=${filter}`] : [];
  const output = await runDeno(["bench", "--no-check", "--json", "--allow-read", ...flags, "bench/"]);
  const text = new TextDecoder().decode(output.stdout);
  if (!output.success) throw new Error(text);
  return JSON.parse(text.slice(text.indexOf("{"))).benches;
}

function showAim(figure: Figure, value: number): string {
  if (!figure.aim) return "";
  const { value: aim, better } = figure.aim;
  const met = better === "higher" ? value >= aim : value <= aim;
  return `${better === "higher" ? "at least" : "at most"} ${aim}: ${met ? "met" : "missed"}`;
}

function printTable(rows: string[][]): void {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    console.log(
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd(),
    );
  }
}

/** Milliseconds of a whole process, the least of several. */
async function processTime(code: string): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    await runDeno(["eval", "--no-check", code]);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const rows = [["benchmark", "least ms", "mean ms", "figure", "aim"]];
for (const { name, group, results } of await runBenches(Deno.args[0])) {
  const ok = results[0].ok;
  if (!ok) throw new Error(`${name} failed.`);
  const figure = figures[name];
  const value = figure?.of(ok.min);
  rows.push([
    group ? `${group}: ${name}` : name,
    (ok.min / 1e6).toFixed(3),
    (ok.avg / 1e6).toFixed(3),
    figure ? `${value.toPrecision(4)} ${figure.unit}` : "",
    figure ? showAim(figure, value) : "",
  ]);
}
if (!Deno.args[0]) {
  const empty = await processTime("0");
  const mod = new URL("../mod.ts", import.meta.url).href;
  const imported = await processTime(`import ${JSON.stringify(mod)};`);
  const value = imported - empty;
  const figure: Figure = { unit: "ms", of: (x) => x, aim: { value: 60, better: "lower" } };
  rows.push(["import mod.ts over an empty script", "", "", `${value.toFixed(1)} ms`, showAim(figure, value)]);
}
printTable(rows);
