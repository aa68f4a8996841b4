/** From a graph to a program: fusion, kernels, loops and the memory plan. */
import type { Graph } from "../../trace/graph.ts";
import type { BufferPlan, Program, Step } from "../kernel/program.ts";
import { alignBytes, bind, BufferTable } from "./draft.ts";
import type { GroupLimits } from "./group.ts";
import { LevelScheduler } from "./level.ts";
import { lifetimesOf, mayOverwrite, planLevel } from "./plan.ts";

export interface ScheduleOptions {
  readonly limits: GroupLimits;
  /** Inputs whose blocks the caller gives away. */
  readonly donated: readonly number[];
  /** Outputs that may be written over an input (updates of shared state). */
  readonly inPlace: readonly (readonly [input: number, output: number])[];
}

/** What a kernel may hold on WebAssembly: functions of more statements compile out of proportion. */
export const WASM_LIMITS: GroupLimits = { statements: 1000, operands: 256 };

/** Plans the whole program. Outputs must be distinct variables and none of them an input. */
export function schedule(graph: Graph, options: ScheduleOptions): Program {
  const table = new BufferTable();
  const inputs = graph.inputs.map((variable, i) => table.forVariable("input", variable, i));
  const outputs = graph.outputs.map((variable, i) => table.forVariable("output", variable, i));
  const scheduler = new LevelScheduler(table, options.limits);
  const level = scheduler.schedule(graph, {
    inputs: inputs.map(bind),
    outputs: outputs.map(bind),
    late: new Set(options.inPlace.map(([, output]) => output)),
  });
  planLevel(level, table.buffers);
  const { steps } = level;
  const donatedBytes = reuseInputs(steps, inputs, outputs, options);
  const outputBytes = outputs.reduce((sum, b) => b.reuses >= 0 ? sum : sum + alignBytes(b.bytes), 0);
  const used = new Set<number>();
  for (const id of lifetimesOf(steps).first.keys()) used.add(id);
  return {
    graph,
    buffers: table.buffers,
    inputs: inputs.map((b) => used.has(b.id) ? b.id : -1),
    outputs: outputs.map((b) => ({ buffer: b.id, input: -1 })),
    steps,
    arenaBytes: level.bytes,
    peakBytes: level.bytes + outputBytes,
    donatedBytes,
  };
}

/** Decides which outputs lie in the block of a donated or updated input. Returns the bytes saved. */
function reuseInputs(
  steps: readonly Step[],
  inputs: readonly (BufferPlan & { reuses: number })[],
  outputs: readonly (BufferPlan & { reuses: number })[],
  options: ScheduleOptions,
): number {
  const { first, last } = lifetimesOf(steps);
  let saved = 0;
  const takes = (input: BufferPlan, output: BufferPlan & { reuses: number }): boolean => {
    if (input.bytes !== output.bytes || input.dtype !== output.dtype || output.reuses >= 0) return false;
    const written = first.get(output.id), read = last.get(input.id);
    if (written === undefined) return false;
    if (
      read !== undefined &&
      (read > written || (read === written && !overwrites(steps[written], input, output)))
    ) {
      return false;
    }
    output.reuses = input.position;
    saved += output.bytes;
    return true;
  };
  const firstHost = steps.findIndex(containsHost);
  const lastHost = steps.findLastIndex(containsHost);
  for (const [input, output] of options.inPlace) {
    // What a check can still undo must not be overwritten before it.
    const written = first.get(outputs[output].id) ?? 0;
    if (firstHost >= 0 && written <= lastHost) continue;
    takes(inputs[input], outputs[output]);
  }
  for (const position of options.donated) {
    const exact = options.inPlace.find(([input]) => input === position);
    if (exact) continue;
    outputs.some((output) => takes(inputs[position], output));
  }
  return saved;
}

function containsHost(step: Step): boolean {
  const stack: Step[] = [step];
  while (stack.length > 0) {
    const current = stack.pop()!;
    if (current.kind === "host") return true;
    if (current.kind === "loop") stack.push(...current.body, ...(current.condition?.steps ?? []));
    if (current.kind === "switch") { for (const branch of current.branches) stack.push(...branch); }
  }
  return false;
}

function overwrites(step: Step, input: BufferPlan, output: BufferPlan): boolean {
  if (step.kind !== "kernel") return false;
  const to = step.bindings.findIndex((b) => b.buffer === output.id);
  const reads = step.bindings.map((b, i) => b.buffer === input.id ? i : -1).filter((i) => i >= 0);
  if (reads.length !== 1) return false;
  const [from] = reads;
  if (step.copies?.[0] === from && step.copies[1] === to) return true;
  return mayOverwrite(step.kernel, from, to);
}
