/**
 * The innermost function of a convolution: a tile of places (in vectors) and filters, or of taps and filters. Images are
 * read where they lie: a table gives the distance of each tap, so that no matrix of windows is written.
 */
import type { ModuleBuilder } from "../assembler/mod.ts";
import type { Element } from "../contract/mod.ts";
import { StripProducts } from "../contract/strip_products.ts";
import { emitLoadPart, emitStorePart } from "../contract/tile_kernel.ts";

/** A vector of places: how far its images and its results lie from the tile's, and how many lanes of it count. */
export interface TileVector {
  readonly from: number;
  readonly to: number;
  readonly lanes: number;
}

/** A tile of filters and places. Strides are in bytes. */
export interface OffsetTile {
  readonly element: Element;
  readonly rows: number;
  readonly vectors: readonly TileVector[];
  readonly aRow: number;
  readonly aDepth: number;
  /** The taps that follow each distance of the table: how far they lie from it. */
  readonly taps: readonly number[];
  readonly cRow: number;
  /** Whether all of the depth comes in one call, so that `first` says nothing. */
  readonly whole: boolean;
}

/** Taps that the body of the loop computes: at least one run of them. */
const UNROLL = 6;

/**
 * Emits `tile(a, b, c, runs, first, table)`: c[r, v] (+)= sum over runs and their taps of a[r, run, tap] *
 * b[table[run] + taps[tap] + v]. What c holds is added unless `first` is set.
 */
export function emitOffsetTile(module: ModuleBuilder, tile: OffsetTile): number {
  const { element, rows, vectors, aRow, aDepth, taps, cRow } = tile;
  const width = vectors.length;
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32", "i32"], results: [] });
  const [a, b, c, runs, first, table] = [0, 1, 2, 3, 4, 5];
  const sums = Array.from({ length: rows * width }, () => f.local("v128"));
  const right = vectors.map(() => f.local("v128"));
  const left = f.local("v128");
  const place = f.local("i32");
  const products = new StripProducts(f, { element, pointer: a, rows, rowStep: aRow, depthStep: aDepth });
  const pushPlace = (run: number): void => void f.localGet(b).localGet(table).i32Load(4 * run).i32Add();
  const step = (run: number): void => {
    pushPlace(run);
    f.localSet(place);
    taps.forEach((tap, u) => {
      vectors.forEach(({ from }, v) => f.localGet(place).v128Load(tap + from).localSet(right[v]));
      products.add(sums, right, run * taps.length + u);
    });
  };
  const advance = (steps: number): void => {
    f.localGet(a).i32Const(steps * taps.length * aDepth).i32Add().localSet(a);
    f.localGet(table).i32Const(4 * steps).i32Add().localSet(table);
    f.localGet(runs).i32Const(steps).i32Sub().localTee(runs);
  };
  const together = Math.max(1, Math.floor(UNROLL / taps.length));
  const loop = (steps: number): void => {
    // As the tiles of products do: see StripProducts.
    products.prepare();
    pushPlace(0);
    f.localSet(place);
    for (const tap of taps) for (const { from } of vectors) f.localGet(place).v128Load(tap + from).drop();
    f.loop();
    for (let run = 0; run < steps; run++) step(run);
    advance(steps);
  };
  if (together > 1) {
    f.localGet(runs).i32Const(together).i32GeU().if();
    loop(together);
    f.i32Const(together).i32GeU().brIf(0).end().end();
  }
  f.localGet(runs).if();
  loop(1);
  f.brIf(0).end().end();
  products.separate(sums);
  const each = (body: (sum: number, offset: number, lanes: number) => void): void => {
    for (let r = 0; r < rows; r++) {
      vectors.forEach(({ to, lanes }, v) => body(sums[r * width + v], r * cRow + to, lanes));
    }
  };
  if (!tile.whole) {
    f.localGet(first).i32Eqz().if();
    each((sum, offset, lanes) => {
      emitLoadPart(f, element, c, offset, lanes, left);
      f.localGet(sum);
      element.add(f);
      f.localSet(sum);
    });
    f.end();
  }
  each((sum, offset, lanes) => emitStorePart(f, element, c, offset, lanes, sum));
  return f.index;
}
