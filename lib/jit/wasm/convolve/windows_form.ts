/**
 * Convolutions whose outputs have rows of some length: for each image a product of the filters with its windows, which
 * are read where they lie. Units of work are some outputs along the first axis, of some filters, of one group of an
 * image.
 */
import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import { elements } from "../contract/mod.ts";
import { emitPack } from "../contract/packing.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { contiguous, type Geometry, MOST_SCRATCH, product, reach } from "./geometry.ts";
import { emitOffsetTile, type TileVector } from "./offset_tile.ts";
import type { Results } from "./results.ts";
import { emitSlabCopy, type Places, placesOf, placeStep, tapOffset } from "./slab.ts";

/** Sums of so many terms are added up apart, as products do. */
const MOST_DEPTH = 640;
/** Taps along the last axis that a tile writes out. */
const MOST_TAPS = 8;
/** Multiplications of a unit of work, and units that are enough for any machine. */
const UNIT_WORK = 2_000_000;
const ENOUGH_UNITS = 32;

/** How the work is cut. */
export interface WindowsPlan {
  readonly places: Places;
  /** Parts of the outputs along the first axis, and the most outputs of a part. */
  readonly rowParts: number;
  readonly rowsOfPart: number;
  readonly filterParts: number;
  readonly depth: number;
  /** The taps of a run along the last axis, as distances in elements; a table tells where each run begins. */
  readonly taps: readonly number[];
  readonly runs: number;
  /** Runs whose sums are added up apart. */
  readonly blockRuns: number;
  /** Whether filters are brought into the order in which tiles read them, behind the table in the scratch memory. */
  readonly packed: boolean;
  readonly scratchBytes: number;
  /** Where the copy of an image lies in the scratch memory. */
  readonly slab: number;
  readonly tableBytes: number;
  /** Filters of the higher tiles and how many filters are in such; the others have one less. */
  readonly tileRows: number;
  readonly highRows: number;
  readonly tileVectors: number;
}

/** Rows of the tiles: as many as registers allow, all nearly the same. */
function chooseTile(filters: number, vectors: number): { rows: number; vectors: number } {
  if (vectors === 1) return { rows: 12, vectors: 1 };
  if (filters <= 2 && vectors >= 4) return { rows: 2, vectors: 4 };
  if ((filters === 3 || vectors === 3) && vectors >= 3) return { rows: 3, vectors: 3 };
  return { rows: 6, vectors: 2 };
}

/** The plan of a convolution; null where this form would be slow or take too much memory. */
export function planWindows(geometry: Geometry): WindowsPlan | null {
  const { axes, channels, filters, images, groups, dtype } = geometry;
  const { bytes, lanes } = elements[dtype];
  const last = axes[axes.length - 1];
  if (geometry.batchGroups > 1 || axes.some(({ every, stride }) => every > 1 && stride > 1)) return null;
  // Most of the products with what lies between the elements are zero: worth it only where there is no other way.
  if (axes.some(({ every }) => every > 1) && (groups === 1 || filters >= 4)) return null;
  const work = product([images, groups, filters, channels, ...axes.map(({ out, taps }) => out * taps)]);
  if (last.out < lanes && axes.length > 1) return null;
  const units = images * groups;
  const wanted = Math.max(1, Math.min(Math.ceil(ENOUGH_UNITS / units), Math.floor(work / units / UNIT_WORK)));
  let rowParts = axes.length === 1 ? 1 : Math.min(wanted, axes[0].out);
  const depth = product([channels, ...axes.map(({ taps }) => taps)]);
  const inRun = last.taps <= MOST_TAPS ? last.taps : 1;
  const runs = depth / inRun;
  const tableBytes = Math.ceil(4 * runs / 64) * 64;
  const packedBytes = Math.ceil(filters * depth * bytes / 64) * 64;
  // Packing is worth it where each filter is used at many places.
  const packed = groups === 1 && packedBytes <= MOST_SCRATCH / 2 &&
    product(axes.map(({ out }) => out)) / rowParts >= 96;
  const slab = tableBytes + (packed ? packedBytes : 0);
  let rowsOfPart = Math.ceil(axes[0].out / rowParts);
  let places = placesOf(geometry, rowsOfPart);
  const bytesOf = (): number => slab + (places.copied ? channels * places.channel * bytes + 64 : 0);
  while (bytesOf() > MOST_SCRATCH && rowParts < axes[0].out && axes.length > 1) {
    rowParts = Math.min(axes[0].out, 2 * rowParts);
    rowsOfPart = Math.ceil(axes[0].out / rowParts);
    places = placesOf(geometry, rowsOfPart);
  }
  if (bytesOf() > MOST_SCRATCH) return null;
  const tile = chooseTile(filters, Math.ceil(last.out / lanes));
  // With several axes, parts of filters would copy and pack what parts of rows share; a single axis has no other parts.
  const once = places.copied || packed;
  const filterParts = once && axes.length > 1
    ? 1
    : Math.max(1, Math.min(Math.ceil(wanted / rowParts), Math.floor(filters / (once ? 8 : 16))));
  const tiles = Math.ceil(filters / tile.rows);
  const tileRows = Math.ceil(filters / tiles);
  const blocks = Math.ceil(depth / MOST_DEPTH);
  const origin = axes.map(() => 0);
  const tapAt = (tap: number): number => tapOffset(geometry, places, [...origin.slice(1), tap]);
  return {
    places,
    rowParts,
    rowsOfPart,
    filterParts: Math.min(filterParts, tiles),
    depth,
    taps: Array.from({ length: inRun }, (_, tap) => tapAt(tap) - tapAt(0)),
    runs,
    blockRuns: Math.ceil(runs / blocks),
    packed,
    scratchBytes: bytesOf(),
    slab,
    tableBytes,
    tileRows,
    highRows: (filters - tiles * (tileRows - 1)) * tileRows,
    tileVectors: tile.vectors,
  };
}

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
 * Emits `rows(a, b, c, depth, first, table, count)`: some filters at all places of `count` outputs along the first
 * axis.
 */
function emitRows(module: ModuleBuilder, geometry: Geometry, plan: WindowsPlan, filters: number): number {
  const { axes, dtype } = geometry;
  const { bytes } = elements[dtype];
  const { whole, rest, restOfTwo, restAt } = emitRowParts(module, geometry, plan, filters);
  const outs = contiguous(axes.map(({ out }) => out));
  const f = module.addFunction({ params: new Array<"i32">(7).fill("i32"), results: [] });
  const call = (index: number, b: number, c: number, distance: number): void => {
    f.localGet(0);
    for (const pointer of [b, c]) f.localGet(pointer).i32Const(distance).i32Add();
    f.localGet(3).localGet(4).localGet(5).call(index);
  };
  /** For each output along an axis, `together` at a time while there are so many. */
  const outputs = (
    axis: number,
    [b, c]: readonly [number, number],
    bodies: readonly { together: number; body: (b: number, c: number) => void }[],
  ): void => {
    const left = f.local("i32"), from = f.local("i32"), to = f.local("i32");
    if (axis === 0) f.localGet(6);
    else f.i32Const(axes[axis].out);
    f.localSet(left).localGet(b).localSet(from).localGet(c).localSet(to);
    for (const { together, body } of bodies) {
      f.localGet(left).i32Const(together).i32GeU().if().loop();
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

/** Emits `table(target)`: the distance in bytes of each run of taps of each channel. */
function emitTapTable(module: ModuleBuilder, geometry: Geometry, { places, taps: run }: WindowsPlan): number {
  const { axes, channels, dtype } = geometry;
  const { bytes } = elements[dtype];
  const f = module.addFunction({ params: ["i32"], results: [] });
  const base = f.local("i32"), left = f.local("i32");
  f.i32Const(channels).localSet(left).loop();
  const level = (taps: readonly number[]): void => {
    if (taps.length === axes.length) {
      f.localGet(0).localGet(base).i32Const(tapOffset(geometry, places, taps) * bytes).i32Add().i32Store();
      f.localGet(0).i32Const(4).i32Add().localSet(0);
      return;
    }
    const step = taps.length === axes.length - 1 ? run.length : 1;
    for (let tap = 0; tap < axes[taps.length].taps; tap += step) level([...taps, tap]);
  };
  level([]);
  f.localGet(base).i32Const(places.channel * bytes).i32Add().localSet(base);
  f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  return f.index;
}

/** Pushes floor(part * size / parts). */
function pushStart(
  f: FunctionBuilder,
  part: number,
  next: number,
  size: number,
  parts: number,
): FunctionBuilder {
  f.localGet(part);
  if (next > 0) f.i32Const(next).i32Add();
  return f.i32Const(size).i32Mul().i32Const(parts).i32DivU();
}

/** Brings the filters of each tile into an order in which those of a tap follow one another. */
function emitPackFilters(
  { module, scratchGlobal }: ModuleContext,
  f: FunctionBuilder,
  geometry: Geometry,
  plan: WindowsPlan,
  filtersPointer: number,
): void {
  const element = elements[geometry.dtype];
  const { depth, highRows, tileRows } = plan;
  const filter = f.local("i32"), limit = f.local("i32");
  f.i32Const(0).localSet(filter);
  const strips = (width: number, end: number): void => {
    const outer = depth * element.bytes;
    const { callee: pack } = emitPack(module, { element, width, count: width, outer, depth: element.bytes });
    f.i32Const(end).localSet(limit);
    f.forLoop(filter, limit, width, () => {
      f.localGet(filtersPointer).localGet(filter).i32Const(outer).i32Mul().i32Add();
      f.globalGet(scratchGlobal).i32Const(plan.tableBytes).i32Add().localGet(filter).i32Const(outer).i32Mul()
        .i32Add().i32Const(depth).call(pack.index);
    });
  };
  strips(tileRows, highRows);
  if (highRows < geometry.filters) strips(tileRows - 1, geometry.filters);
  f.release(filter, limit);
}

/** The function of a convolution by its plan: `(operands..., begin, end)`. */
export function emitWindows(
  context: ModuleContext,
  geometry: Geometry,
  plan: WindowsPlan,
  results: Results,
): KernelFunction {
  const { module } = context;
  const { axes, channels, filters, groups, images, dtype } = geometry;
  const { bytes } = elements[dtype];
  const { places, rowParts, filterParts, depth, taps, runs, blockRuns, tileRows, highRows } = plan;
  context.needScratch(plan.scratchBytes);
  const table = emitTapTable(module, geometry, plan);
  const copy = places.copied ? emitSlabCopy(module, geometry, places) : -1;
  const high = emitRows(module, geometry, plan, tileRows);
  const low = highRows < filters ? emitRows(module, geometry, plan, tileRows - 1) : -1;
  const sizes = axes.map(({ size }) => size), outs = axes.map(({ out }) => out);
  const placesOfOne = contiguous(outs)[0];
  const inside = product(sizes) * bytes, outside = product(outs) * bytes;
  const { input: x, filters: w, output: out, count: unit } = results.pointers, end = unit + 1;
  const f = module.addFunction({ params: new Array<"i32">(end + 1).fill("i32"), results: [] });
  const i32 = (): number => f.local("i32");
  const rest = i32(),
    part = i32(),
    first = i32(),
    count = i32(),
    filter = i32(),
    filterEnd = i32(),
    limit = i32();
  const image = i32(), b = i32(), a = i32(), c = i32(), at = i32(), block = i32(), offsets = i32();
  f.globalGet(context.scratchGlobal).call(table);
  if (plan.packed) emitPackFilters(context, f, geometry, plan, w);
  f.forLoop(unit, end, 1, () => {
    f.localGet(unit).i32Const(rowParts).i32RemU().localSet(part).localGet(unit).i32Const(rowParts).i32DivU()
      .localSet(rest);
    pushStart(f, part, 0, outs[0], rowParts).localSet(first);
    pushStart(f, part, 1, outs[0], rowParts).localGet(first).i32Sub().localSet(count);
    f.localGet(rest).i32Const(filterParts).i32RemU().localSet(part);
    f.localGet(rest).i32Const(filterParts).i32DivU().localSet(image);
    // Parts of filters begin where tiles do.
    for (const [next, bound] of [[0, filter], [1, filterEnd]]) {
      const tiles = highRows / tileRows + (filters - highRows) / Math.max(1, tileRows - 1);
      pushStart(f, part, next, tiles, filterParts).localTee(at).i32Const(tileRows).i32Mul();
      f.i32Const(highRows).localGet(at).i32Const(highRows / tileRows).i32Sub().i32Const(tileRows - 1).i32Mul()
        .i32Add();
      f.localGet(at).i32Const(highRows / tileRows).i32LtU().select().localSet(bound);
    }
    // Images and their groups follow one another; filters begin again with every image.
    f.localGet(image).i32Const(channels * inside).i32Mul().localGet(x).i32Add().localSet(b);
    if (copy >= 0) {
      f.localGet(b).globalGet(context.scratchGlobal).i32Const(plan.slab).i32Add().localTee(at);
      f.i32Const(channels).i32Const(inside).i32Const(places.channel * bytes);
      f.localGet(first).i32Const(axes[0].stride).i32Mul();
      f.localGet(count).i32Const(1).i32Sub().i32Const(axes[0].stride).i32Mul().i32Const(reach(axes[0], 1))
        .i32Add();
      f.call(copy);
      f.localGet(at).localSet(b);
    } else {
      const step = placeStep(geometry, places, 0) * bytes;
      f.localGet(b).localGet(first).i32Const(step).i32Mul().i32Add().localSet(b);
    }
    f.localGet(image).i32Const(filters * outside).i32Mul().localGet(out).i32Add();
    f.localGet(first).i32Const(contiguous(outs)[0] * bytes).i32Mul().i32Add().localSet(c);
    if (plan.packed) f.globalGet(context.scratchGlobal).i32Const(plan.tableBytes).i32Add();
    else f.localGet(w);
    if (groups > 1) {
      f.localGet(image).i32Const(groups).i32RemU().i32Const(filters * depth * bytes).i32Mul().i32Add();
    }
    f.localSet(a);
    f.i32Const(0).localSet(at);
    f.loop();
    f.i32Const(runs).localGet(at).i32Sub().localTee(block).i32Const(blockRuns);
    f.localGet(block).i32Const(blockRuns).i32LtU().select().localSet(block);
    f.globalGet(context.scratchGlobal).localGet(at).i32Const(4).i32Mul().i32Add().localSet(offsets);
    f.localGet(filter).localSet(rest);
    const finish = (rows: number): void => {
      const row = f.local("i32"), target = f.local("i32");
      f.localGet(at).localGet(block).i32Add().i32Const(runs).i32Eq().if();
      f.i32Const(0).localSet(row).loop();
      f.localGet(rest).localGet(row).i32Add().localSet(target);
      f.localGet(c).localGet(target).i32Const(outside).i32Mul().i32Add();
      f.localGet(image);
      if (groups > 1) f.i32Const(groups).i32DivU();
      if (groups > 1) f.localGet(image).i32Const(groups).i32RemU().i32Const(filters).i32Mul();
      f.localGet(target);
      if (groups > 1) f.i32Add();
      f.localGet(first).i32Const(placesOfOne).i32Mul().localGet(count).i32Const(placesOfOne).i32Mul();
      results.pushOperands(f);
      f.call(results.epilogue);
      f.localGet(row).i32Const(1).i32Add().localTee(row).i32Const(rows).i32LtU().brIf(0).end();
      f.end().release(row, target);
    };
    const tiles = (index: number, rows: number, pushLimit: () => void): void => {
      pushLimit();
      f.localSet(limit);
      f.forLoop(rest, limit, rows, () => {
        f.localGet(a).localGet(rest).i32Const(depth).i32Mul();
        f.localGet(at).i32Const(taps.length * (plan.packed ? rows : 1)).i32Mul();
        f.i32Add().i32Const(bytes).i32Mul().i32Add();
        f.localGet(b).localGet(c).localGet(rest).i32Const(outside).i32Mul().i32Add();
        f.localGet(block).localGet(at).i32Eqz().localGet(offsets).localGet(count).call(index);
        if (results.epilogue >= 0) finish(rows);
      });
    };
    tiles(high, tileRows, () => {
      f.localGet(filterEnd).i32Const(highRows).localGet(filterEnd).i32Const(highRows).i32LtU().select();
    });
    if (low >= 0) tiles(low, tileRows - 1, () => f.localGet(filterEnd));
    f.localGet(at).localGet(block).i32Add().localTee(at).i32Const(runs).i32LtU().brIf(0).end();
  });
  const units = images * groups * rowParts * filterParts;
  const work = images * groups * filters * depth * product(outs);
  const unitCost = 0.05 * work / units;
  // Each call packs all filters: it should do some units where that would cost more than a hundredth of one.
  const packing = plan.packed ? filters * depth : 0;
  const most = Math.max(1, Math.floor(units / (4 * context.threads)));
  const grain = Math.max(1, Math.min(most, Math.round(100 * packing / unitCost)));
  return { index: f.index, units, unitCost, splittable: true, grain };
}
