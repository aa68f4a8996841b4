/**
 * Long running sums, products and extrema with few rows, in three steps: the total of each segment of a row, what comes
 * before each segment, and the running values. Lanes are segments, so that their chains of additions run side by side
 * and threads can share them. How a row is cut depends on its length alone: the bits are the same on any number of
 * threads.
 */
import { byteSize, type DType } from "../../trace/dtype.ts";
import type { Cumulative } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import { CUMULATIVE_OPS, cumulativeState } from "./cumulative_state.ts";
import type { KernelFunction, LaneCount, ModuleContext } from "./nest/mod.ts";
import { emitCast } from "./nest/cast_ops.ts";
import { type AccessContext, readLanes, readOne, writeLanes, writeOne } from "./nest/lane_access.ts";
import { identityOf } from "./nest/reduction_state.ts";
import { emitScalarOp } from "./nest/scalar_ops.ts";
import { localValue, pushConstant } from "./nest/value.ts";

/** Segments of a row, and vectors of them that run side by side. */
const SEGMENTS = 64;
const VECTORS = 4;
/** Shorter rows are left whole, and so are many rows. */
const LEAST_LENGTH = 1 << 15;
const ENOUGH_ROWS = 8;

/** The function of a long one, `(source, target, totals, begin, end)`; null for others. */
export function emitSegments(context: ModuleContext, kernel: Cumulative): KernelFunction | null {
  const { outer, length, inner } = kernel;
  if (inner !== 1 || outer === 0 || outer >= ENOUGH_ROWS || length < LEAST_LENGTH) return null;
  const writer = new SegmentWriter(context, kernel);
  const totals = writer.sweep(false), running = writer.sweep(true);
  const units = outer * writer.strips;
  const unitCost = outer * length / units;
  return {
    index: totals,
    units,
    unitCost: 0.5 * unitCost,
    splittable: true,
    finish: {
      index: writer.starts(),
      temporaryBytes: outer * SEGMENTS * writer.stateBytes,
      next: { index: running, units, unitCost, splittable: true },
    },
  };
}

const params = ["i32", "i32", "i32", "i32", "i32"] as const;
const [SOURCE, TARGET, TOTALS, BEGIN, END] = [0, 1, 2, 3, 4];

class SegmentWriter {
  readonly strips: number;
  readonly stateBytes: number;
  readonly #context: ModuleContext;
  readonly #kernel: Cumulative;
  readonly #state: DType;
  readonly #lanes: LaneCount;
  readonly #size: number;
  readonly #rest: number;

  constructor(context: ModuleContext, kernel: Cumulative) {
    this.#context = context;
    this.#kernel = kernel;
    const { state, lanes } = cumulativeState(kernel);
    this.#state = state;
    this.#lanes = lanes;
    this.stateBytes = 16 / lanes;
    this.strips = SEGMENTS / (VECTORS * lanes);
    // An odd number of cache lines, so that segments do not evict one another's.
    const line = 64 / byteSize(kernel.dtype);
    const lines = Math.floor(kernel.length / SEGMENTS / line);
    this.#size = (lines % 2 === 1 ? lines : lines - 1) * line;
    this.#rest = kernel.length - this.#size * SEGMENTS;
  }

  /** The running values of some segments at a time if they are written, otherwise their totals. */
  sweep(writes: boolean): number {
    const { reverse, length, dtype } = this.#kernel;
    const lanes = this.#lanes, size = this.#size, bytes = byteSize(dtype);
    const f = this.#context.module.addFunction({ params, results: [] });
    const i32 = (): number => f.local("i32");
    const unit = i32(), strip = i32(), row = i32(), totals = i32(), from = i32(), to = i32(), left = i32();
    const sums = Array.from({ length: VECTORS }, () => f.local("v128")), value = f.local("v128");
    const direction = reverse ? -1 : 1;
    f.localGet(BEGIN).localSet(unit);
    f.forLoop(unit, END, 1, () => {
      f.localGet(unit).i32Const(this.strips).i32DivU().localSet(row);
      f.localGet(unit).i32Const(this.strips).i32RemU().localSet(strip);
      f.localGet(TOTALS).localGet(unit).i32Const(16 * VECTORS).i32Mul().i32Add().localSet(totals);
      for (const [pointer, local] of writes ? [[SOURCE, from], [TARGET, to]] : [[SOURCE, from]]) {
        f.localGet(row).i32Const(length).i32Mul();
        if (reverse) f.i32Const(length - 1).i32Add();
        f.localGet(strip).i32Const(direction * size * VECTORS * lanes).i32Mul().i32Add();
        f.i32Const(bytes).i32Mul().localGet(pointer).i32Add().localSet(local);
      }
      sums.forEach((sum, v) => {
        if (writes) f.localGet(totals).v128Load(16 * v);
        else this.#pushIdentity(f);
        f.localSet(sum);
      });
      f.i32Const(size).localSet(left).loop();
      sums.forEach((sum, v) => {
        const at = (pointer: number) => ({
          pushBase: () => {
            f.localGet(pointer);
            if (v > 0) f.i32Const(direction * v * lanes * size * bytes).i32Add();
            return 0;
          },
          laneStride: direction * size,
          laneTerms: [],
        });
        const access = { context: this.#context, f, lanes };
        readLanes(access, dtype, at(from), null, 0);
        f.localSet(value);
        this.#add(access, sum, value, writes);
        if (writes) writeLanes(access, dtype, at(to), localValue(dtype, value, false), null, false);
      });
      for (const local of writes ? [from, to] : [from]) {
        f.localGet(local).i32Const(direction * bytes).i32Add().localSet(local);
      }
      f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
      if (!writes) sums.forEach((sum, v) => f.localGet(totals).localGet(sum).v128Store(16 * v));
      else if (this.#rest > 0) {
        f.localGet(strip).i32Const(this.strips - 1).i32Eq().if();
        this.#writeRest(f, { from, to, sum: sums[VECTORS - 1], value, left });
        f.end();
      }
    });
    return f.index;
  }

  /** The few elements behind the last segment; the pointers are at the second element of the strip's first segment. */
  #writeRest(
    f: FunctionBuilder,
    { from, to, sum, value, left }: { from: number; to: number; sum: number; value: number; left: number },
  ): void {
    const { reverse, dtype } = this.#kernel;
    const lanes = this.#lanes, bytes = byteSize(dtype), direction = reverse ? -1 : 1;
    const distance = direction * (VECTORS * lanes - 1) * this.#size * bytes;
    const access: AccessContext = { context: this.#context, f, lanes };
    f.localGet(sum).localGet(sum);
    f.i8x16Shuffle(Array.from({ length: 16 }, (_, i) => 16 - this.stateBytes + i % this.stateBytes)).localSet(
      sum,
    );
    for (const local of [from, to]) f.localGet(local).i32Const(distance).i32Add().localSet(local);
    const at = (pointer: number) => ({
      pushBase: () => {
        f.localGet(pointer);
        return 0;
      },
      laneStride: 1,
      laneTerms: [],
    });
    f.i32Const(this.#rest).localSet(left).loop();
    readOne(access, dtype, at(from), null, 0);
    f.localSet(value);
    this.#add(access, sum, value, true);
    writeOne(access, dtype, at(to), localValue(dtype, value, false), null, false);
    for (const local of [from, to]) f.localGet(local).i32Const(direction * bytes).i32Add().localSet(local);
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  }

  /** Replaces the totals of segments by what comes before each. */
  starts(): number {
    const f = this.#context.module.addFunction({ params, results: [] });
    const row = f.local("i32"), at = f.local("i32"), left = f.local("i32");
    const before = f.local("v128"), total = f.local("v128");
    const wide = this.stateBytes === 8;
    f.localGet(TOTALS).localSet(at).i32Const(this.#kernel.outer).localSet(row).loop();
    this.#pushIdentity(f);
    f.localSet(before).i32Const(SEGMENTS).localSet(left).loop();
    f.localGet(at);
    if (wide) f.v128Load64Splat();
    else f.v128Load32Splat();
    f.localSet(total).localGet(at).localGet(before);
    if (wide) f.v128Store64Lane(0);
    else f.v128Store32Lane(0);
    this.#combine({ context: this.#context, f, lanes: this.#lanes }, before, total);
    f.localGet(at).i32Const(this.stateBytes).i32Add().localSet(at);
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
    f.localGet(row).i32Const(1).i32Sub().localTee(row).brIf(0).end();
    return f.index;
  }

  #pushIdentity(f: FunctionBuilder): void {
    pushConstant(f, this.#context.pool, this.#state, identityOf(this.#kernel.combiner, this.#state));
  }

  /** sum = sum op value, both in the type of the state. */
  #combine({ context, f, lanes }: AccessContext, sum: number, value: number): void {
    const state = this.#state;
    const args = [localValue(state, sum, false), localValue(state, value, false)];
    emitScalarOp(context, f, CUMULATIVE_OPS[this.#kernel.combiner], state, args, lanes);
    f.localSet(sum);
  }

  /** Combines the elements in `value` with the state, and brings what has come of it back there if asked for. */
  #add(access: AccessContext, sum: number, value: number, back: boolean): void {
    const { context, f } = access;
    const { dtype } = this.#kernel, state = this.#state;
    if (state !== dtype) {
      emitCast(context, f, localValue(dtype, value, false), state);
      f.localSet(value);
    }
    this.#combine(access, sum, value);
    if (!back) return;
    emitCast(context, f, localValue(state, sum, false), dtype);
    f.localSet(value);
  }
}
