/** A jitted function: its cache of signatures, and the choice of the program for a call. */
import { callAsNode } from "../autodiff/named_call.ts";
import type { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { currentTrace, type Trace, withoutTrace } from "../trace/trace.ts";
import type { Backend } from "./backend.ts";
import { stateDevice } from "./call_plan.ts";
import { backendFor, defaultDevice, withDevice } from "./devices.ts";
import { Entry, type TracedCall } from "./entry.ts";
import { LruCache } from "./lru_cache.ts";
import { GuardedBackend } from "./guard/guarded_backend.ts";
import type { Guards } from "./guard/guards.ts";
import { type NodeEvent, watchedBackend } from "./node_event.ts";
import { interpretedOn } from "./interpreted_on_device.ts";
import { debugBackend, referenceBackend } from "./observing_backend.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { untrackedStorages } from "./scope.ts";
import type { Profile } from "./profile.ts";
import { typedArrayBytes } from "./profile_transfers.ts";
import { type Arguments, argumentsKey, buildGuards, signatureParts } from "./signature.ts";
import { traceCall } from "./trace_call.ts";
import { TraceLog, type TraceRecord } from "./trace_log.ts";

/** How a function is compiled. */
export interface CompileSettings {
  readonly name: string;
  readonly donate: readonly number[] | true;
  readonly static: readonly number[];
  readonly device: Device | undefined;
  readonly mode: "fast" | "reference" | "debug";
  readonly guard: Guards | undefined;
  readonly maxTraces: number;
  readonly swap: ReadonlyMap<Shared, Shared> | null;
  readonly updates: boolean;
  readonly profile: Profile | null;
  /** Names of passes left out. */
  readonly exclude: readonly string[];
  /** Called for every operation that mode "reference" interprets. */
  readonly onNode: ((event: NodeEvent) => void) | undefined;
  /** Inside another trace it stays one node. */
  readonly noinline: boolean;
}

/** Signatures kept per function; the least recently used goes first. */
const MAX_SIGNATURES = 128;

export class CompiledFunction {
  readonly settings: CompileSettings;
  readonly fn: (...args: never[]) => unknown;
  #last: Entry | null = null;
  /** Where the tensors are that the function uses, for arguments that do not say where to run. */
  readonly #stateDevices: LruCache<Device> = new LruCache(MAX_SIGNATURES, () => {});
  /** Entries of equal arguments differ in which numbers must be integral. */
  readonly #entries: LruCache<Entry[]> = new LruCache(MAX_SIGNATURES, (entries) => this.#drop(entries));
  readonly #log: TraceLog;
  readonly #profile: Profile | null;

  constructor(fn: (...args: never[]) => unknown, settings: CompileSettings) {
    this.fn = fn;
    this.settings = settings;
    this.#profile = settings.profile;
    this.#log = new TraceLog(settings.name, settings.maxTraces);
  }

  get cacheSize(): number {
    let size = 0;
    for (const entries of this.#entries.values()) size += entries.length;
    return size;
  }

  get traces(): readonly TraceRecord[] {
    return this.#log.records;
  }

  clear(): void {
    this.#entries.clear();
    this.#stateDevices.clear();
    this.#last = null;
    this.#log.clear();
  }

  #drop(entries: Entry[]): void {
    for (const entry of entries) {
      if (entry === this.#last) this.#last = null;
      entry.dispose();
    }
  }

  /** The short way: the arguments fit the program used last. */
  call(args: readonly unknown[]): unknown {
    const entry = this.#last;
    if (entry !== null && currentTrace() === null) {
      const inputs = entry.match(args);
      if (inputs !== null) {
        return this.#profile === null ? entry.run(inputs) : entry.runProfiled(inputs, this.#profile);
      }
    }
    return this.#callSlowly(args);
  }

  #callSlowly(args: readonly unknown[]): unknown {
    const trace = currentTrace();
    if (trace !== null) return this.#inline(trace, args);
    const started = this.#profile === null ? 0 : performance.now();
    const { entry, prepared } = this.#find(args);
    if (this.#profile !== null) this.#countUploads(this.#profile, args, performance.now() - started);
    // Not by its guards: static arguments that are equal in contents are not identical.
    const inputs = prepared.flat.leaves.map((leaf) => typeof leaf === "number" ? leaf : leaf.storage());
    return this.#profile === null ? entry.run(inputs) : entry.runProfiled(inputs, this.#profile);
  }

  #countUploads(profile: Profile, args: readonly unknown[], milliseconds: number): void {
    const bytes = typedArrayBytes(args.filter((_, i) => !this.settings.static.includes(i)));
    if (bytes > 0) profile.addTransfer(this.settings.name, "to the device", bytes, milliseconds);
  }

  /** A jitted function inside a trace is the plain function, or one node of its graph. */
  #inline(trace: Trace, args: readonly unknown[]): unknown {
    const { swap, updates, name, noinline } = this.settings;
    const previous = trace.swap;
    const writes = updates ? null : new Map(trace.sharedWrites);
    if (swap) trace.swap = swap;
    try {
      return noinline ? callAsNode(this.fn, args, name) : this.fn(...args as never[]);
    } finally {
      trace.swap = previous;
      if (writes) {
        trace.sharedWrites.clear();
        for (const [shared, value] of writes) trace.sharedWrites.set(shared, value);
      }
    }
  }

  /** The entry for these arguments, traced if need be, without running or compiling it. */
  entryFor(args: readonly unknown[]): Entry {
    return withoutTrace(() => this.#find(args).entry);
  }

  /** The entry for these arguments, and the arguments on its device. */
  #find(args: readonly unknown[]): { readonly entry: Entry; readonly prepared: Prepared } {
    const prepared = prepare(this.fn, args, this.settings);
    const key = argumentsKey(prepared.flat, prepared.device);
    if (prepared.decided) return { entry: this.#entryFor(prepared, key) as Entry, prepared };
    const known = this.#stateDevices.get(key);
    if (known === undefined) {
      const entry = this.#entryFor(prepared, key);
      if (entry instanceof Entry) return { entry, prepared };
      this.#stateDevices.set(key, entry);
    }
    return this.#findAt(args, key);
  }

  /** The same where the tensors that the function uses decide. */
  #findAt(args: readonly unknown[], key: string): { readonly entry: Entry; readonly prepared: Prepared } {
    for (let attempts = 0;; attempts++) {
      const presumed = this.#stateDevices.get(key)!;
      const given = prepare(this.fn, args, { ...this.settings, presumed });
      // A function that uses other tensors each time it is traced is told that they are elsewhere.
      const prepared = attempts < 2 ? given : { ...given, decided: true };
      const entry = this.#entryFor(prepared, argumentsKey(prepared.flat, prepared.device));
      if (entry instanceof Entry) return { entry, prepared };
      this.#stateDevices.set(key, entry);
    }
  }

  /** The entry for prepared arguments, or the device that they have to be prepared for. */
  #entryFor(prepared: Prepared, key: string): Entry | Device {
    const { flat } = prepared;
    const entries = this.#entries.get(key);
    let entry = entries?.find((known) => numbersHold(known.call, flat) && known.holds());
    if (!entry) {
      const traced = this.#trace(prepared);
      if (!(traced instanceof Entry)) return traced;
      entry = traced;
      // Tracing may have called this very function and changed the cache.
      const present = this.#entries.get(key);
      if (present) present.push(entry);
      else this.#entries.set(key, [entry]);
    }
    this.#last = entry;
    return entry;
  }

  #backend(device: Device): Backend {
    const { mode, guard, onNode } = this.settings;
    const backend = backendFor(device);
    if (mode === "debug") return interpretedOn(backend, debugBackend(guard ?? {}, backend));
    if (mode === "reference") {
      return interpretedOn(backend, onNode ? watchedBackend(onNode) : referenceBackend);
    }
    return guard ? new GuardedBackend(backend, guard) : backend;
  }

  #trace({ flat, names, device, decided }: Prepared): Entry | Device {
    const { name, swap, updates, mode, device: fixed, exclude } = this.settings;
    const started = performance.now();
    const watched = this.#log.watchedNumbers();
    const presumed = flat.leaves.map((leaf, i) =>
      typeof leaf === "number" && watched.has(flat.paths[i]) ? Number.isInteger(leaf) : null
    );
    const change = this.#log.compare(signatureParts(flat, names, presumed));
    const { traced, result, integral, limits, conditions } = untrackedStorages(() =>
      withDevice(device, () => traceCall(this.fn, flat, { name, device, swap, debug: mode === "debug" }))
    );
    const state = decided ? device : stateDevice(traced);
    const wanted = state === null ? defaultDevice() : state ?? device;
    if (wanted !== device) return wanted;
    const parts = signatureParts(flat, names, integral);
    const entry = new Entry({
      name,
      traced,
      result,
      guards: buildGuards(flat, integral, limits),
      parts,
      integral,
      limits,
      conditions,
      scalars: flat.leaves.flatMap((leaf, i) => typeof leaf === "number" ? [i] : []),
      donated: this.#donatedInputs(flat),
      inputNames: flat.paths.map((path) => `argument ${path}`),
      updates,
      deviceFixed: fixed !== undefined,
      profile: this.#profile,
      passes: mode === "debug" ? "verify" : mode === "fast" ? "all" : "none",
      exclude,
    }, this.#backend(device));
    const milliseconds = performance.now() - started;
    this.#profile?.addTrace(name, milliseconds);
    entry.record = this.#log.add(parts, change, milliseconds);
    return entry;
  }

  #donatedInputs({ leaves, positions }: Arguments): number[] {
    const { donate } = this.settings;
    return leaves.flatMap((leaf, i) =>
      typeof leaf !== "number" && (donate === true || donate.includes(positions[i])) ? [i] : []
    );
  }
}

/** Whether the numbers are such as the trace of a call depended on. */
function numbersHold({ integral, limits }: TracedCall, { leaves }: Arguments): boolean {
  return integral.every((wanted, i) => wanted === null || Number.isInteger(leaves[i]) === wanted) &&
    limits.every((pair, i) =>
      pair === null || !((leaves[i] as number) < pair[0] || (leaves[i] as number) > pair[1])
    );
}
