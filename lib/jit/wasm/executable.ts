/** A compiled program and its runs. */
import type { Storage } from "../../trace/storage.ts";
import {
  type CompileOptions,
  type Executable,
  IN_PLACE,
  type KernelInfo,
  type KernelTiming,
  type RunInput,
  TAKE,
} from "../backend.ts";
import { type BlockOutput, RunBlocks } from "../run_blocks.ts";
import { enclosingLoops } from "../kernel/enclosing.ts";
import type { HostStep, Program } from "../kernel/program.ts";
import { STRUCT_TILES_IMPORT } from "./contract/mod.ts";
import { weighModule } from "./memory/code_weight.ts";
import { wat } from "./assembler/mod.ts";
import type { WasmHeap } from "./heap.ts";
import { runHostStep } from "./host_step.ts";
import { KeptPanels } from "./kept_panels.ts";
import type { Block } from "../memory/mod.ts";
import { writeScalar } from "./memory/mod.ts";
import { moduleImports, SCRATCH_EXPORT } from "./nest/mod.ts";
import {
  ARENA_WORD,
  assembleProgram,
  CHUNK_EXPORT,
  FRAME_SCRATCH,
  FRAME_SCRATCH_STEP,
  PARTS_WORD,
  PROGRAM_IMPORT,
  type ProgramModule,
  RUN_EXPORT,
  WARM_UP_EXPORT,
} from "./program/mod.ts";
import { StepInfo } from "./step_info.ts";
import { WasmStorage } from "./storage.ts";
import { Tapes } from "./tapes.ts";
import type { ChunkFunction } from "./threads/mod.ts";

/** How an output gets its block. */
interface OutputPlan extends BlockOutput {
  readonly bytes: number;
  readonly word: number;
  /** The word of the table where a small output is made; -1 for others. */
  readonly cell: number;
}

const storages: RunBlocks<WasmStorage, WasmHeap> = new RunBlocks(WasmStorage);

export class WasmExecutable implements Executable {
  readonly memory: { readonly peak: number; readonly donated: number };
  #kernels: readonly KernelInfo[] | null = null;
  readonly #timings: { calls: number; milliseconds: number }[] | null;
  readonly #onKernel: CompileOptions["onKernel"];
  readonly #poison: boolean;
  #started = 0;
  readonly #heap: WasmHeap;
  readonly #threads: number;
  readonly #program: Program;
  readonly #module: ProgramModule;
  readonly #inputWords: Int32Array;
  readonly #inputCells: Int32Array;
  readonly #outputs: readonly OutputPlan[];
  #run: ((table: number) => void) | null = null;
  #scratch = 0;
  /** The module's number among those whose work threads share. */
  #job = 0;
  /** Tables of runs that have ended; a callback of the host may start a run inside another. */
  readonly #idle: number[] = [];
  readonly #tapes: Tapes;
  #panels: KeptPanels | null = null;
  /** Whether a run has ended. */
  #repeated = false;
  #disposed = false;

  constructor(heap: WasmHeap, program: Program, options: CompileOptions) {
    this.#heap = heap;
    this.#threads = heap.threads;
    this.#program = program;
    this.#module = assembleProgram(heap.memory, program, { ...options, threads: this.#threads });
    this.#onKernel = options.onKernel;
    this.#poison = options.poison ?? false;
    this.#timings = options.profile ? this.#module.measured.map(() => ({ calls: 0, milliseconds: 0 })) : null;
    const { layout } = this.#module;
    this.#tapes = new Tapes(heap, program, layout);
    const peak = program.peakBytes + this.#module.arenaBytes - program.arenaBytes;
    this.memory = { peak, donated: program.donatedBytes };

    this.#inputWords = Int32Array.from(program.inputs, (buffer) => buffer < 0 ? -1 : layout.buffers[buffer]);
    this.#inputCells = layout.smallInputs;
    this.#outputs = program.outputs.map(({ buffer }, k) => {
      const { dtype, length, bytes, reuses } = program.buffers[buffer];
      return { dtype, length, bytes, reuses, word: layout.buffers[buffer], cell: layout.smallOutputs[k] };
    });
  }

  get program(): Program {
    return this.#program;
  }

  get kernels(): readonly KernelInfo[] {
    if (this.#kernels) return this.#kernels;
    const loops = enclosingLoops(this.#program.steps);
    return this.#kernels = this.#module.measured.map((step) => new StepInfo(step, loops.get(step)?.node));
  }

  timings(): readonly KernelTiming[] | null {
    return this.#timings;
  }

  run(inputs: readonly RunInput[], reuse: Uint8Array | null): Storage[] {
    const run = this.#run ?? this.#instantiate();
    const heap = this.#heap;
    const { cache, memory } = heap;
    const table = this.#idle.pop() ?? this.#newTable();
    const words = memory.u32;
    const base = table >>> 2;
    const outputs = this.#outputs;
    const pinned: WasmStorage[] = new Array(inputs.length);
    const blocks: Block[] = new Array(outputs.length);
    const results: WasmStorage[] = new Array(outputs.length);
    const panels: Block[] | null = this.#panels === null ? null : [];
    let pins = 0, placed = 0, done = false;
    let arena: Block | null | undefined;
    try {
      for (let i = 0; i < inputs.length; i++) {
        const input = inputs[i];
        if (typeof input === "number") {
          this.#writeScalar(table, i, input);
          continue;
        }
        const storage = storages.own(input, heap);
        const { block } = storage;
        if (storage.words !== null) {
          this.#enter(storage.words, table, i);
          continue;
        }
        if (block === null) throw new Error("An input of a program has no block.");
        const address = cache.pin(block);
        pinned[pins++] = storage;
        const word = this.#inputWords[i];
        if (word >= 0) words[base + word] = address;
      }
      for (; placed < outputs.length; placed++) {
        const output = outputs[placed];
        if (output.cell >= 0) {
          words[base + output.word] = table + 4 * output.cell;
          continue;
        }
        const block = storages.reusable(output, heap, inputs, reuse);
        if (block === null) {
          const fresh = cache.allocate(output.bytes);
          blocks[placed] = fresh;
          words[base + output.word] = fresh.address;
        } else {
          blocks[placed] = block;
          words[base + output.word] = block.address;
        }
      }
      if (this.#module.arenaBytes > 0) {
        const taken = heap.takeArena(this.#module.arenaBytes);
        arena = taken.block;
        words[base + ARENA_WORD] = taken.address;
      }
      if (this.#poison) this.#spoil(base, table);
      if (panels !== null) this.#panels!.enter(inputs, base, panels);
      run(table);
      done = this.#repeated = true;
      for (let k = 0; k < outputs.length; k++) {
        if (outputs[k].cell >= 0) results[k] = this.#smallResult(outputs[k], base, inputs, reuse);
      }
    } finally {
      if (arena !== undefined) heap.returnArena(arena);
      this.#tapes.freeLong(base);
      if (panels !== null) this.#panels!.leave(panels);
      for (let k = 0; k < placed; k++) {
        if (storages.overwrites(outputs[k], blocks[k], inputs, reuse)) cache.changed(blocks[k]);
      }
      if (!done) this.#discard(blocks, placed, inputs, reuse);
      for (let i = 0; i < pins; i++) storages.unpin(pinned[i]);
      this.#idle.push(table);
    }
    for (let k = 0; k < outputs.length; k++) {
      if (outputs[k].cell < 0) results[k] = storages.result(outputs[k], blocks[k], heap, inputs, reuse);
    }
    if (reuse !== null) {
      for (let i = 0; i < inputs.length; i++) {
        const input = inputs[i];
        if (reuse[i] === TAKE && input instanceof WasmStorage) input.release();
      }
    }
    return results;
  }

  /** All bits set are NaN in every float dtype: fills temporaries and those outputs that no input lies in. */
  #spoil(base: number, table: number): void {
    const { u8, u32 } = this.#heap.memory;
    const { arenaBytes } = this.#module;
    if (arenaBytes > 0) {
      const arena = u32[base + ARENA_WORD];
      u8.fill(0xff, arena, arena + arenaBytes);
    }
    for (const { word, cell, bytes, reuses } of this.#outputs) {
      if (reuses >= 0) continue;
      const address = cell >= 0 ? table + 4 * cell : u32[base + word];
      u8.fill(0xff, address, address + bytes);
    }
  }

  /** Copies the elements of a small input into the table. */
  #enter(from: readonly number[], table: number, position: number): void {
    const cell = this.#inputCells[position], word = this.#inputWords[position];
    if (word < 0 || cell < 0) return;
    const { i32, u32 } = this.#heap.memory;
    const at = (table >>> 2) + cell;
    for (let w = 0; w < from.length; w++) i32[at + w] = from[w];
    u32[(table >>> 2) + word] = table + 4 * cell;
  }

  /** The storage of a small output: a new one, or the variable's own when it is updated. */
  #smallResult(
    { cell, bytes, dtype, length, reuses }: OutputPlan,
    base: number,
    inputs: readonly RunInput[],
    reuse: Uint8Array | null,
  ): WasmStorage {
    const { i32 } = this.#heap.memory;
    const count = (bytes + 3) >> 2, at = base + cell;
    const input = reuses >= 0 && reuse !== null && reuse[reuses] === IN_PLACE ? inputs[reuses] : null;
    if (input instanceof WasmStorage && input.words !== null) {
      for (let w = 0; w < count; w++) input.words[w] = i32[at + w];
      return input;
    }
    const storage = new WasmStorage(this.#heap, dtype, length);
    const words: number[] = storage.words = new Array(count);
    for (let w = 0; w < count; w++) words[w] = i32[at + w];
    return storage;
  }

  /** After a failure: frees the blocks that were made for outputs. */
  #discard(
    blocks: readonly Block[],
    count: number,
    inputs: readonly RunInput[],
    reuse: Uint8Array | null,
  ): void {
    for (let k = 0; k < count; k++) {
      if (this.#outputs[k].cell >= 0 || storages.overwrites(this.#outputs[k], blocks[k], inputs, reuse)) {
        continue;
      }
      this.#heap.cache.free(blocks[k]);
    }
  }

  #writeScalar(table: number, position: number, value: number): void {
    const word = this.#module.layout.scalars[position];
    if (word < 0 || this.#inputWords[position] < 0) return;
    const { memory } = this.#heap;
    const address = table + 4 * word;
    memory.u32[(table >>> 2) + this.#inputWords[position]] = address;
    writeScalar(memory, address, value, this.#program.graph.inputs[position].aval.dtype);
  }

  #newTable(): number {
    const { layout } = this.#module;
    const tableBytes = Math.ceil(4 * layout.words / 64) * 64;
    const table = this.#heap.reserve(tableBytes + this.#module.partsBytes);
    const base = table >>> 2;
    const { u32 } = this.#heap.memory;
    u32.fill(0, base, base + layout.words);
    u32[base + PARTS_WORD] = table + tableBytes;
    const frame = this.#module.frameWord;
    if (frame >= 0) {
      u32[base + frame + FRAME_SCRATCH] = this.#scratch;
      u32[base + frame + FRAME_SCRATCH_STEP] = this.#heap.scratchStep(this.#module.scratchBytes);
    }
    return table;
  }

  #instantiate(): (table: number) => void {
    const heap = this.#heap;
    if (this.#disposed) throw new Error("A program was run after it had been disposed.");
    const { structs, frameWord, sharedWork } = this.#module;
    if (frameWord >= 0) heap.expect(sharedWork / 1e6);
    // Deno and Node compile modules of any size at once; a browser's main thread does so up to 8 MB.
    const module = new WebAssembly.Module(this.#module.bytes);
    weighModule();
    const { exports } = new WebAssembly.Instance(module, {
      ...moduleImports(this.#heap.memory),
      ...(structs === null ? {} : { [STRUCT_TILES_IMPORT]: structs.exports }),
      [PROGRAM_IMPORT]: {
        host: (step: number, table: number) => this.#callHost(this.#module.hostSteps[step], table),
        growTape: (buffer: number, table: number) => this.#tapes.grow(buffer, table),
        profile: (step: number, after: number) => this.#measure(step, after),
        parallel: (kernel: number, frame: number, chunks: number, wakes: number) =>
          heap.run(this.#job, kernel, frame, chunks, wakes !== 0, this.#repeated),
      },
    });
    if (this.#module.scratchBytes > 0) {
      this.#scratch = this.#heap.scratch(this.#module.scratchBytes, this.#threads);
      (exports[SCRATCH_EXPORT] as WebAssembly.Global).value = this.#scratch;
    }
    (exports[WARM_UP_EXPORT] as (() => void) | undefined)?.();
    if (frameWord >= 0) {
      if (structs !== null) heap.provideStructTiles(structs.bytes);
      this.#job = heap.register(this.#module.bytes, exports[CHUNK_EXPORT] as ChunkFunction);
    }
    this.#panels = KeptPanels.of(heap, this.#module, exports);
    return this.#run = exports[RUN_EXPORT] as (table: number) => void;
  }

  #callHost(step: HostStep, table: number): void {
    runHostStep(this.#heap.memory, this.#program, this.#module.layout, step, table >>> 0);
  }

  #measure(step: number, after: number): void {
    const now = performance.now();
    if (after === 0) this.#started = now;
    else {
      const timing = this.#timings![step];
      timing.calls++;
      timing.milliseconds += now - this.#started;
      this.#onKernel?.(this, step, this.#started, now - this.#started);
    }
  }

  text(): string {
    return wat(this.#module.bytes);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#run = null;
    this.#tapes.dispose();
    for (const table of this.#idle) this.#heap.memory.free(table);
    this.#idle.length = 0;
    if (this.#scratch !== 0) this.#heap.freeScratch(this.#scratch, this.#module.scratchBytes);
    if (this.#job !== 0) this.#heap.unregister(this.#job);
  }
}
