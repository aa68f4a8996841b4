/**
 * Products by tiles: blocks of columns, of depth and of rows as in Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication" (2008). For every element of C the additions happen in the same
 * order however rows and columns are split, so that results have the same bits on any number of threads.
 */

import type { FunctionBuilder, ModuleBuilder, ValueType } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import { elements } from "./element.ts";
import { emitPack } from "./packing.ts";
import { packedBytesOfA, packedBytesOfB, type PanelSizes, panelSizes } from "./plan.ts";
import type { ContractSpec, Epilogue, PanelOperand } from "./spec.ts";
import { emitTile, emitTileEpilogue, firstBlock, lastBlock } from "./tile_kernel.ts";

/** Numbers of epilogues: a product with panels made before shares its functions with the one without. */
const epilogues: WeakMap<Epilogue, number> = new WeakMap();
let epilogueCount = 0;

/** Functions of a module that products share. */
const shared: WeakMap<ModuleBuilder, Map<string, IdleCall>> = new WeakMap();

function once(module: ModuleBuilder, key: string, emit: () => IdleCall): IdleCall {
  let known = shared.get(module);
  if (known === undefined) shared.set(module, known = new Map());
  let made = known.get(key);
  if (made === undefined) known.set(key, made = emit());
  return made;
}

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

function tileFunction(
  module: ModuleBuilder,
  spec: ContractSpec,
  sizes: PanelSizes,
  tile: { rows: number; vectors: number; tailLanes: number },
): IdleCall {
  const element = elements[spec.dtype];
  const { bytes, lanes } = element;
  const key = {
    ...tile,
    aRow: sizes.packA ? bytes : spec.a.outer * bytes,
    aDepth: sizes.packA ? tile.rows * bytes : spec.a.depth * bytes,
    bDepth: sizes.packB ? tile.vectors * lanes * bytes : spec.b.depth * bytes,
    unroll: Math.min(4, Math.max(1, spec.depth)),
  };
  return once(module, `${spec.dtype} ${JSON.stringify(key)}`, () => emitTile(module, { element, ...key }));
}

function epilogueFunction(
  module: ModuleBuilder,
  spec: ContractSpec,
  tile: { vectors: number; tailLanes: number },
): number {
  const { epilogue, extra = [] } = spec;
  if (epilogue === undefined) return -1;
  const element = elements[spec.dtype];
  let number = epilogues.get(epilogue);
  if (number === undefined) epilogues.set(epilogue, number = epilogueCount++);
  const options = { ...tile, cRow: spec.rowStride * element.bytes };
  return once(
    module,
    `epilogue ${number} ${spec.dtype} ${JSON.stringify(options)}`,
    () => ({ callee: emitTileEpilogue(module, { element, ...options, epilogue, extra }) }),
  ).callee.index;
}

function packFunction(
  module: ModuleBuilder,
  spec: ContractSpec,
  operand: "a" | "b",
  width: number,
  count: number,
): IdleCall {
  const element = elements[spec.dtype];
  const outer = spec[operand].outer * element.bytes, depth = spec[operand].depth * element.bytes;
  const key = `pack ${element.bytes} ${width} ${count} ${outer} ${depth}`;
  return once(module, key, () => emitPack(module, { element, width, count, outer, depth }));
}

/** Leaves the smaller of a local minus another and a constant on the stack. */
function emitRest(f: FunctionBuilder, end: number, start: number, limit: number): FunctionBuilder {
  const rest = f.local("i32");
  f.localGet(end).localGet(start).i32Sub().localTee(rest).i32Const(limit);
  f.localGet(rest).i32Const(limit).i32LtU().select();
  f.release(rest);
  return f;
}

/** The functions that a product calls; -1 where it has no tile or panel of that kind. */
interface Parts {
  /** Tiles of full height, of the full panels and of the last one. */
  readonly fullTiles: { readonly full: number; readonly last: number };
  readonly restTiles: { readonly full: number; readonly last: number };
  /** The epilogues of tiles of the full panels and of the last one. */
  readonly finish: { readonly full: number; readonly last: number };
  readonly packPanel: number;
  readonly packLast: number;
  readonly packRows: number;
  readonly packRestRows: number;
  /** Those in which most of the time goes. */
  readonly inner: readonly IdleCall[];
}

function emitParts(module: ModuleBuilder, spec: ContractSpec, sizes: PanelSizes): Parts {
  const { lanes } = elements[spec.dtype];
  const { packA, packB, tileRows, restRows, tileVectors, tailLanes } = sizes;
  const tileColumns = tileVectors * lanes;
  const restColumns = spec.columns % tileColumns;
  const lastVectors = Math.ceil(restColumns / lanes);
  const hasPanels = spec.columns >= tileColumns;
  const makesA = packA && spec.panels !== "a", makesB = packB && spec.panels !== "b";
  const inner: IdleCall[] = [];
  const note = (call: IdleCall): number => {
    inner.push(call);
    return call.callee.index;
  };
  const tiles = (rows: number, wanted: boolean): { full: number; last: number } => ({
    full: wanted && hasPanels
      ? note(tileFunction(module, spec, sizes, { rows, vectors: tileVectors, tailLanes: lanes }))
      : -1,
    last: wanted && restColumns > 0
      ? note(tileFunction(module, spec, sizes, { rows, vectors: lastVectors, tailLanes }))
      : -1,
  });
  const pack = (operand: "a" | "b", width: number, count: number, wanted: boolean): number =>
    wanted ? note(packFunction(module, spec, operand, width, count)) : -1;
  return {
    fullTiles: tiles(tileRows, sizes.fullRows > 0),
    restTiles: tiles(restRows, restRows > 0),
    finish: {
      full: hasPanels ? epilogueFunction(module, spec, { vectors: tileVectors, tailLanes: lanes }) : -1,
      last: restColumns > 0 ? epilogueFunction(module, spec, { vectors: lastVectors, tailLanes }) : -1,
    },
    packPanel: pack("b", tileColumns, tileColumns, makesB && hasPanels),
    packLast: pack("b", lastVectors * lanes, restColumns, makesB && restColumns > 0),
    packRows: pack("a", tileRows, tileRows, makesA && sizes.fullRows > 0),
    packRestRows: pack("a", restRows, restRows, makesA && restRows > 0),
    inner,
  };
}

function ceilTo(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}

/** Equal for products whose panels of an operand are the same. */
export function formOfPanels(spec: ContractSpec, operand: PanelOperand): string {
  const { tileRows, tileVectors, blockDepth } = panelSizes(spec);
  const { rows, columns, depth } = spec;
  const { outer, depth: depthStep } = spec[operand];
  const sizes = operand === "a" ? `a ${rows}x${depth} ${tileRows}` : `b ${columns}x${depth} ${tileVectors}`;
  return `${elements[spec.dtype].bytes} ${sizes} ${outer} ${depthStep} ${blockDepth}`;
}

/**
 * Emits `pack(operand, panels)`, which brings a whole operand into panels, and returns its index: blocks of depth one
 * behind the other, in each of them the panels side by side.
 */
export function emitAllPanels(module: ModuleBuilder, spec: ContractSpec, operand: PanelOperand): number {
  const sizes = panelSizes(spec);
  const { bytes, lanes } = elements[spec.dtype];
  // A panel of A is as high as a tile and its last one may be less; those of B end with whole vectors.
  const width = operand === "a" ? sizes.tileRows : sizes.tileVectors * lanes;
  const size = operand === "a" ? spec.rows : spec.columns;
  const rest = size % width;
  const { outer, depth: depthStep } = spec[operand];
  const pack = (width: number, count: number, wanted: boolean): number =>
    wanted ? packFunction(module, spec, operand, width, count).callee.index : -1;
  const packFull = pack(width, width, size >= width);
  const packRest = pack(operand === "a" ? rest : ceilTo(rest, lanes), rest, rest > 0);
  const f = module.addFunction({ params: ["i32", "i32"], results: [] });
  const [first, target] = [0, 1];
  const depth = f.local("i32"), depths = f.local("i32"), depthEnd = f.local("i32"), source = f.local("i32");
  const at = f.local("i32"), limit = f.local("i32");
  f.i32Const(spec.depth).localSet(depthEnd);
  f.forLoop(depth, depthEnd, sizes.blockDepth, () => {
    emitRest(f, depthEnd, depth, sizes.blockDepth).localSet(depths);
    f.localGet(first).localGet(depth).i32Const(depthStep * bytes).i32Mul().i32Add().localSet(source);
    f.i32Const(0).localSet(at);
    const panel = (index: number, places: number): void => {
      f.localGet(source).localGet(target).localGet(depths).call(index);
      f.localGet(target).localGet(depths).i32Const(places * bytes).i32Mul().i32Add().localSet(target);
      f.localGet(source).i32Const(width * outer * bytes).i32Add().localSet(source);
    };
    if (packFull >= 0) {
      f.i32Const(size - rest).localSet(limit);
      f.forLoop(at, limit, width, () => panel(packFull, width));
    }
    if (packRest >= 0) panel(packRest, operand === "a" ? rest : width);
  });
  return f.index;
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
  // The last panel differs from the others where it has fewer columns.
  const restColumns = spec.columns % tileColumns;
  const { fullTiles, restTiles, finish, packPanel, packLast, packRows, packRestRows, inner } = emitParts(
    module,
    spec,
    sizes,
  );
  const params: ValueType[] = ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", ...extra];
  const f = module.addFunction({ params, results: [] });
  const [a, b, c, scratch, rowStart, rowEnd, columnStart, columnEnd] = [0, 1, 2, 3, 4, 5, 6, 7];
  const i32 = (): number => f.local("i32");
  const passExtra = (): void => extra.forEach((_, i) => void f.localGet(8 + i));
  const column = i32(), depth = i32(), depths = i32(), depthEnd = i32(), flags = i32(), columnLimit = i32();
  const row = i32(), rowLimit = i32(), panel = i32(), tileRow = i32(), fullLimit = i32();
  const pa = i32(), pb = i32(), pc = i32(), packedA = i32(), target = i32(), sums = i32();

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
      f.localGet(panel).i32Const(spec.columns - restColumns).i32LtU().if();
      call(packPanel);
      f.else();
      call(packLast);
      f.end();
    } else call(packPanel >= 0 ? packPanel : packLast);
    f.localGet(target).localGet(depths).i32Const(panelBytes).i32Mul().i32Add().localSet(target);
    f.localGet(panel).i32Const(tileColumns).i32Add().localTee(panel).localGet(columnLimit).i32LtU().brIf(0)
      .end();
  }

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
    if (packRows >= 0) loop(packRows, tileRows, fullLimit);
    if (packRestRows >= 0) loop(packRestRows, restRows, rowLimit);
  }

  /** All tiles of one panel of columns in a block of rows. */
  function emitPanel(fullTile: number, restTile: number, finish: number, vectors: number): void {
    f.localGet(row).localSet(tileRow);
    const loop = (tile: number, rows: number, limit: number): void => {
      f.localGet(tileRow).localGet(limit).i32LtU().if().loop();
      f.localGet(pa).localGet(pb).localGet(pc).i32Const(steps.cRow).localGet(depths).localGet(flags);
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
    if (spec.panels === "b") {
      f.localGet(b).localGet(depth).i32Const(ceilTo(spec.columns, tileColumns) * bytes).i32Mul().i32Add();
      f.localGet(column).i32Const(bytes).i32Mul().localGet(depths).i32Mul().i32Add().localSet(pb);
    } else if (packB) f.localGet(scratch).localSet(pb);
    else {
      emitAddress(b, column, steps.bColumn, steps.bDepth);
      f.localSet(pb);
    }
    f.loop();
    if (spec.panels === "a") {
      f.localGet(a).localGet(depth).i32Const(spec.rows * bytes).i32Mul().i32Add();
      f.localGet(row).i32Const(bytes).i32Mul().localGet(depths).i32Mul().i32Add().localSet(pa);
    } else if (packA) f.localGet(packedA).localSet(pa);
    else {
      emitAddress(a, row, steps.aRow, steps.aDepth);
      f.localSet(pa);
    }
    f.localGet(c).localGet(row).i32Const(steps.cRow).i32Mul().i32Add();
    f.localGet(panel).i32Const(bytes).i32Mul().i32Add().localSet(pc);
    if (hasFullPanels && restColumns > 0) {
      f.localGet(panel).i32Const(spec.columns - restColumns).i32LtU().if();
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
