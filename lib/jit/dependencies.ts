/**
 * Who depends on which shared variable: effects, their queue, and batches. Effects subscribe to the variables they
 * read; a write queues them, and the end of the outermost write, batch or compiled call runs each once, after
 * asking whether anything it read really changed. Values computed on the way are pulled, not pushed, so no effect ever
 * sees a mixture of old and new.
 */
import { DamoError } from "../trace/errors.ts";
import { captureLocation, type Location } from "../trace/location.ts";
import { installSharedObserver, Shared } from "../trace/shared.ts";
import { withoutTrace } from "../trace/trace.ts";

/** An effect that runs more often than this in one flush keeps itself alive. */
const MAX_RUNS = 100;

/** The value of a computed: a shared variable that brings itself up to date before it is read. */
export abstract class Cell extends Shared {
  /** Recomputes the value if anything it was computed from has changed. */
  abstract refresh(): void;
  /** The plain shared variables it depends on, directly or through others. */
  abstract roots(): Iterable<Shared>;
}

/** The effects that read a shared variable. */
class Subscribers {
  readonly effects: Set<EffectNode> = new Set();
}

let depth = 0;
let flushing = false;
let tracker: EffectNode | null = null;
let owner: EffectNode | null = null;
let queue: EffectNode[] = [];
let flushCount = 0;
let created = 0;
let writes = 0;

/** One effect. */
export class EffectNode {
  readonly order: number = created++;
  queued = false;
  disposed = false;
  /** How often it ran in flush number `flush`. */
  runs = 0;
  flush = -1;
  /** Where the user made it. */
  readonly location: Location = captureLocation();
  readonly #body: () => unknown;
  readonly #name: string;
  /** What it read, with the versions it saw. */
  #reads: Map<Shared, number> = new Map();
  #subscriptions: Set<Subscribers> = new Set();
  /** Effects made by the last run: they end with the next. */
  #children: EffectNode[] = [];

  constructor(body: () => unknown, name: string) {
    this.#body = body;
    this.#name = name;
    if (owner !== null) owner.#children.push(this);
  }

  read(shared: Shared): void {
    if (this.#reads.has(shared)) return;
    this.#reads.set(shared, shared.version);
    for (const root of shared instanceof Cell ? shared.roots() : [shared]) {
      const subscribers = (root.reactive ??= new Subscribers()) as Subscribers;
      subscribers.effects.add(this);
      this.#subscriptions.add(subscribers);
    }
  }

  /** True when something it read has another value now. */
  outdated(): boolean {
    for (const [shared, version] of this.#reads) {
      if (shared instanceof Cell) {
        try {
          untracked(() => shared.refresh());
        } catch {
          // The run reads it again and meets the same error, where it belongs.
          return true;
        }
      }
      if (shared.version !== version) return true;
    }
    return false;
  }

  run(): void {
    this.#clear();
    const previousTracker = tracker, previousOwner = owner;
    tracker = owner = this;
    try {
      withoutTrace(this.#body);
    } finally {
      tracker = previousTracker;
      owner = previousOwner;
    }
  }

  dispose(): void {
    this.disposed = true;
    this.#clear();
  }

  #clear(): void {
    for (const child of this.#children) child.dispose();
    this.#children = [];
    for (const subscribers of this.#subscriptions) subscribers.effects.delete(this);
    this.#subscriptions.clear();
    this.#reads.clear();
  }

  get name(): string {
    return this.#name;
  }
}

installSharedObserver({
  onRead(shared) {
    tracker?.read(shared);
  },
  onWrite(shared) {
    // A computed value that moves on is not news: the write that made it outdated was.
    if (shared instanceof Cell) return;
    writes++;
    if (shared.reactive === null) return;
    for (const effect of (shared.reactive as Subscribers).effects) {
      if (effect.queued) continue;
      effect.queued = true;
      queue.push(effect);
    }
    if (depth === 0) flush();
  },
});

/** Counts the writes to shared variables: while it stands still, nothing can be outdated. */
export function writeCount(): number {
  return writes;
}

/** True while an effect is running: compiled calls then say what they read. */
export function isTracking(): boolean {
  return tracker !== null;
}

/** Registers the reads of a compiled call with the running effect. */
export function trackReads(reads: readonly Shared[]): void {
  if (tracker !== null) { for (const shared of reads) tracker.read(shared); }
}

/** Runs `body` without registering what it reads. */
export function untracked<T>(body: () => T): T {
  const previous = tracker;
  tracker = null;
  try {
    return body();
  } finally {
    tracker = previous;
  }
}

/** Opens a batch: effects wait until the outermost one is closed. */
export function openBatch(): void {
  depth++;
}

/** Closes a batch and, at the outermost, runs the effects that wait. */
export function closeBatch(): void {
  if (--depth === 0 && queue.length > 0) flush();
}

function flush(): void {
  if (flushing) return;
  flushing = true;
  flushCount++;
  const errors: unknown[] = [];
  try {
    while (queue.length > 0) {
      // An effect stands after the one that made it, which may end it.
      const round = queue.sort((a, b) => a.order - b.order);
      queue = [];
      for (const effect of round) runQueued(effect, errors);
    }
  } finally {
    flushing = false;
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} effects threw.`);
}

function runQueued(effect: EffectNode, errors: unknown[]): void {
  effect.queued = false;
  if (effect.disposed) return;
  if (effect.flush !== flushCount) {
    effect.flush = flushCount;
    effect.runs = 0;
  }
  try {
    if (!effect.outdated()) return;
    if (++effect.runs > MAX_RUNS) {
      effect.dispose();
      throw new DamoError(
        `The effect ${effect.name} ran ${MAX_RUNS} times without coming to rest: it changes what it reads.`,
        {
          operation: "effect",
          location: effect.location,
          remedy: "Read that variable with peek(), or assign it only when its value differs.",
        },
      );
    }
    effect.run();
  } catch (error) {
    errors.push(error);
  }
}
