/** What a reduction keeps while it runs, as vectors: the identity, a step, the merging of two states, the result. */
import type { DType } from "../../../trace/dtype.ts";
import { rangeOf } from "../../../trace/dtype.ts";
import type { Combiner } from "../../../trace/scalar_op.ts";
import type { Reduction } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { emitScalarOp } from "./scalar_ops.ts";
import {
  type LaneCount,
  laneOf,
  localValue,
  type ModuleContext,
  push,
  pushConstant,
  pushSplat32,
  type Value,
} from "./value.ts";

const NO_POSITION = 0x7fffffff;

/** The value that changes nothing when it is combined. */
export function identityOf(combiner: Combiner, dtype: DType): number {
  switch (combiner) {
    case "prod":
    case "all":
      return 1;
    case "max":
    case "argmax":
      return rangeOf(dtype)[0];
    case "min":
    case "argmin":
      return rangeOf(dtype)[1];
    default:
      return 0;
  }
}

const MERGE_OP: { readonly [C in Combiner]?: "add" | "mul" | "minimum" | "maximum" | "and" | "or" } = {
  sum: "add",
  prod: "mul",
  max: "maximum",
  min: "minimum",
  any: "or",
  all: "and",
};

/** Emits the steps of one reduction on states that lie in locals. */
export class ReductionState {
  readonly context: ModuleContext;
  readonly f: FunctionBuilder;
  readonly lanes: LaneCount;
  readonly combiner: Combiner;
  readonly dtype: DType;
  /** For argmax and argmin. */
  readonly withPosition: boolean;
  /** Extrema of floats keep NaN apart, since the short instructions drop it. */
  readonly withNaN: boolean;
  /** Sums that keep the rounding errors of their additions (Kahan 1965). */
  readonly compensated: boolean;

  constructor(
    context: ModuleContext,
    f: FunctionBuilder,
    lanes: LaneCount,
    reduction: Reduction,
    compensated: boolean,
  ) {
    this.context = context;
    this.f = f;
    this.lanes = lanes;
    this.combiner = reduction.combiner;
    this.dtype = reduction.dtype;
    this.withPosition = reduction.combiner === "argmax" || reduction.combiner === "argmin";
    const isFloat = laneOf(reduction.dtype) === "f32" || laneOf(reduction.dtype) === "f64";
    this.withNaN = isFloat && (reduction.combiner === "max" || reduction.combiner === "min");
    this.compensated = compensated && laneOf(reduction.dtype) === "f32" && reduction.combiner === "sum";
  }

  /** How many vectors a state takes. */
  get vectors(): number {
    return this.withPosition || this.withNaN || this.compensated ? 2 : 1;
  }

  /** True when combining an element several times changes nothing, so that extra equal lanes do no harm. */
  get idempotent(): boolean {
    return this.combiner !== "sum" && this.combiner !== "prod";
  }

  /** Pushes vector `part` of the empty state. */
  pushIdentity(part: number): void {
    const { f, context } = this;
    if (part === 0) pushConstant(f, context.pool, this.dtype, identityOf(this.combiner, this.dtype));
    else pushSplat32(f, context.pool, this.withPosition ? NO_POSITION : 0);
  }

  /** Pushes a value with the identity in all lanes but the first. */
  pushFirstLane(value: Value): void {
    const { f, context } = this;
    const bytes = new Uint8Array(16).fill(255, 0, laneOf(this.dtype) === "f64" ? 8 : 4);
    push(f, context.pool, value);
    if (this.combiner !== "sum") this.pushIdentity(0);
    const place = context.pool.v128(bytes);
    if (place >= 0) f.i32Const(place).v128Load();
    else f.v128Const(bytes);
    if (this.combiner === "sum") f.v128And();
    else f.v128Bitselect();
  }

  /** Combines a value (and position) into the state. */
  combine(state: readonly number[], value: Value, position: Value | null): void {
    const { f, context } = this;
    const { pool } = context;
    if (this.withPosition) return this.#combinePosition(state, value, position!);
    const float = laneOf(this.dtype) === "f64" ? "f64x2" : "f32x4";
    if (this.withNaN) {
      // max: a < b ? b : a, with the state first.
      f.localGet(state[0]);
      push(f, pool, value);
      f[`${float}${this.combiner === "max" ? "Pmax" : "Pmin"}`]().localSet(state[0]);
      f.localGet(state[1]);
      push(f, pool, value);
      push(f, pool, value);
      f[`${float}Ne`]().v128Or().localSet(state[1]);
      return;
    }
    if (this.compensated) {
      const corrected = f.local("v128"), sum = f.local("v128");
      push(f, pool, value);
      f.localGet(state[1]).f32x4Sub().localTee(corrected);
      f.localGet(state[0]).f32x4Add().localTee(sum);
      f.localGet(state[0]).f32x4Sub().localGet(corrected).f32x4Sub().localTee(corrected);
      // An infinite sum has no rounding error.
      f.localGet(corrected).f32x4Abs();
      pushConstant(f, pool, "float32", Infinity);
      f.f32x4Lt().v128And().localSet(state[1]);
      f.localGet(sum).localSet(state[0]);
      f.release(corrected, sum);
      return;
    }
    const old = localValue(this.dtype, state[0], false);
    emitScalarOp(context, f, MERGE_OP[this.combiner]!, this.dtype, [old, value], this.lanes);
    f.localSet(state[0]);
  }

  /** The first best one wins; the first NaN is best of all. */
  #combinePosition(state: readonly number[], value: Value, position: Value): void {
    const { f, context } = this;
    const { pool } = context;
    const better = f.local("v128");
    const lane = laneOf(this.dtype);
    const up = this.combiner === "argmax";
    push(f, pool, value);
    f.localGet(state[0]);
    if (lane === "mask") {
      // true is above false: a & ~b, with the greater one first.
      if (!up) {
        f.drop().drop().localGet(state[0]);
        push(f, pool, value);
      }
      f.v128Andnot();
    } else if (lane === "int") {
      const unsigned = this.dtype === "uint32";
      f[up ? (unsigned ? "i32x4GtU" : "i32x4GtS") : unsigned ? "i32x4LtU" : "i32x4LtS"]();
    } else {
      const float = lane === "f64" ? "f64x2" : "f32x4";
      f[`${float}${up ? "Le" : "Ge"}`]().v128Not();
      f.localGet(state[0]).localGet(state[0])[`${float}Eq`]().v128And();
    }
    f.localSet(better);
    this.#take(state, value, position, better);
    f.release(better);
  }

  /** Where `better` (a mask as wide as the values) is set, takes the value and its position. */
  #take(state: readonly number[], value: Value, position: Value, better: number): void {
    const { f, context } = this;
    push(f, context.pool, value);
    f.localGet(state[0]).localGet(better).v128Bitselect().localSet(state[0]);
    push(f, context.pool, position);
    f.localGet(state[1]).localGet(better);
    if (laneOf(this.dtype) === "f64") {
      const mask = f.local("v128");
      f.localTee(mask).localGet(mask).i8x16Shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
      f.release(mask);
    }
    f.v128Bitselect().localSet(state[1]);
  }

  /** Merges state `b` into state `a`. */
  merge(a: readonly number[], b: readonly number[]): void {
    const { f } = this;
    const other = localValue(this.dtype, b[0], false);
    if (this.withPosition) {
      // Equal values: the smaller position. It is taken first, so that the comparison of values decides the rest.
      const ties = f.local("v128"), lane = laneOf(this.dtype);
      f.localGet(a[0]).localGet(b[0]);
      if (lane === "f64") f.f64x2Eq();
      else if (lane === "f32") f.f32x4Eq();
      else f.i32x4Eq();
      if (lane === "f64" || lane === "f32") {
        // Two NaN tie as well.
        const float = lane === "f64" ? "f64x2" : "f32x4";
        f.localGet(a[0]).localGet(a[0])[`${float}Ne`]();
        f.localGet(b[0]).localGet(b[0])[`${float}Ne`]().v128And().v128Or();
      }
      if (lane === "f64") {
        f.localTee(ties).localGet(ties).i8x16Shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
      }
      f.localSet(ties);
      f.localGet(a[1]).localGet(b[1]).i32x4MinS().localGet(a[1]).localGet(ties).v128Bitselect().localSet(
        a[1],
      );
      f.release(ties);
      return this.#combinePosition(a, other, localValue("int32", b[1], false));
    }
    if (this.withNaN) {
      const float = laneOf(this.dtype) === "f64" ? "f64x2" : "f32x4";
      f.localGet(a[0]).localGet(b[0])[`${float}${this.combiner === "max" ? "Pmax" : "Pmin"}`]();
      f.localSet(a[0]);
      f.localGet(a[1]).localGet(b[1]).v128Or().localSet(a[1]);
      return;
    }
    emitScalarOp(
      this.context,
      f,
      MERGE_OP[this.combiner]!,
      this.dtype,
      [localValue(this.dtype, a[0], false), other],
      this.lanes,
    );
    f.localSet(a[0]);
  }

  /** Merges the lanes of a state, so that all of them hold the whole. */
  mergeLanes(state: readonly number[]): void {
    const { f } = this;
    const is64 = laneOf(this.dtype) === "f64";
    const other = state.map(() => f.local("v128"));
    for (let distance = this.lanes >> 1; distance >= 1; distance >>= 1) {
      state.forEach((local, part) => {
        const bytes = is64 && (part === 0 || this.withNaN) ? 8 : 4;
        f.localGet(local).localGet(local).i8x16Shuffle(
          Array.from({ length: 16 }, (_, i) => {
            const lane = Math.floor(i / bytes) % this.lanes;
            return ((lane + distance) % this.lanes) * bytes + i % bytes;
          }),
        );
        f.localSet(other[part]);
      });
      this.merge(state, other);
    }
    f.release(...other);
  }

  /** Pushes the result of a finished state, per lane. */
  pushResult(state: readonly number[]): void {
    const { f, context } = this;
    if (this.withPosition) {
      // Nothing was ever better than the identity: then the first column is as good as any.
      f.localGet(state[1]);
      pushSplat32(f, context.pool, 0);
      f.localGet(state[1]);
      pushSplat32(f, context.pool, NO_POSITION);
      f.i32x4Ne().v128Bitselect();
    } else if (this.withNaN) {
      pushConstant(f, context.pool, this.dtype, NaN);
      f.localGet(state[0]).localGet(state[1]).v128Bitselect();
    } else f.localGet(state[0]);
  }
}

/** Adds the float32 lanes on the stack to two float64 sums in a local. */
export function addToDouble(f: FunctionBuilder, total: number, lanes: LaneCount): void {
  if (lanes === 2) {
    f.f64x2PromoteLowF32x4().localGet(total).f64x2Add().localSet(total);
    return;
  }
  const single = f.local("v128");
  f.localSet(single);
  f.localGet(total).localGet(single).f64x2PromoteLowF32x4().f64x2Add();
  f.localGet(single).localGet(single);
  f.i8x16Shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]).f64x2PromoteLowF32x4().f64x2Add();
  f.localSet(total);
  f.release(single);
}

/** Pushes the sum of the two float64 in a local, as float32 in all lanes. */
export function pushDoubleTotal(f: FunctionBuilder, total: number): void {
  f.localGet(total).f64x2ExtractLane(0).localGet(total).f64x2ExtractLane(1).f64Add();
  f.f32DemoteF64().f32x4Splat();
}
