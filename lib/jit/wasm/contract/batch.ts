/** Many products of the same sizes. */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import { elements } from "./element.ts";
import type { ContractFunction } from "./contract.ts";
import type { ContractSpec } from "./spec.ts";

/** One axis of a batch: from one product to the next, in elements; 0 uses the same operand again. */
export interface BatchAxis {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A function that was emitted. */
export interface BatchFunction {
  /**
   * The index of `batch(a, b, c, scratch, start, end, ...extra)`: pointers, and the range of products to compute,
   * counted with the last axis fastest. If asked for, the product's number follows the extra arguments.
   */
  readonly index: number;
  /** How many products there are. */
  readonly count: number;
}

/** How the products of a batch are called. */
export interface BatchOptions {
  /** Hand the product's number to the epilogue as the last of the extra arguments (the spec's list includes it). */
  readonly passNumber?: boolean;
}

/** Emits a loop over the products of a batch, whose operands may each be broadcast along any axis. */
export function emitBatch(
  module: ModuleBuilder,
  contract: ContractFunction,
  spec: ContractSpec,
  axes: readonly BatchAxis[],
  options: BatchOptions = {},
): BatchFunction {
  const { bytes } = elements[spec.dtype];
  const passNumber = options.passNumber ?? false;
  const extra = (spec.extra ?? []).slice(0, passNumber ? -1 : undefined);
  const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", ...extra];
  const f = module.addFunction({ params, results: [] });
  const [scratch, start, end] = [3, 4, 5];
  const number = f.local("i32");
  const rest = f.local("i32");
  const digits = axes.map(() => f.local("i32"));
  f.localGet(start).localSet(number);
  f.forLoop(number, end, 1, () => {
    f.localGet(number).localSet(rest);
    for (let axis = axes.length - 1; axis > 0; axis--) {
      f.localGet(rest).i32Const(axes[axis].size).i32RemU().localSet(digits[axis]);
      f.localGet(rest).i32Const(axes[axis].size).i32DivU().localSet(rest);
    }
    if (axes.length > 0) f.localGet(rest).localSet(digits[0]);
    (["a", "b", "c"] as const).forEach((operand, pointer) => {
      emitPointer(f, pointer, axes.map((axis, i) => [digits[i], axis[operand] * bytes]));
    });
    f.localGet(scratch).i32Const(0).i32Const(spec.rows).i32Const(0).i32Const(spec.columns);
    extra.forEach((_, i) => void f.localGet(6 + i));
    if (passNumber) f.localGet(number);
    f.call(contract.index);
  });
  return { index: f.index, count: axes.reduce((product, axis) => product * axis.size, 1) };
}

/** Leaves the pointer plus the sum of digits times steps on the stack. */
function emitPointer(
  f: FunctionBuilder,
  pointer: number,
  terms: readonly (readonly [number, number])[],
): void {
  f.localGet(pointer);
  for (const [digit, step] of terms) if (step !== 0) f.localGet(digit).i32Const(step).i32Mul().i32Add();
}
