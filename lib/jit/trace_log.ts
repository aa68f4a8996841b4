/** The record of a function's traces: why each was needed, a warning when there are many, a limit. */
import { RetraceError } from "../trace/errors.ts";
import { describeSignature, firstChange, type SignatureChange, type SignaturePart } from "./signature.ts";

/** One trace of a jitted function. */
export interface TraceRecord {
  /** The types of the arguments: `x: float32[2, 3], lr: number`. */
  readonly signature: string;
  /** Why it was traced: the first call, or which argument changed from what to what. */
  readonly cause: string;
  /** How long tracing and compiling took. */
  readonly milliseconds: number;
}

/** Records kept. */
const MAX_RECORDS = 1000;
const WARN_AT = 10;

export class TraceLog {
  readonly #name: string;
  readonly #maxTraces: number;
  #count = 0;
  #records: { -readonly [K in keyof TraceRecord]: TraceRecord[K] }[] = [];
  #last: readonly SignaturePart[] | null = null;

  constructor(name: string, maxTraces: number) {
    this.#name = name;
    this.#maxTraces = maxTraces;
  }

  get records(): readonly TraceRecord[] {
    return this.#records.map((record) => ({ ...record }));
  }

  clear(): void {
    this.#count = 0;
    this.#records = [];
    this.#last = null;
  }

  /** The paths of the numbers whose integrality the last trace depended on. */
  watchedNumbers(): Set<string> {
    const watched = this.#last?.filter(({ text }) => text.endsWith("al number")) ?? [];
    return new Set(watched.map(({ path }) => path));
  }

  /** What differs from the last trace; checks that another trace is allowed. */
  compare(parts: readonly SignaturePart[]): SignatureChange | null {
    const change = this.#last && firstChange(this.#last, parts);
    if (this.#count >= this.#maxTraces) throw this.#tooMany(change);
    return change;
  }

  add(
    parts: readonly SignaturePart[],
    change: SignatureChange | null,
    milliseconds: number,
  ): { milliseconds: number } {
    const cause = this.#count === 0 ? "first call" : describeChange(change);
    this.#count++;
    this.#last = parts;
    const record = { signature: describeSignature(parts), cause, milliseconds };
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records.shift();
    if (this.#count === WARN_AT) this.#warn(cause);
    return record;
  }

  #warn(cause: string): void {
    console.warn(
      `${this.#name} has been traced ${WARN_AT} times, the last time because ${cause}. ` +
        "Pad arguments to few shapes, pass changing values as numbers or tensors rather than as strings, " +
        "booleans, functions or static arguments, or set { maxTraces } to find the call.",
    );
  }

  #tooMany(change: SignatureChange | null): RetraceError {
    const limit = `${this.#maxTraces} ${this.#maxTraces === 1 ? "time" : "times"}`;
    return new RetraceError(
      `${this.#name} would be traced more than ${limit}: ${describeChange(change)}.`,
      {
        operation: this.#name,
        arguments: change ? [{ name: change.path, value: [change.before, change.after] }] : [],
        remedy:
          "Pad the argument to one shape, pass changing values as numbers or tensors, or raise maxTraces.",
      },
    );
  }
}

function describeChange(change: SignatureChange | null): string {
  if (!change) return "a static value changed, or the signature had been dropped from the cache";
  return `argument ${change.path} changed from ${change.before} to ${change.after}`;
}
