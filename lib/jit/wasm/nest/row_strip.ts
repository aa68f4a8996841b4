/** A strip of neighbouring rows, with slots in scratch memory for what the columns find of each. */
import { argumentsOf } from "../../kernel/statements.ts";
import { columnRoots } from "./analysis.ts";
import { sweepVector } from "./loops.ts";
import type { NestWriter } from "./nest_writer.ts";
import { ReductionState } from "./reduction_state.ts";
import type { Stream } from "./streams.ts";

/** Scratch memory that all slots of a strip take together. */
const STRIP_BYTES = 16384;
/** Rows of a strip with a single sum: columns are then read in runs that are long enough to be fetched ahead. */
const LONG_STRIP = 4096;
/**
 * The first cache tells addresses apart by their remainder modulo this. Rows of a power of two of elements all have one
 * remainder, and fill its places: the slots walk along half of this away from them.
 */
const CACHE_PERIOD = 4096;

/** A reduction whose states stand in slots. */
export interface Running {
  readonly index: number;
  readonly value: number;
  readonly position: number | undefined;
  readonly state: ReductionState;
  /** Bytes from the slot pointer to each vector of the state. */
  readonly slots: readonly number[];
}

/** A strip as the code for it is written. */
export interface Strip {
  readonly w: NestWriter;
  /** Rows of a strip. */
  readonly rows: number;
  /** Bytes of one slot: a vector for each vector of rows, and for each single row of the rest. */
  readonly slotBytes: number;
  /** The local with the number of rows of the current strip. */
  readonly count: number;
  /** The local with the address of the first slots. */
  readonly base: number;
  /** The local that walks along the slots. */
  readonly slot: number;
  /** The local with the coordinate of the strip's first row; -1 if nobody asks. */
  readonly first: number;
  readonly running: readonly Running[];
  /** Where row values are kept for the columns that read them: bytes from the slot pointer, by statement. */
  readonly kept: ReadonlyMap<number, number>;
}

/** Whether a statement differs from column to column. */
export function hasColumns(w: NestWriter, statement: number): boolean {
  return (w.plan.dependences[statement] >> w.nest.rowRank) !== 0;
}

/** Row values that column work of any pass reads directly: computed once per row, then kept in a slot. */
function keptStatements(w: NestWriter): number[] {
  const { nest, plan } = w;
  const kept = new Set<number>();
  const keep = (statement: number): void => {
    const { kind } = nest.statements[statement];
    if (plan.depths[statement] !== plan.vectorDepth || hasColumns(w, statement)) return;
    if (kind !== "constant" && kind !== "coordinate" && kind !== "threefry") kept.add(statement);
  };
  for (let pass = 0; pass < nest.passes; pass++) {
    const roots = columnRoots(nest, pass);
    roots.forEach(keep);
    for (const i of w.statementsAt(roots, (depth) => depth === plan.vectorDepth)) {
      if (hasColumns(w, i)) argumentsOf(nest.statements[i]).forEach(keep);
    }
  }
  return [...kept].sort((a, b) => a - b);
}

/** Lays out the slots of strips, and asks for the memory. */
export function makeStrip(w: NestWriter): Strip {
  const { f, lanes, nest } = w;
  const states = nest.reductions.map((r) => new ReductionState(w.context, f, lanes, r, true));
  const keptList = keptStatements(w);
  const slots = states.reduce((n, state) => n + state.vectors, 0) + keptList.length;
  const rows = slots <= 2
    ? LONG_STRIP
    : Math.min(1024, Math.max(64, Math.floor(STRIP_BYTES / 4 / slots / 64) * 64));
  const slotBytes = (rows / lanes + lanes) * 16;
  let offset = 0;
  const next = (): number => (offset += slotBytes) - slotBytes;
  const running = nest.reductions.map((r, index): Running => ({
    index,
    value: r.value,
    position: r.position,
    state: states[index],
    slots: Array.from({ length: states[index].vectors }, next),
  }));
  const kept = new Map(keptList.map((statement) => [statement, next()]));
  w.context.needScratch(offset + CACHE_PERIOD);
  return {
    w,
    rows,
    slotBytes,
    count: f.local("i32"),
    base: f.local("i32"),
    slot: f.local("i32"),
    first: w.coordinates[w.plan.vectorAxis] >= 0 ? f.local("i32") : -1,
    running,
    kept,
  };
}

/** Sets the address of the first slots, far from what is read along with them as the first cache sees it. */
export function placeSlots({ w, base }: Strip): void {
  const { f, plan } = w;
  const { scratchGlobal } = w.context;
  f.globalGet(scratchGlobal);
  const beside = w.streams.all.find(({ strides }) =>
    strides[plan.vectorAxis] !== 0 && plan.columnAxes.some((axis) => strides[axis] !== 0)
  );
  if (beside) {
    f.localGet(w.streams.pointer(beside, 2)).globalGet(scratchGlobal).i32Sub();
    f.i32Const(CACHE_PERIOD / 2).i32Add().i32Const(CACHE_PERIOD - 16).i32And().i32Add();
  }
  f.localSet(base);
}

/** Loads the vectors at some offsets from the slot pointer into locals. */
export function loadSlots(strip: Strip, slots: readonly number[]): number[] {
  const { f } = strip.w;
  return slots.map((offset) => {
    const local = f.local("v128");
    f.localGet(strip.slot).v128Load(offset).localSet(local);
    return local;
  });
}

/** Stores such vectors back. */
export function storeSlots(strip: Strip, slots: readonly number[], locals: readonly number[]): void {
  const { f } = strip.w;
  slots.forEach((offset, i) => f.localGet(strip.slot).localGet(locals[i]).v128Store(offset));
}

/** A sweep over the rows of the strip, with the slot pointer beside them. */
export function sweepStrip(strip: Strip, streams: Iterable<Stream>, emit: () => void): void {
  const { w } = strip;
  const { f } = w;
  const remaining = f.local("i32");
  f.localGet(strip.count).localSet(remaining);
  f.localGet(strip.base).localSet(strip.slot);
  const coordinate = w.coordinates[w.plan.vectorAxis];
  if (coordinate >= 0) f.localGet(strip.first).localSet(coordinate);
  sweepVector(w, { remaining, count: -1, unroll: 1, streams }, {
    emit,
    advance: () => f.localGet(strip.slot).i32Const(16).i32Add().localSet(strip.slot),
  });
  f.release(remaining);
}
