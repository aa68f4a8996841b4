/** When a convolution reads windows where they lie, and how: tiles, blocks, parts, and where things lie. */
import { elements } from "../contract/mod.ts";
import { type Geometry, MOST_SCRATCH, padded, product } from "./geometry.ts";
import { WORTH_SKIPPING } from "./runs_inside.ts";
import { type Places, placesOf, tapOffset } from "./slab.ts";

/** Sums of so many terms are added up apart, as products do. */
const MOST_DEPTH = 640;
/** Taps along the last axis that a tile writes out. */
const MOST_TAPS = 8;
/** Multiplications of a unit of work, and units that are enough for any machine. */
const UNIT_WORK = 2_000_000;
const ENOUGH_UNITS = 32;
/** Packing filters is worth it for as many places, or for fewer where it lets such a part of the products be left out. */
const PLACES_OF_FILTER = 96;
const WORTH_PACKING = 0.08;
const PLACES_OF_PACKING = 400;

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
  /**
   * Whether rows of taps that lie beyond the image along the first axis are left out. Such a row of all channels is then
   * one piece of the table, so that what is left of it for an output is one piece too.
   */
  readonly skips: boolean;
  /** The part of the products that is left out. */
  readonly omitted: number;
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
  const waste = axes.length === 1 ? 0 : padded(axes[0]);
  let rowParts = axes.length === 1 ? 1 : Math.min(wanted, axes[0].out);
  const depth = product([channels, ...axes.map(({ taps }) => taps)]);
  const inRun = last.taps <= MOST_TAPS ? last.taps : 1;
  const runs = depth / inRun;
  const tableBytes = Math.ceil(4 * runs / 64) * 64;
  const packedBytes = Math.ceil(filters * depth * bytes / 64) * 64;
  // Packing is worth it where each filter is used at many places.
  const placesOfPart = product(axes.map(({ out }) => out)) / rowParts;
  const packed = groups === 1 && packedBytes <= MOST_SCRATCH / 2 &&
    (placesOfPart >= PLACES_OF_FILTER ||
      (waste >= WORTH_PACKING && images * placesOfPart >= PLACES_OF_PACKING));
  const skips = waste >= WORTH_SKIPPING && (packed || channels === 1);
  const slab = tableBytes + (packed ? packedBytes : 0);
  let rowsOfPart = Math.ceil(axes[0].out / rowParts);
  let places = placesOf(geometry, rowsOfPart, skips);
  const bytesOf = (): number => slab + (places.copied ? channels * places.size * bytes + 64 : 0);
  while (bytesOf() > MOST_SCRATCH && rowParts < axes[0].out && axes.length > 1) {
    rowParts = Math.min(axes[0].out, 2 * rowParts);
    rowsOfPart = Math.ceil(axes[0].out / rowParts);
    places = placesOf(geometry, rowsOfPart, skips);
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
    skips,
    omitted: skips ? waste : 0,
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

/** The units of a function, and what its calls cost: times are in nanoseconds. */
interface CallCosts {
  readonly units: number;
  readonly unitCost: number;
  /** What each call does besides. */
  readonly packing: number;
  readonly threads: number;
}

/**
 * How many units a call should do at least: each packs all filters, and the thread that has the last of them lets the
 * others wait.
 */
export function grainOf({ units, unitCost, packing, threads }: CallCosts): number {
  let best = 1, least = Infinity;
  const most = Math.max(1, units / (2 * threads));
  for (let grain = 1; grain <= most; grain = Math.max(grain + 1, Math.floor(1.1 * grain))) {
    const calls = Math.ceil(Math.ceil(units / grain) / threads);
    const time = calls * (grain * unitCost + packing) + grain * unitCost / 4;
    if (time < least) [best, least] = [grain, time];
  }
  return best;
}
