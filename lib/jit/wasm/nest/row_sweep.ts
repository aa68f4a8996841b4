/**
 * Rows as lanes: reductions along axes that are not the innermost in memory. A strip of neighbouring rows keeps the
 * states of its reductions in scratch memory while the columns are swept outside of it, several at a time, so that
 * memory is read in long runs.
 */
import type { Nest } from "../../kernel/kernel.ts";
import { argumentsOf } from "../../kernel/statements.ts";
import { columnRoots, rowRoots } from "./analysis.ts";
import { repeat } from "./loops.ts";
import type { NestWriter } from "./nest_writer.ts";
import { loopRows, type RowRange } from "./row_loop.ts";
import {
  hasColumns,
  loadSlots,
  makeStrip,
  placeSlots,
  type Running,
  storeSlots,
  type Strip,
  sweepStrip,
} from "./row_strip.ts";
import type { Consumer, StatementEmitter } from "./statement_emitter.ts";
import type { Stream } from "./streams.ts";
import { localValue, push, type Value } from "./value.ts";

/** Writes the whole function of such a nest. */
export function writeRowSweep(w: NestWriter, outer: StatementEmitter, range: RowRange): void {
  const { f, plan } = w;
  const { nest, vectorAxis } = plan;
  loopRows(w, range, () => {
    const row = outer.inner();
    const roots: number[] = [];
    for (let pass = 0; pass < nest.passes; pass++) {
      roots.push(...columnRoots(nest, pass), ...rowRoots(nest, pass));
    }
    row.emitAll(w.statementsAt([...roots, ...w.termRoots(w.streams.all)], (depth) => depth === 1));
    w.anchor(row, 1, w.streams.all);
    const strip = makeStrip(w);
    const remaining = f.local("i32");
    w.streams.enter(2, [vectorAxis], w.streams.all);
    if (plan.unitsAreLanes) {
      w.streams.moveBy(2, vectorAxis, range.begin);
      f.localGet(range.end).localGet(range.begin).i32Sub().localSet(remaining);
      if (strip.first >= 0) f.localGet(range.begin).localSet(strip.first);
    } else {
      f.i32Const(nest.domain[vectorAxis]).localSet(remaining);
      if (strip.first >= 0) f.i32Const(0).localSet(strip.first);
    }
    f.loop();
    f.i32Const(strip.rows).localGet(remaining).localGet(remaining).i32Const(strip.rows).i32GtU().select();
    f.localSet(strip.count);
    placeSlots(strip);
    w.emitReduced = (reduction) => {
      const { state, slots } = strip.running[reduction];
      const locals = loadSlots(strip, slots);
      state.pushResult(locals);
      f.release(...locals);
    };
    for (let pass = 0; pass < nest.passes; pass++) writePass(strip, row, pass);
    w.streams.move(2, vectorAxis, strip.rows);
    if (strip.first >= 0) f.localGet(strip.first).i32Const(strip.rows).i32Add().localSet(strip.first);
    f.localGet(remaining).i32Const(strip.rows).i32GtU().if();
    f.localGet(remaining).i32Const(strip.rows).i32Sub().localSet(remaining).br(1);
    f.end().end();
    w.streams.leave(2);
    w.unanchor(1);
    f.release(remaining, strip.count, strip.base, strip.slot);
    if (strip.first >= 0) f.release(strip.first);
    row.close();
  });
}

function writePass(strip: Strip, row: StatementEmitter, pass: number): void {
  const { w, kept } = strip;
  const { f, nest, plan } = w;
  const roots = columnRoots(nest, pass);
  const inVector = w.statementsAt(roots, (depth) => depth === plan.vectorDepth);
  const columnStatements = inVector.filter((i) =>
    hasColumns(w, i) || nest.statements[i].kind === "coordinate"
  );
  const read = new Set([...roots, ...columnStatements.flatMap((i) => argumentsOf(nest.statements[i]))]);
  const entering = [...kept.keys()].filter((statement) => read.has(statement));
  const running = strip.running.filter((r) => nest.reductions[r.index].pass === pass);
  if (entering.length > 0 || running.length > 0) {
    const rowStatements = w.statementsAt(entering, (depth) => depth === plan.vectorDepth);
    sweepStrip(strip, w.streamsOf(rowStatements, []), () => {
      const point = row.inner();
      point.emitBody(
        rowStatements,
        entering.map((statement): Consumer => ({
          reads: [statement],
          after: -1,
          emit: () => storeSlots(strip, [kept.get(statement)!], [point.value(statement).local]),
        })),
      );
      point.close();
      for (const { state, slots } of running) {
        slots.forEach((offset, part) => {
          f.localGet(strip.slot);
          state.pushIdentity(part);
          f.v128Store(offset);
        });
      }
    });
  }
  const stores = nest.stores.filter((store) => store.pass === pass && !store.perRow);
  if (running.length > 0 || stores.length > 0) {
    const body: ColumnBody = { strip, running, stores, statements: columnStatements, roots, entering };
    sweepColumns(body, row, 0);
  }
  const rowStores = nest.stores.filter((store) => store.pass === pass && store.perRow);
  if (rowStores.length === 0) return;
  const rowStatements = w.statementsAt(rowRoots(nest, pass), (depth) => depth === plan.vectorDepth);
  sweepStrip(strip, w.streamsOf(rowStatements, rowStores), () => {
    const point = row.inner();
    point.emitBody(rowStatements, w.storeConsumers(rowStores, rowStatements, point));
    point.close();
  });
}

interface ColumnBody {
  readonly strip: Strip;
  readonly running: readonly Running[];
  readonly stores: readonly Nest["stores"][number][];
  readonly statements: readonly number[];
  readonly roots: readonly number[];
  /** Row values that are read from slots. */
  readonly entering: readonly number[];
}

function sweepColumns(body: ColumnBody, emitter: StatementEmitter, level: number): void {
  const { w } = body.strip;
  const { f, nest, plan } = w;
  const axis = plan.columnAxes[level], depth = 3 + level;
  const extent = nest.domain[axis];
  if (extent === 0) return;
  const streams = w.streamsOf(w.statementsAt(body.roots, (at) => at >= 3), body.stores);
  const coordinate = w.coordinates[axis];
  if (coordinate >= 0) f.i32Const(0).localSet(coordinate);
  const innermost = level === plan.columnAxes.length - 1;
  const unroll = innermost ? chooseUnroll(body, streams, depth, extent) : 1;
  const rounds = Math.floor(extent / unroll);
  // Far apart, each of the columns that are combined at a time goes through a run of memory of its own. Of equal values
  // the first one wins, so that positions keep their order.
  const ordered = body.stores.length > 0 || body.running.some(({ position }) => position !== undefined);
  const apart = unroll > 1 && !ordered ? rounds : 1;
  w.streams.enter(depth, [axis], streams);
  const advance = (columns: number): void => {
    w.streams.move(depth, axis, columns);
    if (coordinate >= 0) f.localGet(coordinate).i32Const(columns).i32Add().localSet(coordinate);
  };
  const round = (columns: number): void => {
    const uniform = w.statementsAt([...body.roots, ...w.termRoots(streams)], (at) => at === depth);
    const emitters = Array.from({ length: columns }, (_, c) => {
      const inner = emitter.inner();
      w.shiftAxis = axis;
      w.shift = c * apart;
      inner.emitAll(uniform);
      w.shiftAxis = -1;
      w.shift = 0;
      return inner;
    });
    if (innermost) {
      w.anchor(emitters[0], depth, streams);
      sweepStrip(body.strip, streams, () => writePoint(body, emitters, axis, apart));
      w.unanchor(depth);
    } else {
      w.anchor(emitters[0], depth, streams);
      sweepColumns(body, emitters[0], level + 1);
      w.unanchor(depth);
    }
    for (const inner of emitters) inner.close();
    advance(apart > 1 ? 1 : columns);
  };
  if (rounds > 0) repeat(f, rounds, () => round(unroll));
  if (apart > 1) advance((unroll - 1) * rounds);
  const rest = extent % unroll;
  if (rest > 0) repeat(f, rest, () => round(1));
  w.streams.leave(depth);
}

/** Columns that are combined before a state goes back to memory. */
function chooseUnroll(body: ColumnBody, streams: Iterable<Stream>, depth: number, extent: number): number {
  const { w } = body.strip;
  for (const stream of streams) if (stream.anchorDepth === depth) return 1;
  const cost = w.costOf(body.statements) + body.running.length;
  const unroll = cost <= 4 ? 8 : cost <= 10 ? 4 : cost <= 24 ? 2 : 1;
  return Math.min(unroll, extent);
}

/** One vector of rows at one or several columns, `apart` from one another: loads the states, combines, stores them. */
function writePoint(
  body: ColumnBody,
  emitters: readonly StatementEmitter[],
  axis: number,
  apart: number,
): void {
  const { strip, running, statements, stores, entering } = body;
  const { w } = strip;
  const { f } = w;
  const { shiftAxis, shift } = w;
  const states = running.map(({ slots }) => loadSlots(strip, slots));
  const sums = running.map((): number[] => []);
  const kept = entering.map((statement): [number, Value] => {
    const [local] = loadSlots(strip, [strip.kept.get(statement)!]);
    return [statement, localValue(w.nest.statements[statement].dtype, local, false)];
  });
  emitters.forEach((emitter, column) => {
    w.shiftAxis = axis;
    w.shift = column * apart;
    const shared = emitter.inner();
    for (const [statement, value] of kept) shared.define(statement, value);
    const point = shared.inner();
    const consumers = running.map((r, i): Consumer => ({
      reads: r.position === undefined ? [r.value] : [r.value, r.position],
      after: -1,
      emit: () => {
        const value = point.value(r.value);
        if (isTreeSum(r)) {
          const copy = f.local("v128");
          push(f, w.context.pool, value);
          f.localSet(copy);
          sums[i].push(copy);
        } else r.state.combine(states[i], value, r.position === undefined ? null : point.value(r.position));
      },
    }));
    point.emitBody(statements, [...w.storeConsumers(stores, statements, point), ...consumers]);
    point.close();
  });
  w.shiftAxis = shiftAxis;
  w.shift = shift;
  running.forEach((r, i) => {
    if (isTreeSum(r)) {
      const total = addTree(w, sums[i]);
      r.state.combine(states[i], localValue(w.nest.reductions[r.index].dtype, total, false), null);
      f.release(total);
    }
    storeSlots(strip, r.slots, states[i]);
    f.release(...states[i]);
  });
  for (const [, value] of kept) f.release(value.local);
}

/** Sums of float32 add several columns in pairs before the total with its rounding error takes them. */
function isTreeSum(running: Running): boolean {
  return running.state.compensated;
}

/** Adds locals of float32 in pairs and returns the one with the total; the others are given back. */
function addTree(w: NestWriter, locals: readonly number[]): number {
  const { f } = w;
  let level = [...locals];
  while (level.length > 1) {
    const next: number[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      f.localGet(level[i]).localGet(level[i + 1]).f32x4Add().localSet(level[i]);
      f.release(level[i + 1]);
      next.push(level[i]);
    }
    if (level.length % 2 === 1) next.push(level[level.length - 1]);
    level = next;
  }
  return level[0];
}
