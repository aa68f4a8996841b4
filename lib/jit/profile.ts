/** Profile: where the time of compiled functions goes, as tables in the manner of Theano's profiler. */
import type { KernelInfo, KernelTiming } from "./backend.ts";

/** What a profile asks a compiled program. */
export interface MeasuredProgram {
  /** Its kernels. */
  readonly kernels: readonly KernelInfo[];
  /** Bytes taken at once, and bytes that donation saved. */
  readonly memory: { readonly peak: number; readonly donated: number };
  /** One per kernel, or null when they were not measured. */
  timings(): readonly KernelTiming[] | null;
}

interface ProgramRecord {
  readonly executable: MeasuredProgram;
  readonly signature: string;
  calls: number;
  milliseconds: number;
}

interface FunctionRecord {
  readonly name: string;
  traces: number;
  traceMilliseconds: number;
  compileMilliseconds: number;
  readonly programs: Map<MeasuredProgram, ProgramRecord>;
}

/** One row of a table before it is laid out. */
interface Row {
  readonly milliseconds: number;
  readonly calls: number;
  /** The columns after the numbers. */
  readonly rest: readonly string[];
}

/**
 * Collects the times of the functions it is given to: `jit(fn, { profile })`. With `{ profile: true }` a function has one of its
 * own, `f.profile`. Measuring costs a few microseconds per kernel.
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

  #function(name: string): FunctionRecord {
    let record = this.#functions.get(name);
    if (!record) {
      record = { name, traces: 0, traceMilliseconds: 0, compileMilliseconds: 0, programs: new Map() };
      this.#functions.set(name, record);
    }
    return record;
  }

  /** Adds a trace of the function `name`. */
  addTrace(name: string, milliseconds: number): void {
    const record = this.#function(name);
    record.traces++;
    record.traceMilliseconds += milliseconds;
  }

  /** Adds the compilation of a program. */
  addCompilation(name: string, milliseconds: number): void {
    this.#function(name).compileMilliseconds += milliseconds;
  }

  /** Adds one call of a program. */
  addCall(name: string, executable: MeasuredProgram, signature: string, milliseconds: number): void {
    const { programs } = this.#function(name);
    let program = programs.get(executable);
    if (!program) programs.set(executable, program = { executable, signature, calls: 0, milliseconds: 0 });
    program.calls++;
    program.milliseconds += milliseconds;
  }

  /** Forgets everything measured so far. */
  clear(): void {
    this.#functions.clear();
  }

  /** The tables: functions, classes of kernels, operations, kernels with their lines, memory, compile phases. */
  toString(): string {
    const functions = [...this.#functions.values()];
    const kernels = functions.flatMap(kernelRows);
    const parts = [
      table("Functions", ["traces", "function"], functions.map(functionRow)),
      table("Classes", ["kernels", "class"], group(kernels, (kernel) => kernel.info.kind)),
      table(
        "Operations",
        ["kernels", "operations"],
        group(kernels, (kernel) => kernel.info.operations.join(" ")),
      ),
      table(
        "Kernels",
        ["kernel"],
        kernels.map(({ milliseconds, calls, info }) => ({
          milliseconds,
          calls,
          rest: [`${info.name}${info.locations.length > 0 ? `  ${info.locations.join(", ")}` : ""}`],
        })),
      ),
      memoryTable(functions),
      phases(functions),
    ];
    return parts.filter((part) => part !== "").join("\n\n");
  }
}

function functionRow({ name, traces, programs }: FunctionRecord): Row {
  let calls = 0, milliseconds = 0;
  for (const program of programs.values()) {
    calls += program.calls;
    milliseconds += program.milliseconds;
  }
  return { milliseconds, calls, rest: [String(traces), name] };
}

interface KernelRow {
  readonly milliseconds: number;
  readonly calls: number;
  readonly info: KernelInfo;
}

function kernelRows({ programs }: FunctionRecord): KernelRow[] {
  return [...programs.values()].flatMap(({ executable }) => {
    const timings = executable.timings();
    if (!timings) return [];
    return executable.kernels.map((info, i): KernelRow => ({ ...timings[i], info }));
  });
}

function group(kernels: readonly KernelRow[], keyOf: (kernel: KernelRow) => string): Row[] {
  const groups = new Map<string, { milliseconds: number; calls: number; kernels: number }>();
  for (const kernel of kernels) {
    const key = keyOf(kernel);
    let sum = groups.get(key);
    if (!sum) groups.set(key, sum = { milliseconds: 0, calls: 0, kernels: 0 });
    sum.milliseconds += kernel.milliseconds;
    sum.calls += kernel.calls;
    sum.kernels++;
  }
  return [...groups].map(([key, { milliseconds, calls, kernels }]) => ({
    milliseconds,
    calls,
    rest: [String(kernels), key],
  }));
}

const NUMBERS = ["% time", "cumulative %", "total ms", "per call µs", "calls"];

/** Rows by falling time, with their share and the running sum of it. */
function table(title: string, columns: readonly string[], rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0) || 1;
  let cumulative = 0;
  const lines = rows.toSorted((a, b) => b.milliseconds - a.milliseconds).map((row) => {
    const share = 100 * row.milliseconds / total;
    cumulative += share;
    return [
      share.toFixed(1),
      cumulative.toFixed(1),
      row.milliseconds.toFixed(3),
      (1000 * row.milliseconds / (row.calls || 1)).toFixed(2),
      String(row.calls),
      ...row.rest,
    ];
  });
  return layOut(title, [...NUMBERS, ...columns], lines);
}

/** Columns right-aligned but for the last. */
function layOut(title: string, header: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i].length)));
  const text = (cells: readonly string[]) =>
    cells.map((cell, i) => i === cells.length - 1 ? cell : cell.padStart(widths[i])).join("  ");
  return [title, "=".repeat(title.length), text(header), ...lines.map(text)].join("\n");
}

function memoryTable(functions: readonly FunctionRecord[]): string {
  const lines = functions.flatMap(({ name, programs }) =>
    [...programs.values()].map(({ executable: { memory }, signature }) => [
      String(memory.peak),
      String(memory.donated),
      `${name}(${signature})`,
    ])
  );
  return lines.length === 0 ? "" : layOut("Memory", ["peak bytes", "donated bytes", "program"], lines);
}

function phases(functions: readonly FunctionRecord[]): string {
  const lines = functions.map(({ name, traceMilliseconds, compileMilliseconds }) => [
    traceMilliseconds.toFixed(3),
    compileMilliseconds.toFixed(3),
    name,
  ]);
  return lines.length === 0 ? "" : layOut("Compile phases", ["trace ms", "compile ms", "function"], lines);
}
