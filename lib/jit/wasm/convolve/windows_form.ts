/**
 * Convolutions whose outputs have rows of some length: for each image a product of the filters with its windows, which
 * are read where they lie. Units of work are some outputs along the first axis, of some filters, of one group of an
 * image.
 */
import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import { elements } from "../contract/mod.ts";
import { emitPack } from "../contract/packing.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { contiguous, type Geometry, product, reach } from "./geometry.ts";
import type { Results } from "./results.ts";
import { emitSlabCopy, placeStep, tapOffset } from "./slab.ts";
import { grainOf, type WindowsPlan } from "./windows_plan.ts";
import { emitWindowRows } from "./windows_rows.ts";

/** Emits `table(target)`: the distance in bytes of each run of taps of each channel. */
function emitTapTable(module: ModuleBuilder, geometry: Geometry, plan: WindowsPlan): number {
  const { places, taps: run } = plan;
  const { axes, channels, dtype } = geometry;
  const { bytes } = elements[dtype];
  const f = module.addFunction({ params: ["i32"], results: [] });
  const base = f.local("i32"), left = f.local("i32");
  const level = (taps: readonly number[]): void => {
    if (taps.length === axes.length) {
      f.localGet(0).localGet(base).i32Const(tapOffset(geometry, places, taps) * bytes).i32Add().i32Store();
      f.localGet(0).i32Const(4).i32Add().localSet(0);
      return;
    }
    const step = taps.length === axes.length - 1 ? run.length : 1;
    for (let tap = 0; tap < axes[taps.length].taps; tap += step) level([...taps, tap]);
  };
  const ofChannels = (taps: readonly number[]): void => {
    f.i32Const(0).localSet(base).i32Const(channels).localSet(left).loop();
    level(taps);
    f.localGet(base).i32Const(places.channel * bytes).i32Add().localSet(base);
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  };
  if (plan.skips) { for (let tap = 0; tap < axes[0].taps; tap++) ofChannels([tap]); }
  else ofChannels([]);
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
  const { axes, channels } = geometry;
  const filter = f.local("i32"), limit = f.local("i32"), source = f.local("i32"), target = f.local("i32");
  const rows = f.local("i32"), from = f.local("i32"), left = f.local("i32");
  f.i32Const(0).localSet(filter);
  const strips = (width: number, end: number): void => {
    const outer = depth * element.bytes;
    const { callee: pack } = emitPack(module, { element, width, count: width, outer, depth: element.bytes });
    f.i32Const(end).localSet(limit);
    f.forLoop(filter, limit, width, () => {
      f.localGet(filtersPointer).localGet(filter).i32Const(outer).i32Mul().i32Add().localSet(source);
      f.globalGet(scratchGlobal).i32Const(plan.tableBytes).i32Add();
      f.localGet(filter).i32Const(outer).i32Mul().i32Add().localSet(target);
      if (!plan.skips) {
        f.localGet(source).localGet(target).i32Const(depth).call(pack.index);
        return;
      }
      // Rows of taps first, and the channels of each.
      const row = depth / channels / axes[0].taps * element.bytes;
      f.i32Const(axes[0].taps).localSet(rows).loop();
      f.localGet(source).localSet(from).i32Const(channels).localSet(left).loop();
      f.localGet(from).localGet(target).i32Const(row / element.bytes).call(pack.index);
      f.localGet(from).i32Const(row * axes[0].taps).i32Add().localSet(from);
      f.localGet(target).i32Const(row * width).i32Add().localSet(target);
      f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
      f.localGet(source).i32Const(row).i32Add().localSet(source);
      f.localGet(rows).i32Const(1).i32Sub().localTee(rows).brIf(0).end();
    });
  };
  strips(tileRows, highRows);
  if (highRows < geometry.filters) strips(tileRows - 1, geometry.filters);
  f.release(filter, limit, source, target, rows, from, left);
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
  const high = emitWindowRows(module, geometry, plan, tileRows);
  const low = highRows < filters ? emitWindowRows(module, geometry, plan, tileRows - 1) : -1;
  const sizes = axes.map(({ size }) => size), outs = axes.map(({ out }) => out);
  // Of one output along the first axis.
  const placesOfOne = contiguous(outs)[0];
  const inside = product(sizes) * bytes, outside = product(outs) * bytes;
  const { input: x, filters: w, output: out, count: unit } = results.pointers, end = unit + 1;
  const f = module.addFunction({ params: new Array<"i32">(end + 1).fill("i32"), results: [] });
  const i32 = (): number => f.local("i32");
  const rest = i32(), part = i32(), first = i32(), count = i32(), filter = i32(), filterEnd = i32();
  const limit = i32(), image = i32(), b = i32(), a = i32(), c = i32(), at = i32(), block = i32();
  const offsets = i32();
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
    f.localGet(first).i32Const(placesOfOne * bytes).i32Mul().i32Add().localSet(c);
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
        f.localGet(block).localGet(at).i32Eqz().localGet(offsets).localGet(count);
        f.localGet(first).localGet(at).call(index);
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
  const unitCost = 0.05 * work * (1 - plan.omitted) / units;
  const packing = plan.packed ? filters * depth : 0;
  const grain = grainOf({ units, unitCost, packing, threads: context.threads });
  return { index: f.index, units, unitCost, splittable: true, grain };
}
