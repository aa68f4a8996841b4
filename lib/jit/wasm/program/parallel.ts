/** Kernels whose work is split among threads: each call becomes a job of chunks for the thread pool. */
import type { FunctionBuilder, FunctionType } from "../assembler/mod.ts";
import type { KernelFunction, ModuleContext, SharedWork, Sharing } from "../nest/mod.ts";

/** The function of a module that the pool calls: `(number of the kernel, address of the frame, chunk, thread)`. */
export const CHUNK_EXPORT = "chunk";

/** Words of a frame: what the chunks of a call need to know. The pointers of the operands follow. */
export const FRAME_SCRATCH = 0;
export const FRAME_SCRATCH_STEP = 1;
const FRAME_CHUNK_UNITS = 2;
const FRAME_UNITS = 3;
export const FRAME_POINTERS = 4;

/** Nanoseconds of work on one thread from which splitting pays among threads that are awake. */
const WORTH_SPLITTING = 15_000;
/** Nanoseconds of work for which a sleeping thread is woken, which takes about 50,000. */
const WORTH_WAKING = 60_000;

/** Nanoseconds of a part of the work: at most where there is much of it, and at least. */
const PART = 200_000;
const LEAST_PART = 5_000;

/**
 * Units of a part when work is done in about so many parts. Long work comes in more of them: V8 compiles a function
 * again with optimisation while it runs, but only the next call gets that code.
 */
export function unitsOfPart(kernel: KernelFunction, parts: number): number {
  const { units, unitCost, grain = 1 } = kernel;
  const cost = units * unitCost;
  const count = Math.max(1, Math.min(parts, Math.floor(cost / LEAST_PART)), Math.ceil(cost / PART));
  // A few more parts than wanted: of a few less, one thread may have to do twice as many as another.
  return Math.min(units, Math.max(1, Math.floor(units / count / grain)) * grain);
}

const chunkType: FunctionType = { params: ["i32", "i32"], results: [] };

/** Writes the calls, and the function through which threads come back. */
export class ParallelKernels implements Sharing {
  readonly #context: ModuleContext;
  readonly #run: number;
  readonly #threads: number;
  readonly #frameWord: number;
  readonly #numbers: Map<number, number> = new Map();
  /** The global with the address of the frame, for kernels that hand out work; -1 without them. */
  #frameGlobal = -1;
  /** The most pointers of a frame. */
  mostPointers = 0;
  readonly #functions: FunctionBuilder[] = [];

  /** `run` is the imported `(number of the kernel, address of the frame, chunks, whether threads are woken for it)`. */
  constructor(context: ModuleContext, run: number, threads: number, frameWord: number) {
    this.#context = context;
    this.#run = run;
    this.#threads = threads;
    this.#frameWord = frameWord;
  }

  /** Whether calls of the kernel should be split. */
  splits(kernel: KernelFunction): boolean {
    return this.#threads > 1 && kernel.splittable && kernel.units > 1 &&
      kernel.units * kernel.unitCost > WORTH_SPLITTING;
  }

  /** Emits a split call in a function whose first parameter is the table. */
  call(f: FunctionBuilder, kernel: KernelFunction, pointers: readonly (() => void)[]): void {
    const word = (i: number): number => 4 * (this.#frameWord + i);
    pointers.forEach((push, i) => {
      f.localGet(0);
      push();
      f.i32Store(word(FRAME_POINTERS + i));
    });
    const size = kernel.whole ? 1 : unitsOfPart(kernel, 4 * this.#threads);
    f.localGet(0).i32Const(size).i32Store(word(FRAME_CHUNK_UNITS));
    f.localGet(0).i32Const(kernel.units).i32Store(word(FRAME_UNITS));
    f.i32Const(this.#numberOf(kernel.index, pointers.length));
    f.localGet(0).i32Const(4 * this.#frameWord).i32Add();
    const wakes = kernel.units * kernel.unitCost > WORTH_WAKING;
    f.i32Const(Math.ceil(kernel.units / size)).i32Const(wakes ? 1 : 0).call(this.#run);
  }

  #frame(): number {
    if (this.#frameGlobal < 0) this.#frameGlobal = this.#context.module.addGlobal("i32", 0);
    return this.#frameGlobal;
  }

  /** Emits what comes before a call of a kernel that hands out work, in a function whose first parameter is the table. */
  enter(f: FunctionBuilder): void {
    f.localGet(0).i32Const(4 * this.#frameWord).i32Add().globalSet(this.#frame());
  }

  /**
   * Emits a call whose units are shared, in a kernel for which {@linkcode enter} was called. Chunks are one unit each, or
   * as many as are worth claiming.
   */
  share(f: FunctionBuilder, { index, args, units, unitCost }: SharedWork): void {
    const frame = f.local("i32"), count = f.local("i32"), cost = f.local("i32"), size = f.local("i32");
    units();
    f.localTee(count);
    unitCost();
    f.localTee(size).i32Mul().localTee(cost).i32Const(WORTH_SPLITTING).i32GtS();
    f.localGet(count).i32Const(1).i32GtS().i32And().if();
    f.globalGet(this.#frame()).localSet(frame);
    args.forEach((push, i) => {
      f.localGet(frame);
      push();
      f.i32Store(4 * (FRAME_POINTERS + i));
    });
    f.i32Const(LEAST_PART).localGet(size).i32Const(1).i32Or().i32DivU().i32Const(1).i32Or().localSet(size);
    f.localGet(frame).localGet(size).i32Store(4 * FRAME_CHUNK_UNITS);
    f.localGet(frame).localGet(count).i32Store(4 * FRAME_UNITS);
    f.i32Const(this.#numberOf(index, args.length)).localGet(frame);
    f.localGet(count).localGet(size).i32Add().i32Const(1).i32Sub().localGet(size).i32DivU();
    f.localGet(cost).i32Const(WORTH_WAKING).i32GtS().call(this.#run).else();
    for (const push of args) push();
    f.i32Const(0).localGet(count).call(index).end();
    f.release(frame, count, cost, size);
  }

  #numberOf(index: number, operands: number): number {
    let number = this.#numbers.get(index);
    if (number !== undefined) return number;
    this.#numbers.set(index, number = this.#functions.length);
    this.mostPointers = Math.max(this.mostPointers, operands);
    const f = this.#context.module.addFunction(chunkType);
    this.#functions.push(f);
    const [frame, chunk] = [0, 1];
    const begin = f.local("i32"), end = f.local("i32");
    for (let i = 0; i < operands; i++) f.localGet(frame).i32Load(4 * (FRAME_POINTERS + i));
    f.localGet(chunk).localGet(frame).i32Load(4 * FRAME_CHUNK_UNITS).i32Mul().localTee(begin);
    f.localGet(begin).localGet(frame).i32Load(4 * FRAME_CHUNK_UNITS).i32Add().localTee(end);
    f.localGet(frame).i32Load(4 * FRAME_UNITS);
    f.localGet(end).localGet(frame).i32Load(4 * FRAME_UNITS).i32LtU().select();
    f.call(index);
    return number;
  }

  /** Whether any call was split. */
  get used(): boolean {
    return this.#functions.length > 0;
  }

  /** Adds the function for the pool; after all steps are written. */
  finish(): void {
    if (!this.used) return;
    const { module, scratchGlobal } = this.#context;
    module.addTable(this.#functions.map(({ index }) => index));
    const f = module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] }, CHUNK_EXPORT);
    const [number, frame, chunk, thread] = [0, 1, 2, 3];
    f.localGet(frame).i32Load(4 * FRAME_SCRATCH);
    f.localGet(thread).localGet(frame).i32Load(4 * FRAME_SCRATCH_STEP).i32Mul().i32Add();
    f.globalSet(scratchGlobal);
    f.localGet(frame).localGet(chunk).localGet(number).callIndirect(chunkType);
  }
}
