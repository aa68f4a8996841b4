/** Some filters of a convolution at all places of some outputs, in tiles that read the windows where they lie. */
import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import { elements } from "../contract/mod.ts";
import { contiguous, type Geometry, product } from "./geometry.ts";
import { emitOffsetTile, type TileVector } from "./offset_tile.ts";
import { RunsInside } from "./runs_inside.ts";
import { placeStep } from "./slab.ts";
import type { WindowsPlan } from "./windows_plan.ts";

/** Vectors that lie side by side, of which the last has fewer lanes. */
function neighbours(count: number, lanes: number, tailLanes: number): TileVector[] {
  return Array.from({ length: count }, (_, v) => ({
    from: 16 * v,
    to: 16 * v,
    lanes: v === count - 1 ? tailLanes : lanes,
  }));
}

/** The functions for some filters in a row of places: at its whole tiles, behind them, and behind them in two rows. */
interface RowParts {
  readonly whole: number;
  readonly rest: number;
  readonly restOfTwo: number;
  /** Bytes from the beginning of a row to its rest. */
  readonly restAt: number;
}

/** Emits functions `(a, b, c, depth, first, table)`; -1 for those that there is no work for. */
function emitRowParts(module: ModuleBuilder, geometry: Geometry, plan: WindowsPlan, rows: number): RowParts {
  const element = elements[geometry.dtype];
  const { bytes, lanes } = element;
  const { axes } = geometry;
  const { out } = axes[axes.length - 1];
  const options = {
    element,
    rows,
    aRow: plan.packed ? bytes : plan.depth * bytes,
    aDepth: plan.packed ? rows * bytes : bytes,
    taps: plan.taps.map((tap) => tap * bytes),
    cRow: product(axes.map((axis) => axis.out)) * bytes,
    whole: plan.blockRuns >= plan.runs,
  };
  const width = plan.tileVectors * lanes;
  const full = Math.floor(out / width), left = out % width;
  const vectors = Math.ceil(left / lanes), tailLanes = left - (vectors - 1) * lanes;
  let restOfTwo = -1;
  if (vectors === 1 && plan.tileVectors === 2 && axes.length > 1) {
    const axis = axes.length - 2;
    const from = placeStep(geometry, plan.places, axis) * bytes, to = out * bytes;
    restOfTwo = emitOffsetTile(module, {
      ...options,
      vectors: [{ from: 0, to: 0, lanes: tailLanes }, { from, to, lanes: tailLanes }],
    });
  }
  const rest = left === 0
    ? -1
    : emitOffsetTile(module, { ...options, vectors: neighbours(vectors, lanes, tailLanes) });
  if (full === 0) return { whole: -1, rest, restOfTwo, restAt: 0 };
  const tile = emitOffsetTile(module, { ...options, vectors: neighbours(plan.tileVectors, lanes, lanes) });
  const f = module.addFunction({ params: new Array<"i32">(6).fill("i32"), results: [] });
  const count = f.local("i32");
  f.i32Const(full).localSet(count).loop();
  for (let i = 0; i < 6; i++) f.localGet(i);
  f.call(tile);
  for (const pointer of [1, 2]) f.localGet(pointer).i32Const(width * bytes).i32Add().localSet(pointer);
  f.localGet(count).i32Const(1).i32Sub().localTee(count).brIf(0).end();
  return { whole: f.index, rest, restOfTwo, restAt: full * width * bytes };
}

/**
 * Emits `rows(a, b, c, runs, first, table, count, output, at)`: some filters at all places of `count` outputs along the
 * first axis, from `output` on; the runs are those from number `at` on.
 */
export function emitWindowRows(
  module: ModuleBuilder,
  geometry: Geometry,
  plan: WindowsPlan,
  filters: number,
): number {
  const { axes, dtype } = geometry;
  const { bytes } = elements[dtype];
  const { whole, rest, restOfTwo, restAt } = emitRowParts(module, geometry, plan, filters);
  const outs = contiguous(axes.map(({ out }) => out));
  const f = module.addFunction({ params: new Array<"i32">(9).fill("i32"), results: [] });
  const present = plan.skips ? new PresentRuns(f, geometry, plan, filters) : { a: 0, runs: 3, table: 5 };
  const call = (index: number, b: number, c: number, distance: number): void => {
    f.localGet(present.a);
    for (const pointer of [b, c]) f.localGet(pointer).i32Const(distance).i32Add();
    f.localGet(present.runs).localGet(4).localGet(present.table).call(index);
  };
  /** For each output along an axis, `together` at a time while there are so many. */
  const outputs = (
    axis: number,
    [b, c]: readonly [number, number],
    bodies: readonly { together: number; body: (b: number, c: number) => void }[],
  ): void => {
    const left = f.local("i32"), from = f.local("i32"), to = f.local("i32");
    if (axis === 0 && present instanceof PresentRuns) present.begin();
    if (axis === 0) f.localGet(6);
    else f.i32Const(axes[axis].out);
    f.localSet(left).localGet(b).localSet(from).localGet(c).localSet(to);
    for (const { together, body } of bodies) {
      f.localGet(left).i32Const(together).i32GeU().if().loop();
      if (axis === 0 && present instanceof PresentRuns) present.next(together);
      body(from, to);
      const step = placeStep(geometry, plan.places, axis);
      f.localGet(from).i32Const(together * step * bytes).i32Add().localSet(from);
      f.localGet(to).i32Const(together * outs[axis] * bytes).i32Add().localSet(to);
      f.localGet(left).i32Const(together).i32Sub().localTee(left).i32Const(together).i32GeU().brIf(0).end();
      f.end();
    }
    f.release(left, from, to);
  };
  const level = (axis: number, b: number, c: number): void => {
    if (axis === axes.length - 1) {
      if (whole >= 0) call(whole, b, c, 0);
      if (rest >= 0) call(rest, b, c, restAt);
    } else if (axis === axes.length - 2 && restOfTwo >= 0) {
      if (whole >= 0) outputs(axis, [b, c], [{ together: 1, body: (b, c) => call(whole, b, c, 0) }]);
      outputs(axis, [b, c], [
        { together: 2, body: (b, c) => call(restOfTwo, b, c, restAt) },
        { together: 1, body: (b, c) => call(rest, b, c, restAt) },
      ]);
    } else outputs(axis, [b, c], [{ together: 1, body: (b, c) => level(axis + 1, b, c) }]);
  };
  level(0, 1, 2);
  return f.index;
}

/**
 * The runs of taps that do not lie beyond the image, for some outputs along the first axis: locals for the arguments of
 * tiles. The parameters are those of `rows`.
 */
class PresentRuns {
  readonly a: number;
  readonly runs: number;
  readonly table: number;
  readonly #f: FunctionBuilder;
  readonly #inside: RunsInside;
  readonly #bytesOfRun: number;
  readonly #output: number;

  constructor(f: FunctionBuilder, geometry: Geometry, plan: WindowsPlan, filters: number) {
    const [axis] = geometry.axes;
    [this.a, this.table, this.#output] = Array.from({ length: 3 }, () => f.local("i32"));
    this.#f = f;
    this.#inside = new RunsInside(f, axis, plan.runs / axis.taps);
    this.runs = this.#inside.count;
    this.#bytesOfRun = plan.taps.length * (plan.packed ? filters : 1) * elements[geometry.dtype].bytes;
  }

  begin(): void {
    this.#f.localGet(7).localSet(this.#output);
  }

  /** Those that any of the next outputs has. */
  next(together: number): void {
    const f = this.#f, skipped = f.local("i32"), output = this.#output;
    this.#inside.find(
      () => f.localGet(output),
      () => f.localGet(output).i32Const(together - 1).i32Add(),
      [8, 3],
    );
    f.localGet(this.#inside.first).localGet(8).i32Sub().localTee(skipped);
    f.i32Const(this.#bytesOfRun).i32Mul().localGet(0).i32Add().localSet(this.a);
    f.localGet(skipped).i32Const(4).i32Mul().localGet(5).i32Add().localSet(this.table);
    f.localGet(output).i32Const(together).i32Add().localSet(output);
    f.release(skipped);
  }
}
