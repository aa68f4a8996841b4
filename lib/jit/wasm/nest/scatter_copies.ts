/**
 * Scatters that add many updates to few places: the updates are cut into parts, each of which adds to a copy of the target
 * of its own, and the copies are added to the target in their order. How they are cut depends on the sizes alone, so that
 * the results have the same bits on any number of threads.
 */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import { sizeOf, stridesOf } from "../../../trace/shape.ts";
import type { Nest, Operand, Statement, Store } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { planNest } from "./analysis.ts";
import { emitNest, type KernelFunction } from "./nest.ts";
import { findScatterParts } from "./scatter_parts.ts";
import { simplifyNest } from "./simplify.ts";
import { partOf } from "./split_reduction.ts";
import { type ModuleContext, pushConstant } from "./value.ts";

/** Updates from which copies pay, and how many there are at least for each element of all copies together. */
const LEAST_POINTS = 1 << 17;
const LEAST_SHARE = 8;
/** Copies at most, and bytes that they take. */
const MOST_COPIES = 8;
const MOST_BYTES = 4 << 20;

const SUPPORTED: ReadonlySet<DType> = new Set(["float32", "float64", "int32", "uint32"]);

/** What becomes of a scatter. */
export interface ScatterCopies {
  /** The parts of the same size, over [parts, ...domain]; their stores go to a further operand, the copies. */
  readonly parts: Nest;
  readonly count: number;
  /** The updates that no such part has; null for none. */
  readonly rest: Nest | null;
  /** Adds the copies to the target. */
  readonly total: Nest;
  /** The elements of the target, and the number of copies. */
  readonly extent: number;
  readonly copies: number;
}

/** Cuts a scatter; null where that would not pay. */
function cutScatter(nest: Nest): ScatterCopies | null {
  if (nest.stores.length !== 1 || nest.reductions.length > 0 || nest.passes > 1) return null;
  const [store] = nest.stores, { extent = 0, operand } = store;
  const { dtype } = nest.operands[operand];
  const points = sizeOf(nest.domain);
  if (store.mode !== "add" || store.index.dynamic.length === 0 || extent === 0) return null;
  if (!SUPPORTED.has(dtype) || points < LEAST_POINTS || nest.domain.length > 28) return null;
  if (nest.statements.some((s) => s.kind === "load" && s.operand === operand)) return null;
  // Threads may share those by columns, in the order of the updates.
  if (findScatterParts(nest, 1) !== null) return null;
  let copies = MOST_COPIES;
  while (
    copies > 1 && (copies * extent * LEAST_SHARE > points || copies * extent * byteSize(dtype) > MOST_BYTES)
  ) {
    copies >>= 1;
  }
  if (copies < 2 || nest.domain[0] < copies) return null;
  const size = Math.ceil(nest.domain[0] / copies), count = Math.floor(nest.domain[0] / size);
  const left = nest.domain[0] - count * size;
  const toCopies = (part: Nest, first: number): Nest => ({
    ...part,
    operands: [...nest.operands, { dtype, access: "readwrite" }],
    stores: part.stores.map((s): Store => ({
      ...s,
      operand: nest.operands.length,
      index: {
        ...s.index,
        offset: s.index.offset + first * extent,
        strides: s.index.strides.map((stride, axis) => axis === 0 ? stride + extent : stride),
      },
    })),
  });
  return {
    parts: toCopies(partOf(nest, 0, { first: 0, parts: count, size }), 0),
    count,
    rest: left === 0
      ? null
      : toCopies(partOf(nest, 0, { first: count, parts: 1, size: left, step: size }), count),
    total: totalOf(nest, operand, extent, count + (left > 0 ? 1 : 0)),
    extent,
    copies: count + (left > 0 ? 1 : 0),
  };
}

function totalOf(nest: Nest, target: number, extent: number, copies: number): Nest {
  const { dtype } = nest.operands[target];
  const operands: Operand[] = nest.operands.map((operand, i) =>
    i === target ? { dtype, access: "readwrite" } : operand
  );
  const load = (operand: number, offset: number): Statement => {
    return { kind: "load", dtype, operand, index: { offset, strides: stridesOf([extent]), dynamic: [] } };
  };
  const statements = [load(target, 0)];
  for (let copy = 0; copy < copies; copy++) {
    const sum = statements.length - 1;
    statements.push(load(operands.length, copy * extent));
    statements.push({ kind: "op", op: "add", dtype, args: [sum, sum + 1] });
  }
  return {
    kind: "nest",
    domain: [extent],
    rowRank: 1,
    operands: [...operands, { dtype, access: "read" }],
    statements,
    reductions: [],
    stores: [{
      operand: target,
      index: { offset: 0, strides: [1], dynamic: [] },
      value: statements.length - 1,
      mode: "set",
      perRow: false,
      pass: 0,
    }],
    passes: 1,
  };
}

/** The function of a scatter with copies, or null for other nests. */
export function emitScatterCopies(context: ModuleContext, original: Nest): KernelFunction | null {
  const cut = cutScatter(simplifyNest(original));
  if (cut === null) return null;
  const { count, extent, copies, rest } = cut;
  const plan = planNest(simplifyNest(cut.parts));
  if (count > 1 && (plan.rowAxes[0] !== 0 || plan.nest.domain[0] !== count || plan.unitsAreLanes)) {
    return null;
  }
  const { dtype } = original.operands[original.stores[0].operand], bytes = byteSize(dtype);
  const parts = emitNest(context, cut.parts), left = rest === null ? null : emitNest(context, rest);
  const total = emitNest(context, cut.total);
  const pointers = original.operands.length + 1;
  const [temporary, unit, end] = [pointers - 1, pointers, pointers + 1];
  const params = new Array<"i32">(pointers + 2).fill("i32");
  const push = (f: FunctionBuilder): FunctionBuilder => {
    for (let i = 0; i < pointers; i++) f.localGet(i);
    return f;
  };
  const f = context.module.addFunction({ params, results: [] });
  const place = f.local("i32"), last = f.local("i32"), perPart = parts.units / count;
  f.forLoop(unit, end, 1, () => {
    // What is added to nothing must be as it was: that is -0. Copies end where vectors do, or before the next one is cleared.
    f.localGet(unit).i32Const(extent * bytes).i32Mul().localGet(temporary).i32Add().localTee(place);
    f.i32Const(extent * bytes).i32Add().localSet(last);
    f.forLoop(place, last, bytes, () => {
      f.localGet(place);
      pushConstant(f, context.pool, dtype, dtype === "float32" || dtype === "float64" ? -0 : 0);
      if (bytes === 8) f.v128Store64Lane(0, 0);
      else f.v128Store32Lane(0, 0);
    });
    if (left !== null) f.localGet(unit).i32Const(count).i32LtU().if();
    push(f).localGet(unit).i32Const(perPart).i32Mul();
    f.localGet(unit).i32Const(1).i32Add().i32Const(perPart).i32Mul().call(parts.index);
    if (left !== null) {
      f.else();
      push(f).i32Const(0).i32Const(left.units).call(left.index).end();
    }
  });
  const finish = context.module.addFunction({ params, results: [] });
  push(finish).i32Const(0).i32Const(total.units).call(total.index);
  return {
    index: f.index,
    units: copies,
    unitCost: parts.unitCost * perPart,
    splittable: true,
    inner: parts.inner,
    finish: { index: finish.index, temporaryBytes: copies * extent * bytes + 16 },
  };
}
