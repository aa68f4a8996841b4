/** The loop over the rows that a caller asked for. */
import { TILE_ROWS } from "./analysis.ts";
import type { NestWriter } from "./nest_writer.ts";

/** Parameters of a nest's function that follow the operands: the first unit of work, and the one after the last. */
export interface RowRange {
  readonly begin: number;
  readonly end: number;
}

/** How far apart along an axis the rows of a nest are. */
function stepOf(w: NestWriter, axis: number): number {
  return axis === w.plan.tileAxis ? TILE_ROWS : 1;
}

/**
 * Runs `body` for each row of the range, with pointers and coordinates of the row axes set. Rows are numbered in
 * row-major order; the range starts anywhere, and from one row to the next only what changes is touched. The body
 * is given the local with the number of the row (or block of rows) along an axis.
 */
export function loopRows(
  w: NestWriter,
  range: RowRange,
  body: (rowNumber: (axis: number) => number) => void,
): void {
  const { f } = w;
  const { rowAxes, nest } = w.plan;
  if (rowAxes.length === 0) {
    body(() => -1);
    return;
  }
  const rest = f.local("i32"), remaining = f.local("i32");
  const owned: number[] = [rest, remaining];
  const extentOf = (axis: number): number => Math.ceil(nest.domain[axis] / stepOf(w, axis));
  const coordinates = rowAxes.map((axis) => {
    if (w.coordinates[axis] >= 0 && stepOf(w, axis) === 1) return w.coordinates[axis];
    const local = f.local("i32");
    owned.push(local);
    return local;
  });
  f.localGet(range.begin).localSet(rest);
  for (let i = rowAxes.length - 1; i > 0; i--) {
    const extent = extentOf(rowAxes[i]);
    f.localGet(rest).i32Const(extent).i32RemU().localSet(coordinates[i]);
    f.localGet(rest).i32Const(extent).i32DivU().localSet(rest);
  }
  f.localGet(rest).localSet(coordinates[0]);
  f.localGet(range.end).localGet(range.begin).i32Sub().localSet(remaining);
  w.streams.enter(1, rowAxes, w.streams.all);
  rowAxes.forEach((axis, i) => w.streams.moveBy(1, axis, coordinates[i], stepOf(w, axis)));
  f.loop();
  body((axis) => coordinates[rowAxes.indexOf(axis)]);
  f.localGet(remaining).i32Const(1).i32Sub().localTee(remaining).if();
  const advance = (i: number): void => {
    const axis = rowAxes[i];
    w.streams.move(1, axis, stepOf(w, axis));
    f.localGet(coordinates[i]).i32Const(1).i32Add().localSet(coordinates[i]);
    if (i === 0) return;
    f.localGet(coordinates[i]).i32Const(extentOf(axis)).i32Eq().if();
    f.i32Const(0).localSet(coordinates[i]);
    w.streams.move(1, axis, -extentOf(axis) * stepOf(w, axis));
    advance(i - 1);
    f.end();
  };
  advance(rowAxes.length - 1);
  f.br(1).end().end();
  w.streams.leave(1);
  f.release(...owned);
}
