/**
 * `deno task bench:webgpu`: what programs cost on the WebGPU adapter of this machine, beside jax-js and TensorFlow.js
 * in the same run where they can be had. Every result is checked before it is timed. Prints a Markdown table, or JSON
 * with `--json`; `--only=words` takes the workloads whose names contain them; `--write` puts the table into
 * bench/RESULTS.md. `deno task bench:gpu` takes Damo alone with the sizes of a real GPU, and measures the bandwidth of
 * copies beside it.
 */
import { writeSection } from "../results_page.ts";
import { copyBandwidth } from "./copy_bandwidth.ts";
import { figureOf, type Row } from "./workloads.ts";

const large = Deno.args.includes("--large");

/** Milliseconds that a library gets for all workloads; what it has done until then counts. */
const TIME_LIMIT = 180_000;

/** The rows that a program prints; null when it cannot be run here. */
async function rowsOf(file: string, args: readonly string[] = []): Promise<Row[] | null> {
  const own = file === "damo.ts";
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      ...(own
        ? []
        : ["--node-modules-dir=none", "--no-config", "--allow-env", "--allow-read", "--allow-net"]),
      new URL(file, import.meta.url).pathname,
      ...args,
      ...Deno.args.filter((arg) => arg.startsWith("--only=")),
    ],
    stdout: "piped",
    stderr: own ? "inherit" : "null",
    signal: AbortSignal.timeout(TIME_LIMIT),
  }).output();
  const rows = new TextDecoder().decode(output.stdout).split("\n").filter((line) => line.startsWith("{"));
  if (rows.length === 0) return null;
  // JSON has no NaN.
  return rows.map((line) => JSON.parse(line) as Row)
    .map((row) => ({ ...row, milliseconds: row.milliseconds ?? NaN, firstCall: row.firstCall ?? NaN }));
}

function cells(row: Row | undefined): string {
  if (row === undefined) return "-";
  if (row.refused !== undefined) return `refused: ${row.refused}`;
  const time = `${row.milliseconds.toPrecision(3)} / ${row.firstCall.toFixed(0)}`;
  return row.ok ? time : `${time} WRONG`;
}

function ratio(peer: Row | undefined, own: number): string {
  return peer === undefined || !Number.isFinite(peer.milliseconds)
    ? "-"
    : (peer.milliseconds / own).toFixed(1);
}

const adapter = (await navigator.gpu.requestAdapter())?.info.description ?? "unknown";
const own = await rowsOf("damo.ts", large ? ["--large"] : []);
if (own === null) throw new Error("The benchmark of Damo printed no result.");
const jax = large ? null : await rowsOf("jax_js.ts"), tfjs = large ? null : await rowsOf("tfjs.ts");
const bandwidth = await copyBandwidth(large ? 1 << 28 : 1 << 26);

const lines = [
  `Adapter: ${adapter}. A copy of ${bandwidth.megabytes} MB between buffers: ` +
  `${bandwidth.gigabytesPerSecond.toFixed(1)} GB/s read and written.`,
  "",
  "Least time of several calls / first call, in milliseconds.",
  "",
  `| workload | Damo | | ${large ? "" : "jax-js | times Damo | TensorFlow.js | times Damo |"}`,
  `|---|---|---|${large ? "" : "---|---|---|---|"}`,
];
for (const row of own) {
  const find = (rows: Row[] | null) => rows?.find(({ workload }) => workload === row.workload);
  const others = large
    ? []
    : [jax, tfjs].flatMap((rows) => [cells(find(rows)), ratio(find(rows), row.milliseconds)]);
  const figure = row.refused === undefined ? figureOf(row.workload, row.milliseconds) : "";
  lines.push(`| ${[row.workload, cells(row), figure, ...others].join(" | ")} |`);
}
const table = lines.join("\n");
console.log(
  Deno.args.includes("--json")
    ? JSON.stringify({ adapter, bandwidth, damo: own, jax, tfjs }, null, 2)
    : table,
);
if (Deno.args.includes("--write")) {
  const name = large ? "gpu" : "webgpu";
  const title = large ? "WebGPU, the sizes of a real GPU" : "WebGPU";
  await writeSection(name, `## ${title}\n\n\`deno task bench:${name}\`. ${table}`);
}
if (own.some(({ ok, refused }) => !ok && refused === undefined)) Deno.exit(1);
