/** Elementwise work on the results of a matrix product or a convolution. */
import { byteSize } from "../../trace/dtype.ts";
import type { Contraction, Index, Store } from "../kernel/kernel.ts";
import { dependsOn, storeRoots } from "../kernel/statements.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import type { EpilogueContext } from "./contract/mod.ts";
import { closure } from "./nest/analysis.ts";
import { type LaneAddress, readLanes, readOne, writeLanes } from "./nest/lane_access.ts";
import { StatementEmitter, type StatementSource } from "./nest/statement_emitter.ts";
import { type LaneCount, localValue, type ModuleContext, push, type Value } from "./nest/value.ts";

/** What is said of the results: `batch` has the axes in front of rows and columns. */
export type ResultKernel = Pick<Contraction, "dtype" | "batch" | "operands" | "epilogue">;

/** For each statement whether it differs from column to column. */
function alongColumns(kernel: ResultKernel): boolean[] {
  const column = kernel.batch.length + 1;
  return dependsOn(kernel.epilogue.statements, (axis) => axis === column, () => true);
}

/** The local with the number of the product or image; -1 where there is one. */
function numberOf({ extra }: EpilogueContext, numbered: boolean): number {
  return numbered ? extra[extra.length - 1] : -1;
}

/** Emits the statements and stores of a kernel's epilogue at one vector of results. */
export class ProductEpilogue {
  readonly #context: ModuleContext;
  readonly #kernel: ResultKernel;
  readonly #main: Store;
  readonly #others: readonly Store[];
  readonly #varies: readonly boolean[];
  readonly #lanes: LaneCount;
  /** The operands whose pointers are handed on, in order. */
  readonly operands: readonly number[];

  constructor(context: ModuleContext, kernel: ResultKernel, main: number) {
    this.#context = context;
    this.#kernel = kernel;
    this.#main = kernel.epilogue.stores[main];
    this.#others = kernel.epilogue.stores.filter((_, i) => i !== main);
    this.#varies = alongColumns(kernel);
    this.#lanes = kernel.dtype === "float64" ? 2 : 4;
    const used = new Set<number>();
    for (const s of kernel.epilogue.statements) if (s.kind === "load") used.add(s.operand);
    for (const store of this.#others) used.add(store.operand);
    this.operands = [...used];
  }

  /** True when nothing is done to the sums but storing them once. */
  static isIdentity(kernel: ResultKernel): boolean {
    const { statements, stores } = kernel.epilogue;
    return stores.length === 1 && statements[stores[0].value].kind === "reduced";
  }

  /**
   * Whether the epilogue can work on vectors of the results' type, and reads nothing at positions that lanes
   * beyond the last column could bring out of the memory.
   */
  static fits(kernel: ResultKernel): boolean {
    const varies = alongColumns(kernel);
    const { statements, stores } = kernel.epilogue;
    const is64 = (i: number): boolean => varies[i] && statements[i].dtype === "float64";
    if (kernel.dtype !== "float64" && statements.some((_, i) => is64(i))) return false;
    if (kernel.dtype !== "float64") {
      if (stores.some((store) => kernel.operands[store.operand].dtype === "float64")) return false;
    }
    return stores.every((store) =>
      store.mode === "set" && !store.index.dynamic.some((t) => varies[t.statement])
    ) &&
      statements.every((s) => s.kind !== "load" || !s.index.dynamic.some((term) => varies[term.statement]));
  }

  /** Emits what is the same for all columns, before a loop over some of them: {@linkcode emit} takes it from there. */
  prepare(f: FunctionBuilder, place: EpilogueContext, numbered: boolean): StatementEmitter {
    const { statements } = this.#kernel.epilogue;
    const emitter = this.#emitter(f, place, numbered);
    const needed = this.#needed();
    emitter.emitAll([...statements.keys()].filter((i) => needed[i] && !this.#varies[i]));
    return emitter;
  }

  /** Leaves the vector for the main store on the stack; other stores are done here. */
  emit(f: FunctionBuilder, place: EpilogueContext, numbered: boolean, prepared?: StatementEmitter): void {
    const { statements } = this.#kernel.epilogue;
    const emitter = this.#emitter(f, place, numbered, prepared);
    const number = numberOf(place, numbered), needed = this.#needed();
    const list = statements.map((_, i) => i).filter((i) =>
      needed[i] && statements[i].kind !== "constant" && (!prepared || this.#varies[i])
    );
    const last = list.length === 0 ? -1 : list[list.length - 1];
    emitter.emitBody(list, [
      ...this.#others.map((store) => ({
        reads: storeRoots(store),
        after: last,
        emit: () => this.#store(f, emitter, place, number, store),
      })),
      {
        reads: [this.#main.value],
        after: last,
        emit: () => push(f, this.#context.pool, emitter.value(this.#main.value)),
      },
    ]);
    emitter.close();
  }

  #needed(): Uint8Array {
    return closure(this.#kernel.epilogue.statements, [this.#main, ...this.#others].flatMap(storeRoots));
  }

  #emitter(
    f: FunctionBuilder,
    place: EpilogueContext,
    numbered: boolean,
    outer: StatementEmitter | null = null,
  ): StatementEmitter {
    const { statements } = this.#kernel.epilogue;
    const access = { context: this.#context, f, lanes: this.#lanes };
    const number = numberOf(place, numbered), column = this.#kernel.batch.length + 1;
    const source: StatementSource = {
      isUniform: (statement) => !this.#varies[statement],
      reduced: () => void f.localGet(place.value),
      coordinate: (axis) => {
        this.#pushCoordinate(f, place, number, axis);
        f.i32x4Splat();
        if (axis !== column) return;
        f.v128Const(new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer)).i32x4Add();
      },
      load: (emitter, statement) => {
        const s = statements[statement];
        if (s.kind !== "load") throw new Error("Only loads are loaded.");
        const mask = s.mask === undefined ? null : emitter.value(s.mask);
        const read = this.#varies[statement] ? readLanes : readOne;
        read(
          access,
          s.dtype,
          this.#address(f, emitter, place, number, s.operand, s.index),
          mask,
          s.fill ?? 0,
        );
      },
    };
    return new StatementEmitter(this.#context, f, this.#lanes, statements, source, outer);
  }

  #store(
    f: FunctionBuilder,
    emitter: StatementEmitter,
    place: EpilogueContext,
    number: number,
    store: Store,
  ): void {
    const access = { context: this.#context, f, lanes: this.#lanes };
    let mask: Value | null = store.mask === undefined ? null : emitter.value(store.mask);
    const owned: number[] = [];
    if (place.lanes < this.#lanes) {
      const present = f.local("v128");
      owned.push(present);
      f.v128Const(new Uint8Array(16).fill(255, 0, 4 * place.lanes));
      if (mask !== null) {
        push(f, this.#context.pool, mask);
        f.v128And();
      }
      f.localSet(present);
      mask = localValue("bool", present, false);
    }
    const address = this.#address(f, emitter, place, number, store.operand, store.index);
    const { dtype } = this.#kernel.operands[store.operand];
    writeLanes(access, dtype, address, emitter.value(store.value), mask, false);
    f.release(...owned);
  }

  /** Pushes the coordinate of lane 0 along an axis of [...batch, m, n]. */
  #pushCoordinate(f: FunctionBuilder, place: EpilogueContext, number: number, axis: number): void {
    const { batch } = this.#kernel;
    if (axis === batch.length) f.localGet(place.row);
    else if (axis > batch.length) f.localGet(place.column);
    else if (number < 0) f.i32Const(0);
    else {
      const inside = batch.slice(axis + 1).reduce((product, size) => product * size, 1);
      f.localGet(number);
      if (inside > 1) f.i32Const(inside).i32DivU();
      f.i32Const(batch[axis]).i32RemU();
    }
  }

  #address(
    f: FunctionBuilder,
    emitter: StatementEmitter,
    place: EpilogueContext,
    number: number,
    operand: number,
    index: Index,
  ): LaneAddress {
    const { batch } = this.#kernel;
    const bytes = byteSize(this.#kernel.operands[operand].dtype);
    const pointer = place.extra[this.operands.indexOf(operand)];
    const pushBase = (): number => {
      f.localGet(pointer);
      if (index.offset !== 0) f.i32Const(index.offset * bytes).i32Add();
      index.strides.forEach((stride, axis) => {
        if (stride === 0 || (axis < batch.length && batch[axis] === 1)) return;
        this.#pushCoordinate(f, place, number, axis);
        f.i32Const(stride * bytes).i32Mul().i32Add();
      });
      for (const { statement, stride } of index.dynamic) {
        const value = emitter.value(statement);
        if (value.local < 0) f.i32Const(value.constant);
        else f.localGet(value.local).i32x4ExtractLane(0);
        f.i32Const(stride * bytes).i32Mul().i32Add();
      }
      return 0;
    };
    return { pushBase, laneStride: index.strides[batch.length + 1], laneTerms: [] };
  }
}
