/** One run of a program: steps become dispatches of one pass, submitted when the run ends or a value is needed. */
import type { Binding, KernelStep, LoopStep, Program, Step, SwitchStep } from "../kernel/program.ts";
import type { Block } from "../memory/mod.ts";
import { type Place, storedBits } from "./access.ts";
import type { CompiledStep, LoopKernel, StepTable } from "./compiled_step.ts";
import type { GpuHeap } from "./heap.ts";
import { runHostStep } from "./host_step.ts";
import { LOOP_STATE_BYTES } from "./kernels/loop_shader.ts";
import { bufferBytes, type ProgramLayout, writtenTapes } from "./layout.ts";
import type { Dispatch } from "./plan.ts";
import { type BufferTexture, RunTextures } from "./textures.ts";

/** Dispatches between two submits at most. */
const MAX_DISPATCHES = 4000;

/** Steps of a loop that may end early before the host looks for the first time whether it has. */
const FIRST_BLOCK = 32;

/** What a run has to do with. */
export interface RunContext {
  readonly heap: GpuHeap;
  readonly program: Program;
  readonly layout: ProgramLayout;
  readonly steps: StepTable;
  /** Called before and after a measured step. */
  readonly measure: ((step: Step, run: () => void) => void) | null;
}

interface Tape {
  block: Block;
  capacity: number;
  records: number;
}

export class Run {
  readonly #context: RunContext;
  readonly #heap: GpuHeap;
  /** Numbers of GPU buffers by buffer of the program; temporaries by slot. */
  readonly #addresses: Int32Array;
  readonly #slots: Int32Array;
  readonly #scalars: number;
  readonly #positions: Map<number, number> = new Map();
  readonly #tapes: Map<number, Tape> = new Map();
  readonly #blocks: Block[] = [];
  readonly #textures: RunTextures;
  #scratch: Block | null = null;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #dispatches = 0;
  #pipeline: GPUComputePipeline | null = null;

  /** `addresses` has the buffers of inputs and outputs, `scalars` that of the block of numbers. */
  constructor(context: RunContext, addresses: Int32Array, scalars: number) {
    this.#context = context;
    this.#heap = context.heap;
    this.#textures = new RunTextures(context.heap.textures);
    this.#addresses = addresses;
    this.#scalars = scalars;
    this.#slots = Int32Array.from(context.layout.slots, ({ bytes }) => this.#allocate(bytes).address);
  }

  #allocate(bytes: number): Block {
    const block = this.#heap.cache.allocate(bytes);
    this.#blocks.push(block);
    return block;
  }

  /** Runs all steps and submits them. */
  execute(): void {
    this.#steps(this.#context.program.steps);
    this.flush();
  }

  /** Gives back what only the run needed. */
  release(): void {
    for (const block of this.#blocks) this.#heap.cache.free(block);
    for (const { block } of this.#tapes.values()) this.#heap.cache.free(block);
    if (this.#scratch) this.#heap.cache.free(this.#scratch);
    this.#blocks.length = 0;
    this.#textures.release();
    this.#tapes.clear();
    this.#scratch = null;
  }

  /** Submits what was encoded so far. */
  flush(): void {
    if (this.#encoder === null) return;
    this.#endPass();
    const { parameters, pipelines, proof, device } = this.#heap;
    parameters.send();
    const unproven = pipelines.takeUnproven();
    if (unproven.length > 0) proof.begin(this.#encoder);
    device.device.queue.submit([this.#encoder.finish()]);
    if (unproven.length > 0) proof.check(unproven);
    this.#encoder = null;
    this.#dispatches = 0;
  }

  #beginPass(): GPUComputePassEncoder {
    const timestampWrites = this.#context.measure ? this.#heap.timestamps?.writes() : undefined;
    return this.#encoding().beginComputePass(timestampWrites ? { timestampWrites } : undefined);
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }

  #encoding(): GPUCommandEncoder {
    return this.#encoder ??= this.#heap.device.device.createCommandEncoder();
  }

  /** The number of the GPU buffer of a program's buffer. */
  address(buffer: number): number {
    const { layout, program } = this.#context;
    const slot = layout.slotOf[buffer];
    if (slot >= 0) return this.#slots[slot];
    if (layout.scalarWord[buffer] >= 0) return this.#scalars;
    if (program.buffers[buffer].kind === "tape") return this.#tape(buffer).block.address;
    return this.#addresses[buffer];
  }

  /** Elements from the start of the buffer to a binding, at this moment. */
  offset(binding: Binding): number {
    const word = this.#context.layout.scalarWord[binding.buffer];
    return (word >= 0 ? word : binding.offset) + this.#movingOffset(binding);
  }

  #movingOffset(binding: Binding): number {
    let offset = 0;
    for (const { loop, stride } of binding.steps) offset += this.#positions.get(loop)! * stride;
    return offset;
  }

  #tape(buffer: number): Tape {
    let tape = this.#tapes.get(buffer);
    if (tape === undefined) {
      const bytes = bufferBytes(this.#context.program.buffers[buffer]);
      const capacity = 16;
      tape = { block: this.#heap.cache.allocate(Math.max(4, bytes * capacity)), capacity, records: 0 };
      this.#tapes.set(buffer, tape);
    }
    return tape;
  }

  /** Makes room for some number of records. */
  #growTape(buffer: number, records: number): void {
    const tape = this.#tape(buffer);
    if (records <= tape.capacity) return;
    const bytes = bufferBytes(this.#context.program.buffers[buffer]);
    const capacity = Math.max(records, tape.capacity * 2);
    const block = this.#heap.cache.allocate(Math.max(4, bytes * capacity));
    const { buffers } = this.#heap;
    this.#endPass();
    const used = Math.ceil(bytes * tape.capacity / 4) * 4;
    this.#encoding().copyBufferToBuffer(
      buffers.buffer(tape.block.address),
      0,
      buffers.buffer(block.address),
      0,
      used,
    );
    this.#blocks.push(tape.block);
    tape.block = block;
    tape.capacity = capacity;
  }

  #steps(steps: readonly Step[]): void {
    const { measure } = this.#context;
    for (const step of steps) {
      if (step.kind === "loop") this.#loop(step);
      else if (step.kind === "switch") this.#switch(step);
      else if (measure) {
        measure(step, () => {
          this.#step(step);
          this.flush();
        });
      } else this.#step(step);
    }
  }

  #step(step: Exclude<Step, LoopStep | SwitchStep>): void {
    if (step.kind === "kernel") return this.kernel(step);
    this.flush();
    runHostStep(this, this.#heap, this.#context.program, step);
  }

  /** Dispatches a kernel; `constants` take the place of those of its plan. */
  kernel(step: KernelStep, constants?: readonly number[]): void {
    if (step.copies !== undefined) {
      const [from, to] = step.copies;
      const a = step.bindings[from], b = step.bindings[to];
      if (this.address(a.buffer) === this.address(b.buffer) && this.offset(a) === this.offset(b)) return;
    }
    const addresses = step.bindings.map((binding) => this.address(binding.buffer));
    const compiled = this.#context.steps.get(step, addresses);
    const scratch = this.#scratchFor(compiled.plan.scratchBytes);
    compiled.plan.dispatches.forEach((dispatch, i) => {
      const parameters = dispatch.offsets.map((operand) => this.#movingOffset(step.bindings[operand]));
      this.#dispatch(dispatch, compiled, i, scratch, [...parameters, ...constants ?? dispatch.constants]);
    });
  }

  #scratchFor(bytes: number): number {
    if (bytes === 0) return 0;
    if (this.#scratch === null || this.#scratch.bytes < bytes) {
      if (this.#scratch) this.#blocks.push(this.#scratch);
      this.#scratch = this.#heap.cache.allocate(bytes);
    }
    return this.#scratch.address;
  }

  #dispatch(
    dispatch: Dispatch,
    compiled: CompiledStep,
    number: number,
    scratch: number,
    parameters: readonly number[],
  ): void {
    const { parameters: block } = this.#heap;
    if (this.#dispatches >= MAX_DISPATCHES || block.isFull) this.flush();
    const textures = this.#texturesOf(dispatch, compiled);
    const { pipeline, group } = this.#context.steps.prepared(compiled, number, scratch, textures);
    const pass = this.#pass ??= this.#beginPass();
    if (pipeline !== this.#pipeline) pass.setPipeline(this.#pipeline = pipeline);
    pass.setBindGroup(0, group);
    if (parameters.length > 0) pass.setBindGroup(1, block.group, [block.add(parameters)]);
    const [x, y, z] = dispatch.groups;
    pass.dispatchWorkgroups(x, y, z);
    this.#dispatches++;
    for (const { slot, write } of dispatch.bindings) {
      if (write && slot >= 0) this.#textures.touch(compiled.addresses[compiled.operandOf[slot]]);
    }
  }

  /** Textures with the contents of the buffers that a dispatch reads as such. */
  #texturesOf({ bindings }: Dispatch, { addresses, operandOf }: CompiledStep): BufferTexture[] {
    const textures: BufferTexture[] = [];
    for (const { slot, texels, width } of bindings) {
      if (texels === null) continue;
      const address = addresses[operandOf[slot]];
      textures.push(this.#textures.get(address, { texels, width }, this.#heap.buffers.buffer(address), () => {
        this.#endPass();
        return this.#encoding();
      }));
    }
    return textures;
  }

  /** Says that the host wrote to a buffer. */
  touch(buffer: number): void {
    this.#textures.touch(this.address(buffer));
  }

  /** The bytes of a binding, at once. */
  readBytes(binding: Binding, count: number): Uint8Array<ArrayBuffer> {
    this.flush();
    const bits = this.#bits(binding);
    const start = this.offset(binding) * bits / 8;
    const aligned = Math.floor(start / 4) * 4;
    const bytes = new Uint8Array(Math.ceil((start - aligned + count * bits / 8) / 4) * 4);
    this.#heap.readback.read(this.#heap.buffers.buffer(this.address(binding.buffer)), aligned, bytes);
    return bytes.slice(start - aligned, start - aligned + count * bits / 8);
  }

  #bits(binding: Binding): number {
    if (this.#context.layout.scalarWord[binding.buffer] >= 0) return 32;
    return storedBits(this.#context.program.buffers[binding.buffer].dtype);
  }

  #readFlag(binding: Binding): boolean {
    return this.readBytes(binding, 1)[0] !== 0;
  }

  #readInteger(binding: Binding): number {
    return new Int32Array(this.readBytes(binding, 1).buffer, 0, 1)[0];
  }

  /** Writes an int32 in the order of the dispatches. */
  #writeInteger(binding: Binding, value: number): void {
    const step = this.#context.steps.integerStep(binding);
    const compiled = this.#context.steps.get(step, [this.address(binding.buffer)]);
    const [dispatch] = compiled.plan.dispatches;
    const offsets = dispatch.offsets.map(() => this.#movingOffset(binding));
    this.#dispatch(dispatch, compiled, 0, 0, [...offsets, value]);
  }

  #switch(step: SwitchStep): void {
    const last = step.branches.length - 1;
    if (last < 0) return;
    const index = this.#readInteger(step.index);
    this.#steps(step.branches[Math.max(0, Math.min(last, index))]);
  }

  #loop(step: LoopStep): void {
    const { loop } = step;
    const written = writtenTapes(step);
    let bound = step.length < 0 ? Infinity : step.length;
    if (step.count !== null) bound = Math.min(bound, Math.max(0, this.#readInteger(step.count)));
    else if (step.length < 0) {
      const read = step.tapes.find((tape) => !written.includes(tape));
      if (read !== undefined) bound = this.#tape(read).records;
    }
    for (const tape of written) {
      this.#tape(tape).records = 0;
      // Written from its end: there must be room for all records before the first.
      if (step.reverse && bound < Infinity) this.#growTape(tape, bound);
    }
    const kernel = this.#context.measure ? null : this.#context.steps.loop(step);
    if (kernel !== null) {
      const steps = this.#loopOnDevice(step, kernel, bound, written);
      if (step.taken !== null) this.#writeInteger(step.taken, steps);
      return;
    }
    let taken = 0;
    while (taken < bound) {
      this.#positions.set(loop, step.reverse && bound < Infinity ? bound - 1 - taken : taken);
      if (step.condition !== null) {
        this.#steps(step.condition.steps);
        if (!this.#readFlag(step.condition.result)) break;
      }
      for (const tape of written) this.#growTape(tape, taken + 1);
      if (step.stepNumber !== null) this.#writeInteger(step.stepNumber, taken);
      this.#steps(step.body);
      this.#exchange(step);
      taken++;
      for (const tape of written) this.#tape(tape).records = taken;
      if (step.stop !== null && this.#readFlag(step.stop)) break;
    }
    if (step.taken !== null) this.#writeInteger(step.taken, taken);
  }

  /**
   * Runs a loop that is one shader, in blocks of steps: as many as an invocation may do; of a loop that may end early
   * few at first, then more. Gives the number of steps taken.
   */
  #loopOnDevice(
    step: LoopStep,
    { step: kernel, parts }: LoopKernel,
    bound: number,
    written: readonly number[],
  ): number {
    const most = Math.max(1, Math.floor(this.#heap.device.tuning.maxIterations / parts.iterations));
    const watches = step.condition !== null || step.stop !== null;
    let block = watches ? Math.min(FIRST_BLOCK, most) : most;
    let taken = 0, ended = false;
    while (taken < bound && !ended) {
      const count = Math.min(block, bound - taken);
      for (const tape of written) this.#growTape(tape, taken + count);
      this.kernel(kernel, [taken, count, Number.isFinite(bound) ? bound : 0]);
      if (watches) {
        this.flush();
        const bytes = new Uint8Array(LOOP_STATE_BYTES);
        this.#heap.readback.read(this.#heap.buffers.buffer(this.#scratch!.address), 0, bytes);
        const [reached, flag] = new Uint32Array(bytes.buffer);
        taken = reached;
        ended = flag !== 0;
        block = Math.min(4 * block, most);
      } else taken += count;
      for (const tape of written) this.#tape(tape).records = taken;
    }
    return taken;
  }

  /** Moves the new carries into place: temporaries by swapping their buffers, others by copies. */
  #exchange(step: LoopStep): void {
    for (const exchange of step.exchange) {
      const { carry, next } = exchange;
      const { slotOf } = this.#context.layout;
      const a = slotOf[carry.buffer], b = slotOf[next.buffer];
      const plain = carry.offset === 0 && next.offset === 0 && carry.steps.length + next.steps.length === 0;
      if (
        a >= 0 && b >= 0 && plain &&
        this.#context.layout.slots[a].bytes === this.#context.layout.slots[b].bytes
      ) {
        [this.#slots[a], this.#slots[b]] = [this.#slots[b], this.#slots[a]];
      } else this.kernel(this.#context.steps.copyStep(exchange));
    }
  }
}

/** A place without an offset, for kernels of the runtime. */
export function plainPlace(elements: number): Place {
  return {
    slot: 0,
    offset: 0,
    dynamic: false,
    step: 0,
    words: false,
    elements,
    texture: false,
    halves: false,
  };
}
