/**
 * Convolutions whose filters are larger than their outputs, as the gradients with respect to filters are: a product of
 * windows and filters with the taps as its depth. Rows are places of the outputs, read where they lie; columns are
 * filters, packed for some taps at a time. Units of work are some rows over some channels; what the channels give is
 * added up at the end, in the same order on any number of threads.
 */
import type { ModuleBuilder } from "../assembler/mod.ts";
import { elements } from "../contract/mod.ts";
import { emitPack } from "../contract/packing.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { FiltersPlan } from "./filters_plan.ts";
import { type Geometry, product } from "./geometry.ts";
import type { Results } from "./results.ts";
import { RunsInside } from "./runs_inside.ts";
import { emitSlabCopy } from "./slab.ts";
import { emitTapTile } from "./tap_tile.ts";

/** Emits `tables(target)`: distances in bytes of the rows, and behind them those of the rows of taps. */
function emitTables(module: ModuleBuilder, geometry: Geometry, plan: FiltersPlan): number {
  const { axes, images, channels, dtype } = geometry;
  const { bytes } = elements[dtype];
  const { places } = plan;
  const f = module.addFunction({ params: ["i32"], results: [] });
  const at = f.local("i32");
  const pitches = [...places.pitches, 1];
  const image = places.copied ? places.channel : channels * product(axes.map(({ size }) => size));
  const count = (sizes: readonly number[], steps: readonly number[], origin: number): void => {
    const level = (axis: number, from: number): void => {
      if (axis === sizes.length) {
        f.localGet(at).localGet(from).i32Store();
        f.localGet(at).i32Const(4).i32Add().localSet(at);
        return;
      }
      const place = f.local("i32"), left = f.local("i32");
      f.localGet(from).localSet(place).i32Const(sizes[axis]).localSet(left).loop();
      level(axis + 1, place);
      f.localGet(place).i32Const(steps[axis] * bytes).i32Add().localSet(place);
      f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
      f.release(place, left);
    };
    const start = f.local("i32");
    f.i32Const(origin * bytes).localSet(start);
    level(0, start);
    f.release(start);
  };
  f.localGet(0).localSet(at);
  const origin = places.copied ? 0 : -axes.reduce((sum, { low }, i) => sum + low * pitches[i], 0);
  const sizes = [images, ...axes.map(({ out }) => out)];
  const steps = [image, ...axes.map(({ stride }, i) => stride * pitches[i])];
  // See FiltersPlan.skips.
  const order = sizes.map((_, axis) => plan.skips && axis < 2 ? 1 - axis : axis);
  count(order.map((axis) => sizes[axis]), order.map((axis) => steps[axis]), origin);
  f.localGet(0).i32Const(plan.tapTable).i32Add().localSet(at);
  const outer = axes.slice(0, -1);
  count(outer.map(({ taps }) => taps), outer.map(({ dilation }, i) => dilation * pitches[i]), 0);
  return f.index;
}

/** The function of a convolution by its plan: `(operands..., parts, begin, end)`. */
export function emitFilters(
  context: ModuleContext,
  geometry: Geometry,
  plan: FiltersPlan,
  results: Results,
): KernelFunction {
  const { module } = context;
  const { axes, batchGroups, images, channels, filters, dtype } = geometry;
  const element = elements[dtype];
  const { bytes, lanes } = element;
  const {
    places,
    rows,
    together,
    tileRows,
    lowRows,
    highRows,
    vectors,
    width,
    tapRows,
    blockRows,
    channelParts,
    rowParts,
  } = plan;
  const last = axes[axes.length - 1];
  const inside = product(axes.map(({ size }) => size)) * bytes;
  const allTaps = tapRows * last.taps * bytes;
  context.needScratch(plan.scratchBytes);
  const tables = emitTables(module, geometry, plan);
  const copy = places.copied ? emitSlabCopy(module, plan.dense, places) : -1;
  const panel = vectors * lanes;
  const pack = (count: number): number =>
    emitPack(module, {
      element,
      width: panel,
      count,
      outer: channels * allTaps,
      depth: bytes,
    }).callee.index;
  const fullPanels = Math.floor(filters / panel), restFilters = filters % panel;
  const packFull = fullPanels > 0 ? pack(panel) : -1;
  const packRest = restFilters > 0 ? pack(restFilters) : -1;
  const tileOptions = {
    element,
    vectors,
    taps: last.taps,
    tapStep: last.dilation * bytes,
    together,
    rowStep: last.stride * bytes,
    cRow: width * bytes,
  };
  const high = emitTapTile(module, { ...tileOptions, rows: tileRows });
  const low = highRows < rows ? emitTapTile(module, { ...tileOptions, rows: lowRows }) : -1;
  const tiles = highRows / tileRows + (highRows < rows ? (rows - highRows) / lowRows : 0);

  const { pointers } = results;
  const f = module.addFunction({ params: new Array<"i32">(pointers.count + 3).fill("i32"), results: [] });
  const { input: x, filters: w, count: parts } = pointers;
  const unit = parts + 1, end = parts + 2;
  const i32 = (): number => f.local("i32");
  const rowStart = i32(), rowEnd = i32(), limit = i32(), row = i32(), channel = i32(), channelEnd = i32();
  const number = i32(), base = i32(), c = i32(), tapRow = i32(), count = i32(), at = i32(), b = i32();
  const column = i32(), source = i32(), scratch = i32(), groupImages = i32(), groupFilters = i32();
  const present = plan.skips ? new RunsInside(f, axes[0], tapRows / axes[0].taps) : null;
  const rowsOfPlace = rows / axes[0].out;
  f.globalGet(context.scratchGlobal).localTee(scratch).call(tables);
  f.forLoop(unit, end, 1, () => {
    f.localGet(unit).i32Const(rowParts).i32RemU().localSet(number);
    for (const [next, bound] of [[0, rowStart], [1, rowEnd]]) {
      f.localGet(number).i32Const(next).i32Add().i32Const(tiles).i32Mul().i32Const(rowParts).i32DivU()
        .localSet(at);
      f.localGet(at).i32Const(tileRows).i32Mul();
      f.i32Const(highRows).localGet(at).i32Const(highRows / tileRows).i32Sub().i32Const(lowRows).i32Mul()
        .i32Add();
      f.localGet(at).i32Const(highRows / tileRows).i32LtU().select().localSet(bound);
    }
    f.localGet(unit).i32Const(rowParts).i32DivU().localSet(number);
    f.localGet(number).i32Const(rows * width * bytes).i32Mul().localGet(parts).i32Add().localSet(c);
    f.localGet(c).localGet(rowStart).i32Const(width * bytes).i32Mul().i32Add().i32Const(0);
    f.localGet(rowEnd).localGet(rowStart).i32Sub().i32Const(width * bytes).i32Mul().memoryFill();
    f.localGet(x).localSet(groupImages).localGet(w).localSet(groupFilters);
    if (batchGroups > 1) {
      const group = (pointer: number, step: number, target: number): void => {
        f.localGet(number).i32Const(batchGroups).i32RemU().i32Const(step).i32Mul().localGet(pointer).i32Add();
        f.localSet(target);
      };
      group(x, images * channels * inside, groupImages);
      group(w, filters * channels * allTaps, groupFilters);
      f.localGet(number).i32Const(batchGroups).i32DivU().localSet(number);
    }
    f.localGet(number).i32Const(channels).i32Mul().i32Const(channelParts).i32DivU().localSet(channel);
    f.localGet(number).i32Const(1).i32Add().i32Const(channels).i32Mul().i32Const(channelParts).i32DivU();
    f.localSet(channelEnd);
    f.forLoop(channel, channelEnd, 1, () => {
      f.localGet(groupImages).localGet(channel).i32Const(inside).i32Mul().i32Add().localSet(base);
      if (copy >= 0) {
        f.localGet(base).localGet(scratch).i32Const(plan.slab).i32Add().i32Const(images);
        f.i32Const(channels * inside).i32Const(places.channel * bytes);
        f.i32Const(0).i32Const(plan.dense.axes[0].out).call(copy);
        f.localGet(scratch).i32Const(plan.slab).i32Add().localSet(base);
      }
      f.i32Const(0).localSet(tapRow);
      f.loop();
      f.i32Const(tapRows).localGet(tapRow).i32Sub().localTee(count).i32Const(blockRows);
      f.localGet(count).i32Const(blockRows).i32LtU().select().localSet(count);
      f.localGet(groupFilters).localGet(channel).i32Const(allTaps).i32Mul().i32Add();
      f.localGet(tapRow).i32Const(last.taps * bytes).i32Mul().i32Add().localSet(source);
      f.localGet(scratch).i32Const(plan.packed).i32Add().localSet(b);
      f.i32Const(0).localSet(column);
      f.loop();
      const packPanel = (index: number): void => {
        f.localGet(source).localGet(b).localGet(count).i32Const(last.taps).i32Mul();
        f.call(index);
      };
      if (packRest < 0) packPanel(packFull);
      else if (packFull < 0) packPanel(packRest);
      else {
        f.localGet(column).i32Const(fullPanels * panel).i32LtU().if();
        packPanel(packFull);
        f.else();
        packPanel(packRest);
        f.end();
      }
      f.localGet(rowStart).localSet(row);
      const run = (index: number, height: number, pushLimit: () => void): void => {
        pushLimit();
        f.localSet(limit);
        f.forLoop(row, limit, height, () => {
          const first = present?.first ?? tapRow;
          if (present !== null) {
            const place = (last: number): void =>
              void f.localGet(row).i32Const(last).i32Add().i32Const(rowsOfPlace).i32DivU();
            present.find(() => place(0), () => place(height - 1), [tapRow, count]);
            f.localGet(present.count).if();
          }
          f.localGet(scratch).localGet(row).i32Const(4).i32Mul().i32Add().localGet(base);
          f.localGet(first).localGet(tapRow).i32Sub().i32Const(last.taps * panel * bytes).i32Mul();
          f.localGet(b).i32Add();
          f.localGet(row).i32Const(width).i32Mul().localGet(column).i32Add().i32Const(bytes).i32Mul();
          f.localGet(c).i32Add().localGet(present?.count ?? count);
          f.localGet(scratch).i32Const(plan.tapTable).i32Add().localGet(first).i32Const(4).i32Mul().i32Add();
          f.call(index);
          if (present !== null) f.end();
        });
      };
      run(high, tileRows, () => {
        f.localGet(rowEnd).i32Const(highRows).localGet(rowEnd).i32Const(highRows).i32LtU().select();
      });
      if (low >= 0) run(low, lowRows, () => f.localGet(rowEnd));
      f.localGet(source).i32Const(panel * channels * allTaps).i32Add().localSet(source);
      f.localGet(column).i32Const(panel).i32Add().localTee(column).i32Const(width).i32LtU().brIf(0).end();
      f.localGet(tapRow).localGet(count).i32Add().localTee(tapRow).i32Const(tapRows).i32LtU().brIf(0).end();
    });
  });
  const finish = emitSums(module, geometry, plan, results);
  const units = batchGroups * channelParts * rowParts;
  const work = batchGroups * rows * filters * channels * tapRows * last.taps;
  return {
    index: f.index,
    units,
    unitCost: 0.05 * work * (1 - plan.omitted) / units,
    splittable: true,
    finish: { index: finish, temporaryBytes: batchGroups * channelParts * rows * width * bytes },
  };
}

/** Emits `sums(operands..., parts, ...)`: adds the parts and brings them in the order of the output. */
function emitSums(
  module: ModuleBuilder,
  geometry: Geometry,
  plan: FiltersPlan,
  results: Results,
): number {
  const { axes, batchGroups, images, filters, dtype } = geometry;
  const element = elements[dtype];
  const { bytes } = element;
  const { rows, width, channelParts } = plan;
  const outs = rows / images;
  const { pointers } = results;
  const f = module.addFunction({ params: new Array<"i32">(pointers.count + 3).fill("i32"), results: [] });
  const parts = pointers.count, out = f.local("i32");
  f.localGet(pointers.output).localSet(out);
  const row = f.local("i32"), group = f.local("i32"), image = f.local("i32"), filter = f.local("i32");
  const left = f.local("i32"), place = f.local("i32"), target = f.local("i32"), first = f.local("i32");
  const sum = f.local("v128");
  const repeat = (count: number, local: number, body: () => void): void => {
    f.i32Const(count).localSet(local).loop();
    body();
    f.localGet(local).i32Const(1).i32Sub().localTee(local).brIf(0).end();
  };
  const outer = plan.skips ? axes[0].out : 1, run = outs / outer;
  const imageStep = batchGroups * filters * outs;
  repeat(batchGroups, group, () => {
    f.localGet(out).localSet(place);
    repeat(outer, first, () => {
      repeat(images, image, () => {
        repeat(run, left, () => {
          f.localGet(place).localSet(target).localGet(parts).localSet(row);
          repeat(filters, filter, () => {
            f.localGet(row);
            element.loadZero(f);
            f.localSet(sum);
            for (let part = 1; part < channelParts; part++) {
              f.localGet(sum).localGet(row);
              element.loadZero(f, part * batchGroups * rows * width * bytes);
              element.add(f);
              f.localSet(sum);
            }
            f.localGet(target).localGet(sum);
            element.storeLane(f, 0);
            f.localGet(row).i32Const(bytes).i32Add().localSet(row);
            f.localGet(target).i32Const(outs * bytes).i32Add().localSet(target);
          });
          f.localGet(parts).i32Const(width * bytes).i32Add().localSet(parts);
          f.localGet(place).i32Const(bytes).i32Add().localSet(place);
        });
        f.localGet(place).i32Const((imageStep - run) * bytes).i32Add().localSet(place);
      });
      f.localGet(place).i32Const((run - images * imageStep) * bytes).i32Add().localSet(place);
    });
    f.localGet(out).i32Const(filters * outs * bytes).i32Add().localSet(out);
  });
  if (results.epilogue >= 0) {
    const imageEnd = f.local("i32"), filterEnd = f.local("i32");
    f.i32Const(0).localSet(image).i32Const(images).localSet(imageEnd);
    f.localGet(pointers.output).localSet(target);
    f.forLoop(image, imageEnd, 1, () => {
      f.i32Const(0).localSet(filter).i32Const(batchGroups * filters).localSet(filterEnd);
      f.forLoop(filter, filterEnd, 1, () => {
        f.localGet(target).localGet(image).localGet(filter).i32Const(0).i32Const(outs);
        results.pushOperands(f);
        f.call(results.epilogue);
        f.localGet(target).i32Const(outs * bytes).i32Add().localSet(target);
      });
    });
  }
  return f.index;
}
