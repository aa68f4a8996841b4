/** Composed functions outside traces: one program for each signature, where operation by operation would be many. */
import { defaultFloat, type DType } from "../trace/dtype.ts";
import { identityOf } from "../trace/graph.ts";
import { atLocation, Location } from "../trace/location.ts";
import { hasEffect } from "../trace/prune.ts";
import { type Aval, sameShape } from "../trace/shape.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { type TracedFunction, traceFunction } from "../trace/trace.ts";
import type { WholeArgument, WholeBody, WholeResult } from "../trace/whole.ts";
import type { RunInput } from "./backend.ts";
import { type ClosedGraph, closeGraph } from "./closed_graph.ts";
import { backendFor, withDevice } from "./devices.ts";
import { LruCache } from "./lru_cache.ts";
import { trackStorage, untrackedStorages } from "./scope.ts";
import { staticKey } from "./signature.ts";

/** Programs kept. */
const MAX_PROGRAMS = 128;
/** Signatures of one function that are compared directly before a key is made. */
const RECENT = 4;

/** Programs are found again from other lines than the one that they were traced at. */
const NOWHERE = new Location(null);

/** One signature of a composed function; without a program where it has to run operation by operation. */
interface Composition {
  readonly device: Device;
  readonly float: DType;
  readonly args: readonly Kind[];
  readonly program: ClosedGraph | null;
  readonly captured: readonly Tensor[];
  /** The function gives a tensor, not several. */
  readonly single: boolean;
  disposed: boolean;
}

/** What an argument has to be: a tensor or a number of a type, or a plain value. */
interface Kind {
  readonly aval: Aval | null;
  readonly literal: boolean;
  readonly value: WholeArgument;
}

function kindOf(argument: WholeArgument): Kind {
  if (!(argument instanceof Tensor)) {
    return { aval: null, literal: false, value: structuredClone(argument) };
  }
  const { shape, dtype } = argument.aval;
  return { aval: { shape, dtype }, literal: argument.literal !== null, value: undefined };
}

function fits({ aval, literal, value }: Kind, argument: WholeArgument): boolean {
  if (argument instanceof Tensor) {
    return aval !== null && (argument.literal !== null) === literal && argument.aval.dtype === aval.dtype &&
      sameShape(argument.aval.shape, aval.shape);
  }
  return aval === null && samePlain(value, argument);
}

/** Whether two values are the same or have the same contents. */
function samePlain(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => samePlain(one, b[i]));
  }
  if (!isPlainObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => samePlain((a as Record<string, unknown>)[name], b[name]));
}

function isPlainObject(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

/** Whether a value is a plain one throughout: equal contents then mean the same. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return typeof value !== "function" && typeof value !== "symbol";
  }
  if (Array.isArray(value)) return value.every(isPlain);
  return isPlainObject(value) && Object.values(value).every(isPlain);
}

/** A text for the arguments; null for what no program can be found by. */
function keyOf(args: readonly WholeArgument[]): string | null {
  let key = "";
  for (const argument of args) {
    if (argument instanceof Tensor) {
      key += `|${argument.aval.dtype}${argument.literal === null ? argument.aval.shape.join() : "#"}`;
    } else if (isPlain(argument)) key += `|${typeof argument} ${staticKey(argument)}`;
    else return null;
  }
  return key;
}

/** The device that all tensors are on; null where there is none, or one that is for operations to speak about. */
function deviceOf(args: readonly WholeArgument[]): Device | null {
  let device: Device | null = null;
  for (const argument of args) {
    if (!(argument instanceof Tensor)) continue;
    if (argument.owner !== null || argument.aval.weak) return null;
    const storage = argument.rawStorage();
    if (storage === null) continue;
    if (storage.disposed || storage.donation !== null || storage.length === 0) return null;
    if (device !== null && storage.device !== device) return null;
    device = storage.device;
  }
  return device;
}

/** The programs of composed functions, as many as are kept. */
export class WholePrograms {
  readonly #recent: WeakMap<WholeBody, Composition[]> = new WeakMap();
  readonly #programs: LruCache<Composition> = new LruCache(MAX_PROGRAMS, (composition) => {
    composition.disposed = true;
    composition.program?.dispose();
  });

  /** What `body` gives; null where it has to run operation by operation. */
  run(operation: string, body: WholeBody, args: readonly WholeArgument[]): WholeResult | null {
    const device = deviceOf(args);
    if (device === null) return null;
    const composition = this.#find(operation, body, args, device);
    const program = composition?.program;
    if (!program) return null;
    const inputs: RunInput[] = [];
    for (const argument of args) {
      if (argument instanceof Tensor) inputs.push(argument.literal ?? argument.storage());
    }
    for (const tensor of composition.captured) inputs.push(tensor.storage());
    const results = program.run(inputs).map((storage, i) => {
      trackStorage(storage);
      return new Tensor(program.avals[i], storage);
    });
    return composition.single ? results[0] : results;
  }

  #find(
    operation: string,
    body: WholeBody,
    args: readonly WholeArgument[],
    device: Device,
  ): Composition | null {
    const float = defaultFloat();
    let recent = this.#recent.get(body);
    if (!recent) this.#recent.set(body, recent = []);
    for (const known of recent) {
      if (
        !known.disposed && known.device === device && known.float === float &&
        known.args.length === args.length && known.args.every((kind, i) => fits(kind, args[i]))
      ) return known;
    }
    const own = keyOf(args);
    if (own === null) return null;
    const key = `${device} ${float} ${identityOf(body)}${own}`;
    let composition = this.#programs.get(key);
    if (!composition) {
      composition = compose(operation, body, args, device);
      this.#programs.set(key, composition);
    }
    recent.unshift(composition);
    if (recent.length > RECENT) recent.pop();
    return composition;
  }
}

function compose(
  operation: string,
  body: WholeBody,
  args: readonly WholeArgument[],
  device: Device,
): Composition {
  const kinds = args.map(kindOf);
  const tensors = kinds.filter(({ aval }) => aval !== null);
  let single = false;
  function call(inputs: readonly Tensor[]): readonly Tensor[] {
    let next = 0;
    const given = kinds.map(({ aval, value }) => aval === null ? value : inputs[next++]);
    const result = atLocation(NOWHERE, () => body(...given as never));
    single = result instanceof Tensor;
    return result instanceof Tensor ? [result] : result;
  }
  const traced = untrackedStorages(() =>
    withDevice(device, () => traceQuietly(operation, call, tensors.map(({ aval }) => aval!)))
  );
  const program = traced && isProgram(traced)
    ? closeGraph(traced.graph, backendFor(device), {
      scalars: tensors.flatMap(({ literal }, i) => literal ? [i] : []),
    })
    : null;
  return {
    device,
    float: defaultFloat(),
    args: kinds,
    program,
    captured: traced?.captured ?? [],
    single,
    disposed: false,
  };
}

/** What throws is done again operation by operation, and throws what the user is to see. */
function traceQuietly(
  name: string,
  call: (inputs: readonly Tensor[]) => readonly Tensor[],
  avals: readonly Aval[],
): TracedFunction | null {
  try {
    let plain = true;
    const traced = traceFunction(
      (inputs, trace) => {
        const results = call(inputs);
        plain = trace.conditions.size === 0;
        return results;
      },
      avals,
      { name },
    );
    return plain ? traced : null;
  } catch {
    return null;
  }
}

/** Whether a program can stand for what was traced: no state, no effects, and results that are new values. */
function isProgram({ graph, reads, writes }: TracedFunction): boolean {
  return reads.length === 0 && writes.length === 0 && !graph.nodes.some(hasEffect) &&
    graph.outputs.every((output) => !output.aval.weak && !graph.inputs.includes(output)) &&
    new Set(graph.outputs).size === graph.outputs.length;
}
