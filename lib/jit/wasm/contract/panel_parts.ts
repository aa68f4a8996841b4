/** The functions that a product by panels calls; products of a module share those that are equal. */

import type { ModuleBuilder } from "../assembler/mod.ts";
import type { IdleCall } from "../warm_up.ts";
import { elements } from "./element.ts";
import { emitPack } from "./packing.ts";
import type { PanelSizes } from "./plan.ts";
import type { ContractSpec, Epilogue } from "./spec.ts";
import type { StructTiles } from "./struct_tiles.ts";
import { emitTile, emitTileEpilogue } from "./tile_kernel.ts";

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

/** The function `pack(source, target, depths)` of an operand's strips of some width. */
export function packFunction(
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

/** The functions that a product calls; -1 where it has no tile or panel of that kind. */
export interface Parts {
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

/** Emits those that a product needs. */
export function emitParts(
  module: ModuleBuilder,
  spec: ContractSpec,
  sizes: PanelSizes,
  structs: StructTiles | null,
): Parts {
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
  const fullTile = (rows: number, wanted: boolean): number =>
    wanted && hasPanels
      ? note(tileFunction(module, spec, sizes, { rows, vectors: tileVectors, tailLanes: lanes }))
      : -1;
  const lastTile = (rows: number, wanted: boolean): number =>
    wanted && restColumns > 0
      ? note(tileFunction(module, spec, sizes, { rows, vectors: lastVectors, tailLanes }))
      : -1;
  const pack = (operand: "a" | "b", width: number, count: number, wanted: boolean): number =>
    wanted ? note(packFunction(module, spec, operand, width, count)) : -1;
  const hasFullRows = sizes.fullRows > 0, hasRestRows = restRows > 0;
  return {
    fullTiles: {
      full: structs?.tile ?? fullTile(tileRows, hasFullRows),
      last: lastTile(tileRows, hasFullRows),
    },
    restTiles: { full: fullTile(restRows, hasRestRows), last: lastTile(restRows, hasRestRows) },
    finish: {
      full: hasPanels ? epilogueFunction(module, spec, { vectors: tileVectors, tailLanes: lanes }) : -1,
      last: restColumns > 0 ? epilogueFunction(module, spec, { vectors: lastVectors, tailLanes }) : -1,
    },
    packPanel: pack("b", tileColumns, tileColumns, makesB && hasPanels),
    packLast: pack("b", lastVectors * lanes, restColumns, makesB && restColumns > 0),
    packRows: pack("a", tileRows, tileRows, makesA && hasFullRows && (structs === null || restColumns > 0)),
    packRestRows: pack("a", restRows, restRows, makesA && hasRestRows),
    inner,
  };
}
