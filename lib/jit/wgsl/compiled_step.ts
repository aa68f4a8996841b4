/** Kernels of a program, compiled for the buffers they meet. */
import type { Operand } from "../kernel/kernel.ts";
import type { Binding, KernelStep, LoopStep, Program, SwitchStep } from "../kernel/program.ts";
import type { Place } from "./place.ts";
import type { Demand } from "./demand.ts";
import type { GpuHeap } from "./heap.ts";
import { type LoopParts, loopParts } from "./kernels/loop_parts.ts";
import { loopsInside, planLoop } from "./kernels/loop_shader.ts";
import { planKernel } from "./kernels/plan_kernel.ts";
import { type FlagMeaning, planChoice, planEnd } from "./kernels/predicate.ts";
import { writeInteger } from "./kernels/write_integer.ts";
import { placesOf, type ProgramLayout } from "./layout.ts";
import type { KernelPlan } from "./plan.ts";
import type { BufferTexture } from "./textures.ts";

/** Sets of buffers of a step whose bind groups are kept. */
const MAX_GROUPS = 64;

interface Prepared {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly textures: readonly BufferTexture[];
}

/** A step with the buffers it was compiled for. */
export interface CompiledStep {
  readonly step: KernelStep;
  readonly plan: KernelPlan;
  readonly addresses: readonly number[];
  /** For each slot, an operand that lies in it. */
  readonly operandOf: readonly number[];
  /** Per dispatch; made anew when the scratch buffer or a texture is another. */
  readonly prepared: (Prepared | undefined)[];
  scratch: number;
}

/** A loop that is one shader. */
export interface LoopKernel {
  readonly step: KernelStep;
  readonly parts: LoopParts;
}

type Exchange = LoopStep["exchange"][number];

/** Plans a kernel of the runtime, which no kernel of a program stands for. */
type Planner = (places: readonly Place[]) => KernelPlan;

export class StepTable {
  readonly #heap: GpuHeap;
  readonly #program: Program;
  readonly #layout: ProgramLayout;
  readonly #name: string;
  /** By step, then by the buffers bound. */
  readonly #compiled: Map<KernelStep, Map<string, CompiledStep>> = new Map();
  /** By step, then by which operands share a buffer. */
  readonly #plans: Map<KernelStep, Map<string, KernelPlan>> = new Map();
  readonly #copies: Map<Exchange, KernelStep> = new Map();
  /** Kernels of the runtime by the binding they read or write. */
  readonly #ofBinding: Map<Binding, KernelStep> = new Map();
  readonly #planners: Map<KernelStep, Planner> = new Map();
  readonly #loops: Map<LoopStep, LoopKernel | null> = new Map();
  readonly #usesHalves: boolean;
  /** By the loop or switch; null where the host has to decide. */
  readonly demands: Map<LoopStep | SwitchStep, Demand | null> = new Map();
  /** Steps that loops took the last time. */
  readonly lengths: Map<LoopStep, number> = new Map();

  constructor(heap: GpuHeap, program: Program, layout: ProgramLayout, name: string) {
    this.#heap = heap;
    this.#program = program;
    this.#layout = layout;
    this.#name = name;
    this.#usesHalves = program.buffers.some(({ dtype }) => dtype === "float16");
  }

  /** The step compiled for GPU buffers with these numbers. */
  get(step: KernelStep, addresses: readonly number[]): CompiledStep {
    let variants = this.#compiled.get(step);
    if (variants === undefined) this.#compiled.set(step, variants = new Map());
    const key = addresses.join();
    let compiled = variants.get(key);
    if (compiled === undefined) {
      if (variants.size >= MAX_GROUPS) variants.delete(variants.keys().next().value!);
      variants.set(key, compiled = this.#compile(step, addresses));
    }
    return compiled;
  }

  #compile(step: KernelStep, addresses: readonly number[]): CompiledStep {
    const distinct: number[] = [];
    const operandOf: number[] = [];
    const slots = addresses.map((address, operand) => {
      const known = distinct.indexOf(address);
      if (known >= 0) return known;
      operandOf.push(operand);
      return distinct.push(address) - 1;
    });
    return {
      step,
      plan: this.plan(step, slots),
      addresses,
      operandOf,
      prepared: [],
      scratch: 0,
    };
  }

  /** The dispatches of a step whose operands lie in the given slots. */
  plan(step: KernelStep, slots: readonly number[]): KernelPlan {
    let variants = this.#plans.get(step);
    if (variants === undefined) this.#plans.set(step, variants = new Map());
    const key = slots.join();
    let plan = variants.get(key);
    if (plan === undefined) {
      const places = placesOf(step, this.#program, this.#layout, slots, {
        textureBytes: this.#heap.device.tuning.textureBytes,
        halves: this.#usesHalves && this.#heap.halves.areNative,
      });
      const { device, tuning } = this.#heap.device;
      const planner = this.#planners.get(step);
      plan = planner
        ? planner(places)
        : planKernel(step.kernel, places, tuning, { buffers: device.limits.maxStorageBuffersPerShaderStage });
      variants.set(key, plan);
    }
    return plan;
  }

  /**
   * Pipeline and bind group of one dispatch; `textures` stand for the buffers that it reads as such, in order.
   * `onCompile` is called before a pipeline is compiled.
   */
  prepared(
    compiled: CompiledStep,
    number: number,
    scratch: number,
    textures: readonly BufferTexture[],
    onCompile: () => void,
  ): Prepared {
    if (scratch !== compiled.scratch) {
      compiled.scratch = scratch;
      compiled.prepared.length = 0;
    }
    const known = compiled.prepared[number];
    if (known !== undefined && known.textures.every((texture, i) => texture === textures[i])) return known;
    const dispatch = compiled.plan.dispatches[number];
    const { step, operandOf, addresses } = compiled;
    const { pipeline, layout } = this.#heap.pipelines.get(
      dispatch,
      () => this.#describe(step, dispatch.label),
      onCompile,
    );
    let next = 0;
    const group = this.#heap.device.device.createBindGroup({
      layout,
      entries: dispatch.bindings.map(({ slot, texels, bytes }, binding) => ({
        binding,
        resource: texels ? textures[next++].view : {
          buffer: this.#heap.buffers.buffer(slot < 0 ? scratch : addresses[operandOf[slot]]),
          ...(bytes === undefined ? {} : { size: bytes }),
        },
      })),
    });
    return compiled.prepared[number] = { pipeline, group, textures };
  }

  #describe({ nodes }: KernelStep, label: string): string {
    const names = nodes.map((node) => node.primitive.name).join(", ");
    const lines = [...new Set(nodes.flatMap((node) => node.location?.short() ?? []))].join(", ");
    return `The ${label} kernel of ${this.#name} (${names}${
      lines ? `, written at ${lines}` : ""
    }) was refused:`;
  }

  /** The kernel of a loop over a small state; null for other loops. */
  loop(step: LoopStep): LoopKernel | null {
    let kernel = this.#loops.get(step);
    if (kernel === undefined) this.#loops.set(step, kernel = this.#loopKernel(step));
    return kernel;
  }

  #loopKernel(step: LoopStep): LoopKernel | null {
    const { device, tuning } = this.#heap.device;
    const parts = loopParts(step, this.#program.buffers, tuning);
    if (parts === null) return null;
    const buffers = new Set(parts.bindings.map(({ buffer }) => buffer));
    if (buffers.size >= device.limits.maxStorageBuffersPerShaderStage) return null;
    const inside = loopsInside(parts);
    const bindings = parts.bindings.map((binding): Binding => ({
      ...binding,
      steps: binding.steps.filter(({ loop }) => !inside.has(loop)),
    }));
    const { operands } = parts;
    const kernel: KernelStep = {
      kind: "kernel",
      kernel: { kind: "routine", routine: "loop", options: {}, shapes: [], operands },
      bindings,
      nodes: [step.node],
    };
    this.#planners.set(kernel, (places) => planLoop(parts, places, tuning));
    return { step: kernel, parts };
  }

  /** A step that moves a new carry into its place. */
  copyStep(exchange: Exchange): KernelStep {
    let step = this.#copies.get(exchange);
    if (step === undefined) {
      const { dtype, length } = this.#program.buffers[exchange.next.buffer];
      step = {
        kind: "kernel",
        kernel: {
          kind: "copy",
          dtype,
          length,
          operands: [{ dtype, access: "read" }, { dtype, access: "write" }],
        },
        bindings: [exchange.next, exchange.carry],
        nodes: [],
        copies: [0, 1],
      };
      this.#copies.set(exchange, step);
    }
    return step;
  }

  #runtimeStep(binding: Binding, operand: Operand, planner: Planner): KernelStep {
    let step = this.#ofBinding.get(binding);
    if (step === undefined) {
      step = {
        kind: "kernel",
        kernel: { kind: "routine", routine: "runtime", options: {}, shapes: [], operands: [operand] },
        bindings: [binding],
        nodes: [],
      };
      this.#ofBinding.set(binding, step);
      this.#planners.set(step, planner);
    }
    return step;
  }

  /** A step that writes a number given at run time. */
  integerStep(binding: Binding): KernelStep {
    return this.#runtimeStep(binding, { dtype: "int32", access: "write" }, ([place]) => writeInteger(place));
  }

  /** A step that ends a scope by a flag. */
  endStep(flag: Binding, meaning: FlagMeaning): KernelStep {
    return this.#runtimeStep(flag, { dtype: "bool", access: "read" }, ([place]) => planEnd(place, meaning));
  }

  /** A step that lets one of several scopes live by an index. */
  choiceStep(index: Binding, branches: number): KernelStep {
    const operand: Operand = { dtype: "int32", access: "read" };
    return this.#runtimeStep(index, operand, ([place]) => planChoice(place, branches));
  }
}
