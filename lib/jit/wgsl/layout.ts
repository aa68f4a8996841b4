/** Which buffers of a program share a GPU buffer, and how a kernel's operands lie in theirs. */
import { DTypeError } from "../../trace/errors.ts";
import type { Graph } from "../../trace/graph.ts";
import { describe } from "../../trace/shape.ts";
import type { BufferPlan, KernelStep, Program } from "../kernel/program.ts";
import { type Place, storedBits } from "./place.ts";

/** A place of temporaries: those with one offset in the arena have one GPU buffer. */
export interface TemporarySlot {
  readonly bytes: number;
}

export interface ProgramLayout {
  /** For each temporary the number of its slot, -1 for other buffers. */
  readonly slotOf: readonly number[];
  readonly slots: readonly TemporarySlot[];
  /** For each buffer the word of the block of numbers that it is, -1 for those with a buffer. */
  readonly scalarWord: readonly number[];
  readonly scalarWords: number;
}

/** Bytes a buffer takes; weak float64 scalars are float32 here. */
export function bufferBytes(buffer: BufferPlan): number {
  return Math.ceil(buffer.length * storedBits(buffer.dtype) / 8);
}

export function layoutOf(program: Program, scalars: readonly number[]): ProgramLayout {
  const slotOf = program.buffers.map(() => -1);
  const scalarWord = program.buffers.map(() => -1);
  const slots: { bytes: number }[] = [];
  const byOffset = new Map<number, number>();
  for (const buffer of program.buffers) {
    if (buffer.kind !== "temporary") continue;
    let slot = byOffset.get(buffer.offset);
    if (slot === undefined) {
      slot = slots.push({ bytes: 0 }) - 1;
      byOffset.set(buffer.offset, slot);
    }
    slotOf[buffer.id] = slot;
    slots[slot].bytes = Math.max(slots[slot].bytes, bufferBytes(buffer), 4);
  }
  let words = 0;
  for (const position of scalars) {
    const buffer = program.inputs[position];
    if (buffer >= 0) scalarWord[buffer] = words++;
  }
  return { slotOf, slots, scalarWord, scalarWords: words };
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

/** Textures have 8,192 rows everywhere. */
const MAX_TEXTURE_BYTES = 100 << 20;

/** What decides how operands are read and written. */
export interface PlaceOptions {
  /** Buffers of at least so many bytes are worth reading as textures. */
  readonly textureBytes?: number;
  /** Whether shaders have a type of their own for float16. */
  readonly halves?: boolean;
}

/** The places of a step's operands; `slots` numbers their GPU buffers. */
export function placesOf(
  step: Pick<KernelStep, "bindings">,
  program: Program,
  layout: ProgramLayout,
  slots: readonly number[],
  { textureBytes = Infinity, halves = false }: PlaceOptions = {},
): Place[] {
  const others = new Set<number>();
  step.bindings.forEach(({ buffer }, i) => {
    const isHalf = program.buffers[buffer].dtype === "float16" && layout.scalarWord[buffer] < 0;
    if (!isHalf) others.add(slots[i]);
  });
  return step.bindings.map((binding, i): Place => {
    const buffer = program.buffers[binding.buffer];
    const word = layout.scalarWord[binding.buffer];
    const bytes = bufferBytes(buffer);
    return {
      slot: slots[i],
      offset: word >= 0 ? word : binding.offset,
      dynamic: binding.steps.length > 0,
      step: binding.steps.reduce((step, { stride }) => gcd(step, stride), 0),
      words: word >= 0,
      elements: buffer.length,
      texture: buffer.kind !== "tape" && bytes >= textureBytes && bytes <= MAX_TEXTURE_BYTES,
      halves: halves && !others.has(slots[i]),
    };
  });
}

/** Refuses float64, which WebGPU does not have; numbers without a type of their own are float32. */
export function refuseFloat64(graph: Graph): void {
  const stack = [graph];
  const refuse = (what: string, location: Graph["nodes"][number]["location"] | undefined) => {
    throw new DTypeError(`${what} is float64, which WebGPU does not have.`, {
      operation: graph.name || "webgpu",
      location: location ?? undefined,
      remedy:
        'Cast to float32 with cast("float32"), or compute on the device "wasm": init({ device: "wasm" }).',
    });
  };
  while (stack.length > 0) {
    const { inputs, nodes } = stack.pop()!;
    for (const { aval, name } of inputs) {
      if (aval.dtype === "float64" && !aval.weak && aval.shape.length > 0) {
        refuse(`The input ${name ?? ""}${describe(aval)}`, undefined);
      }
    }
    for (const node of nodes) {
      for (const { aval } of node.outputs) {
        if (aval.dtype === "float64" && !aval.weak && aval.shape.length > 0) {
          refuse(`The result ${describe(aval)} of ${node.primitive.name}`, node.location);
        }
      }
      for (const value of Object.values(node.params as Record<string, unknown>)) {
        for (const inner of Array.isArray(value) ? value : [value]) {
          if (isGraph(inner)) stack.push(inner);
        }
      }
    }
  }
  for (const { aval } of graph.outputs) {
    if (aval.dtype === "float64") refuse(`The result ${describe(aval)}`, undefined);
  }
}

function isGraph(value: unknown): value is Graph {
  return typeof value === "object" && value !== null && "nodes" in value && "outputs" in value;
}
