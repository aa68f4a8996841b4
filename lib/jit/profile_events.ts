/** Timed events, kept up to a limit, for trace viewers. */

/** An event of Chrome's trace format: complete ("X"), times in microseconds. */
export interface TraceEvent {
  /** What happened. */
  readonly name: string;
  /** call, kernel, compile or transfer. */
  readonly cat: string;
  /** "X" for complete events, "M" for names of threads. */
  readonly ph: "X" | "M";
  /** When it began. */
  readonly ts: number;
  /** How long it took. */
  readonly dur: number;
  /** Always 1. */
  readonly pid: number;
  /** The row of the viewer: calls, kernels, compile phases, transfers. */
  readonly tid: number;
  /** What else is known. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** The file that chrome://tracing and Perfetto read. */
export interface ChromeTrace {
  /** The events in order of time. */
  readonly traceEvents: readonly TraceEvent[];
  /** How viewers show times. */
  readonly displayTimeUnit: "ms";
}

/** Events kept; later ones are only counted, so that measuring takes bounded memory. */
const MAX_EVENTS = 100_000;

/** Rows of the viewer by category. */
const ROWS: Readonly<Record<string, number>> = { call: 1, kernel: 2, compile: 3, transfer: 4 };

interface Recorded {
  readonly name: string;
  readonly category: string;
  readonly args: () => Readonly<Record<string, unknown>>;
}

export class EventLog {
  readonly #names: Recorded[] = [];
  readonly #which: number[] = [];
  readonly #starts: number[] = [];
  readonly #durations: number[] = [];
  #missed = 0;

  /** A number that stands for a kind of event; what it is called is asked for when somebody looks. */
  define(category: string, name: string, args: () => Readonly<Record<string, unknown>> = () => ({})): number {
    return this.#names.push({ name, category, args }) - 1;
  }

  add(which: number, start: number, duration: number): void {
    if (this.#which.length >= MAX_EVENTS) {
      this.#missed++;
      return;
    }
    this.#which.push(which);
    this.#starts.push(start);
    this.#durations.push(duration);
  }

  clear(): void {
    this.#which.length = this.#starts.length = this.#durations.length = 0;
    this.#missed = 0;
  }

  toTrace(): ChromeTrace {
    const order = this.#starts.map((_, i) => i).sort((a, b) => this.#starts[a] - this.#starts[b]);
    const events = order.map((i): TraceEvent => {
      const { name, category, args } = this.#names[this.#which[i]];
      return {
        name,
        cat: category,
        ph: "X",
        ts: 1000 * this.#starts[i],
        dur: 1000 * this.#durations[i],
        pid: 1,
        tid: ROWS[category] ?? 5,
        args: args(),
      };
    });
    const threads = Object.entries(ROWS).map(([name, tid]): TraceEvent => ({
      name: "thread_name",
      cat: "",
      ph: "M",
      ts: 0,
      dur: 0,
      pid: 1,
      tid,
      args: { name, ...(this.#missed > 0 ? { missed: this.#missed } : {}) },
    }));
    return { traceEvents: [...threads, ...events], displayTimeUnit: "ms" };
  }
}
