/**
 * Operands of products that are worth keeping in panels, the order in which products read them: inputs, whose panels
 * outlive a call as long as nobody changes them, and whatever stays as it is while a loop runs.
 *
 * Measured on one thread with 512 to 2048 depths and columns, panels of B that are there make products of 2 to 12 rows
 * 1.1 to 1.9 times as fast where rows of B are read directly, and 1.3 to 4 times where B is transposed; of 32 rows 1.15
 * to 1.3 times, of 128 rows 1.05 to 1.1. Smaller ones that are read directly lie in the caches. Where A is packed, its
 * panels make products of 16 columns 1.4 to 1.7 times as fast, of 32 1.2, of 128 1.07 to 1.13.
 */
import { byteSize } from "../../../trace/dtype.ts";
import type { Contraction } from "../../kernel/kernel.ts";
import type { KernelStep, LoopStep, Program, Step } from "../../kernel/program.ts";
import { writtenBuffers } from "../../kernel/written_buffers.ts";
import {
  bytesOfPanels,
  type ContractSpec,
  formOfPanels,
  type PanelOperand,
  panelSizes,
} from "../contract/mod.ts";
import { isDeep } from "../deep_product.ts";
import { panelProduct } from "../product.ts";

/** Elements of an operand that products pack anyway, and of one that they read directly. */
const LEAST_PACKED = 128 * 128, LEAST_DIRECT = 256 * 256;
/** With more rows of A, or columns of B, packing the other is little beside the product, and memory worth more. */
const MOST_USES = 256;
/** Steps of a loop from which it pays to make the panels before it. */
const LEAST_STEPS = 4;
/** Bytes of panels that programs make before a loop. */
const MOST_LOOP_BYTES = 32 << 20;

/** An operand in panels. */
export interface PanelSlot {
  readonly operand: PanelOperand;
  readonly buffer: number;
  /** Where it begins in the buffer, in bytes. */
  readonly offset: number;
  /** Position among the program's inputs; -1 for temporaries. */
  readonly input: number;
  readonly spec: ContractSpec;
  /** Tells forms of one buffer apart. */
  readonly form: string;
  readonly bytes: number;
  /** The outermost loop before which the panels may be made; null when there is none. */
  readonly loop: LoopStep | null;
  /** Where in the memory for such panels. */
  readonly place: number;
}

/** The slots of a program. */
export interface PanelSlots {
  readonly slots: readonly PanelSlot[];
  /** By step: the number of its slot. */
  readonly ofStep: ReadonlyMap<KernelStep, number>;
  /** Bytes of the panels made before loops. */
  readonly loopBytes: number;
}

function pays(spec: ContractSpec, operand: PanelOperand): boolean {
  const { rows, columns, depth } = spec;
  const { packA, packB } = panelSizes(spec);
  if (operand === "a") return packA && columns <= MOST_USES && rows * depth >= LEAST_PACKED;
  return rows <= MOST_USES && columns * depth >= (packB ? LEAST_PACKED : LEAST_DIRECT);
}

/** Finds the operands that are worth it. */
export function panelSlots(program: Program): PanelSlots {
  const slots: PanelSlot[] = [];
  const ofStep = new Map<KernelStep, number>();
  const numbers = new Map<string, number>();
  let loopBytes = 0;
  let written: ReadonlySet<number> | null = null;
  /** The number of the slot of an operand, if it may have one. */
  const slotOf = (
    step: KernelStep,
    kernel: Contraction,
    operand: PanelOperand,
    loops: readonly OpenLoop[],
  ): number | null => {
    const side = kernel[operand];
    const binding = step.bindings[side.operand];
    const { id, kind, position, dtype } = program.buffers[binding.buffer];
    if (binding.steps.length > 0 || (kind !== "input" && loops.length === 0)) return null;
    const spec = panelProduct(kernel);
    if (spec === null || !pays(spec, operand)) return null;
    const input = kind === "input" && !(written ??= writtenBuffers(program.steps)).has(id) ? position : -1;
    const bytes = bytesOfPanels(spec, operand);
    let outermost = loops.findIndex((loop) => !loop.writes(id));
    if (outermost >= 0 && !(loops[outermost].repeats && loopBytes + bytes <= MOST_LOOP_BYTES)) outermost = -1;
    const loop = outermost < 0 ? null : loops[outermost].step;
    if (input < 0 && loop === null) return null;
    const offset = (binding.offset + side.offset) * byteSize(dtype);
    const form = `${offset} ${formOfPanels(spec, operand)}`;
    const key = `${id} ${loop?.loop} ${form}`;
    let number = numbers.get(key);
    if (number === undefined) {
      numbers.set(key, number = slots.length);
      slots.push({ operand, buffer: id, offset, input, spec, form, bytes, loop, place: loopBytes });
      if (loop !== null) loopBytes += Math.ceil(bytes / 64) * 64;
    }
    return number;
  };
  const visit = (step: KernelStep, loops: readonly OpenLoop[]): void => {
    const { kernel } = step;
    if (kernel.kind !== "contraction" || isDeep(kernel)) return;
    // One of them: the larger takes the greater part of the time.
    const [first, second] = kernel.m > kernel.n ? ["a", "b"] as const : ["b", "a"] as const;
    const number = slotOf(step, kernel, first, loops) ?? slotOf(step, kernel, second, loops);
    if (number !== null) ofStep.set(step, number);
  };
  const visitAll = (steps: readonly Step[], loops: readonly OpenLoop[]): void => {
    for (const step of steps) {
      if (step.kind === "kernel") visit(step, loops);
      else if (step.kind === "switch") { for (const branch of step.branches) visitAll(branch, loops); }
      else if (step.kind === "loop") {
        const inside = [...loops, new OpenLoop(step)];
        visitAll(step.condition?.steps ?? [], inside);
        visitAll(step.body, inside);
      }
    }
  };
  visitAll(program.steps, []);
  return { slots, ofStep, loopBytes };
}

/** A loop around the steps that are looked at. */
class OpenLoop {
  #written: ReadonlySet<number> | null = null;

  constructor(readonly step: LoopStep) {}

  /** Whether it is likely to go round often enough. */
  get repeats(): boolean {
    return this.step.length < 0 || this.step.length >= LEAST_STEPS;
  }

  writes(buffer: number): boolean {
    return (this.#written ??= writtenBuffers([this.step])).has(buffer);
  }
}
