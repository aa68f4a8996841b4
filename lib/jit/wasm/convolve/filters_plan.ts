/** When a convolution is computed as a product over taps, and how: tiles, blocks, parts, and where things lie. */
import { elements } from "../contract/mod.ts";
import { type Geometry, MOST_SCRATCH, padded, product, reach } from "./geometry.ts";
import { WORTH_SKIPPING } from "./runs_inside.ts";
import { type Places, placesOf } from "./slab.ts";

/** Taps of a block: its filters stay in the first cache while the rows pass. */
const BLOCK_TAPS = 448;
/** Rows of a part: filters are packed for each. */
const ROWS_OF_PART = 96;
/** Units that are enough for any machine. */
const ENOUGH_UNITS = 16;
/** Less than so much of the products inside of the image for each lane that counts, and the other form is better. */
const WORTH_LEAVING = 0.85;
/** Bytes of the sums of all parts of channels. */
const MOST_TEMPORARY = 1 << 20;

export interface FiltersPlan {
  /** The geometry with every position as a place: what the copy of an image is made for. */
  readonly dense: Geometry;
  readonly places: Places;
  readonly rows: number;
  /** Rows that a tile reads from one pointer, because they are neighbours along the last axis. */
  readonly together: number;
  /** Rows of the higher tiles, those of the lower ones, and how many rows are in higher ones. */
  readonly tileRows: number;
  readonly lowRows: number;
  readonly highRows: number;
  readonly vectors: number;
  /**
   * Whether rows of taps that lie beyond the image along the first axis are left out: rows are then numbered by that axis
   * first, so that nearly all tiles have outputs of one place along it.
   */
  readonly skips: boolean;
  /** The part of the products that is left out. */
  readonly omitted: number;
  /** Filters, rounded up to whole panels. */
  readonly width: number;
  /** Rows of taps: all axes but the last. */
  readonly tapRows: number;
  readonly blockRows: number;
  readonly channelParts: number;
  readonly rowParts: number;
  /** Where things lie in the scratch memory. */
  readonly tapTable: number;
  readonly packed: number;
  readonly slab: number;
  readonly scratchBytes: number;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** How many neighbours along the last axis a tile reads from one pointer: a divisor of its outputs. */
function runOf(out: number): number {
  for (const length of [5, 3, 2]) if (out % length === 0) return length;
  return 1;
}

/** The plan of a convolution; null where the other form is better. */
export function planFilters(geometry: Geometry): FiltersPlan | null {
  const { axes, groups, batchGroups, images, channels, filters, dtype } = geometry;
  const { bytes, lanes } = elements[dtype];
  const last = axes[axes.length - 1];
  const rows = images * product(axes.map(({ out }) => out));
  if (groups > 1 || axes.some(({ every }) => every > 1)) return null;
  if (last.taps <= last.out || last.taps < lanes || rows < 6) return null;
  // The other form leaves out rows of padding, where an image is small and its outputs fill vectors.
  const filled = last.out / (lanes * Math.ceil(last.out / lanes));
  const waste = axes.length === 1 ? 0 : padded(axes[0]), skips = waste >= WORTH_SKIPPING;
  if (batchGroups === 1 && 1 - waste < WORTH_LEAVING * filled) return null;
  const dense: Geometry = {
    ...geometry,
    axes: axes.map((axis) => ({
      size: axis.size,
      every: 1,
      out: reach(axis),
      taps: 1,
      stride: 1,
      dilation: 1,
      low: axis.low,
    })),
  };
  const places = placesOf(dense, dense.axes[0].out);
  const vectors = filters <= lanes ? 1 : 2;
  const width = Math.ceil(filters / (vectors * lanes)) * vectors * lanes;
  const highest = vectors === 1 ? 12 : 6;
  const together = runOf(last.out);
  // Tiles of two heights, both whole runs of neighbours.
  const tiles = Math.ceil(rows / (highest - highest % together));
  const tileRows = Math.ceil(rows / tiles / together) * together, lowRows = tileRows - together;
  const tapRows = product(axes.slice(0, -1).map(({ taps }) => taps));
  const blockRows = Math.max(1, Math.min(tapRows, Math.floor(BLOCK_TAPS / last.taps)));
  const rowParts = places.copied ? 1 : Math.max(1, Math.min(8, tiles, Math.floor(rows / ROWS_OF_PART)));
  const channelParts = Math.max(
    1,
    Math.min(
      channels,
      Math.ceil(ENOUGH_UNITS / rowParts / batchGroups),
      Math.floor(MOST_TEMPORARY / (batchGroups * rows * width * bytes)),
    ),
  );
  const tapTable = align(4 * rows);
  const packed = tapTable + align(4 * tapRows);
  const slab = packed + align(blockRows * last.taps * width * bytes);
  const scratchBytes = slab + (places.copied ? images * places.channel * bytes + 64 : 0);
  if (scratchBytes > MOST_SCRATCH) return null;
  return {
    dense,
    places,
    rows,
    together,
    tileRows,
    lowRows,
    highRows: (rows - tiles * lowRows) / together * tileRows,
    vectors,
    skips,
    omitted: skips ? waste : 0,
    width,
    tapRows,
    blockRows,
    channelParts,
    rowParts,
    tapTable,
    packed,
    slab,
    scratchBytes,
  };
}
