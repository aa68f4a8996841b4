/** What of a call can be decided once: where results come from, what is updated, what may be overwritten. */
import type { Graph } from "../trace/graph.ts";
import { deviceOfStaying } from "../trace/following.ts";
import { hasEffect } from "../trace/prune.ts";
import { type Aval, describe } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import type { TracedFunction } from "../trace/trace.ts";
import { TAKE } from "./backend.ts";
import { optimiseGenerally } from "./passes/pipeline.ts";
import { distinctOutputs, type OutputSource } from "./closed_graph.ts";
import { Cell } from "./dependencies.ts";
import type { DonationPlan } from "./donation.ts";
import { withOwnResults } from "./own_outputs.ts";
import type { TracedCall } from "./entry.ts";

/** An update of a shared variable. */
export interface Write {
  readonly shared: Shared;
  readonly source: OutputSource;
  readonly aval: Aval;
  /** The new value is also a result or the value of another variable, so that the next update must not overwrite it. */
  readonly escapes: boolean;
  /** Nothing but the variable can hold the old value after the call, as far as the call is concerned. */
  readonly reclaim: boolean;
}

/** An update that may be written over the value it replaces. */
export interface InPlaceUpdate {
  readonly input: number;
  readonly output: number;
  readonly shared: Shared;
}

export interface CallPlan {
  /** The graph as compiled: outputs distinct and no inputs. */
  readonly program: Graph;
  readonly results: readonly OutputSource[];
  readonly resultAvals: readonly Aval[];
  readonly reads: readonly Shared[];
  readonly cells: readonly Cell[];
  readonly writes: readonly Write[];
  /** Variables whose present value is a result, or becomes the value of a variable. */
  readonly returned: readonly Shared[];
  readonly donation: DonationPlan | null;
  /** Donated inputs that the program takes, and those that come out as they went in. */
  readonly taken: readonly number[];
  readonly through: readonly number[];
  readonly inPlace: readonly InPlaceUpdate[];
  /** One code per input, or null; those of `inPlace` are set anew by every call. */
  readonly reuse: Uint8Array | null;
  /** Nothing but a program to run: no state, no donation, no effects. */
  readonly plain: boolean;
  /** What decides where to run: the options or tensors among the arguments, captured tensors, or the default device. */
  readonly decidedBy: "call" | "state" | "default";
}

export function planCall(call: TracedCall): CallPlan {
  const { reads, outputCount, inputCount, captured } = call.traced;
  const firstRead = inputCount + captured.length;
  // A donated argument nobody else has.
  const graph = withOwnResults(optimised(call), outputCount, (input) => call.donated.includes(input));
  const kept = call.updates ? graph.outputs : graph.outputs.slice(0, outputCount);
  const { program, sources } = distinctOutputs(graph, kept);
  const results = sources.slice(0, outputCount);
  const through = call.donated.filter((i) => isSource(sources, "input", i));
  const taken = call.donated.filter((i) => !through.includes(i));
  const writes = planWrites(call, sources, firstRead);
  const effects = graph.nodes.some(hasEffect);
  // A check must be able to fail before anything was overwritten.
  const inPlace = effects ? [] : planInPlace(reads, writes, firstRead);
  const donation = call.donated.length === 0 ? null : donationPlan(call);
  const reuse = taken.length + inPlace.length > 0 ? new Uint8Array(graph.inputs.length) : null;
  for (const i of taken) reuse![i] = TAKE;
  return {
    program,
    results,
    resultAvals: graph.outputs.slice(0, outputCount).map(({ aval: { shape, dtype } }) => ({ shape, dtype })),
    reads,
    cells: reads.filter((shared) => shared instanceof Cell),
    writes,
    returned: sources.flatMap(({ from, index }) =>
      from === "input" && index >= firstRead ? [reads[index - firstRead]] : []
    ),
    donation,
    taken,
    through,
    inPlace,
    reuse,
    plain: reads.length === 0 && writes.length === 0 && !donation && !effects,
    decidedBy: call.deviceFixed || call.scalars.length < inputCount
      ? "call"
      : stateDevice(call.traced) === null
      ? "default"
      : "state",
  };
}

/** Where the tensors and shared variables lie that a function uses; null without any, undefined for several devices. */
export function stateDevice({ captured, reads }: TracedFunction): Device | null | undefined {
  return deviceOfStaying([...captured, ...reads.map((shared) => shared.current())]);
}

/** The graph after the passes; as it was traced where the reference or a debugger looks at it. */
function optimised({ traced: { graph }, passes, exclude, profile, name }: TracedCall): Graph {
  if (passes === "none") return graph;
  const result = optimiseGenerally(graph, {
    verify: passes === "verify",
    exclude,
    onPass: profile
      ? (pass, milliseconds) => profile.addPhase(name, `pass ${pass}`, milliseconds)
      : undefined,
  });
  return passes === "verify" ? graph : result;
}

function isSource(sources: readonly OutputSource[], from: OutputSource["from"], index: number): boolean {
  return sources.some((source) => source.from === from && source.index === index);
}

function planWrites(call: TracedCall, sources: readonly OutputSource[], firstRead: number): Write[] {
  if (!call.updates) return [];
  const { graph, reads, writes, outputCount } = call.traced;
  const uses = new Map<number, number>();
  for (const { from, index } of sources) {
    if (from === "program") uses.set(index, (uses.get(index) ?? 0) + 1);
  }
  return writes.map((shared, i): Write => {
    const source = sources[outputCount + i];
    const { shape, dtype } = graph.outputs[outputCount + i].aval;
    const read = reads.indexOf(shared);
    return {
      shared,
      source,
      aval: { shape, dtype },
      escapes: source.from === "input" || uses.get(source.index)! > 1,
      reclaim: read < 0 || !isSource(sources, "input", firstRead + read),
    };
  });
}

function planInPlace(reads: readonly Shared[], writes: readonly Write[], firstRead: number): InPlaceUpdate[] {
  return writes.flatMap(({ shared, source, escapes, reclaim }): InPlaceUpdate[] => {
    const read = reads.indexOf(shared);
    if (read < 0 || escapes || !reclaim) return [];
    return [{ input: firstRead + read, output: source.index, shared }];
  });
}

function donationPlan(call: TracedCall): DonationPlan {
  const { captured, reads } = call.traced;
  const names = [
    ...call.inputNames,
    ...captured.map((tensor) => `the captured tensor ${describe(tensor.aval)}`),
    ...reads.map((shared) => `the shared variable ${shared.name}`),
  ];
  return { functionName: call.name, donated: call.donated, names };
}
