/** A contestant's process, spoken to a line at a time. */

export interface Reply {
  readonly version?: string;
  readonly missing?: boolean;
  readonly failed?: string;
  readonly first?: number;
  readonly outputs?: readonly string[];
  readonly times?: readonly number[];
}

const here = new URL(".", import.meta.url).pathname;

/** The contestant that only multiplies and adds, or only reads, as often as a workload: what the machine allows. */
export const LIMIT = "128-bit limit";

/** How each contestant is started; the name is that of its column. */
export const commands: { readonly [name: string]: readonly string[] } = {
  "Damo": deno("damo"),
  "Damo, one thread": deno("damo-one"),
  "jax-js": deno("jax-js"),
  "jax-js synchronous": deno("jax-js-sync"),
  "TensorFlow.js": deno("tfjs"),
  "onnxruntime-web": deno("onnxruntime"),
  "NumPy": ["python3", `${here}numpy_contestant.py`],
  [LIMIT]: deno("limit"),
};

/** A script that loads a library and reads a first result, and one of the same runtime that does nothing. */
export interface FirstResult {
  readonly script: readonly string[];
  readonly empty: readonly string[];
}

/** Those of the contestants whose first result does not depend on threads. */
export const firstResults: { readonly [name: string]: FirstResult } = {
  "Damo": startup("first_result.ts"),
  "jax-js": startup("jax_js.ts"),
  "jax-js synchronous": startup("jax_js.ts", "synchronous"),
  "TensorFlow.js": startup("tensorflow.ts"),
  "onnxruntime-web": startup("onnxruntime.ts"),
  "NumPy": { script: ["python3", `${here}../startup/numpy_result.py`], empty: ["python3", "-c", ""] },
};

function startup(file: string, ...args: string[]): FirstResult {
  const of = (name: string) => script(`${here}../startup/${name}`);
  return { script: [...of(file), ...args], empty: of("empty.ts") };
}

function deno(contestant: string): string[] {
  return [...script(`${here}child.ts`), contestant];
}

function script(file: string): string[] {
  // Peers come from npm into Deno's cache, not into this project.
  const flags = ["run", "--quiet", "--no-check", "--no-config", "--node-modules-dir=none", "--allow-all"];
  return [Deno.execPath(), ...flags, file];
}

/** A process that answers each line with one, or the reason why there is none. */
export class ContestantProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(command: readonly string[]) {
    this.#child = new Deno.Command(command[0], {
      args: command.slice(1),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line; a process that has died or says nothing for this long has failed. */
  async read(milliseconds: number): Promise<Reply> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds / 1000} s`)), milliseconds);
    });
    try {
      while (true) {
        const end = this.#rest.indexOf("\n");
        if (end >= 0) {
          const line = this.#rest.slice(0, end);
          this.#rest = this.#rest.slice(end + 1);
          // What is no object is a notice of a library.
          if (line.startsWith("{")) return JSON.parse(line);
          continue;
        }
        const { value, done } = await Promise.race([this.#reader.read(), late]);
        if (done) return { failed: "the process ended" };
        this.#rest += value;
      }
    } catch (error) {
      return { failed: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Asks and waits for the answer. Between its turns a process is halted, where the system can: some libraries' threads
   * go on spinning for up to half a second, which the next contestant would pay for.
   */
  async ask(request: object, milliseconds: number): Promise<Reply> {
    this.#signal("SIGCONT");
    const reply = await this.#askAwake(request, milliseconds);
    this.#signal("SIGSTOP");
    return reply;
  }

  #signal(signal: Deno.Signal): void {
    if (Deno.build.os === "windows") return;
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  async #askAwake(request: object, milliseconds: number): Promise<Reply> {
    try {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    } catch {
      return { failed: "the process ended" };
    }
    return await this.read(milliseconds);
  }

  async close(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#writer.abort().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
  }
}
