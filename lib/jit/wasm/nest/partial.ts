/** Compiles reductions that are done in parts. */
import { byteSize } from "../../../trace/dtype.ts";
import type { Nest } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { planNest } from "./analysis.ts";
import { emitNest, grainOf, type KernelFunction } from "./nest.ts";
import { emitRows } from "./row_streams.ts";
import { simplifyNest } from "./simplify.ts";
import { splitReduction } from "./split_reduction.ts";
import type { ModuleContext } from "./value.ts";

/**
 * The function of a long reduction with few rows, or null. Behind the pointers of the operands comes that of
 * `temporaryBytes`; when all units are done, `finish` is called with the same pointers.
 */
export function emitPartialReduction(context: ModuleContext, original: Nest): KernelFunction | null {
  if (original.reductions.length === 0) return null;
  const nest = simplifyNest(original);
  if (nest.domain.includes(0)) return null;
  // Parts also find the values that positions belong to; what they give is the same without parts.
  if (context.threads < 2 && nest.reductions.every(({ position }) => position !== undefined)) return null;
  const plan = planNest(nest);
  const split = splitReduction(nest, Math.ceil(plan.units / grainOf(plan)));
  if (split === null) return null;
  const operands = nest.operands.length;
  const offsets: number[] = [];
  let temporaryBytes = 0;
  for (const { dtype, length } of split.temporaries) {
    offsets.push(temporaryBytes);
    temporaryBytes += Math.ceil((length * byteSize(dtype) + 16) / 64) * 64;
  }
  const partial = emitRows(context, split.partial);
  const rest = split.rest === null ? null : emitNest(context, split.rest);
  const final = emitNest(context, split.final);
  const params = new Array<"i32">(operands + 3).fill("i32");
  const pushPointers = (f: FunctionBuilder): void => {
    for (let i = 0; i < operands; i++) f.localGet(i);
    for (const offset of offsets) f.localGet(operands).i32Const(offset).i32Add();
  };
  const f = context.module.addFunction({ params, results: [] });
  const begin = operands + 1, end = operands + 2;
  const last = (bound: number): void =>
    void f.localGet(bound).i32Const(partial.units).localGet(bound).i32Const(partial.units).i32LtU().select();
  pushPointers(f);
  last(begin);
  last(end);
  f.call(partial.index);
  if (rest !== null) {
    f.localGet(end).i32Const(partial.units).i32GtU().if();
    pushPointers(f);
    f.i32Const(0).i32Const(rest.units).call(rest.index).end();
  }
  const finish = context.module.addFunction({ params, results: [] });
  pushPointers(finish);
  finish.i32Const(0).i32Const(final.units).call(final.index);
  return {
    index: f.index,
    units: partial.units + (rest === null ? 0 : 1),
    unitCost: partial.unitCost,
    splittable: true,
    inner: partial.inner,
    finish: { index: finish.index, temporaryBytes },
  };
}
