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
  let shift = -1;

  function emitAddress(f: FunctionBuilder, lane: number): FunctionBuilder {
    return f.localGet(pointers[lane]).localGet(shift).i32Add();
  }

  return {
    begin(f: FunctionBuilder, context: OperandContext, count: number): void {
      shift = f.local("i32");
      pointers = [];
      joined = [];
      for (let lane = 0; lane < count; lane++) {
        const pointer = f.local("i32");
        emitOffset(f, context.index, lane, outer, bytes);
        f.localGet(context.pointer).i32Add().localSet(pointer);
        pointers.push(pointer);
      }
      if (!vectors) return;
      for (let lane = 0; lane + lanes <= count; lane += lanes) {
        const flag = f.local("i32");
        f.localGet(pointers[lane + lanes - 1]).localGet(pointers[lane]).i32Sub();
        f.i32Const((lanes - 1) * bytes).i32Eq().localSet(flag);
        joined.push(flag);
      }
    },
    step(f: FunctionBuilder, context: OperandContext): void {
      emitOffset(f, context.depth, 0, depth, bytes);
      f.localSet(shift);
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
      f.localGet(joined[lane / lanes]).if("v128");
      emitAddress(f, lane).v128Load();
      f.else();
      gather();
      f.end();
    },
  };
}
