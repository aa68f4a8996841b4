/**
 * Elementwise nests that read some operand across: in blocks of rows, and inside of them in tiles of as many rows as
 * a vector has lanes, whose transposed loads are whole vectors that change places in registers. A permuted copy is
 * such a nest.
 */
import type { FunctionBuilder } from "../assembler/mod.ts";
import { columnRoots, isTransposed, TILE_ROWS } from "./analysis.ts";
import { whileAtLeast } from "./loops.ts";
import { loadVector } from "./element_access.ts";
import type { NestWriter } from "./nest_writer.ts";
import { loopRows, type RowRange } from "./row_loop.ts";
import type { StatementEmitter } from "./statement_emitter.ts";
import type { Stream } from "./streams.ts";
import { localValue } from "./value.ts";

interface TileBody {
  readonly w: NestWriter;
  /** Statements of a point; the transposed loads among them are listed on their own too. */
  readonly statements: readonly number[];
  readonly transposed: readonly number[];
  readonly streams: ReadonlySet<Stream>;
}

/** Writes the whole function of such a nest. */
export function writeTileSweep(w: NestWriter, outer: StatementEmitter, range: RowRange): void {
  const { f, plan, lanes } = w;
  const { nest, vectorAxis, tileAxis, vectorDepth } = plan;
  const roots = columnRoots(nest, 0);
  const statements = w.statementsAt(roots, (depth) => depth === vectorDepth);
  const streams = w.streamsOf(statements, nest.stores);
  const transposed = statements.filter((i) => {
    const s = nest.statements[i];
    return isTransposed(s, vectorAxis, lanes) && s.kind === "load" && s.index.strides[tileAxis] === 1;
  });
  const body: TileBody = { w, statements, transposed, streams };
  const rows = f.local("i32"), remaining = f.local("i32"), left = f.local("i32");
  const first = w.coordinates[tileAxis] >= 0 ? f.local("i32") : -1;
  loopRows(w, range, (rowNumber) => {
    const row = outer.inner();
    row.emitAll(w.statementsAt([...roots, ...w.termRoots(streams)], (depth) => depth === 1));
    w.anchor(row, 1, streams);
    const block = rowNumber(tileAxis);
    // rows = min(TILE_ROWS, what is left of the axis)
    f.i32Const(nest.domain[tileAxis]).localGet(block).i32Const(TILE_ROWS).i32Mul().i32Sub().localTee(rows);
    f.i32Const(TILE_ROWS).localGet(rows).i32Const(TILE_ROWS).i32LtU().select().localSet(rows);
    if (first >= 0) f.localGet(block).i32Const(TILE_ROWS).i32Mul().localSet(first);
    const coordinate = w.coordinates[vectorAxis];
    if (coordinate >= 0) f.i32Const(0).localSet(coordinate);
    f.i32Const(nest.domain[vectorAxis]).localSet(remaining);
    w.streams.enter(2, [vectorAxis], streams);
    const advance = (elements: number): void => {
      w.streams.move(2, vectorAxis, elements);
      if (coordinate >= 0) f.localGet(coordinate).i32Const(elements).i32Add().localSet(coordinate);
    };
    const sweepRows = (tiled: boolean): void => {
      f.localGet(rows).localSet(left);
      if (first >= 0) f.localGet(first).localSet(w.coordinates[tileAxis]);
      w.streams.enter(vectorDepth, [tileAxis], streams);
      const step = (count: number, emit: () => void): void =>
        whileAtLeast(f, left, count, () => {
          emit();
          w.streams.move(vectorDepth, tileAxis, count);
          if (first < 0) return;
          const place = w.coordinates[tileAxis];
          f.localGet(place).i32Const(count).i32Add().localSet(place);
        });
      if (tiled) step(lanes, () => writeTile(body, row));
      step(1, () => writePoint(body, row.inner()));
      w.streams.leave(vectorDepth);
    };
    whileAtLeast(f, remaining, lanes, () => {
      sweepRows(true);
      advance(lanes);
    });
    if (nest.domain[vectorAxis] % lanes !== 0) {
      w.single = true;
      whileAtLeast(f, remaining, 1, () => {
        sweepRows(false);
        advance(1);
      });
      w.single = false;
    }
    w.streams.leave(2);
    w.unanchor(1);
    row.close();
  });
  f.release(rows, remaining, left);
  if (first >= 0) f.release(first);
}

function writePoint({ w, statements }: TileBody, point: StatementEmitter): void {
  point.emitBody(statements, w.storeConsumers(w.nest.stores, statements, point));
  point.close();
}

/** As many rows as a vector has lanes. */
function writeTile(body: TileBody, row: StatementEmitter): void {
  const { w, transposed } = body;
  const { f, nest, lanes } = w;
  const { vectorAxis, tileAxis } = w.plan;
  const tiles = transposed.map((statement) => {
    const locals = Array.from({ length: lanes }, (_, lane) => {
      w.shiftAxis = vectorAxis;
      w.shift = lane;
      const local = f.local("v128");
      const offset = w.pushLoadAddress(row, statement);
      loadVector(w.context, f, nest.statements[statement].dtype, lanes, offset);
      f.localSet(local);
      return local;
    });
    return transpose(f, locals);
  });
  for (let t = 0; t < lanes; t++) {
    w.shiftAxis = tileAxis;
    w.shift = t;
    const loaded = row.inner();
    transposed.forEach((statement, i) => {
      loaded.define(statement, localValue(nest.statements[statement].dtype, tiles[i][t], false));
    });
    const left = { ...body, statements: body.statements.filter((s) => !transposed.includes(s)) };
    writePoint(left, loaded.inner());
  }
  w.shiftAxis = -1;
  w.shift = 0;
  for (const locals of tiles) f.release(...locals);
}

function pair(bytes: number, lanes: readonly number[]): number[] {
  return lanes.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i));
}

/** Replaces a square of lanes by its transpose; gives the locals of the results. */
function transpose(f: FunctionBuilder, v: readonly number[]): number[] {
  const combine = (a: number, b: number, lanes: readonly number[]): number => {
    const local = f.local("v128");
    f.localGet(a).localGet(b).i8x16Shuffle(lanes).localSet(local);
    return local;
  };
  if (v.length === 2) {
    const result = [combine(v[0], v[1], pair(8, [0, 2])), combine(v[0], v[1], pair(8, [1, 3]))];
    f.release(...v);
    return result;
  }
  const low = pair(4, [0, 4, 1, 5]), high = pair(4, [2, 6, 3, 7]);
  const a = combine(v[0], v[1], low), b = combine(v[2], v[3], low);
  const c = combine(v[0], v[1], high), d = combine(v[2], v[3], high);
  f.release(...v);
  const first = pair(8, [0, 2]), second = pair(8, [1, 3]);
  const result = [
    combine(a, b, first),
    combine(a, b, second),
    combine(c, d, first),
    combine(c, d, second),
  ];
  f.release(a, b, c, d);
  return result;
}
