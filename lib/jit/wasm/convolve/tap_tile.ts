/**
 * The innermost function of a convolution whose filters are larger than its outputs: a tile of places and filters, with the
 * taps as its depth.
 */
import type { ModuleBuilder } from "../assembler/mod.ts";
import type { Element } from "../contract/mod.ts";
import { pushSum, StripProducts } from "../contract/strip_products.ts";
import { emitLoadPart, emitStorePart } from "../contract/tile_kernel.ts";

/** A tile of rows, which are places of the outputs, and vectors of filters. Strides are in bytes. */
export interface TapTile {
  readonly element: Element;
  readonly rows: number;
  readonly vectors: number;
  /** The taps along the last axis, and from one to the next. */
  readonly taps: number;
  readonly tapStep: number;
  /** Rows that lie `rowStep` bytes apart. */
  readonly together: number;
  readonly rowStep: number;
  readonly cRow: number;
}

/** Taps that the body of the loop computes. */
const UNROLL = 4;

/**
 * Emits `tile(rows, x, b, c, tapRows, tapTable)`: c[r, v] += sum over some rows of taps of x[rows[r] + tap] * b[tap, v].
 */
export function emitTapTile(module: ModuleBuilder, tile: TapTile): number {
  const { element, rows, vectors, taps, tapStep, together, rowStep, cRow } = tile;
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32", "i32"], results: [] });
  const [table, x, b, c, tapRows, tapTable] = [0, 1, 2, 3, 4, 5];
  const sums = Array.from({ length: rows * vectors }, () => f.local("v128"));
  const right = Array.from({ length: vectors }, () => f.local("v128"));
  const left = f.local("v128");
  const pointers = Array.from({ length: rows / together }, () => f.local("i32"));
  const from = f.local("i32");
  const products = new StripProducts(f, { element, pointer: from, rows: together, rowStep, depthStep: 0 });
  const place = f.local("i32"), count = f.local("i32");
  pointers.forEach((pointer, i) => {
    f.localGet(x).localGet(table).i32Load(4 * i * together).i32Add().localSet(pointer);
  });
  const sumsOf = (group: number): number[] =>
    sums.slice(group * together * vectors, (group + 1) * together * vectors);
  const step = (u: number): void => {
    for (let v = 0; v < vectors; v++) pushSum(f, b, u * vectors * 16).v128Load(v * 16).localSet(right[v]);
    pointers.forEach((pointer, i) => {
      f.localGet(pointer).localGet(place).i32Add().localSet(from);
      products.add(sumsOf(i), right, 0);
    });
    f.localGet(place).i32Const(tapStep).i32Add().localSet(place);
  };
  const advance = (steps: number): void =>
    void f.localGet(b).i32Const(steps * vectors * 16).i32Add().localSet(b);
  // As the tiles of products do: see StripProducts.
  f.localGet(pointers[0]).localSet(from);
  products.prepare();
  for (let v = 0; v < vectors; v++) f.localGet(b).v128Load(v * 16).drop();
  f.loop();
  f.localGet(tapTable).i32Load().localSet(place);
  if (taps >= UNROLL) {
    f.i32Const(Math.floor(taps / UNROLL)).localSet(count).loop();
    for (let u = 0; u < UNROLL; u++) step(u);
    advance(UNROLL);
    f.localGet(count).i32Const(1).i32Sub().localTee(count).brIf(0).end();
  }
  for (let u = 0; u < taps % UNROLL; u++) step(u);
  if (taps % UNROLL > 0) advance(taps % UNROLL);
  f.localGet(tapTable).i32Const(4).i32Add().localSet(tapTable);
  f.localGet(tapRows).i32Const(1).i32Sub().localTee(tapRows).brIf(0).end();
  pointers.forEach((_, i) => products.separate(sumsOf(i)));
  for (let r = 0; r < rows; r++) {
    for (let v = 0; v < vectors; v++) {
      const sum = sums[r * vectors + v], offset = r * cRow + 16 * v;
      emitLoadPart(f, element, c, offset, element.lanes, left);
      f.localGet(sum);
      element.add(f);
      f.localSet(sum);
      emitStorePart(f, element, c, offset, element.lanes, sum);
    }
  }
  return f.index;
}
