/** Running sums, products and extrema along one axis. */
import { byteSize, type DType } from "../../trace/dtype.ts";
import type { Cumulative } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import { emitSegments } from "./cumulative_segments.ts";
import { CUMULATIVE_OPS, cumulativeState } from "./cumulative_state.ts";
import type { KernelFunction, LaneCount, ModuleContext } from "./nest/mod.ts";
import { type LaneAddress, readLanes, readOne, writeLanes, writeOne } from "./nest/lane_access.ts";
import { emitScalarOp } from "./nest/scalar_ops.ts";
import { identityOf } from "./nest/reduction_state.ts";
import { emitCast } from "./nest/cast_ops.ts";
import { localValue, pushConstant } from "./nest/value.ts";

/** Vectors of a strip: two cache lines of float32, whose totals stay in registers. */
const STRIP_VECTORS = 8;

/**
 * Lanes are neighbours along the inner axis, each of which runs on its own; a unit of work is a strip of them at one
 * outer index.
 */
export function emitCumulative(context: ModuleContext, kernel: Cumulative): KernelFunction {
  const segments = emitSegments(context, kernel);
  if (segments !== null) return segments;
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] });
  const { outer, length, inner } = kernel;
  const { state, lanes } = cumulativeState(kernel);
  const wide = STRIP_VECTORS * lanes;
  const strips = Math.ceil(inner / wide);
  const unitCost = length * Math.min(inner, wide) * 1.5;
  if (length === 0 || inner === 0) return { index: f.index, units: 0, unitCost, splittable: true };
  const unit = f.local("i32"), row = f.local("i32"), column = f.local("i32"), end = f.local("i32");
  f.localGet(2).localSet(unit);
  f.forLoop(unit, 3, 1, () => {
    f.localGet(unit).i32Const(strips).i32DivU().localSet(row);
    f.localGet(unit).i32Const(strips).i32RemU().i32Const(wide).i32Mul().localTee(column).i32Const(wide)
      .i32Add()
      .localTee(end).i32Const(inner).localGet(end).i32Const(inner).i32LtU().select().localSet(end);
    const strip = (vectors: number, single: boolean): void => {
      const step = single ? 1 : vectors * lanes;
      f.localGet(column).i32Const(step).i32Add().localGet(end).i32LeU().if().loop();
      writeStrip(context, f, { kernel, state, lanes, row, column, single, vectors });
      f.localGet(column).i32Const(step).i32Add().localTee(column).i32Const(step).i32Add().localGet(end)
        .i32LeU();
      f.brIf(0).end().end();
    };
    if (inner >= wide) strip(STRIP_VECTORS, false);
    if (inner % wide >= lanes) strip(1, false);
    if (inner % lanes !== 0) strip(1, true);
  });
  return { index: f.index, units: outer * strips, unitCost, splittable: true };
}

interface StripOptions {
  readonly kernel: Cumulative;
  readonly state: DType;
  readonly lanes: LaneCount;
  readonly row: number;
  readonly column: number;
  readonly single: boolean;
  /** Vectors side by side. */
  readonly vectors: number;
}

/** All places along the axis for some vectors (or one element) of the inner axis. */
function writeStrip(context: ModuleContext, f: FunctionBuilder, options: StripOptions): void {
  const { kernel, state, lanes, row, column, single, vectors } = options;
  const { length, inner, dtype, reverse, combiner } = kernel;
  const bytes = byteSize(dtype);
  const source = f.local("i32"), target = f.local("i32"), left = f.local("i32");
  const totals = Array.from({ length: vectors }, () => f.local("v128"));
  const value = f.local("v128");
  const place = (pointer: number, local: number): void => {
    f.localGet(row).i32Const(length * inner).i32Mul().localGet(column).i32Add();
    if (reverse) f.i32Const((length - 1) * inner).i32Add();
    f.i32Const(bytes).i32Mul().localGet(pointer).i32Add().localSet(local);
  };
  place(0, source);
  place(1, target);
  for (const total of totals) {
    pushConstant(f, context.pool, state, identityOf(combiner, state));
    f.localSet(total);
  }
  const access = { context, f, lanes };
  const at = (pointer: number, vector: number): LaneAddress => ({
    pushBase: () => {
      f.localGet(pointer);
      return vector * lanes * bytes;
    },
    laneStride: 1,
    laneTerms: [],
  });
  f.i32Const(length).localSet(left).loop();
  totals.forEach((total, vector) => {
    (single ? readOne : readLanes)(access, dtype, at(source, vector), null, 0);
    f.localSet(value);
    if (state !== dtype) {
      emitCast(context, f, localValue(dtype, value, false), state);
      f.localSet(value);
    }
    emitScalarOp(context, f, CUMULATIVE_OPS[combiner], state, [
      localValue(state, total, false),
      localValue(state, value, false),
    ], lanes);
    f.localSet(total);
    emitCast(context, f, localValue(state, total, false), dtype);
    f.localSet(value);
    const write = single ? writeOne : writeLanes;
    write(access, dtype, at(target, vector), localValue(dtype, value, false), null, false);
  });
  const step = (reverse ? -inner : inner) * bytes;
  for (const local of [source, target]) f.localGet(local).i32Const(step).i32Add().localSet(local);
  f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  f.release(source, target, left, value, ...totals);
}
