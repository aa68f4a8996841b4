/** The error classes of Damo and the one form their messages have. */
import { captureUserStack, type Location, userLocation } from "./location.ts";

/** Errors are rare, and nested transforms put many frames between them and the user's line. */
const STACK_DEPTH = 200;

const DENO = "Deno" in globalThis;

let traceNames: () => readonly string[] = () => [];

/** lib/trace/trace.ts says which functions are being traced, innermost first. */
export function nameTracesWith(names: () => readonly string[]): void {
  traceNames = names;
}

/** `inside step, inside loss`: the functions being traced that have names. */
function enclosingTraces(): string[] {
  const names = traceNames().filter((name) =>
    name !== "" && name !== "function" && !name.startsWith("an anonymous")
  );
  return names.length === 0 ? [] : [names.map((name) => `inside ${name}`).join(", ")];
}

/** What an error knows beyond its message. */
export interface ErrorDetail {
  /** The operation as the user wrote it, for example `matmul`. */
  operation?: string;
  /** The arguments involved: name or position, shape, dtype. */
  arguments?: readonly { name: string; shape?: readonly number[]; dtype?: string; value?: unknown }[];
  /** What to do about it; the last sentence of the message. */
  remedy?: string;
  /** @internal Where the user wrote the operation. */
  location?: Location | null;
  /** The transforms on the way, outermost first: "in the backward pass of loss", "inside the body of scan". */
  transforms?: readonly string[];
  /** Anything else worth keeping. */
  [key: string]: unknown;
}

/**
 * The base class of every error that Damo throws on purpose. The message says what happened, where the user wrote
 * it, and what to do; `detail` holds the same as data.
 *
 * @example
 * ```ts
 * import { DamoError, tensor } from "@damo/damo";
 * try {
 *   tensor([1, 2]).add(tensor([1, 2, 3]));
 * } catch (error) {
 *   console.assert(error instanceof DamoError && error.detail.operation === "add");
 * }
 * ```
 */
export class DamoError extends Error {
  /** "DamoError". */
  override name = "DamoError";
  /** What happened, as data. */
  readonly detail: ErrorDetail;

  /** @internal */
  constructor(what: string, detail: ErrorDetail = {}) {
    const location = detail.location === undefined ? userLocation(STACK_DEPTH) : detail.location;
    const place = location?.describe();
    const traces = new.target === GradientError ? [] : enclosingTraces();
    const transforms = detail.transforms ?? [...location?.transforms ?? [], ...traces];
    const lines = [what];
    if (place) lines.push(`    at ${place}`);
    for (const transform of transforms) lines.push(`    ${transform}`);
    if (detail.remedy) lines.push(detail.remedy);
    super(lines.join("\n"));
    this.detail = { ...detail, location, transforms };
    // The stack begins with the user's line: frames of the library say nothing to a user.
    const frames = captureUserStack(STACK_DEPTH);
    Object.defineProperty(this, "stack", {
      configurable: true,
      get: () => {
        const first = place ? `\n    at ${place}` : "";
        // Deno prints the message and then all of the stack but its first line.
        const above = DENO ? what.split("\n", 1)[0] : lines.filter((_, i) => !place || i !== 1).join("\n");
        return `${this.name}: ${above}${first}${frames().replace(first, "")}`;
      },
      set: (value: string) =>
        Object.defineProperty(this, "stack", { value, writable: true, configurable: true }),
    });
  }

  /** What `console.log` shows: the whole message, then where the user's code was. */
  [Symbol.for("Deno.customInspect")](): string {
    const frames = (this.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
    const others = frames.filter((line) => !this.message.includes(line));
    return [`${this.name}: ${this.message}`, ...others].join("\n");
  }
}

/** Shapes, axes or sizes that do not fit the operation. */
export class ShapeError extends DamoError {
  /** "ShapeError". */
  override name = "ShapeError";
}
/** A dtype that the operation does not take, or a silent loss of precision. */
export class DTypeError extends DamoError {
  /** "DTypeError". */
  override name = "DTypeError";
}
/** A static index outside its axis. */
export class IndexError extends DamoError {
  /** "IndexError". */
  override name = "IndexError";
}
/** The value of a traced tensor was asked for, or a traced tensor was used after its trace ended. */
export class TracedValueError extends DamoError {
  /** "TracedValueError". */
  override name = "TracedValueError";
}
/** A tensor was used after its buffer had been donated to a compiled function. */
export class DonatedError extends DamoError {
  /** "DonatedError". */
  override name = "DonatedError";
}
/** A tensor was used after it had been disposed. */
export class DisposedError extends DamoError {
  /** "DisposedError". */
  override name = "DisposedError";
}
/** A derivative that does not exist or was asked for in a form that makes no sense. */
export class GradientError extends DamoError {
  /** "GradientError". */
  override name = "GradientError";
}
/** A loop whose carry changes, that is left early, or whose stack overflows. */
export class LoopError extends DamoError {
  /** "LoopError". */
  override name = "LoopError";
}
/** A guard found a NaN, an infinity or a value that is too big. */
export class NonFiniteError extends DamoError {
  /** "NonFiniteError". */
  override name = "NonFiniteError";
}
/** A function was traced more often than `maxTraces` allows. */
export class RetraceError extends DamoError {
  /** "RetraceError". */
  override name = "RetraceError";
}
/** A device is missing, lost, or two devices meet in one operation. */
export class DeviceError extends DamoError {
  /** "DeviceError". */
  override name = "DeviceError";
}
/** Device memory is exhausted. */
export class OutOfMemoryError extends DamoError {
  /** "OutOfMemoryError". */
  override name = "OutOfMemoryError";
}
/** A `check` was false. */
export class CheckError extends DamoError {
  /** "CheckError". */
  override name = "CheckError";
}
/** A file or a byte stream does not have the form it should have. */
export class FormatError extends DamoError {
  /** "FormatError". */
  override name = "FormatError";

  /** With a remedy for all where the thrower knows no better one. */
  constructor(what: string, detail: ErrorDetail = {}) {
    const remedy = detail.remedy ??
      "The data is damaged, cut short or of another format: write or fetch it again.";
    super(what, { ...detail, remedy });
  }
}

/** `float32[2, 3]`: the one notation for types in messages, graphs and profiles. */
export function describeType(dtype: string, shape: readonly number[]): string {
  return `${dtype}[${shape.join(", ")}]`;
}
