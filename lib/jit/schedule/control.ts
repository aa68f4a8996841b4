/** Loops and switches: their bodies are scheduled as levels of their own, straight into the places they fill. */
import { DYNAMIC, type LoopParams, type SwitchParams } from "../../loop/loop_params.ts";
import type { Node, Variable } from "../../trace/graph.ts";
import { sizeOf } from "../../trace/shape.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Binding, LoopStep, Step } from "../kernel/program.ts";
import { bind, type BufferDraft } from "./draft.ts";
import type { LevelBuilder } from "./level.ts";
import { forEachBinding, type Level, lifetimesOf, mayOverwrite } from "./plan.ts";

/** Elements of one record of a stacked value: everything but its leading axis. */
function recordLength(variable: Variable): number {
  return sizeOf(variable.aval.shape.slice(1));
}

export function scheduleLoop(builder: LevelBuilder, node: Node, params: LoopParams): void {
  const { scheduler } = builder;
  const loop = scheduler.loops++;
  const { constants, carries, sequences, results } = params;
  let next = 0;
  const take = (count: number) => node.inputs.slice(next, next += count);
  const count = params.counted ? builder.binding(take(1)[0]) : null;
  const constantInputs = take(constants), initial = take(carries), sequenceInputs = take(sequences);
  const outputs = node.outputs;
  const tapes: number[] = [];

  const shifted = builder.shiftedCarries(node);
  // The carry lives where its final value is wanted, or is a row of a stack.
  const carryPlaces = initial.map((variable, i) => {
    const sequence = shifted.get(i);
    if (sequence !== undefined) {
      const stack = builder.binding(sequenceInputs[sequence]), stride = sizeOf(variable.aval.shape);
      const first = { ...stack, offset: stack.offset + (params.reverse ? params.length * stride : -stride) };
      builder.copy(builder.binding(variable), first, variable);
      const offset = stack.offset + (params.reverse ? stride : -stride);
      return { ...stack, offset, steps: [...stack.steps, { loop, stride }] };
    }
    const place = builder.binding(outputs[i]);
    builder.copy(builder.binding(variable), place, variable);
    return place;
  });
  const slices = sequenceInputs.map((variable): Binding => {
    const place = builder.binding(variable);
    noteTape(builder, place, tapes);
    return { ...place, steps: [...place.steps, { loop, stride: recordLength(variable) }] };
  });
  const rows = outputs.slice(carries, carries + results).map((variable): Binding => {
    const place = variable.aval.shape[0] === DYNAMIC ? tapeFor(builder, variable) : builder.binding(variable);
    noteTape(builder, place, tapes);
    const early = params.stops || params.condition !== null || params.counted;
    if (early && variable.aval.shape[0] !== DYNAMIC) zeroFill(builder, place, variable, node);
    return { ...place, steps: [...place.steps, { loop, stride: recordLength(variable) }] };
  });

  const cells: BufferDraft[] = [];
  const cell = (dtype: "int32" | "bool"): Binding => {
    const buffer = scheduler.table.add("temporary", dtype, 1);
    cells.push(buffer);
    return bind(buffer);
  };
  const stepNumber = params.step ? cell("int32") : null;
  const stop = params.stops ? cell("bool") : null;
  const bodyInputs = [
    ...constantInputs.map((v) => builder.binding(v)),
    ...carryPlaces,
    ...(stepNumber ? [stepNumber] : []),
    ...slices,
  ];
  const carryNext = params.body.outputs.slice(0, carries).map((variable) => {
    const buffer = scheduler.table.forVariable("temporary", variable);
    cells.push(buffer);
    return buffer;
  });
  const bodyOutputs = [...carryNext.map(bind), ...rows, ...(stop ? [stop] : [])];
  const body = scheduler.schedule(params.body, {
    inputs: bodyInputs,
    outputs: bodyOutputs,
    late: lateCarries(carries),
  });
  const unchanged = new Set<number>(shifted.keys());
  params.body.outputs.slice(0, carries).forEach((variable, i) => {
    if (variable === params.body.inputs[constants + i]) unchanged.add(i);
  });
  const steps = body.steps.filter((step) => !isIdleCopy(step, unchanged, carryNext));
  const inPlace = placeInCarry(steps, carryPlaces, carryNext, unchanged);

  const nested: { level: Level; exclusive: boolean }[] = [{ level: { ...body, steps }, exclusive: false }];
  let condition: LoopStep["condition"] = null;
  if (params.condition) {
    const result = cell("bool");
    const level = scheduler.schedule(params.condition, {
      inputs: [...constantInputs.map((v) => builder.binding(v)), ...carryPlaces],
      outputs: [result],
      late: new Set(),
    });
    nested.push({ level, exclusive: false });
    condition = { steps: level.steps, result };
  }
  builder.temporaries.push(...cells);
  const step: LoopStep = {
    kind: "loop",
    loop,
    length: params.length,
    count,
    reverse: params.reverse,
    condition,
    body: inPlace.steps,
    stop,
    stepNumber,
    exchange: inPlace.exchange,
    taken: params.taken ? builder.binding(outputs[outputs.length - 1]) : null,
    tapes,
    node,
  };
  // A step with other bindings is another object: what is nested in it goes along.
  const inner = new Map(body.nested);
  steps.forEach((old, i) => {
    const levels = body.nested.get(old);
    if (levels) inner.set(inPlace.steps[i], levels);
  });
  nested[0] = { level: { ...body, steps: inPlace.steps, nested: inner }, exclusive: false };
  builder.steps.push(step);
  builder.nested.set(step, nested);
}

function lateCarries(carries: number): ReadonlySet<number> {
  return new Set(Array.from({ length: carries }, (_, i) => i));
}

function isIdleCopy(step: Step, unchanged: ReadonlySet<number>, carryNext: readonly BufferDraft[]): boolean {
  if (step.kind !== "kernel" || step.kernel.kind !== "copy") return false;
  const target = step.bindings[1].buffer;
  return [...unchanged].some((i) => carryNext[i].id === target);
}

/**
 * Writes a new carry straight over the old one where every read of the old value comes before, and exchanges the
 * others when the iteration ends.
 */
function placeInCarry(
  steps: readonly Step[],
  carryPlaces: readonly Binding[],
  carryNext: readonly BufferDraft[],
  unchanged: ReadonlySet<number>,
): { steps: Step[]; exchange: LoopStep["exchange"] } {
  const { first, last } = lifetimesOf(steps);
  const exchange: { carry: Binding; next: Binding; bytes: number }[] = [];
  const moved = new Map<number, Binding>();
  carryPlaces.forEach((carry, i) => {
    if (unchanged.has(i)) return;
    const next = carryNext[i];
    const written = first.get(next.id);
    if (written === undefined) return;
    const read = last.get(carry.buffer);
    const shared = carryPlaces.some((other, k) => k !== i && other.buffer === carry.buffer);
    if (
      !shared &&
      (read === undefined || read < written || (read === written && overwrites(steps[written], carry, next)))
    ) {
      moved.set(next.id, carry);
    } else exchange.push({ carry, next: bind(next), bytes: next.bytes });
  });
  return { steps: steps.map((step) => rebind(step, moved)), exchange };
}

function overwrites(step: Step, carry: Binding, next: BufferDraft): boolean {
  if (step.kind !== "kernel") return false;
  const to = step.bindings.findIndex((b) => b.buffer === next.id);
  const from = step.bindings.map((b, i) => b.buffer === carry.buffer ? i : -1).filter((i) => i >= 0);
  return from.length === 1 && mayOverwrite(step.kernel, from[0], to);
}

function rebind(step: Step, moved: ReadonlyMap<number, Binding>): Step {
  if (moved.size === 0) return step;
  let touched = false;
  forEachBinding(step, ({ buffer }) => touched ||= moved.has(buffer));
  if (!touched) return step;
  // Inside a further loop the step may fill it row by row.
  const at = (binding: Binding): Binding => {
    const place = moved.get(binding.buffer);
    if (!place) return binding;
    const { buffer, offset, steps } = place;
    return { buffer, offset: offset + binding.offset, steps: [...steps, ...binding.steps] };
  };
  switch (step.kind) {
    case "kernel":
      return { ...step, bindings: step.bindings.map(at) };
    case "host":
      return { ...step, inputs: step.inputs.map(at), outputs: step.outputs.map(at) };
    case "switch":
      return {
        ...step,
        index: at(step.index),
        branches: step.branches.map((b) => b.map((s) => rebind(s, moved))),
      };
    case "loop":
      return {
        ...step,
        count: step.count && at(step.count),
        stop: step.stop && at(step.stop),
        stepNumber: step.stepNumber && at(step.stepNumber),
        taken: step.taken && at(step.taken),
        exchange: step.exchange.map((e) => ({ ...e, carry: at(e.carry), next: at(e.next) })),
        condition: step.condition && {
          steps: step.condition.steps.map((s) => rebind(s, moved)),
          result: at(step.condition.result),
        },
        body: step.body.map((s) => rebind(s, moved)),
      };
  }
}

function tapeFor(builder: LevelBuilder, variable: Variable): Binding {
  const placed = builder.placed(variable);
  if (placed) return placed;
  const tape = builder.scheduler.table.add("tape", variable.aval.dtype, recordLength(variable));
  const binding = bind(tape);
  builder.place(variable, binding);
  return binding;
}

function noteTape(builder: LevelBuilder, place: Binding, tapes: number[]): void {
  const { kind, id } = builder.scheduler.table.buffers[place.buffer];
  if (kind === "tape" && !tapes.includes(id)) tapes.push(id);
}

function zeroFill(builder: LevelBuilder, place: Binding, variable: Variable, node: Node): void {
  const length = sizeOf(variable.aval.shape);
  if (length === 0) return;
  const { dtype } = variable.aval;
  const kernel: Kernel = {
    kind: "nest",
    domain: [length],
    rowRank: 1,
    operands: [{ dtype, access: "write" }],
    statements: [{ kind: "constant", dtype, value: 0 }],
    reductions: [],
    stores: [{
      operand: 0,
      index: { offset: 0, strides: [1], dynamic: [] },
      value: 0,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
    passes: 1,
  };
  builder.steps.push({ kind: "kernel", kernel, bindings: [place], nodes: [node] });
}

export function scheduleSwitch(builder: LevelBuilder, node: Node, params: SwitchParams): void {
  const { scheduler } = builder;
  const [index, ...operands] = node.inputs;
  const levels = params.branches.map((branch) =>
    scheduler.schedule(branch, {
      inputs: operands.map((v) => builder.binding(v)),
      outputs: node.outputs.map((v) => builder.binding(v)),
      late: new Set(),
    })
  );
  const step: Step = {
    kind: "switch",
    index: builder.binding(index),
    branches: levels.map((level) => level.steps),
    node,
  };
  builder.steps.push(step);
  builder.nested.set(step, levels.map((level) => ({ level, exclusive: true })));
}
