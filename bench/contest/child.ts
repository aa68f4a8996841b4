/**
 * `deno run child.ts CONTESTANT`: one library in a process of its own. It reads a JSON object a line and answers with one:
 * `{ prepare, inputs, folder }` with the time of the first computation and files of its outputs (with `call` that of a call
 * whose results are not compared, before those), `{ round }` with the milliseconds of each computation until that many have passed.
 */
import type { Contestant, Inputs, Prepared } from "./contestant.ts";

const contestants: { readonly [name: string]: () => Promise<Contestant> } = {
  "damo": async () => (await import("./damo.ts")).contestant(2),
  "damo-one": async () => (await import("./damo.ts")).contestant(1),
  "jax-js": async () => (await import("./jax.ts")).contestant(false),
  "jax-js-sync": async () => (await import("./jax.ts")).contestant(true),
  "tfjs": async () => (await import("./tensorflow.ts")).contestant(),
  "onnxruntime": async () => (await import("./onnx.ts")).contestant(2),
  "limit": async () => (await import("./limit.ts")).contestant(),
};

interface FileEntry {
  readonly file: string;
  readonly shape: number[];
  readonly dtype: "float32" | "int32";
}

interface Request {
  readonly prepare?: string;
  readonly inputs?: { readonly [name: string]: FileEntry };
  readonly folder?: string;
  /** Whether to compute once and say how long that took before the outputs that are compared. */
  readonly call?: boolean;
  readonly round?: number;
}

function readInputs(entries: { readonly [name: string]: FileEntry }): Inputs {
  return Object.fromEntries(
    Object.entries(entries).map(([name, { file, shape, dtype }]) => {
      const { buffer } = Deno.readFileSync(file);
      return [name, { shape, values: dtype === "int32" ? new Int32Array(buffer) : new Float32Array(buffer) }];
    }),
  );
}

async function answer(contestant: Contestant, request: Request): Promise<unknown> {
  if (request.round !== undefined) return { times: await runFor(prepared!, request.round) };
  prepared = await contestant.prepare(request.prepare!, readInputs(request.inputs!));
  if (!prepared) return { missing: true };
  const called = request.call ? await time(prepared) : undefined;
  const started = performance.now();
  const outputs = await prepared.outputs();
  const first = called ?? performance.now() - started;
  return {
    first,
    outputs: outputs.map((values, i) => {
      const file = `${request.folder}/output_${i}`;
      Deno.writeFileSync(file, new Uint8Array(Float32Array.from(values).buffer));
      return file;
    }),
  };
}

/** How long the last computation took. */
let last = Infinity;

async function time({ run }: Prepared): Promise<number> {
  const started = performance.now();
  // A synchronous library is not charged for a turn of the event loop.
  const pending = run();
  if (pending instanceof Promise) await pending;
  return last = performance.now() - started;
}

async function runFor(prepared: Prepared, milliseconds: number): Promise<number[]> {
  // The others' turns have emptied the caches and put threads to sleep: short computations first get going again.
  const uncounted = milliseconds / 6, begun = performance.now() + uncounted;
  while (last < uncounted && performance.now() < begun) await time(prepared);
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  do times.push(await time(prepared)); while (performance.now() < end);
  return times;
}

let prepared: Prepared | null = null;
const encoder = new TextEncoder();

function print(value: unknown): void {
  let bytes = encoder.encode(`${JSON.stringify(value)}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

// Libraries print notices to the console, which would break the protocol.
console.log =
  console.info =
  console.debug =
  console.warn =
    () => {};

const contestant = await contestants[Deno.args[0]]();
print({ version: contestant.version });
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const chunk of lines) {
  const parts = (rest + chunk).split("\n");
  rest = parts.pop()!;
  for (const part of parts) {
    let reply: unknown;
    try {
      reply = await answer(contestant, JSON.parse(part));
    } catch (error) {
      reply = { failed: error instanceof Error ? error.message : String(error) };
    }
    print(reply);
  }
}
Deno.exit();
