/** Running sums, products and extrema along one axis. */
import { byteSize, type DType } from "../../trace/dtype.ts";
import type { Cumulative } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import type { KernelFunction, LaneCount, ModuleContext } from "./nest/mod.ts";
import { type LaneAddress, readLanes, readOne, writeLanes, writeOne } from "./nest/lane_access.ts";
import { emitScalarOp } from "./nest/scalar_ops.ts";
import { identityOf } from "./nest/reduction_state.ts";
import { emitCast } from "./nest/cast_ops.ts";
import { laneOf, localValue, pushConstant } from "./nest/value.ts";

const OPS: { readonly [C in Cumulative["combiner"]]: "add" | "mul" | "maximum" | "minimum" } = {
  sum: "add",
  prod: "mul",
  max: "maximum",
  min: "minimum",
};

/**
 * Lanes are neighbours along the inner axis, each of which runs on its own; a unit of work is one outer index. Sums
 * and products of float32 run in float64, two lanes at a time, so that long ones stay accurate.
 */
export function emitCumulative(context: ModuleContext, kernel: Cumulative): KernelFunction {
  const f = context.module.addFunction({ params: ["i32", "i32", "i32", "i32"], results: [] });
  const { outer, length, inner, dtype } = kernel;
  const unitCost = length * inner * 2;
  if (length === 0 || inner === 0) return { index: f.index, units: 0, unitCost, splittable: true };
  const sums = kernel.combiner === "sum" || kernel.combiner === "prod";
  const state: DType = laneOf(dtype) === "f32" && sums ? "float64" : dtype;
  const lanes: LaneCount = laneOf(state) === "f64" ? 2 : 4;
  const bytes = byteSize(dtype);
  const row = f.local("i32"), column = f.local("i32");
  f.localGet(2).localSet(row);
  f.forLoop(row, 3, 1, () => {
    f.i32Const(0).localSet(column);
    const strip = (single: boolean, step: number): void => {
      writeStrip(context, f, { kernel, state, lanes, row, column, single, bytes });
      f.localGet(column).i32Const(step).i32Add().localSet(column);
    };
    if (inner >= lanes) {
      const end = inner - inner % lanes;
      f.loop();
      strip(false, lanes);
      f.localGet(column).i32Const(end).i32LtU().brIf(0).end();
    }
    if (inner % lanes !== 0) {
      f.loop();
      strip(true, 1);
      f.localGet(column).i32Const(inner).i32LtU().brIf(0).end();
    }
  });
  return { index: f.index, units: outer, unitCost, splittable: true };
}

interface StripOptions {
  readonly kernel: Cumulative;
  readonly state: DType;
  readonly lanes: LaneCount;
  readonly row: number;
  readonly column: number;
  readonly single: boolean;
  readonly bytes: number;
}

/** All places along the axis for one vector (or one element) of the inner axis. */
function writeStrip(context: ModuleContext, f: FunctionBuilder, options: StripOptions): void {
  const { kernel, state, lanes, row, column, single, bytes } = options;
  const { length, inner, dtype, reverse, combiner } = kernel;
  const source = f.local("i32"), target = f.local("i32"), left = f.local("i32");
  const total = f.local("v128"), value = f.local("v128");
  const place = (pointer: number, local: number): void => {
    f.localGet(row).i32Const(length * inner).i32Mul().localGet(column).i32Add();
    if (reverse) f.i32Const((length - 1) * inner).i32Add();
    f.i32Const(bytes).i32Mul().localGet(pointer).i32Add().localSet(local);
  };
  place(0, source);
  place(1, target);
  pushConstant(f, context.pool, state, identityOf(combiner, state));
  f.localSet(total);
  const access = { context, f, lanes };
  const at = (pointer: number): LaneAddress => ({
    pushBase: () => {
      f.localGet(pointer);
      return 0;
    },
    laneStride: 1,
    laneTerms: [],
  });
  f.i32Const(length).localSet(left).loop();
  (single ? readOne : readLanes)(access, dtype, at(source), null, 0);
  f.localSet(value);
  if (state !== dtype) {
    emitCast(context, f, localValue(dtype, value, false), state);
    f.localSet(value);
  }
  emitScalarOp(context, f, OPS[combiner], state, [
    localValue(state, total, false),
    localValue(state, value, false),
  ], lanes);
  f.localSet(total);
  emitCast(context, f, localValue(state, total, false), dtype);
  f.localSet(value);
  (single ? writeOne : writeLanes)(access, dtype, at(target), localValue(dtype, value, false), null, false);
  const step = (reverse ? -inner : inner) * bytes;
  for (const local of [source, target]) f.localGet(local).i32Const(step).i32Add().localSet(local);
  f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  f.release(source, target, left, total, value);
}
