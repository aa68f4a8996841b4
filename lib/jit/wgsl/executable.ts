/** A compiled program and its runs. */
import { castValue } from "../../trace/dtype.ts";
import type { Storage } from "../../trace/storage.ts";
import {
  type CompileOptions,
  type Executable,
  KEEP,
  type KernelInfo,
  type KernelTiming,
  type RunInput,
  TAKE,
} from "../backend.ts";
import type { HostStep, KernelStep, Program, Step } from "../kernel/program.ts";
import type { Block } from "../memory/mod.ts";
import { type BlockOutput, RunBlocks } from "../run_blocks.ts";
import { StepTable } from "./compiled_step.ts";
import type { GpuHeap } from "./heap.ts";
import { kernelInfo, measuredSteps } from "./kernel_info.ts";
import { layoutOf, type ProgramLayout } from "./layout.ts";
import { Run } from "./run.ts";
import { SmallResults } from "./small_results.ts";
import { WgslStorage } from "./storage.ts";
import { programText } from "./text.ts";

/** How an output gets its block. */
interface OutputPlan extends BlockOutput {
  readonly buffer: number;
  readonly bytes: number;
}

const storages: RunBlocks<WgslStorage, GpuHeap> = new RunBlocks(WgslStorage);

/** Has the memory programs run in; another one after the device was lost. */
export interface HeapHolder {
  readonly heap: GpuHeap;
}

export class WgslExecutable implements Executable {
  readonly memory: { readonly peak: number; readonly donated: number };
  readonly #backend: HeapHolder;
  #heap: GpuHeap;
  readonly #name: string;
  readonly #program: Program;
  readonly #layout: ProgramLayout;
  #steps: StepTable;
  readonly #outputs: readonly OutputPlan[];
  readonly #scalarWords: Uint32Array<ArrayBuffer>;
  readonly #measured: readonly (KernelStep | HostStep)[];
  readonly #onKernel: CompileOptions["onKernel"];
  readonly #timings: { calls: number; milliseconds: number }[] | null;
  /** For each output whether anybody read it after a run. */
  readonly #wasRead: Uint8Array;
  #kernels: readonly KernelInfo[] | null = null;
  #scalarBlock: Block | null = null;
  #disposed = false;

  constructor(backend: HeapHolder, program: Program, options: CompileOptions) {
    const { heap } = backend;
    this.#backend = backend;
    this.#heap = heap;
    this.#name = options.name;
    this.#program = program;
    this.#layout = layoutOf(program, options.scalars);
    this.#steps = new StepTable(heap, program, this.#layout, options.name);
    this.#scalarWords = new Uint32Array(Math.max(1, this.#layout.scalarWords));
    this.memory = { peak: program.peakBytes, donated: program.donatedBytes };
    this.#outputs = program.outputs.map(({ buffer }) => {
      const { dtype, length, bytes, reuses } = program.buffers[buffer];
      return { buffer, dtype, length, bytes, reuses };
    });
    this.#wasRead = new Uint8Array(this.#outputs.length);
    this.#onKernel = options.onKernel;
    this.#measured = measuredSteps(program.steps);
    this.#timings = options.profile ? this.#measured.map(() => ({ calls: 0, milliseconds: 0 })) : null;
  }

  get program(): Program {
    return this.#program;
  }

  get kernels(): readonly KernelInfo[] {
    return this.#kernels ??= this.#measured.map(kernelInfo);
  }

  timings(): readonly KernelTiming[] | null {
    return this.#timings;
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    if (this.#disposed) throw new Error("A program was run after it had been disposed.");
    if (this.#backend.heap !== this.#heap) this.#move(this.#backend.heap);
    const heap = this.#heap;
    heap.device.check();
    const { cache } = heap;
    const program = this.#program;
    const outputs = this.#outputs;
    const addresses = new Int32Array(program.buffers.length);
    const pinned: WgslStorage[] = [];
    const blocks: Block[] = [];
    let run: Run | null = null;
    let done = false;
    try {
      inputs.forEach((input, i) => {
        const buffer = program.inputs[i];
        if (typeof input === "number") {
          if (buffer >= 0) this.#setScalar(buffer, i, input);
          return;
        }
        const storage = storages.own(input, heap);
        if (storage.block === null) throw new Error("An input of a program has no block.");
        const address = cache.pin(storage.block);
        pinned.push(storage);
        if (reuse !== null && reuse[i] !== KEEP) storage.forget();
        if (buffer >= 0) addresses[buffer] = address;
      });
      for (const output of outputs) {
        const block = storages.reusable(output, heap, inputs, reuse) ??
          cache.allocate(Math.max(4, output.bytes));
        blocks.push(block);
        addresses[output.buffer] = block.address;
      }
      run = new Run(
        {
          heap,
          program,
          layout: this.#layout,
          steps: this.#steps,
          measure: this.#timings ? (step, body) => this.#measure(step, body) : null,
        },
        addresses,
        this.#sendScalars(),
      );
      run.execute();
      done = true;
    } finally {
      run?.release();
      if (!done) {
        heap.textures.forget();
        this.#discard(blocks, inputs, reuse);
      }
      for (const storage of pinned) storages.unpin(storage);
    }
    const results = outputs.map((output, k) => storages.result(output, blocks[k], heap, inputs, reuse));
    if (reuse !== null) {
      inputs.forEach((input, i) => {
        if (reuse[i] === TAKE && input instanceof WgslStorage) input.release();
      });
    }
    if (results.length > 1) SmallResults.share(results, this.#wasRead);
    return results;
  }

  /** Compiles for another device. */
  #move(heap: GpuHeap): void {
    this.#heap = heap;
    this.#steps = new StepTable(heap, this.#program, this.#layout, this.#name);
    this.#scalarBlock = null;
  }

  #setScalar(buffer: number, position: number, value: number): void {
    const word = this.#layout.scalarWord[buffer];
    const { dtype } = this.#program.graph.inputs[position].aval;
    const words = this.#scalarWords;
    switch (dtype) {
      case "float64":
      case "float32":
      case "float16":
        new Float32Array(words.buffer)[word] = value;
        return;
      default:
        words[word] = castValue(value, "float64", dtype);
    }
  }

  /** The GPU buffer of the numbers, filled; 0 when there are none. */
  #sendScalars(): number {
    if (this.#layout.scalarWords === 0) return 0;
    const { cache, buffers, device } = this.#heap;
    this.#scalarBlock ??= cache.allocate(this.#scalarWords.byteLength);
    const { address } = this.#scalarBlock;
    device.device.queue.writeBuffer(buffers.buffer(address), 0, this.#scalarWords);
    return address;
  }

  #measure(step: Step, body: () => void): void {
    const number = this.#measured.indexOf(step as KernelStep);
    const { device: { device: { queue } }, timestamps } = this.#heap;
    const start = performance.now();
    timestamps?.begin();
    body();
    // Deno blocks in this call until the work is done.
    queue.onSubmittedWorkDone().catch(() => {});
    const timing = this.#timings![number];
    timing.calls++;
    const duration = timestamps?.end() ?? performance.now() - start;
    timing.milliseconds += duration;
    this.#onKernel?.(this, number, start, duration);
  }

  /** After a failure: frees the blocks that were made for outputs. */
  #discard(blocks: readonly Block[], inputs: readonly RunInput[], reuse: Uint8Array | null): void {
    blocks.forEach((block, k) => {
      if (!storages.overwrites(this.#outputs[k], block, inputs, reuse)) this.#heap.cache.free(block);
    });
  }

  text(): string {
    const { device: { tuning }, halves } = this.#heap;
    return programText(this.#program, this.#layout, tuning, { halves: halves.areNative });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#scalarBlock) this.#heap.cache.free(this.#scalarBlock);
  }
}
