/**
 * `deno task test [flags] [paths]`: runs the tests with the permissions they need and no more, and
 * closes with the line `N passed, N failed`. Flags go to `deno test` (--filter, --parallel, -u ...).
 */
import { root, stdFlags } from "./std.ts";
import { testShares, Turns } from "./test_shares.ts";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const VALUE_FLAGS = new Set(["--filter", "--reporter", "--ignore", "--junit-path", "--seed", "--retry"]);

function splitArguments(args: string[]): { flags: string[]; paths: string[] } {
  const flags: string[] = [];
  const paths: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (!args[i].startsWith("-")) paths.push(args[i]);
    else if (VALUE_FLAGS.has(args[i]) && i + 1 < args.length) flags.push(`${args[i]}=${args[++i]}`);
    else flags.push(args[i]);
  }
  return { flags, paths: paths.length > 0 ? paths : ["tests"] };
}

/** Pages are looked at in a real browser where there is one. */
const BROWSERS = "/usr/bin/chromium,/usr/bin/chromium-browser,/usr/bin/google-chrome";

/** Tests may read the project, write below one temporary folder, and start Deno and a browser; snapshots are written on request. */
function permissions(temporary: string, updating: boolean): string[] {
  return [
    `--allow-read=${root},${temporary},${BROWSERS}`,
    `--allow-write=${temporary}${updating ? `,${root}tests` : ""}`,
    `--allow-run=${Deno.execPath()},${BROWSERS}`,
    "--allow-env=DAMO_REQUIRE_WEBGPU,TMPDIR",
  ];
}

/** How often tests that hold on every device passed on each, by the device behind their promise. */
class DeviceTally {
  readonly #counts: Map<string, number> = new Map();
  #rest = "";

  add(text: string): void {
    // deno-lint-ignore no-control-regex -- the colours of the report are escape sequences
    const lines = (this.#rest + text.replace(/\x1b\[[0-9;]*m/g, "")).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const device = /\((wasm|webgpu|wasm alone)\) \.\.\. ok/.exec(line)?.[1];
      if (device) this.#counts.set(device, (this.#counts.get(device) ?? 0) + 1);
    }
  }

  toString(): string {
    if (this.#counts.size === 0) return "";
    const [wasm, webgpu, alone] = ["wasm", "webgpu", "wasm alone"].map((name) => this.#counts.get(name) ?? 0);
    const rest = alone > 0 ? `; ${alone} about float64 on wasm alone` : "";
    return `Tests that hold on every device: ${wasm} passed on wasm, ${webgpu} on webgpu${rest}`;
  }
}

function lastTally(output: string): Tally | undefined {
  // deno-lint-ignore no-control-regex -- the colours of the report are escape sequences
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const closing = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(.*)$/gm)].at(-1);
  if (!closing) return undefined;
  const skipped = Number(/(\d+) ignored/.exec(closing[3])?.[1] ?? 0);
  return { passed: Number(closing[1]), failed: Number(closing[2]), skipped };
}

async function runShare(
  args: string[],
  temporary: string,
  report: (text: Uint8Array) => void,
): Promise<Tally> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...args],
    env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdout: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    report(chunk);
    // Only the end of the report is looked at.
    output = (output + decoder.decode(chunk, { stream: true })).slice(-100_000);
  }
  const { code } = await child.status;
  const tally = lastTally(output) ?? { passed: 0, failed: 0, skipped: 0 };
  // A module that cannot be loaded fails the run without being counted as a test.
  if (code !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}

async function runTests(args: string[]): Promise<number> {
  const { flags, paths } = splitArguments(args);
  const updating = flags.includes("-u") || flags.includes("--update-snapshots");
  const temporary = await Deno.makeTempDir({ prefix: "damo_test_" });
  const devices = new DeviceTally();
  const decoder = new TextDecoder();
  let tallies: Tally[];
  try {
    const checking = flags.some((flag) => flag.startsWith("--check")) ? [] : ["--no-check"];
    const common = [...checking, ...await stdFlags(), ...permissions(temporary, updating), ...flags];
    const shares = await testShares(paths, flags);
    const turns = new Turns(shares.length, (text) => {
      Deno.stdout.writeSync(text);
      devices.add(decoder.decode(text, { stream: true }));
    });
    tallies = await Promise.all(shares.map(async (share, i) => {
      const tally = await runShare([...common, ...share], temporary, (text) => turns.add(i, text));
      turns.end(i);
      return tally;
    }));
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  const sum = (count: keyof Tally): number => tallies.reduce((total, tally) => total + tally[count], 0);
  const passed = sum("passed"), failed = sum("failed"), skipped = sum("skipped");
  if (passed + failed === 0) console.error("No test ran: the paths and the filter select none.");
  if (String(devices)) console.log(String(devices));
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed + failed === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
