/**
 * Operands whose rows, columns or depths run over several axes of an array: the windows of a convolution (implicit
 * im2col), permuted axes of a tensor product. They are gathered while they are packed, so that the matrix is never
 * written out.
 */

import type { FunctionBuilder } from "../assembler/mod.ts";
import { type ContractDType, elements } from "./element.ts";
import type { OperandContext, OperandHook } from "./spec.ts";

/** One axis: how many positions it has, and how many elements lie between them (negative ones go backwards). */
export interface IndexAxis {
  readonly size: number;
  readonly stride: number;
}

/** Where an operand's elements lie: each index counts through its axes, the last one fastest. */
export interface StridedOperand {
  /** Rows of A or columns of B. */
  readonly outer: readonly IndexAxis[];
  readonly depth: readonly IndexAxis[];
}

/** Joins neighbouring axes that are one, and drops those of size 1. */
function mergeAxes(axes: readonly IndexAxis[]): IndexAxis[] {
  const merged: IndexAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = merged.at(-1);
    if (last !== undefined && last.stride === axis.stride * axis.size) {
      merged[merged.length - 1] = { size: last.size * axis.size, stride: axis.stride };
    } else merged.push(axis);
  }
  return merged;
}

/** Leaves the distance in bytes of the position counted by a local plus `lane` on the stack. */
function emitOffset(
  f: FunctionBuilder,
  index: number,
  lane: number,
  axes: readonly IndexAxis[],
  bytes: number,
): void {
  if (axes.length === 0) {
    f.i32Const(0);
    return;
  }
  const rest = f.local("i32");
  f.localGet(index);
  if (lane !== 0) f.i32Const(lane).i32Add();
  f.localSet(rest);
  for (let i = axes.length - 1; i >= 0; i--) {
    f.localGet(rest);
    if (i > 0) f.i32Const(axes[i].size).i32RemU();
    f.i32Const(axes[i].stride * bytes).i32Mul();
    if (i < axes.length - 1) f.i32Add();
    if (i > 0) f.localGet(rest).i32Const(axes[i].size).i32DivU().localSet(rest);
  }
  f.release(rest);
}

/**
 * Keeps the distance of a position in a local while the position counts up: one addition and one test per axis that
 * overflows, where dividing would cost several multiplications.
 */
class OffsetCounter {
  readonly offset: number;
  readonly #left: number[] = [];
  readonly #axes: readonly IndexAxis[];
  readonly #bytes: number;

  /** Emits code that starts from the position in a local. */
  constructor(f: FunctionBuilder, index: number, axes: readonly IndexAxis[], bytes: number) {
    this.#axes = axes;
    this.#bytes = bytes;
    this.offset = f.local("i32");
    emitOffset(f, index, 0, axes, bytes);
    f.localSet(this.offset);
    const rest = f.local("i32");
    f.localGet(index).localSet(rest);
    for (let i = axes.length - 1; i > 0; i--) {
      const { size } = axes[i];
      const left = f.local("i32");
      f.i32Const(size).localGet(rest).i32Const(size).i32RemU().i32Sub().localSet(left);
      f.localGet(rest).i32Const(size).i32DivU().localSet(rest);
      this.#left[i] = left;
    }
    f.release(rest);
  }

  /** Emits the step to the next position. */
  emitNext(f: FunctionBuilder): void {
    this.#emitAxis(f, this.#axes.length - 1);
  }

  #emitAxis(f: FunctionBuilder, i: number): void {
    if (i < 0) return;
    const { size, stride } = this.#axes[i];
    // An axis further in has gone back to its start already.
    f.localGet(this.offset).i32Const(stride * this.#bytes).i32Add().localSet(this.offset);
    if (i === 0) return;
    f.localGet(this.#left[i]).i32Const(1).i32Sub().localTee(this.#left[i]).i32Eqz().if();
    f.i32Const(size).localSet(this.#left[i]);
    f.localGet(this.offset).i32Const(size * stride * this.#bytes).i32Sub().localSet(this.offset);
    this.#emitAxis(f, i - 1);
    f.end();
  }
}

/** The hook that loads such an operand. */
export function stridedOperand(dtype: ContractDType, operand: StridedOperand): OperandHook {
  const element = elements[dtype];
  const { bytes, lanes } = element;
  const outer = mergeAxes(operand.outer);
  const depth = mergeAxes(operand.depth);
  const inner = outer.at(-1);
  // At most one of the steps inside a vector leads to another row of the array, so that comparing its ends will do.
  const vectors = inner !== undefined && inner.stride === 1 && inner.size >= lanes;
  let pointers: number[] = [];
  let joined: number[] = [];
  let aligned = false;
  let counter: OffsetCounter;

  function emitAddress(f: FunctionBuilder, lane: number): FunctionBuilder {
    return f.localGet(pointers[lane]).localGet(counter.offset).i32Add();
  }

  return {
    begin(f: FunctionBuilder, context: OperandContext, count: number): void {
      counter = new OffsetCounter(f, context.depth, depth, bytes);
      pointers = [];
      joined = [];
      for (let lane = 0; lane < count; lane++) {
        const pointer = f.local("i32");
        emitOffset(f, context.index, lane, outer, bytes);
        f.localGet(context.pointer).i32Add().localSet(pointer);
        pointers.push(pointer);
      }
      // Rows of the array and panels both begin at multiples of a vector: none spans two rows.
      aligned = vectors && inner.size % lanes === 0 && context.indexStep % lanes === 0;
      if (!vectors || aligned) return;
      for (let lane = 0; lane + lanes <= count; lane += lanes) {
        const flag = f.local("i32");
        f.localGet(pointers[lane + lanes - 1]).localGet(pointers[lane]).i32Sub();
        f.i32Const((lanes - 1) * bytes).i32Eq().localSet(flag);
        joined.push(flag);
      }
    },
    next(f: FunctionBuilder): void {
      counter.emitNext(f);
    },
    element(f: FunctionBuilder, _context: OperandContext, lane: number): void {
      emitAddress(f, lane);
      element.load(f);
    },
    vector(f: FunctionBuilder, _context: OperandContext, lane: number): void {
      const gather = (): void => {
        const value = f.local("v128");
        emitAddress(f, lane);
        element.loadZero(f);
        for (let i = 1; i < lanes; i++) {
          f.localSet(value);
          emitAddress(f, lane + i).localGet(value);
          element.loadLane(f, i);
        }
        f.release(value);
      };
      if (!vectors) {
        gather();
        return;
      }
      if (aligned) {
        emitAddress(f, lane).v128Load();
        return;
      }
      f.localGet(joined[lane / lanes]).if("v128");
      emitAddress(f, lane).v128Load();
      f.else();
      gather();
      f.end();
    },
  };
}
