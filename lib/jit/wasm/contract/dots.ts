/** Products with a single row as dot products with the columns of a matrix. */

import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import type { Element } from "./element.ts";
import { eachPart, emitEpilogue, innerParams, type RowProduct } from "./row_product.ts";
import { emitLoadPart, emitStorePart } from "./tile_kernel.ts";

/** Rounds whose sums are taken apart before they join those of all: at least, and the root of all where that is more. */
const leastRoundsOfBlock = 64;

/**
 * Emits `dots(x, matrix, c, count, column, ...extra)` for a matrix with contiguous columns. As many columns as a
 * vector has lanes are taken together, each with the same accumulators as if it were alone.
 */
export function emitDots(module: ModuleBuilder, product: RowProduct): number {
  const { element, matrixColumn, accumulate } = product;
  const { lanes, bytes } = element;
  const group = emitDotGroup(module, product, lanes);
  const single = emitDotGroup(module, product, 1);
  const f = module.addFunction({ params: innerParams(product), results: [] });
  const [x, m, c, count, column] = [0, 1, 2, 3, 4];
  const left = f.local("i32");
  const value = f.local("v128");
  const old = f.local("v128");
  eachPart(f, element, count, left, (part) => {
    f.localGet(x).localGet(m).call(part === lanes ? group : single).localSet(value);
    if (accumulate) {
      emitLoadPart(f, element, c, 0, part, old);
      f.localGet(value);
      element.add(f);
      f.localSet(value);
    }
    emitEpilogue(f, product, value, part, column);
    emitStorePart(f, element, c, 0, part, value);
  }, (part) => {
    f.localGet(m).i32Const(part * matrixColumn).i32Add().localSet(m);
    f.localGet(c).i32Const(part * bytes).i32Add().localSet(c);
    f.localGet(column).i32Const(part).i32Add().localSet(column);
  });
  return f.index;
}

/** Emits `group(x, columns)`: the dot products of x with `columns` columns, one in each lane. */
function emitDotGroup(module: ModuleBuilder, product: RowProduct, columns: number): number {
  const { element, depth, matrixColumn } = product;
  const { lanes, bytes } = element;
  const f = module.addFunction({ params: ["i32", "i32"], results: ["v128"] });
  const [x, m] = [0, 1];
  const chains = 8 / lanes;
  const sums = Array.from({ length: columns * chains }, () => f.local("v128"));
  const left = f.local("v128");
  const right = f.local("v128");
  const count = f.local("i32");
  const step = (chain: number, zeroed: boolean): void => {
    const offset = zeroed ? 0 : chain * 16;
    f.localGet(x);
    if (zeroed) element.loadZero(f);
    else f.v128Load(offset);
    f.localSet(left);
    for (let column = 0; column < columns; column++) {
      f.localGet(m);
      if (zeroed) element.loadZero(f, column * matrixColumn);
      else f.v128Load(offset + column * matrixColumn);
      f.localSet(right);
      element.multiplyAdd(f, sums[column * chains + chain], left, right);
    }
  };
  const loop = (rounds: number, elementsOfRound: number, body: () => void): void => {
    if (rounds === 0) return;
    f.i32Const(rounds).localSet(count).loop();
    body();
    f.localGet(x).i32Const(elementsOfRound * bytes).i32Add().localSet(x);
    f.localGet(m).i32Const(elementsOfRound * bytes).i32Add().localSet(m);
    f.localGet(count).i32Const(1).i32Sub().localTee(count).brIf(0).end();
  };
  const perRound = chains * lanes;
  const rounds = Math.floor(depth / perRound);
  const wholeRound = (): void => {
    for (let chain = 0; chain < chains; chain++) step(chain, false);
  };
  const roundsOfBlock = Math.max(leastRoundsOfBlock, Math.ceil(Math.sqrt(rounds)));
  const blocks = Math.floor(rounds / roundsOfBlock);
  if (blocks > 1) {
    // The sums of a block join those of the blocks before it.
    const totals = sums.map(() => f.local("v128"));
    const zero = f.local("v128");
    const block = f.local("i32");
    f.i32Const(blocks).localSet(block).loop();
    loop(roundsOfBlock, perRound, wholeRound);
    sums.forEach((sum, i) => {
      f.localGet(totals[i]).localGet(sum);
      element.add(f);
      f.localSet(totals[i]);
      f.localGet(zero).localSet(sum);
    });
    f.localGet(block).i32Const(1).i32Sub().localTee(block).brIf(0).end();
    loop(rounds - blocks * roundsOfBlock, perRound, wholeRound);
    loop(depth % perRound, 1, () => step(0, true));
    sums.forEach((sum, i) => {
      f.localGet(sum).localGet(totals[i]);
      element.add(f);
      f.localSet(sum);
    });
  } else {
    loop(rounds, perRound, wholeRound);
    loop(depth % perRound, 1, () => step(0, true));
  }

  for (let column = 0; column < columns; column++) {
    for (let width = chains / 2; width >= 1; width /= 2) {
      for (let i = 0; i < width; i++) {
        f.localGet(sums[column * chains + i]).localGet(sums[column * chains + i + width]);
        element.add(f);
        f.localSet(sums[column * chains + i]);
      }
    }
  }
  emitLaneSums(f, element, Array.from({ length: columns }, (_, column) => sums[column * chains]));
  return f.index;
}

/** Leaves a vector on the stack whose lane i is the sum of the lanes of local i, always added in the same order. */
function emitLaneSums(f: FunctionBuilder, element: Element, vectors: readonly number[]): void {
  const { lanes, bytes } = element;
  const all = Array.from({ length: lanes }, (_, i) => vectors[Math.min(i, vectors.length - 1)]);
  const halve = (a: number, b: number): void => {
    // [a0 + a1, a2 + a3, b0 + b1, b2 + b3], or [a0 + a1, b0 + b1].
    for (const odd of [0, 1]) {
      const bytesOf = (lane: number): number[] => Array.from({ length: bytes }, (_, i) => lane * bytes + i);
      const picked: number[] = [];
      for (let lane = 0; lane < lanes; lane++) picked.push(...bytesOf(lane * 2 + odd));
      f.localGet(a).localGet(b).i8x16Shuffle(picked);
    }
    element.add(f);
  };
  if (lanes === 2) {
    halve(all[0], all[1]);
    return;
  }
  const low = f.local("v128");
  const high = f.local("v128");
  halve(all[0], all[1]);
  f.localSet(low);
  halve(all[2], all[3]);
  f.localSet(high);
  halve(low, high);
}
