/** Where the user wrote an operation: captured raw when it happens, formatted only when somebody asks. */

/** The folder above that of this file. Making a URL of it would be the first of the process and take half a millisecond. */
const LIBRARY = import.meta.url.replace(/[^/]*\/[^/]*$/, "");

/** A place in the user's code. */
export interface UserFrame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly functionName: string;
}

interface CallSiteHolder {
  stack?: string;
}

interface StackCapture {
  captureStackTrace?(target: object, above?: (...args: never[]) => unknown): void;
  stackTraceLimit?: number;
}

const engine = Error as unknown as StackCapture;

/** Frames deeper than this are not searched for the user's line. */
const DEPTH = 24;

/** A captured stack, parsed on first use: capturing costs 2 to 4 microseconds, formatting 30 to 60. */
export class Location {
  #holder: CallSiteHolder | null;
  #frame: UserFrame | null | undefined;
  /** The place that this one was derived from. */
  readonly #base: Location | null;
  /** The transforms that made something at this place, outermost first: "in the backward pass of ...". */
  readonly transforms: readonly string[];
  #derived: Map<string, Location> | null = null;

  constructor(
    holder: CallSiteHolder | null,
    frame?: UserFrame,
    base: Location | null = null,
    transforms: readonly string[] = [],
  ) {
    this.#holder = holder;
    this.#frame = frame;
    this.#base = base;
    this.transforms = transforms;
  }

  /** The same place, for what a transform makes of the operation written there. */
  within(transform: string): Location {
    if (this.transforms[0] === transform) return this;
    this.#derived ??= new Map();
    let derived = this.#derived.get(transform);
    if (!derived) {
      derived = new Location(null, undefined, this.#base ?? this, [transform, ...this.transforms]);
      this.#derived.set(transform, derived);
    }
    return derived;
  }

  /** The innermost frame outside the library, or null when there is none. */
  get frame(): UserFrame | null {
    if (this.#base) return this.#base.frame;
    if (this.#frame === undefined) {
      this.#frame = findUserFrame(this.#holder?.stack ?? "");
      this.#holder = null;
    }
    return this.#frame;
  }

  /** `file:line:column` with the name of the enclosing function, or undefined when unknown. */
  describe(): string | undefined {
    const frame = this.frame;
    if (!frame) return undefined;
    const place = `${frame.file}:${frame.line}:${frame.column}`;
    return frame.functionName ? `${frame.functionName} (${place})` : place;
  }

  /** `name.ts:line`, for graphs and profiles. */
  short(): string {
    const frame = this.frame;
    return frame ? `${frame.file.slice(frame.file.lastIndexOf("/") + 1)}:${frame.line}` : "";
  }
}

const FRAME = /^\s*at (?:(?:async )?(.*?) \()?((?:[a-z-]+:)?[^()\s]+?):(\d+):(\d+)\)?$/;

function findUserFrame(stack: string): UserFrame | null {
  for (const text of stack.split("\n")) {
    const match = FRAME.exec(text);
    if (!match) continue;
    const [, functionName = "", file, line, column] = match;
    if (file.startsWith(LIBRARY) || file.startsWith("ext:") || file.startsWith("node:")) continue;
    return {
      file,
      line: Number(line),
      column: Number(column),
      functionName: plainName(functionName),
    };
  }
  return null;
}

/** A name that the user gave: engines make up others, such as `Object.run` or `jit.guard.nan`. */
function plainName(name: string): string {
  const own = name.replace(/^new /, "").replace(/ \[as .*\]$/, "").replace(/^(?:Object|Module)\./, "");
  return /^[a-z].*\./.test(own) || own === "<anonymous>" ? "" : own;
}

/** The frames of the user's code on the stack, formatted when asked for: each on a line of its own. */
export function captureUserStack(depth: number): () => string {
  const holder: CallSiteHolder = {};
  if (!engine.captureStackTrace) holder.stack = new Error().stack;
  else {
    const limit = engine.stackTraceLimit;
    engine.stackTraceLimit = depth;
    engine.captureStackTrace(holder, captureUserStack);
    engine.stackTraceLimit = limit;
  }
  let text: string | null = null;
  return () => text ??= userFrames(holder.stack ?? "");
}

function userFrames(stack: string): string {
  return stack.split("\n").filter((line) => {
    const match = FRAME.exec(line);
    return match !== null && !match[2].startsWith(LIBRARY);
  }).slice(0, 10).map((line) => `\n${line}`).join("");
}

/** Captures the stack of the caller without formatting it. */
export function captureLocation(depth: number = DEPTH): Location {
  const holder: CallSiteHolder = {};
  if (!engine.captureStackTrace) return new Location({ stack: new Error().stack });
  const limit = engine.stackTraceLimit;
  engine.stackTraceLimit = depth;
  engine.captureStackTrace(holder, captureLocation);
  engine.stackTraceLimit = limit;
  return new Location(holder);
}

let override: Location | null = null;

/** Runs `body` with every new node, and every error, located at `location`: rules of transforms run under it. */
export function atLocation<T>(location: Location | null, body: () => T): T {
  const previous = override;
  override = location ?? previous;
  try {
    return body();
  } finally {
    override = previous;
  }
}

/** Sets the location override and returns the previous one; the caller restores it in `finally`. */
export function swapLocation(location: Location | null): Location | null {
  const previous = override;
  override = location;
  return previous;
}

/** The location that a node or an error made now belongs to. */
export function userLocation(depth: number = DEPTH): Location {
  return override ?? captureLocation(depth);
}
