/** Rows whose lanes are neighbouring columns (and elementwise kernels, whose lanes are neighbouring points). */
import type { Nest } from "../../kernel/kernel.ts";
import { columnRoots, rowRoots } from "./analysis.ts";
import { repeat, sweepVector } from "./loops.ts";
import type { NestWriter } from "./nest_writer.ts";
import { addToDouble, pushDoubleTotal, ReductionState } from "./reduction_state.ts";
import { loopRows, type RowRange } from "./row_loop.ts";
import type { Consumer, StatementEmitter } from "./statement_emitter.ts";
import type { Stream } from "./streams.ts";
import { laneOf, localValue, pushSplat32, type Value } from "./value.ts";

/** Sums of float32 are added up in float64 after this many elements. */
const BLOCK = 1024;

/** A reduction under way. */
interface Running {
  readonly index: number;
  readonly value: number;
  readonly position: number | undefined;
  readonly state: ReductionState;
  /** Per unrolled place the vectors of a state. */
  readonly places: readonly (readonly number[])[];
  /** The float64 total of a sum of float32; -1 for other reductions. */
  readonly total: number;
  result: number;
}

interface Pass {
  readonly pass: number;
  readonly stores: readonly Nest["stores"][number][];
  /** Statements at the depth of the vector. */
  readonly statements: readonly number[];
  readonly roots: readonly number[];
  readonly streams: ReadonlySet<Stream>;
  readonly running: readonly Running[];
  readonly unroll: number;
  /** The number of column loops outside of which sums of float32 go to float64; -1: after each block of a row. */
  readonly flushLevel: number;
}

/** Writes the whole function of such a nest. */
export function writeColumnSweep(w: NestWriter, outer: StatementEmitter, range: RowRange): void {
  const { nest } = w.plan;
  const { f } = w;
  loopRows(w, range, () => {
    const row = outer.inner();
    const results = new Map<number, number>();
    w.emitReduced = (reduction) => void f.localGet(results.get(reduction)!);
    for (let number = 0; number < Math.max(1, nest.passes); number++) {
      const pass = preparePass(w, number);
      row.emitAll(w.statementsAt([...pass.roots, ...w.termRoots(pass.streams)], (depth) => depth === 1));
      for (const running of pass.running) initialize(w, running);
      w.anchor(row, 1, pass.streams);
      sweepColumns(w, pass, row, 0, range);
      w.unanchor(1);
      for (const running of pass.running) finish(w, running);
      for (const running of pass.running) results.set(running.index, running.result);
      const roots = rowRoots(nest, number);
      row.emitAll(w.statementsAt(roots, (depth) => depth === 1));
      for (const store of nest.stores) if (store.perRow && store.pass === number) w.store(row, store);
    }
    row.close();
    f.release(...results.values());
  });
}

function preparePass(w: NestWriter, pass: number): Pass {
  const { plan } = w;
  const { nest } = plan;
  const roots = columnRoots(nest, pass);
  const stores = nest.stores.filter((store) => store.pass === pass && !store.perRow);
  const statements = w.statementsAt(roots, (depth) => depth === plan.vectorDepth);
  const inside = w.statementsAt(roots, (depth) => depth >= 2);
  const reductions = nest.reductions.map((r, index) => ({ ...r, index })).filter((r) => r.pass === pass);
  const cost = w.costOf(statements) + stores.length * 2 + reductions.length;
  const unroll = cost <= 6 ? 4 : cost <= 14 ? 2 : 1;
  const running = reductions.map((reduction): Running => {
    const state = new ReductionState(w.context, w.f, w.lanes, reduction, false);
    const places = Array.from(
      { length: unroll },
      () => Array.from({ length: state.vectors }, () => w.f.local("v128")),
    );
    const isSingleSum = reduction.combiner === "sum" && laneOf(reduction.dtype) === "f32";
    return {
      index: reduction.index,
      value: reduction.value,
      position: reduction.position,
      state,
      places,
      total: isSingleSum ? w.f.local("v128") : -1,
      result: -1,
    };
  });
  return {
    pass,
    stores,
    statements,
    roots,
    streams: w.streamsOf(inside, stores),
    running,
    unroll,
    flushLevel: flushLevelOf(w),
  };
}

/** The outermost column loop whose rounds are short enough to be summed in float32. */
function flushLevelOf(w: NestWriter): number {
  const { columnAxes, nest, vectorAxis, rowAxes } = w.plan;
  if (vectorAxis < 0 || rowAxes.includes(vectorAxis)) return 0;
  let inside = nest.domain[vectorAxis];
  if (inside > BLOCK) return -1;
  let level = columnAxes.length;
  while (level > 0 && inside * nest.domain[columnAxes[level - 1]] <= BLOCK) {
    inside *= nest.domain[columnAxes[--level]];
  }
  return level;
}

function initialize(w: NestWriter, running: Running): void {
  const { f } = w;
  for (const place of running.places) {
    place.forEach((local, part) => {
      running.state.pushIdentity(part);
      f.localSet(local);
    });
  }
  if (running.total >= 0) {
    pushSplat32(f, w.context.pool, 0);
    f.localSet(running.total);
  }
}

/** Moves the float32 sums so far to float64. */
function flush(w: NestWriter, running: readonly Running[], reset: boolean): void {
  const { f } = w;
  for (const { total, places } of running) {
    if (total < 0) continue;
    // In pairs, as a tree.
    const accumulators = places.map((place) => place[0]);
    for (let width = accumulators.length >> 1; width >= 1; width >>= 1) {
      for (let i = 0; i < width; i++) {
        f.localGet(accumulators[i]).localGet(accumulators[i + width]).f32x4Add().localSet(accumulators[i]);
      }
    }
    f.localGet(accumulators[0]);
    addToDouble(f, total, w.lanes);
    if (!reset) continue;
    for (const local of accumulators) {
      pushSplat32(f, w.context.pool, 0);
      f.localSet(local);
    }
  }
}

/** Brings a finished reduction into one local, the same in all lanes. */
function finish(w: NestWriter, running: Running): void {
  const { f } = w;
  const { state, places, total } = running;
  running.result = f.local("v128");
  if (total >= 0) pushDoubleTotal(f, total);
  else {
    for (let width = places.length >> 1; width >= 1; width >>= 1) {
      for (let i = 0; i < width; i++) state.merge(places[i], places[i + width]);
    }
    state.mergeLanes(places[0]);
    state.pushResult(places[0]);
  }
  f.localSet(running.result);
  for (const place of places) f.release(...place);
  if (total >= 0) f.release(total);
}

/** The column loops from `level` on, then the vectors. */
function sweepColumns(
  w: NestWriter,
  pass: Pass,
  emitter: StatementEmitter,
  level: number,
  range: RowRange,
): void {
  const { f, plan } = w;
  const { columnAxes, nest } = plan;
  if (level === columnAxes.length) sweepRow(w, pass, emitter, range);
  else {
    const axis = columnAxes[level], depth = 2 + level;
    const coordinate = w.coordinates[axis];
    if (nest.domain[axis] === 0) return;
    if (coordinate >= 0) f.i32Const(0).localSet(coordinate);
    w.streams.enter(depth, [axis], pass.streams);
    repeat(f, nest.domain[axis], () => {
      const inner = emitter.inner();
      inner.emitAll(w.statementsAt([...pass.roots, ...w.termRoots(pass.streams)], (at) => at === depth));
      w.anchor(inner, depth, pass.streams);
      sweepColumns(w, pass, inner, level + 1, range);
      w.unanchor(depth);
      inner.close();
      w.streams.move(depth, axis, 1);
      if (coordinate >= 0) f.localGet(coordinate).i32Const(1).i32Add().localSet(coordinate);
    });
    w.streams.leave(depth);
  }
  if (level === pass.flushLevel) flush(w, pass.running, true);
}

/** All columns along the vector axis. */
function sweepRow(w: NestWriter, pass: Pass, emitter: StatementEmitter, range: RowRange): void {
  const { f, plan } = w;
  const { vectorAxis, nest } = plan;
  const emit = (unrolled: number): void => {
    const point = emitter.inner();
    point.emitBody(pass.statements, [
      ...w.storeConsumers(pass.stores, pass.statements, point),
      ...pass.running.map((running) => reductionConsumer(w, running, point, unrolled)),
    ]);
    point.close();
  };
  if (vectorAxis < 0) {
    w.single = true;
    emit(0);
    w.single = false;
    return;
  }
  const coordinate = w.coordinates[vectorAxis];
  const remaining = f.local("i32");
  if (plan.unitsAreLanes) {
    w.streams.enter(1, [vectorAxis], w.streams.all);
    w.streams.moveBy(1, vectorAxis, range.begin);
    if (coordinate >= 0) f.localGet(range.begin).localSet(coordinate);
    f.localGet(range.end).localGet(range.begin).i32Sub().localSet(remaining);
    sweepVector(w, { remaining, count: -1, unroll: pass.unroll, streams: pass.streams }, { emit });
    w.streams.leave(1);
    f.release(remaining);
    return;
  }
  const count = nest.domain[vectorAxis];
  if (coordinate >= 0) f.i32Const(0).localSet(coordinate);
  if (pass.flushLevel < 0 && pass.running.some((running) => running.total >= 0)) {
    sweepBlocks(w, pass, remaining, count, emit);
  } else {
    f.i32Const(count).localSet(remaining);
    sweepVector(w, { remaining, count, unroll: pass.unroll, streams: pass.streams }, { emit });
  }
  f.release(remaining);
}

/** A long row in blocks, each of whose float32 sums goes to float64. */
function sweepBlocks(
  w: NestWriter,
  pass: Pass,
  remaining: number,
  count: number,
  emit: (unrolled: number) => void,
): void {
  const { f, plan } = w;
  const { vectorAxis, vectorDepth } = plan;
  const left = f.local("i32");
  f.i32Const(count).localSet(left);
  // The pointers live on from block to block, one level above those of the sweep inside a block.
  const owned: { stream: Stream; pointer: number }[] = [];
  for (const stream of pass.streams) {
    if (stream.strides[vectorAxis] === 0) continue;
    const pointer = f.local("i32");
    f.localGet(w.streams.pointer(stream, vectorDepth)).localSet(pointer);
    owned.push({ stream, pointer });
  }
  const previous = owned.map(({ stream }) => stream.pointers[vectorDepth - 1]);
  owned.forEach(({ stream, pointer }) => stream.pointers[vectorDepth - 1] = pointer);
  f.loop();
  f.i32Const(BLOCK).localGet(left).localGet(left).i32Const(BLOCK).i32GtU().select().localSet(remaining);
  sweepVector(w, { remaining, count: -1, unroll: pass.unroll, streams: pass.streams }, { emit });
  flush(w, pass.running, true);
  for (const { stream, pointer } of owned) {
    f.localGet(pointer).i32Const(BLOCK * stream.strides[vectorAxis] * stream.bytes).i32Add().localSet(
      pointer,
    );
  }
  f.localGet(left).i32Const(BLOCK).i32GtU().if();
  f.localGet(left).i32Const(BLOCK).i32Sub().localSet(left).br(1);
  f.end().end();
  owned.forEach(({ stream, pointer }, i) => {
    stream.pointers[vectorDepth - 1] = previous[i];
    f.release(pointer);
  });
  f.release(left);
}

/** A step of a reduction; extra equal lanes of a single element must not count twice. */
function reductionConsumer(
  w: NestWriter,
  running: Running,
  point: StatementEmitter,
  unrolled: number,
): Consumer {
  const { f } = w;
  const { state, value, position } = running;
  return {
    reads: position === undefined ? [value] : [value, position],
    after: -1,
    emit: () => {
      let operand: Value = point.value(value);
      let masked = -1;
      if (w.single && !state.idempotent) {
        masked = f.local("v128");
        state.pushFirstLane(operand);
        f.localSet(masked);
        operand = localValue(operand.dtype, masked, false);
      }
      state.combine(running.places[unrolled], operand, position === undefined ? null : point.value(position));
      if (masked >= 0) f.release(masked);
    },
  };
}
