/** Profile: where the time of compiled functions goes, as tables in the manner of Theano's profiler. */
import type { Node } from "../trace/graph.ts";
import { type ChromeTrace, EventLog } from "./profile_events.ts";
import { bufferUse, type KernelRow, kernelRows, type MeasuredProgram, NodeTimes } from "./profile_rows.ts";
import { bytesText, layOut, rate, type TableRow, timeTable } from "./profile_tables.ts";

interface ProgramRecord {
  readonly executable: MeasuredProgram;
  readonly signature: string;
  readonly device: string;
  readonly event: number;
  calls: number;
  milliseconds: number;
}

interface FunctionRecord {
  readonly name: string;
  traces: number;
  readonly phases: Map<string, number>;
  readonly programs: Map<MeasuredProgram, ProgramRecord>;
  readonly transfers: Map<string, { calls: number; milliseconds: number; bytes: number }>;
}

/** Rows of the table of nodes; the tables of operations and classes count all. */
const MAX_NODES = 60;

/**
 * Collects the times of the functions it is given to: `jit(fn, { profile })`. With `{ profile: true }` a function has one of its
 * own, `f.profile`. Measuring costs a fraction of a microsecond per kernel.
 *
 * @example
 * ```ts
 * import { jit, Profile, tensor } from "@damo/damo";
 * const profile = new Profile();
 * const f = jit((x) => x.mul(2).sum(), { name: "f", profile });
 * f(tensor([1, 2, 3]));
 * console.assert(String(profile).includes("f"));
 * ```
 */
export class Profile {
  readonly #functions: Map<string, FunctionRecord> = new Map();
  readonly #events: EventLog = new EventLog();

  #function(name: string): FunctionRecord {
    let record = this.#functions.get(name);
    if (!record) {
      record = { name, traces: 0, phases: new Map(), programs: new Map(), transfers: new Map() };
      this.#functions.set(name, record);
    }
    return record;
  }

  /** Adds a trace of the function `name` that has just ended. */
  addTrace(name: string, milliseconds: number): void {
    this.#function(name).traces++;
    this.addPhase(name, "trace", milliseconds);
  }

  /** Adds the compilation of a program that has just ended; its phases are parts of it. */
  addCompilation(name: string, milliseconds: number): void {
    this.addPhase(name, "compile", milliseconds);
  }

  /** Adds a part of tracing or compiling that has just ended. */
  addPhase(name: string, phase: string, milliseconds: number): void {
    const { phases } = this.#function(name);
    phases.set(phase, (phases.get(phase) ?? 0) + milliseconds);
    this.#events.add(
      this.#events.define("compile", `${phase}: ${name}`),
      performance.now() - milliseconds,
      milliseconds,
    );
  }

  /** Adds values brought to a device or back, which have just arrived. */
  addTransfer(name: string, direction: string, bytes: number, milliseconds: number): void {
    const { transfers } = this.#function(name);
    let sum = transfers.get(direction);
    if (!sum) transfers.set(direction, sum = { calls: 0, milliseconds: 0, bytes: 0 });
    sum.calls++;
    sum.milliseconds += milliseconds;
    sum.bytes += bytes;
    const event = this.#events.define("transfer", `${direction}: ${name}`, () => ({ bytes }));
    this.#events.add(event, performance.now() - milliseconds, milliseconds);
  }

  /** Adds one call of a program that has just ended. */
  addCall(
    name: string,
    executable: MeasuredProgram,
    signature: string,
    milliseconds: number,
    device: string = "wasm",
  ): void {
    const { programs } = this.#function(name);
    let program = programs.get(executable);
    if (!program) {
      const event = this.#events.define("call", name, () => ({ signature }));
      program = { executable, signature, device, event, calls: 0, milliseconds: 0 };
      programs.set(executable, program);
    }
    program.calls++;
    program.milliseconds += milliseconds;
    this.#events.add(program.event, performance.now() - milliseconds, milliseconds);
  }

  /** What a program calls for each kernel that it ran, with the kernel's number and when it started and how long it took. */
  kernelListener(): (executable: MeasuredProgram, kernel: number, start: number, duration: number) => void {
    const known = new Map<number, number>();
    return (executable, kernel, start, duration) => {
      let event = known.get(kernel);
      if (event === undefined) {
        const info = executable.kernels[kernel];
        event = this.#events.define("kernel", info.name, () => ({ kind: info.kind, lines: info.locations }));
        known.set(kernel, event);
      }
      this.#events.add(event, start, duration);
    };
  }

  /** Forgets everything measured so far. */
  clear(): void {
    this.#functions.clear();
    this.#events.clear();
  }

  /** Milliseconds per call spent on a node: of a compiled program, or of the graph it came from. */
  timeOf(node: Node): number | undefined {
    return this.#nodeTimes().of(node);
  }

  #times: { readonly calls: number; readonly times: NodeTimes } | null = null;

  #nodeTimes(): NodeTimes {
    const programs = [...this.#functions.values()].flatMap(({ programs }) => [...programs.values()]);
    const calls = programs.reduce((sum, program) => sum + program.calls, 0);
    if (this.#times?.calls === calls) return this.#times.times;
    const times = new NodeTimes();
    for (const { executable, calls } of programs) {
      const timings = executable.timings();
      if (!timings) continue;
      executable.kernels.forEach(({ step }, i) => {
        if (step) times.add(step, timings[i].milliseconds / calls);
      });
    }
    this.#times = { calls, times };
    return times;
  }

  /** All that happened as a file for chrome://tracing or Perfetto: `JSON.stringify(profile.toTrace())`. */
  toTrace(): ChromeTrace {
    return this.#events.toTrace();
  }

  /**
   * The tables: functions; classes, operations and nodes with their lines; loops; transfers; memory; compile phases. What a
   * call takes beyond its kernels is a row of its own, so that the rows add up to the time of the calls.
   */
  toString(): string {
    const functions = [...this.#functions.values()];
    const kernels = functions.flatMap(({ programs }) =>
      [...programs.values()].flatMap(({ executable, device }) => kernelRows(executable, device))
    );
    const extra = functions.flatMap(outsideKernels);
    const parts = [
      timeTable("Functions", ["traces", "function"], functions.map(functionRow)),
      timeTable("Classes", ["type", "nodes", "class"], [
        ...group(kernels, (kernel) => kernel.info.kind),
        ...extra,
      ]),
      timeTable(
        "Operations",
        ["type", "nodes", "GFLOP/s", "GB/s", "operation"],
        groupWithWork(kernels, (kernel) => kernel.info.operations.join(" ")),
      ),
      timeTable(
        "Nodes",
        ["type", "MFLOP", "MB", "GFLOP/s", "GB/s", "result", "node"],
        kernels.map(nodeRow),
        MAX_NODES,
      ),
      timeTable(
        "Loops",
        ["type", "nodes", "body of"],
        group(kernels.filter(inLoop), (kernel) => kernel.loop),
      ),
      transferTable(functions),
      memoryTable(functions),
      bufferTable(functions),
      phases(functions),
    ];
    return parts.filter((part) => part !== "").join("\n\n");
  }

  /** What Deno's notebooks show. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    const text = this.toString();
    return {
      "text/plain": text,
      "text/html": `<pre>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</pre>`,
    };
  }

  /** The tables, in a console. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString() || "Profile (nothing measured yet)";
  }
}

function inLoop({ loop }: KernelRow): boolean {
  return loop !== "";
}

function functionRow({ name, traces, programs }: FunctionRecord): TableRow {
  let calls = 0, milliseconds = 0;
  for (const program of programs.values()) {
    calls += program.calls;
    milliseconds += program.milliseconds;
  }
  return { milliseconds, calls, rest: [String(traces), name] };
}

/** The part of the calls that no kernel accounts for: buffers, arguments, results, moves between steps of loops. */
function outsideKernels({ programs }: FunctionRecord): TableRow[] {
  return [...programs.values()].flatMap(({ executable, calls, milliseconds }) => {
    const timings = executable.timings();
    if (!timings) return [];
    const inside = timings.reduce((sum, timing) => sum + timing.milliseconds, 0);
    return [{
      milliseconds: Math.max(0, milliseconds - inside),
      calls,
      rest: ["host", "0", "(outside kernels)"],
    }];
  });
}

interface Sum {
  milliseconds: number;
  calls: number;
  kernels: number;
  flop: number;
  bytes: number;
  readonly where: string;
}

function sums(kernels: readonly KernelRow[], keyOf: (kernel: KernelRow) => string): [string, Sum][] {
  const groups = new Map<string, Sum>();
  for (const kernel of kernels) {
    const key = keyOf(kernel);
    let sum = groups.get(key);
    if (!sum) {
      sum = { milliseconds: 0, calls: 0, kernels: 0, flop: 0, bytes: 0, where: kernel.where };
      groups.set(key, sum);
    }
    sum.milliseconds += kernel.milliseconds;
    sum.calls += kernel.calls;
    sum.flop += kernel.flop;
    sum.bytes += kernel.bytes;
    sum.kernels++;
  }
  return [...groups];
}

function group(kernels: readonly KernelRow[], keyOf: (kernel: KernelRow) => string): TableRow[] {
  return sums(kernels, keyOf).map(([key, { milliseconds, calls, kernels, where }]) => ({
    milliseconds,
    calls,
    rest: [where, String(kernels), key],
  }));
}

function groupWithWork(kernels: readonly KernelRow[], keyOf: (kernel: KernelRow) => string): TableRow[] {
  return sums(kernels, keyOf).map(([key, { milliseconds, calls, kernels, where, flop, bytes }]) => ({
    milliseconds,
    calls,
    rest: [where, String(kernels), rate(flop, milliseconds), rate(bytes, milliseconds), key],
  }));
}

function nodeRow({ milliseconds, calls, info, where, flop, bytes, shape }: KernelRow): TableRow {
  const millions = (count: number) => calls === 0 || count === 0 ? "" : (count / calls / 1e6).toFixed(3);
  const lines = info.locations.length > 0 ? `  ${info.locations.join(", ")}` : "";
  return {
    milliseconds,
    calls,
    rest: [
      where,
      millions(flop),
      millions(bytes),
      rate(flop, milliseconds),
      rate(bytes, milliseconds),
      shape,
      `${info.name}${lines}`,
    ],
  };
}

function transferTable(functions: readonly FunctionRecord[]): string {
  const rows = functions.flatMap(({ name, transfers }) =>
    [...transfers].map(([direction, { milliseconds, calls, bytes }]): TableRow => ({
      milliseconds,
      calls,
      rest: [bytesText(bytes), rate(bytes, milliseconds), `${direction}: ${name}`],
    }))
  );
  return timeTable("Transfers", ["bytes", "GB/s", "transfer"], rows);
}

function memoryTable(functions: readonly FunctionRecord[]): string {
  const lines = functions.flatMap(({ name, programs }) =>
    [...programs.values()].map(({ executable: { memory, program }, signature }) => {
      const use = program && bufferUse(program);
      return [
        String(memory.peak),
        String(memory.donated),
        use ? String(Math.max(0, use.temporaries - use.arena)) : "",
        `${name}(${signature})`,
      ];
    })
  );
  const header = ["peak bytes", "donated bytes", "saved by reuse", "program"];
  return lines.length === 0 ? "" : layOut("Memory", header, lines);
}

function bufferTable(functions: readonly FunctionRecord[]): string {
  const lines = functions.flatMap(({ name, programs }) =>
    [...programs.values()].flatMap(({ executable: { program } }) =>
      program
        ? bufferUse(program).biggest.map(({ bytes, text }) => [bytesText(bytes), name, text] as const)
        : []
    )
  );
  return lines.length === 0 ? "" : layOut("Largest buffers", ["size", "function", "buffer"], lines);
}

function phases(functions: readonly FunctionRecord[]): string {
  const lines = functions.flatMap(({ name, phases }) =>
    [...phases].map(([phase, milliseconds]) => [milliseconds.toFixed(3), name, phase] as const)
  );
  return lines.length === 0 ? "" : layOut("Compile phases", ["ms", "function", "phase"], lines);
}
