/**
 * Products by tiles: blocks of columns, of depth and of rows as in Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication" (2008). For every element of C the additions happen in the same
 * order however rows and columns are split, so that results have the same bits on any number of threads.
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import { elements } from "./element.ts";
import { emitParts } from "./panel_parts.ts";
import { packedBytesOfA, packedBytesOfB, panelSizes } from "./plan.ts";
import type { ContractSpec } from "./spec.ts";
import { STRUCT_DEPTHS, type StructTiles } from "./struct_tiles.ts";
import { firstBlock, lastBlock } from "./tile_kernel.ts";

/** A product, and the functions that it calls in which most of the time goes. */
interface PanelFunction {
  readonly index: number;
  readonly inner: readonly IdleCall[];
}

/** Strides in bytes as tiles see them. */
interface Steps {
  readonly aRow: number;
  readonly aDepth: number;
  readonly bColumn: number;
  readonly bDepth: number;
  readonly cRow: number;
}

/** Leaves the smaller of a local minus another and a constant on the stack. */
export function emitRest(f: FunctionBuilder, end: number, start: number, limit: number): FunctionBuilder {
  const rest = f.local("i32");
  f.localGet(end).localGet(start).i32Sub().localTee(rest).i32Const(limit);
  f.localGet(rest).i32Const(limit).i32LtU().select();
  f.release(rest);
  return f;
}

/** Rounds up to a multiple. */
export function ceilTo(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}

/** Emits `product(a, b, c, scratch, rowStart, rowEnd, columnStart, columnEnd, ...extra)`. */
export function emitPanels(module: ModuleBuilder, spec: ContractSpec): PanelFunction {
  const sizes = panelSizes(spec);
  const { bytes, lanes } = elements[spec.dtype];
  const { packA, packB, tileRows, restRows, blockDepth } = sizes;
  const extra = spec.extra ?? [];
  const steps: Steps = {
    aRow: spec.a.outer * bytes,
    aDepth: spec.a.depth * bytes,
    bColumn: spec.b.outer * bytes,
    bDepth: spec.b.depth * bytes,
    cRow: spec.rowStride * bytes,
  };
  const tileColumns = sizes.tileVectors * lanes;
  const panelBytes = tileColumns * bytes;
  const hasFullPanels = spec.columns >= tileColumns;
  const structs = sizes.structs ? spec.structTiles ?? null : null;
  // The last panel differs from the others where it has fewer columns.
  const restColumns = spec.columns % tileColumns, fullColumns = spec.columns - restColumns;
  const { fullTiles, restTiles, finish, packPanel, packLast, packRows, packRestRows, inner } = emitParts(
    module,
    spec,
    sizes,
    structs,
  );
  const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", ...extra];
  const f = module.addFunction({ params, results: [] });
  const [a, b, c, scratch, rowStart, rowEnd, columnStart, columnEnd] = [0, 1, 2, 3, 4, 5, 6, 7];
  const i32 = (): number => f.local("i32");
  const passExtra = (): void => extra.forEach((_, i) => void f.localGet(8 + i));
  const column = i32(), depth = i32(), depths = i32(), depthEnd = i32(), flags = i32(), columnLimit = i32();
  const row = i32(), rowLimit = i32(), panel = i32(), tileRow = i32(), fullLimit = i32();
  const pa = i32(), pb = i32(), pc = i32(), packedA = i32(), target = i32(), sums = i32();
  // The place of a strip in structs, and how many it has.
  const strip = i32(), count = i32();

  /** Leaves pointer + outerIndex * outerStep + depth * depthStep on the stack. */
  function emitAddress(pointer: number, index: number, outer: number, depthStep: number): void {
    f.localGet(pointer).localGet(index).i32Const(outer).i32Mul().i32Add();
    f.localGet(depth).i32Const(depthStep).i32Mul().i32Add();
  }

  function emitPackB(): void {
    f.localGet(scratch).localSet(target).localGet(column).localSet(panel);
    f.loop();
    const call = (index: number): void => {
      emitAddress(b, panel, steps.bColumn, steps.bDepth);
      f.localGet(target).localGet(depths).call(index);
    };
    if (packPanel >= 0 && packLast >= 0) {
      f.localGet(panel).i32Const(fullColumns).i32LtU().if();
      call(packPanel);
      f.else();
      call(packLast);
      f.end();
    } else call(packPanel >= 0 ? packPanel : packLast);
    f.localGet(target).localGet(depths).i32Const(panelBytes).i32Mul().i32Add().localSet(target);
    f.localGet(panel).i32Const(tileColumns).i32Add().localTee(panel).localGet(columnLimit).i32LtU().brIf(0)
      .end();
  }

  /** Packs the strips; beside strips in structs the full ones only for tiles that are narrower. */
  function emitPackA(): void {
    f.localGet(packedA).localSet(target).localGet(row).localSet(tileRow);
    const loop = (index: number, rows: number, limit: number): void => {
      f.localGet(tileRow).localGet(limit).i32LtU().if().loop();
      emitAddress(a, tileRow, steps.aRow, steps.aDepth);
      f.localGet(target).localGet(depths).call(index);
      f.localGet(target).localGet(depths).i32Const(rows * bytes).i32Mul().i32Add().localSet(target);
      f.localGet(tileRow).i32Const(rows).i32Add().localTee(tileRow).localGet(limit).i32LtU().brIf(0).end()
        .end();
    };
    if (structs !== null) {
      f.localGet(columnEnd).i32Const(fullColumns).i32LeU().if();
      f.localGet(target).localGet(fullLimit).localGet(row).i32Sub().localGet(depths).i32Mul();
      f.i32Const(bytes).i32Mul().i32Add().localSet(target).localGet(fullLimit).localSet(tileRow);
      f.end();
    }
    if (packRows >= 0) loop(packRows, tileRows, fullLimit);
    if (packRestRows >= 0) loop(packRestRows, restRows, rowLimit);
  }

  /** Packs the full strips of the block into structs. */
  function emitStripsIntoStructs({ liftRows, liftDepths }: StructTiles): void {
    f.localGet(depths).i32Const(STRUCT_DEPTHS - 1).i32Add().i32Const(STRUCT_DEPTHS).i32DivU().localSet(count);
    f.i32Const(0).localSet(strip).localGet(row).localSet(tileRow);
    f.forLoop(tileRow, fullLimit, tileRows, () => {
      if (spec.panels === "a") {
        emitStripOfA(tileRow);
        f.i32Const(tileRows * bytes);
      } else {
        emitAddress(a, tileRow, steps.aRow, steps.aDepth);
        f.i32Const(spec.a.outer === 1 ? steps.aDepth : steps.aRow);
      }
      f.localGet(strip).localGet(depths);
      f.call(spec.panels === "a" || spec.a.outer === 1 ? liftRows : liftDepths);
      f.localGet(strip).localGet(count).i32Add().localSet(strip);
    });
  }

  /** Leaves the address of a strip of A, or of a panel of B, among those that were made before on the stack. */
  function emitStripOfA(row: number): void {
    f.localGet(a).localGet(depth).i32Const(spec.rows * bytes).i32Mul().i32Add();
    f.localGet(row).i32Const(bytes).i32Mul().localGet(depths).i32Mul().i32Add();
  }

  function emitPanelOfB(column: number): void {
    f.localGet(b).localGet(depth).i32Const(ceilTo(spec.columns, tileColumns) * bytes).i32Mul().i32Add();
    f.localGet(column).i32Const(bytes).i32Mul().localGet(depths).i32Mul().i32Add();
  }

  /** All tiles of one panel of columns in a block of rows. */
  function emitPanel(fullTile: number, restTile: number, finish: number, vectors: number): void {
    f.localGet(row).localSet(tileRow);
    const loop = (tile: number, rows: number, limit: number): void => {
      f.localGet(tileRow).localGet(limit).i32LtU().if();
      const inStructs = tile === structs?.tile;
      if (inStructs) f.i32Const(0).localSet(strip);
      f.loop();
      f.localGet(inStructs ? strip : pa).localGet(pb).localGet(pc).i32Const(steps.cRow).localGet(depths)
        .localGet(flags);
      if (finish < 0) f.localGet(pc).i32Const(steps.cRow).call(tile);
      else {
        f.localGet(sums).localGet(pc).localGet(flags).i32Const(lastBlock).i32And().select();
        f.i32Const(16 * vectors).i32Const(steps.cRow).localGet(flags).i32Const(lastBlock).i32And().select();
        f.call(tile);
        f.localGet(flags).i32Const(lastBlock).i32And().if();
        f.localGet(sums).localGet(pc).localGet(tileRow).localGet(panel).i32Const(rows);
        passExtra();
        f.call(finish).end();
      }
      if (inStructs) f.localGet(strip).localGet(count).i32Add().localSet(strip);
      f.localGet(pa);
      if (packA) f.localGet(depths).i32Const(rows * bytes).i32Mul();
      else f.i32Const(rows * steps.aRow);
      f.i32Add().localSet(pa);
      f.localGet(pc).i32Const(rows * steps.cRow).i32Add().localSet(pc);
      f.localGet(tileRow).i32Const(rows).i32Add().localTee(tileRow).localGet(limit).i32LtU().brIf(0).end()
        .end();
    };
    if (fullTile >= 0) loop(fullTile, tileRows, fullLimit);
    if (restTile >= 0) loop(restTile, restRows, rowLimit);
  }

  function emitPanelsOfBlock(): void {
    f.localGet(column).localSet(panel);
    if (spec.panels === "b") emitPanelOfB(column);
    else if (packB) f.localGet(scratch);
    else emitAddress(b, column, steps.bColumn, steps.bDepth);
    f.localSet(pb);
    f.loop();
    if (spec.panels === "a") emitStripOfA(row);
    else if (packA) f.localGet(packedA);
    else emitAddress(a, row, steps.aRow, steps.aDepth);
    f.localSet(pa);
    f.localGet(c).localGet(row).i32Const(steps.cRow).i32Mul().i32Add();
    f.localGet(panel).i32Const(bytes).i32Mul().i32Add().localSet(pc);
    if (hasFullPanels && restColumns > 0) {
      f.localGet(panel).i32Const(fullColumns).i32LtU().if();
      emitPanel(fullTiles.full, restTiles.full, finish.full, sizes.tileVectors);
      f.else();
      emitPanel(fullTiles.last, restTiles.last, finish.last, Math.ceil(restColumns / lanes));
      f.end();
    } else if (hasFullPanels) emitPanel(fullTiles.full, restTiles.full, finish.full, sizes.tileVectors);
    else emitPanel(fullTiles.last, restTiles.last, finish.last, Math.ceil(restColumns / lanes));
    f.localGet(pb);
    if (packB) f.localGet(depths).i32Const(panelBytes).i32Mul();
    else f.i32Const(panelBytes);
    f.i32Add().localSet(pb);
    f.localGet(panel).i32Const(tileColumns).i32Add().localTee(panel).localGet(columnLimit).i32LtU().brIf(0)
      .end();
  }

  function emitRowsOfBlock(): void {
    f.localGet(rowStart).localSet(row);
    f.loop();
    emitRest(f, rowEnd, row, sizes.blockRows).localGet(row).i32Add().localSet(rowLimit);
    // Full tiles end where the rest of the whole matrix begins, or with the range.
    f.localGet(rowLimit).i32Const(sizes.fullRows).localGet(rowLimit).i32Const(sizes.fullRows).i32LtU()
      .select();
    f.localSet(fullLimit);
    if (packA && spec.panels !== "a") emitPackA();
    if (structs !== null) emitStripsIntoStructs(structs);
    emitPanelsOfBlock();
    f.localGet(rowLimit).localTee(row).localGet(rowEnd).i32LtU().brIf(0).end();
  }

  // An empty range leaves at once, so that the loops inside may test at their ends.
  f.localGet(rowStart).localGet(rowEnd).i32GeU();
  f.localGet(columnStart).localGet(columnEnd).i32GeU().i32Or().if().return().end();
  f.localGet(scratch).i32Const(packedBytesOfB(spec, sizes)).i32Add().localSet(packedA);
  f.localGet(packedA).i32Const(packedBytesOfA(spec, sizes)).i32Add().localSet(sums);
  f.i32Const(spec.depth).localSet(depthEnd);
  f.localGet(columnStart).localSet(column);
  f.loop();
  emitRest(f, columnEnd, column, sizes.blockColumns).localGet(column).i32Add().localSet(columnLimit);
  f.i32Const(0).localSet(depth);
  f.loop();
  emitRest(f, depthEnd, depth, blockDepth).localSet(depths);
  if (spec.accumulate) f.i32Const(0);
  else f.localGet(depth).i32Eqz().i32Const(firstBlock).i32Mul();
  f.localGet(depth).localGet(depths).i32Add().localGet(depthEnd).i32Eq().i32Const(lastBlock).i32Mul().i32Or();
  f.localSet(flags);
  if (packB && spec.panels !== "b") emitPackB();
  emitRowsOfBlock();
  f.localGet(depth).i32Const(blockDepth).i32Add().localTee(depth).i32Const(spec.depth).i32LtU().brIf(0).end();
  f.localGet(columnLimit).localTee(column).localGet(columnEnd).i32LtU().brIf(0).end();
  return { index: f.index, inner };
}
