/** jit: functions that are traced once per signature, compiled, and called with buffers. */
import type { AnyArguments, ArgumentTrees } from "../autodiff/types.ts";
import { DamoError } from "../trace/errors.ts";
import type { Graph } from "../trace/graph.ts";
import { checkDevice, checkOptions as refuseUnknown } from "../trace/ops/options.ts";
import { adoptNames } from "../trace/parameter_names.ts";
import { Shared } from "../trace/shared.ts";
import { describe, sameAval } from "../trace/shape.ts";
import type { Device } from "../trace/storage.ts";
import { CompiledFunction, type CompileSettings } from "./compiled_function.ts";
import { type Lowered, lowerEntry } from "./lower.ts";
import type { Guards } from "./guard/guards.ts";
import type { NodeEvent } from "./node_event.ts";
import { unknownMode } from "./observing_backend.ts";
import { OPTIONAL_PASSES } from "./passes/pipeline.ts";
import { Profile } from "./profile.ts";
import type { TraceRecord } from "./trace_log.ts";

/** Options of {@link jit}. */
export interface JitOptions {
  /** What the function is called in messages, graphs and profiles; its own name by default. */
  name?: string;
  /** Positions of the arguments whose buffers the call may take over; true for all. */
  donate?: readonly number[] | true;
  /** Positions of the arguments that are part of the signature by value. */
  static?: readonly number[];
  /** Where to run; by default where the arguments are. */
  device?: Device;
  /** "reference" interprets in float64; "debug" also verifies graphs and the range of traced indices. */
  mode?: "fast" | "reference" | "debug";
  /**
   * Throws a NonFiniteError at the first operation that gives a NaN, an infinity, or more than `big`. Under `vmap` a
   * condition or loop computes for every element what only some of them take, and values that are left there count, too.
   */
  guard?: Guards;
  /** Measures calls and kernels: true for a profile of its own, `f.profile`, or one to share. */
  profile?: boolean | Profile;
  /** A trace beyond this number is an error that names the argument that changed. */
  maxTraces?: number;
  /** Names of optimising passes to leave out, as `f.profile` lists them. */
  passes?: { readonly exclude: readonly string[] };
  /** Called in mode "reference" after each operation, with the values it read and gave. */
  onNode?: (event: NodeEvent) => void;
  /** Inside another trace the function stays one named node of the graph, instead of its operations. */
  noinline?: boolean;
}

/** Options of `f.copy`. */
export interface CopyOptions {
  /** Pairs of shared variables: the second is used wherever the function uses the first; two may change places. */
  swap?: readonly (readonly [Shared, Shared])[];
  /** With false the copy leaves shared variables as they are. */
  updates?: boolean;
}

/** A function that {@link jit} made: the call signature of the original, and a view of what was compiled. */
export interface Jitted<A extends AnyArguments, R> {
  (...args: ArgumentTrees<A>): R;
  /** How many programs it holds. */
  readonly cacheSize: number;
  /** Each trace: the signature, why it was needed, how long it took. */
  readonly traces: readonly TraceRecord[];
  /** What was measured with `{ profile }`; empty without. */
  readonly profile: Profile;
  /** Forgets all programs. */
  clear(): void;
  /** Traces and compiles for these arguments without running. */
  lower(...args: ArgumentTrees<A>): Lowered;
  /** The graph for these arguments. */
  graph(...args: ArgumentTrees<A>): Graph;
  /** The same function on other shared variables, or one that leaves them alone. */
  copy(options?: CopyOptions): Jitted<A, R>;
}

const KNOWN = [
  "name",
  "donate",
  "static",
  "device",
  "mode",
  "guard",
  "maxTraces",
  "profile",
  "passes",
  "onNode",
  "noinline",
];

function checkOptions(options: JitOptions): void {
  refuseUnknown("jit", options, KNOWN);
  const { mode = "fast", name, maxTraces, profile, device } = options;
  if (device !== undefined) checkDevice("jit", device);
  if (name !== undefined && typeof name !== "string") throw badOption("name", name, "a string");
  if (maxTraces !== undefined && !(maxTraces === Infinity || Number.isInteger(maxTraces) && maxTraces > 0)) {
    throw badOption("maxTraces", maxTraces, "a positive integer");
  }
  if (profile !== undefined && typeof profile !== "boolean" && !(profile instanceof Profile)) {
    throw badOption("profile", profile, "a boolean or a Profile");
  }
  checkGuard(options.guard);
  if (mode !== "fast" && mode !== "reference" && mode !== "debug") throw unknownMode(mode);
  checkPasses(options.passes);
  if (options.onNode !== undefined && mode !== "reference") {
    throw new DamoError(`jit: onNode is called in mode "reference" only, and the mode is "${mode}".`, {
      operation: "jit",
      remedy: 'Write { mode: "reference", onNode }.',
    });
  }
  for (const key of ["donate", "static"] as const) {
    const positions = options[key];
    if (positions === undefined || positions === true && key === "donate") continue;
    if (Array.isArray(positions) && positions.every((i) => Number.isInteger(i) && i >= 0)) continue;
    throw new DamoError(`jit: ${key} must list positions of arguments, got ${String(positions)}.`, {
      operation: "jit",
      remedy: `Write { ${key}: [0] } for the first argument.`,
    });
  }
}

function badOption(name: string, value: unknown, wanted: string): DamoError {
  return new DamoError(`jit: ${name} must be ${wanted}, got ${JSON.stringify(value) ?? String(value)}.`, {
    operation: "jit",
    arguments: [{ name, value }],
    remedy: `Give ${wanted}, or leave ${name} out.`,
  });
}

function checkGuard(guard: Guards | undefined): void {
  if (guard === undefined) return;
  refuseUnknown("jit guard", guard, ["nan", "inf", "big"]);
  const { nan, inf, big } = guard;
  for (const [name, flag] of Object.entries({ nan, inf })) {
    if (flag !== undefined && typeof flag !== "boolean") throw badOption(`guard.${name}`, flag, "a boolean");
  }
  if (big !== undefined && !(typeof big === "number" && big >= 0)) {
    throw badOption("guard.big", big, "a number that is not negative");
  }
}

function checkPasses(passes: JitOptions["passes"]): void {
  if (passes === undefined) return;
  refuseUnknown("jit passes", passes, ["exclude"]);
  const listed = Array.isArray(passes.exclude) ? passes.exclude as readonly unknown[] : null;
  const unknown = listed?.find((name) => !OPTIONAL_PASSES.includes(name as string));
  if (listed && unknown === undefined) return;
  throw new DamoError(
    unknown === undefined
      ? `jit: passes.exclude must list names of passes, got ${String(passes.exclude)}.`
      : `jit: there is no pass ${JSON.stringify(unknown)} that could be left out.`,
    {
      operation: "jit",
      arguments: [{ name: "passes.exclude", value: passes.exclude }],
      remedy: `Name some of ${OPTIONAL_PASSES.map((name) => JSON.stringify(name)).join(", ")}.`,
    },
  );
}

/**
 * Compiles `fn`. The first call for a signature (structure, shapes and dtypes of the arguments; values of strings,
 * booleans, functions and static arguments) traces it on symbolic tensors and compiles the graph; further calls run the
 * program. Number arguments are traced, so their values never cause a trace. Tensors and shared variables that `fn`
 * captures are inputs by reference. Inside another trace `fn` is inlined, unless `noinline` keeps it one named node.
 *
 * @throws {DamoError} for unknown options, and values that an option cannot have. Calls throw {@link RetraceError} beyond `maxTraces`,
 * {@link DonatedError} when a donated tensor is used again, {@link TracedValueError} when `fn` reads a traced value.
 * @example
 * ```ts
 * import { jit, Tensor, tensor } from "@damo/damo";
 * const f = jit((x: Tensor, k: number) => x.mul(k).sum());
 * console.assert(f(tensor([1, 2, 3]), 2).itemSync() === 12);
 * console.assert(f(tensor([1, 2, 3]), 0.5).itemSync() === 3 && f.cacheSize === 1);
 * ```
 */
export function jit<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  options: JitOptions = {},
): Jitted<A, R> {
  if (typeof fn !== "function") {
    throw new DamoError(`jit takes a function, got ${String(fn)}.`, {
      operation: "jit",
      remedy: "Write jit((x) => ...).",
    });
  }
  checkOptions(options);
  return makeJitted(fn, {
    name: options.name ?? (fn.name || "function"),
    donate: options.donate ?? [],
    static: options.static ?? [],
    device: options.device,
    mode: options.mode ?? "fast",
    guard: options.guard,
    maxTraces: options.maxTraces ?? Infinity,
    swap: null,
    updates: true,
    profile: profileOf(options.profile),
    exclude: options.passes?.exclude ?? [],
    onNode: options.onNode,
    noinline: options.noinline ?? false,
  });
}

function profileOf(profile: boolean | Profile | undefined): Profile | null {
  if (profile instanceof Profile) return profile;
  return profile ? new Profile() : null;
}

const compiledFunctions = new WeakMap<object, CompiledFunction>();

/** What stands behind a jitted function; undefined for any other. */
export function compiledFunctionOf(fn: object): CompiledFunction | undefined {
  return compiledFunctions.get(fn);
}

function makeJitted<A extends AnyArguments, R>(
  fn: (...args: A) => R,
  settings: CompileSettings,
): Jitted<A, R> {
  const compiled = new CompiledFunction(fn as (...args: never[]) => unknown, settings);
  const jitted = (...args: A): R => compiled.call(args) as R;
  compiledFunctions.set(jitted, compiled);
  adoptNames(jitted, fn, settings.name);
  Object.defineProperties(jitted, {
    name: { value: settings.name, configurable: true },
    length: { value: fn.length, configurable: true },
    cacheSize: { get: () => compiled.cacheSize },
    traces: { get: () => compiled.traces },
    profile: { value: settings.profile ?? new Profile() },
    clear: { value: () => compiled.clear() },
    lower: { value: (...args: A) => lowerEntry(compiled.entryFor(args)) },
    graph: { value: (...args: A) => compiled.entryFor(args).graph },
    copy: { value: (options: CopyOptions = {}) => makeJitted(fn, copySettings(settings, options)) },
  });
  return jitted as Jitted<A, R>;
}

function copySettings(
  settings: CompileSettings,
  options: CopyOptions,
): CompileSettings {
  refuseUnknown("copy", options, ["swap", "updates"]);
  const { updates = true } = options;
  const swaps = swapsOf(options.swap ?? []);
  const pairs = new Map(swaps);
  // What the original already swapped is swapped on.
  for (const [from, to] of settings.swap ?? []) pairs.set(from, swaps.get(to) ?? to);
  return { ...settings, swap: pairs.size > 0 ? pairs : null, updates: settings.updates && updates };
}

/** All pairs at once, so that two variables can change places. */
function swapsOf(swap: NonNullable<CopyOptions["swap"]>): Map<Shared, Shared> {
  const pairs = new Map<Shared, Shared>();
  for (const pair of Array.isArray(swap) ? swap as readonly unknown[] : [swap]) {
    const [a, b] = Array.isArray(pair) ? pair as unknown[] : [];
    if (!(a instanceof Shared) || !(b instanceof Shared) || (pair as unknown[]).length !== 2) {
      throw new DamoError("copy: swap must list pairs of shared variables.", {
        operation: "copy",
        arguments: [{ name: "swap", value: swap }],
        remedy: "Write { swap: [[used, instead]] }.",
      });
    }
    if (pairs.has(a)) {
      throw new DamoError(`copy: shared variable ${a.name} is swapped twice.`, {
        operation: "copy",
        remedy: "Name each variable once on the left.",
      });
    }
    checkSwap(a, b);
    pairs.set(a, b);
  }
  return pairs;
}

function checkSwap(a: Shared, b: Shared): void {
  const before = a.current().aval, after = b.current().aval;
  if (sameAval(before, after)) return;
  throw new DamoError(
    `copy: shared variable ${a.name} is ${describe(before)} and cannot be swapped for ${b.name}, which is ${
      describe(after)
    }.`,
    {
      operation: "copy",
      arguments: [{ name: a.name, ...before }, { name: b.name, ...after }],
      remedy: "Swap variables of one shape and dtype.",
    },
  );
}
