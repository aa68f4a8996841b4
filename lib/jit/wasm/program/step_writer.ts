/** Writes the steps of a program: calls of kernels, loops, switches, and calls of the host. */
import { byteSize } from "../../../trace/dtype.ts";
import type {
  Binding,
  HostStep,
  KernelStep,
  LoopStep,
  Program,
  Step,
  SwitchStep,
} from "../../kernel/program.ts";
import { writtenTapes } from "../../kernel/written_buffers.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { KernelTable } from "./kernels.ts";
import { emitMove } from "./move.ts";
import type { PanelSlots } from "./panel_slots.ts";
import { type ParallelKernels, unitsOfPart } from "./parallel.ts";
import {
  ARENA_WORD,
  LOOP_COUNT,
  LOOP_POSITION,
  LOOP_STEP,
  PARTS_WORD,
  type TableLayout,
  TAPE_CAPACITY,
  TAPE_POINTER,
  TAPE_RECORDS,
} from "./layout.ts";

/** Steps per function: V8's compile time grows faster than a function's size. */
const STEPS_PER_FUNCTION = 500;

/** Steps of loops whose length is not known: some. */
const SOME_STEPS = 100;

/** Indices of the imported functions. */
export interface HostFunctions {
  /** `(number of the host step, table)`. */
  readonly host: number;
  /** `(buffer of the tape, table)`: makes room for more records. */
  readonly growTape: number;
  /** `(number of the step, 0 before it and 1 after it)`, for profiles; -1 without. */
  readonly profile: number;
}

/** What steps are written with. */
export interface StepTools {
  readonly layout: TableLayout;
  readonly kernels: KernelTable;
  readonly host: HostFunctions;
  readonly parallel: ParallelKernels;
  readonly panels: PanelSlots;
  /** By number of a slot: the function `(operand, panels)` that makes its panels. */
  readonly packing: readonly number[];
}

/** Where the panels made before loops begin in the arena. */
export function panelsInArena(program: Program): number {
  return Math.ceil(program.arenaBytes / 64) * 64;
}

/** Writes steps into functions that take the address of the table. */
export class StepWriter {
  readonly #context: ModuleContext;
  readonly #program: Program;
  readonly #layout: TableLayout;
  readonly #kernels: KernelTable;
  readonly #host: HostFunctions;
  readonly #parallel: ParallelKernels;
  readonly #panels: PanelSlots;
  readonly #packing: readonly number[];
  /** Host steps in the order of their numbers. */
  readonly hostSteps: HostStep[] = [];
  /** The steps that a profile counts, in the order of their numbers. */
  readonly measured: (KernelStep | HostStep)[] = [];
  /** Rough number of nanoseconds that a run spends in each kernel. */
  readonly work: Map<KernelFunction, number> = new Map();
  /** Of that in all, what threads can share. */
  sharedWork = 0;
  /** How often the steps that are written now are run. */
  #times = 1;
  /** The most bytes that the parts of a kernel hand to its end. */
  partsBytes = 0;

  constructor(context: ModuleContext, program: Program, tools: StepTools) {
    this.#context = context;
    this.#program = program;
    this.#layout = tools.layout;
    this.#kernels = tools.kernels;
    this.#host = tools.host;
    this.#parallel = tools.parallel;
    this.#panels = tools.panels;
    this.#packing = tools.packing;
  }

  /** A function `(table)` that runs the steps. */
  write(steps: readonly Step[]): FunctionBuilder {
    const writeRange = (from: number, to: number): FunctionBuilder => {
      const body = new StepFunction(this.#context.module.addFunction({ params: ["i32"], results: [] }));
      for (let i = from; i < to; i++) this.#step(body, steps[i]);
      return body.f;
    };
    if (steps.length <= STEPS_PER_FUNCTION) return writeRange(0, steps.length);
    const f = this.#context.module.addFunction({ params: ["i32"], results: [] });
    for (let from = 0; from < steps.length; from += STEPS_PER_FUNCTION) {
      const part = writeRange(from, Math.min(steps.length, from + STEPS_PER_FUNCTION));
      f.localGet(0).call(part.index);
    }
    return f;
  }

  #steps(body: StepFunction, steps: readonly Step[]): void {
    if (steps.length > STEPS_PER_FUNCTION) body.f.localGet(0).call(this.write(steps).index);
    else for (const step of steps) this.#step(body, step);
  }

  #step(body: StepFunction, step: Step): void {
    switch (step.kind) {
      case "kernel":
        return this.#measure(body, step, () => this.#kernel(body, step));
      case "loop":
        return this.#loop(body, step);
      case "switch":
        return this.#switch(body, step);
      case "host":
        this.#measure(body, step, () => {
          body.f.i32Const(this.hostSteps.length).localGet(0).call(this.#host.host);
          this.hostSteps.push(step);
        });
    }
  }

  #measure(body: StepFunction, step: KernelStep | HostStep, emit: () => void): void {
    const number = this.measured.push(step) - 1;
    const mark = (when: 0 | 1): void => {
      if (this.#host.profile >= 0) body.f.i32Const(number).i32Const(when).call(this.#host.profile);
    };
    mark(0);
    emit();
    mark(1);
  }

  #kernel(body: StepFunction, step: KernelStep): void {
    const { f } = body;
    const slot = this.#panels.ofStep.get(step);
    const kernel = slot !== undefined && step.kernel.kind === "contraction"
      ? this.#kernels.withPanels(step.kernel, this.#panels.slots[slot].operand)
      : this.#kernels.get(step.kernel);
    if (kernel.units === 0) return;
    const work = kernel.units * kernel.unitCost * this.#times;
    this.work.set(kernel, (this.work.get(kernel) ?? 0) + work);
    if (step.copies !== undefined) {
      const [from, to] = step.copies;
      if (this.#samePlace(step.bindings[from], step.bindings[to])) return;
      this.#address(body, step.bindings[from]);
      this.#address(body, step.bindings[to]);
      f.i32Ne().if();
    }
    const { bindings } = step;
    const pointers = bindings.map((binding) => () => this.#address(body, binding));
    if (slot !== undefined) pointers.push(() => void f.localGet(0).i32Load(4 * this.#layout.panels[slot]));
    if (kernel.finish !== undefined) {
      for (let part: KernelFunction | undefined = kernel; part?.finish; part = part.finish.next) {
        this.partsBytes = Math.max(this.partsBytes, part.finish.temporaryBytes);
      }
      pointers.push(() => void f.localGet(0).i32Load(4 * PARTS_WORD));
    }
    if (kernel.shares) this.#parallel.enter(f);
    for (let part: KernelFunction | undefined = kernel; part; part = part.finish?.next) {
      if (this.#parallel.splits(part)) {
        this.sharedWork += part.units * part.unitCost * this.#times;
        this.#parallel.call(f, part, pointers);
      } else this.#callInParts(f, part, pointers);
      if (part.finish === undefined) continue;
      for (const push of pointers) push();
      f.i32Const(0).i32Const(0).call(part.finish.index);
    }
    if (step.copies !== undefined) f.end();
  }

  /** Calls a kernel on one thread. */
  #callInParts(f: FunctionBuilder, kernel: KernelFunction, push: readonly (() => void)[]): void {
    const part = kernel.whole ? kernel.units : unitsOfPart(kernel, 1);
    if (part >= kernel.units) {
      for (const pointer of push) pointer();
      f.i32Const(0).i32Const(kernel.units).call(kernel.index);
      return;
    }
    const begin = f.local("i32"), end = f.local("i32");
    const pointers = push.map((pointer) => {
      const local = f.local("i32");
      pointer();
      f.localSet(local);
      return local;
    });
    f.i32Const(0).localSet(begin).loop();
    f.localGet(begin).i32Const(part).i32Add().localSet(end);
    for (const pointer of pointers) f.localGet(pointer);
    f.localGet(begin);
    f.localGet(end).i32Const(kernel.units).localGet(end).i32Const(kernel.units).i32LtU().select();
    f.call(kernel.index);
    f.localGet(end).localTee(begin).i32Const(kernel.units).i32LtU().brIf(0).end();
    f.release(begin, end, ...pointers);
  }

  /** Whether two bindings certainly have one address. */
  #samePlace(a: Binding, b: Binding): boolean {
    const from = this.#program.buffers[a.buffer], to = this.#program.buffers[b.buffer];
    if (a.steps.length > 0 || b.steps.length > 0) return false;
    if (from === to) return a.offset === b.offset;
    return from.kind === "temporary" && to.kind === "temporary" &&
      from.offset + a.offset * byteSize(from.dtype) === to.offset + b.offset * byteSize(to.dtype);
  }

  /** Pushes the address of a binding. */
  #address(body: StepFunction, binding: Binding): void {
    const { f } = body;
    const buffer = this.#program.buffers[binding.buffer];
    const bytes = byteSize(buffer.dtype);
    let offset = binding.offset * bytes;
    if (buffer.kind === "temporary") {
      body.pushArena();
      offset += buffer.offset;
    } else {
      const word = this.#layout.buffers[buffer.id] + (buffer.kind === "tape" ? TAPE_POINTER : 0);
      f.localGet(0).i32Load(4 * word);
    }
    if (offset !== 0) f.i32Const(offset).i32Add();
    for (const { loop, stride } of binding.steps) {
      const cells = this.#layout.loops[loop];
      f.localGet(0).i32Load(4 * (cells + LOOP_POSITION));
      f.i32Const(stride * bytes).i32Mul().i32Add();
    }
  }

  #loop(body: StepFunction, step: LoopStep): void {
    const { f } = body;
    const cells = this.#layout.loops[step.loop];
    const cell = (which: number): number => 4 * (cells + which);
    const written = writtenTapes(step);
    const tapeCell = (tape: number, which: number): number => 4 * (this.#layout.buffers[tape] + which);
    const bounded = this.#pushCount(body, step, written);
    if (bounded) {
      const count = f.local("i32");
      f.localSet(count).localGet(0).localGet(count).i32Store(cell(LOOP_COUNT));
      f.release(count);
    }
    f.localGet(0).i32Const(0).i32Store(cell(LOOP_STEP));
    for (const tape of written) {
      f.localGet(0).i32Const(0).i32Store(tapeCell(tape, TAPE_RECORDS));
      if (!step.reverse) continue;
      // Written from its end: there must be room for all records before the first.
      f.loop().localGet(0).i32Load(tapeCell(tape, TAPE_CAPACITY)).localGet(0).i32Load(cell(LOOP_COUNT))
        .i32LtS();
      f.if().i32Const(tape).localGet(0).call(this.#host.growTape).br(1).end().end();
    }
    this.#makePanels(body, step);
    f.block().loop();
    if (bounded) {
      f.localGet(0).i32Load(cell(LOOP_STEP)).localGet(0).i32Load(cell(LOOP_COUNT)).i32GeS().brIf(1);
    }
    f.localGet(0);
    if (step.reverse && bounded) {
      f.localGet(0).i32Load(cell(LOOP_COUNT)).i32Const(1).i32Sub();
      f.localGet(0).i32Load(cell(LOOP_STEP)).i32Sub();
    } else f.localGet(0).i32Load(cell(LOOP_STEP));
    f.i32Store(cell(LOOP_POSITION));
    if (step.condition !== null) {
      this.#steps(body, step.condition.steps);
      this.#address(body, step.condition.result);
      f.i32Load8U().i32Eqz().brIf(1);
    }
    for (const tape of written) {
      f.localGet(0).i32Load(cell(LOOP_STEP)).localGet(0).i32Load(tapeCell(tape, TAPE_CAPACITY)).i32GeS().if();
      f.i32Const(tape).localGet(0).call(this.#host.growTape);
      f.end();
    }
    if (step.stepNumber !== null) {
      this.#address(body, step.stepNumber);
      f.localGet(0).i32Load(cell(LOOP_STEP)).i32Store();
    }
    const times = this.#times;
    this.#times *= step.length >= 0 ? step.length : SOME_STEPS;
    this.#steps(body, step.body);
    this.#times = times;
    for (const { carry, next, bytes } of step.exchange) {
      if (this.#samePlace(carry, next)) continue;
      emitMove(f, bytes, () => this.#address(body, carry), () => this.#address(body, next));
    }
    f.localGet(0).localGet(0).i32Load(cell(LOOP_STEP)).i32Const(1).i32Add().i32Store(cell(LOOP_STEP));
    for (const tape of written) {
      f.localGet(0).localGet(0).i32Load(cell(LOOP_STEP)).i32Store(tapeCell(tape, TAPE_RECORDS));
    }
    if (step.stop !== null) {
      this.#address(body, step.stop);
      f.i32Load8U().brIf(1);
    }
    f.br(0).end().end();
    if (step.taken !== null) {
      this.#address(body, step.taken);
      f.localGet(0).i32Load(cell(LOOP_STEP)).i32Store();
    }
  }

  /** Brings operands that stay as they are while the loop runs into panels; kept ones are there already. */
  #makePanels(body: StepFunction, loop: LoopStep): void {
    const { f } = body;
    this.#panels.slots.forEach((slot, i) => {
      if (slot.loop !== loop) return;
      const word = 4 * this.#layout.panels[i];
      const pushPanels = (): void => {
        body.pushArena();
        f.i32Const(panelsInArena(this.#program) + slot.place).i32Add();
      };
      if (slot.input >= 0) f.localGet(0).i32Load(word).i32Eqz().if();
      this.#address(body, { buffer: slot.buffer, offset: 0, steps: [] });
      if (slot.offset !== 0) f.i32Const(slot.offset).i32Add();
      pushPanels();
      f.call(this.#packing[i]).localGet(0);
      pushPanels();
      f.i32Store(word);
      if (slot.input >= 0) f.end();
    });
  }

  /** Pushes the most steps a loop may take; false (and nothing pushed) where only its condition ends it. */
  #pushCount(body: StepFunction, step: LoopStep, written: readonly number[]): boolean {
    const { f } = body;
    if (step.count !== null) {
      this.#address(body, step.count);
      f.i32Load();
      if (step.length >= 0) {
        const count = f.local("i32");
        f.localTee(count).i32Const(step.length).localGet(count).i32Const(step.length).i32LtS().select();
        f.release(count);
      }
      return true;
    }
    if (step.length >= 0) {
      f.i32Const(step.length);
      return true;
    }
    const read = step.tapes.find((tape) => !written.includes(tape));
    if (read === undefined) return false;
    f.localGet(0).i32Load(4 * (this.#layout.buffers[read] + TAPE_RECORDS));
    return true;
  }

  #switch(body: StepFunction, step: SwitchStep): void {
    const { f } = body;
    const last = step.branches.length - 1;
    if (last < 0) return;
    for (let i = 0; i < step.branches.length + 1; i++) f.block();
    this.#address(body, step.index);
    const index = f.local("i32");
    f.i32Load().localTee(index).i32Const(0).localGet(index).i32Const(0).i32GeS().select();
    f.release(index);
    f.brTable(Array.from({ length: last }, (_, i) => i), last);
    step.branches.forEach((branch, i) => {
      f.end();
      this.#steps(body, branch);
      f.br(last - i);
    });
    f.end();
  }
}

/** A function under construction, with the arena's address in a local. */
class StepFunction {
  readonly f: FunctionBuilder;
  readonly #arena: number;

  constructor(f: FunctionBuilder) {
    this.f = f;
    this.#arena = f.local("i32");
    f.localGet(0).i32Load(4 * ARENA_WORD).localSet(this.#arena);
  }

  pushArena(): void {
    this.f.localGet(this.#arena);
  }
}
