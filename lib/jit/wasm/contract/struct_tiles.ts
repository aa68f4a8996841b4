/**
 * Tiles of products that read A from structs on the engine's heap instead of from the memory.
 *
 * Where V8 has no guard pages (in Deno), a load from the memory compares its address with the memory's size. A field of
 * a struct has a place that is known when the code is compiled: no comparison. A struct holds eight depths of a strip
 * of A, so that one comparison, that of its number in the array of structs, stands for all of their loads. Six rows by
 * two vectors then take 22 operations a depth: 2 loads of B with their comparisons, 2 loads of A, 4 shuffles and 12
 * multiplications, instead of 25 to 27. What that brings depends on what else runs on the core: where another thread
 * takes half of its decoder, the tile reaches 38 GFLOP/s instead of 32 and whole products take 8 to 18 % less time;
 * where nothing does, products take 3 to 4 % more, since packing into structs takes twice as long as packing into the
 * memory. With B in structs too the tile would reach 40, but a block of B is used less often than one of A.
 *
 * The tile is a module of its own, which every thread has once and all programs import: it is compiled and optimised
 * once for all products. A block of A is packed into its structs as others are into the memory.
 *
 * Four elements of A are loaded at once, [a0, a1, a2, a3], and multiplied four times, each time rotated by one lane, the
 * other two as [a4, a5, a4, a5] and [a5, a4, a5, a4]; the sums come to their rows and columns after the last depth. Each
 * is added in the same order as in other tiles, so that the bits are the same.
 */

import { type FunctionBuilder, type ImportName, ModuleBuilder, type ValueType } from "../assembler/mod.ts";
import { emitWarmUp } from "../warm_up.ts";
import { elements } from "./element.ts";
import { interleave } from "./packing.ts";
import { pushSum } from "./strip_products.ts";
import { emitTileStores, firstBlock } from "./tile_kernel.ts";

/** Where modules import the functions from. */
export const STRUCT_TILES_IMPORT = "structTiles";
/** What an instance exports: a function to be called first, and one that has its tile optimised. */
export const INIT_EXPORT = "init";
export const STRUCT_WARM_UP_EXPORT = "warmUp";
/** The global with the address of a few bytes that the latter may write. */
export const STRUCT_SCRATCH_EXPORT = "scratch";

/** The size of the tile, and how many depths a struct holds. */
export const STRUCT_ROWS = 6;
export const STRUCT_VECTORS = 2;
export const STRUCT_DEPTHS = 8;
/** How many structs there are: a block of A should stay in the second cache. */
const STRUCTS = 768;

const element = elements.float32;
/** Vectors of a depth in a struct, and which rows of the strip they hold by lane. */
const FIELDS: readonly (readonly number[])[] = [[0, 1, 2, 3], [4, 5, 4, 5]];
const VECTORS: number = FIELDS.length;
/** Bytes from one depth of a packed panel of B to the next. */
const PANEL_STEP = 16 * STRUCT_VECTORS;

/** The most strips whose blocks of so many depths find room. */
export function stripsInStructs(depth: number): number {
  return Math.floor(STRUCTS / Math.ceil(depth / STRUCT_DEPTHS));
}

/** Indices of the imported functions. */
export interface StructTiles {
  /**
   * `lift(source, step, place, depth)`: copies a strip of A into structs from a place on. Its rows lie side by side and
   * depths a step apart.
   */
  readonly liftRows: number;
  /** The same where depths lie side by side and rows a step apart. */
  readonly liftDepths: number;
  /** `tile(place, b, c, cRow, depth, flags, target, targetRow)`, with a packed panel of B, as other tiles are called. */
  readonly tile: number;
}

const LIFT: readonly ValueType[] = ["i32", "i32", "i32", "i32"];
const TILE: readonly ValueType[] = new Array<ValueType>(8).fill("i32");

/** Imports the functions into a module. */
export function importStructTiles(module: ModuleBuilder): StructTiles {
  const load = (name: keyof StructTiles, params = LIFT): number =>
    module.importFunction({ module: STRUCT_TILES_IMPORT, name }, { params, results: [] });
  return {
    liftRows: load("liftRows"),
    liftDepths: load("liftDepths"),
    tile: load("tile", TILE),
  };
}

/** The structs of a module, and the global with the array of them. */
interface Store {
  readonly struct: number;
  readonly array: number;
  readonly all: number;
}

/** The module, for a memory of such limits. */
export function structTilesModule(
  memory: { readonly minimum: number; readonly maximum: number; readonly shared: boolean },
  from: ImportName,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory(from, memory);
  const struct = module.vectorStruct(VECTORS * STRUCT_DEPTHS);
  const array = module.arrayOf(struct);
  const scratch = module.addGlobal("i32", 0, { exportName: STRUCT_SCRATCH_EXPORT });
  const store: Store = { struct, array, all: module.addReference(array) };
  emitInit(module, store);
  emitLiftRows(module, store);
  emitLiftDepths(module, store);
  const tile = emitStructTile(module, store);
  const idle = { callee: tile, arguments: { 5: firstBlock, 6: "scratch" as const } };
  module.exportFunction(emitWarmUp(module, [idle], scratch).index, STRUCT_WARM_UP_EXPORT);
  return module.build();
}

function emitInit(module: ModuleBuilder, { struct, array, all }: Store): void {
  const f = module.addFunction({ params: [], results: [] }, INIT_EXPORT);
  const place = f.local("i32"), end = f.local("i32");
  f.structNew(struct).i32Const(STRUCTS).arrayNew(array).globalSet(all);
  f.i32Const(0).localSet(place).i32Const(STRUCTS).localSet(end);
  f.forLoop(place, end, 1, () => f.globalGet(all).localGet(place).structNew(struct).arraySet(array));
}

/** Code for the depths of a struct. */
interface DepthCode {
  /** Once before all that are full. */
  readonly prepare?: () => void;
  /** Before the depths of each. */
  readonly struct: () => void;
  /** All eight. */
  readonly whole: () => void;
  /** One where there are less than eight. */
  readonly single: (k: number) => void;
  readonly advance: () => void;
}

/** Emits a loop over structs, of which the last may not be full; `depth` counts down. */
function eachStruct(f: FunctionBuilder, depth: number, code: DepthCode): void {
  const whole = f.local("i32");
  f.localGet(depth).i32Const(Math.log2(STRUCT_DEPTHS)).i32ShrU().localTee(whole).if();
  code.prepare?.();
  f.loop();
  code.struct();
  code.whole();
  code.advance();
  f.localGet(whole).i32Const(1).i32Sub().localTee(whole).brIf(0).end().end();
  f.localGet(depth).i32Const(STRUCT_DEPTHS - 1).i32And().localTee(depth).if();
  code.struct();
  for (let k = 0; k < STRUCT_DEPTHS - 1; k++) {
    if (k > 0) f.localGet(depth).i32Const(k).i32Eq().brIf(0);
    code.single(k);
  }
  f.end();
  f.release(whole);
}

/** Emits what copies rows that lie side by side, one depth after the other. */
function emitLiftRows(module: ModuleBuilder, { struct, array, all }: Store): void {
  const f = module.addFunction({ params: LIFT, results: [] }, "liftRows");
  const [source, step, place, depth] = [0, 1, 2, 3];
  const target = f.reference(struct);
  const single = (k: number): void => {
    FIELDS.forEach((lanes, v) => {
      f.localGet(target).localGet(source);
      if (lanes[2] === lanes[0]) f.v128Load64Splat(lanes[0] * element.bytes);
      else f.v128Load(lanes[0] * element.bytes);
      f.structSet(struct, VECTORS * k + v);
    });
    f.localGet(source).localGet(step).i32Add().localSet(source);
  };
  eachStruct(f, depth, {
    struct: () => f.globalGet(all).localGet(place).arrayGet(array).localSet(target),
    whole: () => {
      for (let k = 0; k < STRUCT_DEPTHS; k++) single(k);
    },
    single,
    advance: () => f.localGet(place).i32Const(1).i32Add().localSet(place),
  });
}

/** Emits what copies rows whose depths lie side by side: squares of vectors are transposed. */
function emitLiftDepths(module: ModuleBuilder, { struct, array, all }: Store): void {
  const f = module.addFunction({ params: LIFT, results: [] }, "liftDepths");
  const [source, step, place, depth] = [0, 1, 2, 3];
  const target = f.reference(struct), row = f.local("i32"), vector = f.local("v128");
  const rows = Array.from({ length: 4 }, () => f.local("v128"));
  const mixed = Array.from({ length: 4 }, () => f.local("v128"));
  /** Four depths of the elements from one on. */
  const square = (first: number, v: number, k: number): void => {
    const width = Math.min(4, STRUCT_ROWS - first);
    for (let i = 0; i < width; i++) {
      f.localGet(row).v128Load(k * element.bytes).localSet(rows[i]);
      f.localGet(row).localGet(step).i32Add().localSet(row);
    }
    for (let upper = 0; upper < 2; upper++) {
      interleave(f, rows[0], rows[1], 4, upper === 1).localSet(mixed[upper]);
      if (width === 4) interleave(f, rows[2], rows[3], 4, upper === 1).localSet(mixed[2 + upper]);
    }
    for (let i = 0; i < 4; i++) {
      const [low, high] = [mixed[i >> 1], mixed[(width === 4 ? 2 : 0) + (i >> 1)]];
      f.localGet(target);
      interleave(f, low, high, 8, i % 2 === 1).structSet(struct, VECTORS * (k + i) + v);
    }
  };
  eachStruct(f, depth, {
    struct: () => f.globalGet(all).localGet(place).arrayGet(array).localSet(target),
    whole: () => {
      for (let k = 0; k < STRUCT_DEPTHS; k += 4) {
        f.localGet(source).localSet(row);
        FIELDS.forEach((_, v) => square(4 * v, v, k));
      }
    },
    single: (k) => {
      f.localGet(source).localSet(row);
      for (const [v, lanes] of FIELDS.entries()) {
        for (let i = 0; i < 4 && lanes[i] === 4 * v + i; i++) {
          f.localGet(row);
          if (i === 0) f.v128Load32Zero(k * element.bytes);
          else f.localGet(vector).v128Load32Lane(i, k * element.bytes);
          f.localSet(vector).localGet(row).localGet(step).i32Add().localSet(row);
        }
        f.localGet(target);
        if (lanes[2] === lanes[0]) interleave(f, vector, vector, 8, false);
        else f.localGet(vector);
        f.structSet(struct, VECTORS * k + v);
      }
    },
    advance: () => {
      f.localGet(source).i32Const(STRUCT_DEPTHS * element.bytes).i32Add().localSet(source);
      f.localGet(place).i32Const(1).i32Add().localSet(place);
    },
  });
}

function emitStructTile(module: ModuleBuilder, { struct, array, all }: Store): FunctionBuilder {
  const f = module.addFunction({ params: TILE, results: [] }, "tile");
  const [place, b, c, cRow, depth, flags, target, targetRow] = [0, 1, 2, 3, 4, 5, 6, 7];
  const sums = Array.from({ length: STRUCT_ROWS * STRUCT_VECTORS }, () => f.local("v128"));
  const right = Array.from({ length: STRUCT_VECTORS }, () => f.local("v128"));
  const left = f.local("v128"), structs = f.reference(array), a = f.reference(struct);
  f.globalGet(all).refAsNonNull().localSet(structs);
  const addRow = (row: number): void => {
    right.forEach((vector, v) => element.multiplyAdd(f, sums[row * STRUCT_VECTORS + v], left, vector));
  };
  const single = (k: number): void => {
    right.forEach((vector, v) => pushSum(f, b, k * PANEL_STEP).v128Load(16 * v).localSet(vector));
    f.localGet(a).structGet(struct, VECTORS * k).localSet(left);
    for (let row = 0; row < 4; row++) {
      if (row > 0) f.localGet(left).localGet(left).i8x16Shuffle(rotated).localSet(left);
      addRow(row);
    }
    f.localGet(a).structGet(struct, VECTORS * k + 1).localSet(left);
    addRow(4);
    f.localGet(left);
    element.swapNeighbours(f);
    f.localSet(left);
    addRow(5);
  };
  eachStruct(f, depth, {
    // What the comparisons need is computed here, see StripProducts.
    prepare: () => right.forEach((_, v) => f.localGet(b).v128Load(16 * v).drop()),
    struct: () => f.localGet(structs).localGet(place).arrayGet(array).localSet(a),
    whole: () => {
      for (let k = 0; k < STRUCT_DEPTHS; k++) single(k);
    },
    single,
    advance: () => {
      f.localGet(place).i32Const(1).i32Add().localSet(place);
      f.localGet(b).i32Const(STRUCT_DEPTHS * PANEL_STEP).i32Add().localSet(b);
    },
  });
  separate(f, sums);
  emitTileStores(
    f,
    { element, rows: STRUCT_ROWS, vectors: STRUCT_VECTORS, tailLanes: element.lanes },
    { sums, spare: left, c, cRow, flags, target, targetRow },
  );
  return f;
}

/** [v1, v2, v3, v0] */
const rotated: readonly number[] = Array.from({ length: 16 }, (_, byte) => (byte + 4) % 16);
/** The lower half of one vector and the upper one of another. */
const halves: readonly number[] = Array.from({ length: 16 }, (_, byte) => byte < 8 ? byte : 16 + byte);

/**
 * Brings the sums to their rows. The one of rotation r has in lane j the sum of row (r + j) mod 4 and column j, so that
 * row i takes its lanes in turn from those of i, i - 1, i - 2 and i - 3.
 */
function separate(f: FunctionBuilder, sums: readonly number[]): void {
  const mixed = Array.from({ length: 4 }, () => f.local("v128"));
  for (let v = 0; v < STRUCT_VECTORS; v++) {
    const sum = (row: number): number => sums[row * STRUCT_VECTORS + v];
    for (let i = 0; i < 4; i++) {
      f.localGet(sum(i)).localGet(sum((i + 3) % 4));
      element.takeAlternately(f);
      f.localSet(mixed[i]);
    }
    for (let i = 0; i < 4; i++) {
      f.localGet(mixed[i]).localGet(mixed[(i + 2) % 4]).i8x16Shuffle(halves).localSet(sum(i));
    }
    f.localGet(sum(4)).localGet(sum(5));
    element.takeAlternately(f);
    f.localGet(sum(5)).localGet(sum(4));
    element.takeAlternately(f);
    f.localSet(sum(5)).localSet(sum(4));
  }
  f.release(...mixed);
}
