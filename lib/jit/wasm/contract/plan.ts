/** Which kernel computes a product, and in which tiles. */

import { elements } from "./element.ts";
import { rowSumsScratch } from "./row_sums.ts";
import type { ContractSpec, PanelOperand } from "./spec.ts";
import { stripsInStructs, STRUCT_ROWS, STRUCT_VECTORS } from "./struct_tiles.ts";

/** How a product is computed and how it may be split. */
export interface ContractPlan {
  /**
   * `panels`: tiles of packed operands. For one row: `rowSums` adds multiples of rows of B, `dots` takes dot
   * products with its columns, whichever lie contiguous.
   */
  readonly method: "panels" | "rowSums" | "dots";
  /** A product with a single column is computed as its transpose, with a single row. */
  readonly swapped: boolean;
  /** Bytes of scratch memory that each caller of the function at one time needs. */
  readonly scratchBytes: number;
  /** Ranges of rows and of columns start at multiples of these, and end at such or at the size. */
  readonly rowTile: number;
  readonly columnTile: number;
}

/** The sizes of a product by panels. */
export interface PanelSizes {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** Rows of the tiles after the first `fullRows`, which have `tileRows`; 0 if there are none. */
  readonly restRows: number;
  readonly fullRows: number;
  /** Vectors in a row of a tile. */
  readonly tileVectors: number;
  /** Columns that count in the last vector of all. */
  readonly tailLanes: number;
  readonly packA: boolean;
  readonly packB: boolean;
  readonly blockDepth: number;
  readonly blockRows: number;
  readonly blockColumns: number;
  /** Ranges of rows start at multiples of this. */
  readonly rowTile: number;
  /** Whether full tiles have A in structs, where modules can import what that takes. */
  readonly structs: boolean;
}

/** A and C of one block of rows stay in the second cache, a panel of B in the first. */
const blockBytes = 192 * 1024;
const columnBytesOfBlock = 8192;

function ceilDivide(a: number, b: number): number {
  return Math.ceil(a / b);
}

/**
 * Blocks of at most `limit`, about equally large, so that the last one is not a sliver. Narrow products read A but
 * once or twice, so that long pieces of its rows count more than the caches.
 */
function chooseDepth(depth: number, vectors: number): number {
  const limit = vectors <= 4 ? 640 : 320;
  const blocks = Math.max(1, ceilDivide(depth, limit));
  return Math.max(8, ceilDivide(ceilDivide(depth, blocks), 8) * 8);
}

/**
 * Rows and vectors of a tile. Its accumulators, one row of B and one element of A must fit 15 registers: 6 rows
 * of 2 vectors is the fastest, others waste less where the matrix is narrow or flat.
 */
function chooseTile(rows: number, vectors: number): { rows: number; vectors: number } {
  if (vectors <= 1) return { rows: 12, vectors: 1 };
  if (vectors === 3 && rows > 6) return { rows: 3, vectors: 3 };
  if (rows <= 2 && vectors >= 4) return { rows: 2, vectors: 4 };
  if (rows === 3 && vectors >= 3) return { rows: 3, vectors: 3 };
  return { rows: 6, vectors: 2 };
}

/** Tile and block sizes of a product by panels. */
export function panelSizes(spec: ContractSpec): PanelSizes {
  const { rows, columns, depth, a, b } = spec;
  const { bytes, lanes } = elements[spec.dtype];
  const vectors = Math.max(1, ceilDivide(columns, lanes));
  const tile = chooseTile(rows, vectors);
  const tileVectors = tile.vectors;
  const tileColumns = tileVectors * lanes;
  const blockDepth = chooseDepth(depth, vectors);
  const bytesOfA = rows * Math.min(depth, blockDepth) * bytes;
  // Beside wide matrices packing costs next to nothing, and all such products share their tiles.
  const wide = vectors >= 32 && bytesOfA > blockBytes / 3;
  const packA = wide ||
    (bytesOfA > blockBytes && vectors >= (a.depth === 1 ? 16 : 4));
  // Packing B pays when each panel is used by many tiles, or by some where its rows would evict one another from
  // the first cache because they are a multiple of 1 KB apart.
  const directRows = (b.depth * bytes) % 1024 === 0 ? 2 * tile.rows : 96;
  const packB = spec.panels === "b" || b.outer !== 1 || rows > directRows;
  let tileRows = Math.min(tile.rows, Math.max(1, rows));
  let fullRows = rows - rows % tileRows;
  let restRows = rows % tileRows;
  let rowTile = tileRows;
  if (rows <= 48 && !packA && restRows !== 0) {
    // Two sizes that differ by one instead of full tiles and a sliver.
    const tiles = ceilDivide(rows, tileRows);
    tileRows = ceilDivide(rows, tiles);
    restRows = tileRows - 1;
    fullRows = (rows - tiles * restRows) * tileRows;
    rowTile = rows;
  }
  const structs = packB && suitsStructs(spec, tileRows, tileVectors);
  let strips = Math.max(1, Math.floor(blockBytes / (blockDepth * bytes) / tileRows));
  if (structs) strips = Math.min(strips, stripsInStructs(blockDepth));
  const blockRows = rowTile === tileRows ? strips * tileRows : rows;
  return {
    tileRows,
    restRows,
    fullRows,
    tileVectors,
    tailLanes: columns % lanes === 0 ? lanes : columns % lanes,
    packA,
    packB,
    blockDepth,
    blockRows: Math.min(blockRows, ceilDivide(Math.max(1, rows), tileRows) * tileRows),
    blockColumns: Math.min(
      Math.max(1, Math.floor(columnBytesOfBlock / bytes / tileColumns)) * tileColumns,
      ceilDivide(Math.max(1, columns), tileColumns) * tileColumns,
    ),
    rowTile,
    structs,
  };
}

/** Rows, columns and depths from which packing into structs is little beside the product. */
const LEAST_ROWS = 48, LEAST_COLUMNS = 256, LEAST_DEPTH = 128;

/** Whether full tiles of this size may have A in structs. */
function suitsStructs(spec: ContractSpec, tileRows: number, tileVectors: number): boolean {
  const { dtype, rows, columns, depth, a } = spec;
  return dtype === "float32" && tileRows === STRUCT_ROWS && tileVectors === STRUCT_VECTORS &&
    rows >= LEAST_ROWS && columns >= LEAST_COLUMNS && depth >= LEAST_DEPTH &&
    (a.outer === 1 || a.depth === 1);
}

function alignUp(bytes: number): number {
  return ceilDivide(bytes, 64) * 64;
}

/** Bytes of packed B, behind which packed A lies. */
export function packedBytesOfB(spec: ContractSpec, sizes: PanelSizes): number {
  if (!sizes.packB || spec.panels === "b") return 0;
  const { bytes, lanes } = elements[spec.dtype];
  const tileColumns = sizes.tileVectors * lanes;
  return alignUp(ceilDivide(sizes.blockColumns, tileColumns) * tileColumns * sizes.blockDepth * bytes);
}

/** Bytes of the panels of a whole operand. */
export function bytesOfPanels(spec: ContractSpec, operand: PanelOperand): number {
  const { bytes, lanes } = elements[spec.dtype];
  const { rows, columns, depth } = spec;
  const tileColumns = panelSizes(spec).tileVectors * lanes;
  return (operand === "a" ? rows : ceilDivide(columns, tileColumns) * tileColumns) * depth * bytes;
}

/** Bytes of packed A, behind which the sums of a tile lie while its epilogue works on them. */
export function packedBytesOfA(spec: ContractSpec, sizes: PanelSizes): number {
  return sizes.packA && spec.panels !== "a"
    ? alignUp(sizes.blockRows * sizes.blockDepth * elements[spec.dtype].bytes)
    : 0;
}

/** Bytes of the sums of the largest tile. */
const TILE_BYTES = 256;

function oneRowPlan(spec: ContractSpec, swapped: boolean): ContractPlan | null {
  const { bytes } = elements[spec.dtype];
  const [vector, matrix, columns] = swapped ? [spec.b, spec.a, spec.rows] : [spec.a, spec.b, spec.columns];
  const tile = { rowTile: swapped ? 64 : 1, columnTile: swapped ? 1 : 64 };
  // The shorter of the two sides decides nothing: what counts is which of them is contiguous.
  if (matrix.depth === 1 && spec.depth > 1) {
    const scratchBytes = vector.depth === 1 ? 0 : alignUp(spec.depth * bytes);
    return { method: "dots", swapped, scratchBytes, ...tile };
  }
  if (matrix.outer === 1 || columns === 1) {
    return {
      method: "rowSums",
      swapped,
      scratchBytes: alignUp(rowSumsScratch(spec.depth, columns, bytes)),
      ...tile,
    };
  }
  return null;
}

/** Chooses the method for a product. */
export function planContract(spec: ContractSpec): ContractPlan {
  if (spec.rows === 1 && !spec.panels) {
    const plan = oneRowPlan(spec, false);
    if (plan !== null) return plan;
  }
  if (spec.columns === 1 && spec.rowStride === 1 && !spec.panels) {
    const plan = oneRowPlan(spec, true);
    if (plan !== null) return plan;
  }
  const { lanes } = elements[spec.dtype];
  const sizes = panelSizes(spec);
  return {
    method: "panels",
    swapped: false,
    scratchBytes: packedBytesOfB(spec, sizes) + packedBytesOfA(spec, sizes) +
      (spec.epilogue ? TILE_BYTES : 0),
    rowTile: sizes.rowTile,
    columnTile: sizes.tileVectors * lanes,
  };
}
