/** Runs what others need for benchmarks of the same names, where they are installed. */

/** Nanoseconds of one iteration. */
export interface Timing {
  readonly min: number;
  readonly avg: number;
}

/** Timings of one peer by the names of benchmarks. */
export interface Peer {
  readonly name: string;
  readonly timings: Readonly<Record<string, Timing>>;
}

interface Runner {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function path(file: string): string {
  return new URL(`peers/${file}`, import.meta.url).pathname;
}

const RUNNERS: readonly Runner[] = [
  {
    name: "NumPy, one thread",
    command: "python3",
    args: [path("with_numpy.py")],
    env: { OPENBLAS_NUM_THREADS: "1" },
  },
  {
    name: "jax-js",
    command: Deno.execPath(),
    args: [
      "run",
      "--no-check",
      "--node-modules-dir=none",
      "--allow-read",
      "--allow-env",
      path("with_jax_js.ts"),
    ],
  },
];

/** Those of the peers that can run here. */
export async function runPeers(names: readonly string[]): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const { name, command, args, env } of RUNNERS) {
    try {
      const output = await new Deno.Command(command, {
        args: [...args, JSON.stringify(names)],
        env,
        stdout: "piped",
        stderr: "null",
      }).output();
      if (!output.success) continue;
      peers.push({ name, timings: JSON.parse(new TextDecoder().decode(output.stdout)) });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return peers;
}
