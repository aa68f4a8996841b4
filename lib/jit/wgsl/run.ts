/** One run of a program: steps become dispatches of one pass, submitted when the run ends or a value is needed. */
import type { Binding, HostStep, KernelStep, Program, Step } from "../kernel/program.ts";
import type { Block } from "../memory/mod.ts";
import { storedBits } from "./place.ts";
import type { CompiledStep, StepTable } from "./compiled_step.ts";
import { Control } from "./control.ts";
import type { GpuHeap } from "./heap.ts";
import { runHostStep } from "./host_step.ts";
import type { ProgramLayout } from "./layout.ts";
import { type Dispatch, MAX_DISPATCHES } from "./plan.ts";
import { RunTapes } from "./tapes.ts";
import { type BufferTexture, RunTextures } from "./textures.ts";

/** Dispatches that are worth submitting before the rest of a run is compiled. */
const WORTH_STARTING = 64;

/** What a run has to do with. */
export interface RunContext {
  readonly heap: GpuHeap;
  readonly program: Program;
  readonly layout: ProgramLayout;
  readonly steps: StepTable;
  /** Called before and after a measured step. */
  readonly measure: ((step: Step, run: () => void) => void) | null;
}

export class Run {
  readonly #context: RunContext;
  readonly #heap: GpuHeap;
  readonly #control: Control;
  /** Numbers of GPU buffers by buffer of the program. */
  readonly #addresses: Int32Array;
  /** The same for temporaries, by slot: loops exchange them. */
  readonly slots: Int32Array;
  readonly #scalars: number;
  /** Where each loop under way stands. */
  readonly positions: Map<number, number> = new Map();
  readonly tapes: RunTapes;
  readonly #blocks: Block[] = [];
  readonly #textures: RunTextures;
  #scratch: Block | null = null;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #dispatches = 0;
  #pipeline: GPUComputePipeline | null = null;
  /** The scope that is encoded, null where everything happens. */
  #scope: number | null = null;
  /** Whether what is encoded must go into one submit. */
  #together = false;
  #startedEarly = false;

  /** `addresses` has the buffers of inputs and outputs, `scalars` that of the block of numbers. */
  constructor(context: RunContext, addresses: Int32Array, scalars: number) {
    this.#context = context;
    this.#heap = context.heap;
    this.#textures = new RunTextures(context.heap.textures);
    this.#addresses = addresses;
    this.#scalars = scalars;
    this.tapes = new RunTapes(context.heap, context.program);
    this.#control = new Control(this, context);
    this.slots = Int32Array.from(context.layout.slots, ({ bytes }) => this.#allocate(bytes).address);
  }

  #allocate(bytes: number): Block {
    const block = this.#heap.cache.allocate(bytes);
    this.#blocks.push(block);
    return block;
  }

  /** Runs all steps and submits them. */
  execute(): void {
    this.steps(this.#context.program.steps);
    this.flush();
  }

  /** Gives back what only the run needed. */
  release(): void {
    for (const block of this.#blocks) this.#heap.cache.free(block);
    if (this.#scratch) this.#heap.cache.free(this.#scratch);
    this.#blocks.length = 0;
    this.#textures.release();
    this.tapes.release();
    this.#scratch = null;
  }

  /** Submits what was encoded so far. */
  flush(): void {
    if (this.#encoder !== null) this.#submit(this.#encoder);
    this.#heap.proof.check();
  }

  #submit(encoder: GPUCommandEncoder): void {
    this.#endPass();
    const { pipelines, proof, device } = this.#heap;
    this.#heap.send();
    const unproven = pipelines.takeUnproven();
    if (unproven.length > 0) proof.begin(encoder, unproven);
    device.device.queue.submit([encoder.finish()]);
    this.#encoder = null;
    this.#dispatches = 0;
  }

  /** Lets the device start while the host compiles: once, because a second submit waits for the end of the first. */
  readonly #onCompile = (): void => {
    if (this.#startedEarly || this.#together || this.#dispatches < WORTH_STARTING) return;
    if (!this.#heap.proof.canWait || this.#encoder === null) return;
    this.#startedEarly = true;
    this.#submit(this.#encoder);
  };

  #beginPass(): GPUComputePassEncoder {
    const timestampWrites = this.#context.measure ? this.#heap.timestamps?.writes() : undefined;
    return this.#encoding().beginComputePass(timestampWrites ? { timestampWrites } : undefined);
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }

  /** For commands between dispatches. */
  readonly encoder = (): GPUCommandEncoder => {
    this.#endPass();
    return this.#encoding();
  };

  #encoding(): GPUCommandEncoder {
    return this.#encoder ??= this.#heap.device.device.createCommandEncoder();
  }

  /** The number of the GPU buffer of a program's buffer. */
  address(buffer: number): number {
    const { layout, program } = this.#context;
    const slot = layout.slotOf[buffer];
    if (slot >= 0) return this.slots[slot];
    if (layout.scalarWord[buffer] >= 0) return this.#scalars;
    if (program.buffers[buffer].kind === "tape") return this.tapes.get(buffer).block.address;
    return this.#addresses[buffer];
  }

  /** Elements from the start of the buffer to a binding, at this moment. */
  offset(binding: Binding): number {
    const word = this.#context.layout.scalarWord[binding.buffer];
    return (word >= 0 ? word : binding.offset) + this.#movingOffset(binding);
  }

  #movingOffset(binding: Binding): number {
    let offset = 0;
    for (const { loop, stride } of binding.steps) offset += this.positions.get(loop)! * stride;
    return offset;
  }

  /** Runs steps, one after another. */
  steps(steps: readonly Step[]): void {
    const { measure } = this.#context;
    for (const step of steps) {
      if (step.kind === "loop") this.#control.loop(step);
      else if (step.kind === "switch") this.#control.switch(step);
      else if (measure) {
        measure(step, () => {
          this.#step(step);
          this.flush();
        });
      } else this.#step(step);
    }
  }

  #step(step: KernelStep | HostStep): void {
    if (step.kind === "kernel") return this.kernel(step);
    this.flush();
    runHostStep(this, this.#heap, this.#context.program, step);
  }

  /** Encodes at most so many dispatches, and scopes, into one submit. */
  together<T>(dispatches: number, scopes: number, encode: () => T): T {
    if (this.#together) return encode();
    const { parameters, predicates } = this.#heap;
    const fits = this.#dispatches + dispatches <= MAX_DISPATCHES && parameters.hasRoom(dispatches);
    if (!fits || !predicates.hasRoom(scopes)) this.flush();
    this.#together = true;
    try {
      return encode();
    } finally {
      this.#together = false;
    }
  }

  get scope(): number | null {
    return this.#scope;
  }

  /** What `encode` dispatches happens where the scope is alive. There must be room for all of it. */
  within(scope: number, encode: () => void): void {
    const around = this.#scope;
    this.#scope = scope;
    encode();
    this.#scope = around;
  }

  /** Dispatches a kernel that decides about scopes, whatever scope it is in. */
  predicate(step: KernelStep, constants: readonly number[]): void {
    const around = this.#scope;
    this.#scope = null;
    this.kernel(step, constants, this.#heap.predicates.address);
    this.#scope = around;
  }

  /** The kernel compiled for the buffers it meets at this moment. */
  compiled(step: KernelStep): CompiledStep {
    return this.#context.steps.get(step, step.bindings.map((binding) => this.address(binding.buffer)));
  }

  /** Dispatches a kernel; `constants` take the place of those of its plan, `scratch` that of its scratch buffer. */
  kernel(step: KernelStep, constants?: readonly number[], scratch?: number): void {
    if (step.copies !== undefined) {
      const [from, to] = step.copies;
      const a = step.bindings[from], b = step.bindings[to];
      if (this.address(a.buffer) === this.address(b.buffer) && this.offset(a) === this.offset(b)) return;
    }
    const compiled = this.compiled(step);
    scratch ??= this.#scratchFor(compiled.plan.scratchBytes);
    compiled.plan.dispatches.forEach((dispatch, i) => {
      const parameters = dispatch.offsets.map((operand) => this.#movingOffset(step.bindings[operand]));
      this.#dispatch(dispatch, compiled, i, scratch!, [...parameters, ...constants ?? dispatch.constants]);
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
    const { parameters: block, predicates } = this.#heap;
    if (!this.#together && (this.#dispatches >= MAX_DISPATCHES || !block.hasRoom(1))) this.flush();
    const textures = this.#texturesOf(dispatch, compiled);
    const { pipeline, group } = this.#context.steps.prepared(
      compiled,
      number,
      scratch,
      textures,
      this.#onCompile,
    );
    const pass = this.#pass ??= this.#beginPass();
    if (pipeline !== this.#pipeline) pass.setPipeline(this.#pipeline = pipeline);
    pass.setBindGroup(0, group);
    if (parameters.length > 0) pass.setBindGroup(1, block.group, [block.add(parameters)]);
    if (this.#scope === null) pass.dispatchWorkgroups(...dispatch.groups);
    else pass.dispatchWorkgroupsIndirect(predicates.buffer, predicates.record(this.#scope, dispatch.groups));
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
      textures.push(
        this.#textures.get(address, { texels, width }, this.#heap.buffers.buffer(address), this.encoder),
      );
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

  readFlag(binding: Binding): boolean {
    return this.readBytes(binding, 1)[0] !== 0;
  }

  readInteger(binding: Binding): number {
    return new Int32Array(this.readBytes(binding, 1).buffer, 0, 1)[0];
  }

  /** Two words at the start of the scratch buffer, or from a byte of another one. */
  readPair(address: number = this.#scratch!.address, from = 0): readonly [number, number] {
    this.flush();
    const bytes = new Uint8Array(8);
    this.#heap.readback.read(this.#heap.buffers.buffer(address), from, bytes);
    const [first, second] = new Uint32Array(bytes.buffer);
    return [first, second];
  }
}
