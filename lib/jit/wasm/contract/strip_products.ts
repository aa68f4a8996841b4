/**
 * The multiplications inside a tile: each element of a strip of A by a vector of B.
 *
 * Where V8 has no guard pages (in Deno) each load compares its index with the size of the memory less the offset, and
 * a splat load adds the offset to the memory's base: more instructions than the arithmetic has. So that there are few
 * such differences and sums, and all in registers, the loads of a loop share a few offsets and the rest of a distance
 * is added to the index; and what the loop will load first is loaded once before it, because V8 computes there what it
 * then reuses inside.
 *
 * Where rows are neighbours in memory, two are loaded at once, as [a0, a1, a0, a1], and multiplied twice, the second
 * time as [a1, a0, a1, a0]: the sums [r0c0, r1c1, r0c2, r1c3] and [r1c0, r0c1, r1c2, r0c3] are separated after the last
 * depth. That is 5 loads, each with its comparison, and 3 shuffles for 12 multiplications instead of 8 loads. Where
 * another thread of the core takes half of its decoder such a tile reaches 34 GFLOP/s instead of 29; alone both are at
 * the limit of 50.
 */

import type { FunctionBuilder } from "../assembler/mod.ts";
import type { Element } from "./element.ts";

/** The elements of a strip of A; steps are in bytes. */
export interface Strip {
  readonly element: Element;
  /** The local with the address of the first element. */
  readonly pointer: number;
  readonly rows: number;
  readonly rowStep: number;
  readonly depthStep: number;
}

/** How many loads share an index: sums and differences for more would not stay in registers. */
const TOGETHER = 3;
/** Offsets beyond this would not be certain to lie inside the smallest memory. */
const MOST_OFFSET = 1 << 24;

/** Leaves the local plus a constant on the stack. */
export function pushSum(f: FunctionBuilder, local: number, distance: number): FunctionBuilder {
  return distance === 0 ? f.localGet(local) : f.localGet(local).i32Const(distance).i32Add();
}

/** Emits the products of a strip. */
export class StripProducts {
  readonly #f: FunctionBuilder;
  readonly #strip: Strip;
  /** Rows that one load reads. */
  readonly #rowsOfLoad: 1 | 2;
  readonly #loadStep: number;
  readonly #packed: boolean;
  readonly #offsets: readonly number[];
  readonly #left: number;

  constructor(f: FunctionBuilder, strip: Strip) {
    this.#f = f;
    this.#strip = strip;
    const { element, rows, rowStep, depthStep } = strip;
    this.#rowsOfLoad = rowStep === element.bytes && rows > 1 ? 2 : 1;
    this.#loadStep = this.#rowsOfLoad * rowStep;
    this.#packed = rows % this.#rowsOfLoad === 0 && rowStep === element.bytes && depthStep === rows * rowStep;
    const loads = Math.ceil(rows / this.#rowsOfLoad);
    const sharable = rowStep > 0 && TOGETHER * this.#loadStep < MOST_OFFSET;
    const count = !sharable ? 1 : this.#packed ? TOGETHER : Math.min(TOGETHER, loads);
    this.#offsets = Array.from({ length: count }, (_, i) => i * this.#loadStep);
    this.#left = f.local("v128");
  }

  /** Before the loop: the first elements, for nothing but their addresses. */
  prepare(): void {
    this.#offsets.forEach((offset, i) => {
      this.#f.localGet(this.#strip.pointer);
      this.#emitLoad(this.#rowsOfLoad * i % this.#strip.rows, offset);
      this.#f.drop();
    });
  }

  /** Adds the products of the strip's elements at a depth by vectors of B: `sums` has those of each row in turn. */
  add(sums: readonly number[], right: readonly number[], depth: number): void {
    const { element, rows } = this.#strip;
    const f = this.#f, left = this.#left, width = right.length;
    const addRow = (row: number): void => {
      right.forEach((vector, v) => element.multiplyAdd(f, sums[row * width + v], left, vector));
    };
    for (let row = 0; row < rows; row += this.#rowsOfLoad) {
      this.#pushElements(row, depth);
      f.localSet(left);
      addRow(row);
      if (!this.#isPair(row)) continue;
      f.localGet(left);
      element.swapNeighbours(f);
      f.localSet(left);
      addRow(row + 1);
    }
  }

  /** After the last depth: each sum to its row and column. */
  separate(sums: readonly number[]): void {
    const { element, rows } = this.#strip;
    const f = this.#f, width = sums.length / rows;
    for (let row = 0; row + 1 < rows; row += this.#rowsOfLoad) {
      if (!this.#isPair(row)) continue;
      for (let v = 0; v < width; v++) {
        const [first, second] = [sums[row * width + v], sums[(row + 1) * width + v]];
        f.localGet(first).localGet(second);
        element.takeAlternately(f);
        f.localGet(second).localGet(first);
        element.takeAlternately(f);
        f.localSet(second).localSet(first);
      }
    }
  }

  #isPair(row: number): boolean {
    return this.#rowsOfLoad === 2 && row + 1 < this.#strip.rows;
  }

  #emitLoad(row: number, offset: number): void {
    const { element } = this.#strip;
    if (this.#isPair(row)) element.loadPair(this.#f, offset);
    else element.loadSplat(this.#f, offset);
  }

  #pushElements(row: number, depth: number): void {
    const { pointer, rowStep, depthStep } = this.#strip;
    const distance = row * rowStep + depth * depthStep;
    // Those of a packed strip follow one another, whatever their depths.
    const number = (this.#packed ? distance : row * rowStep) / Math.max(1, this.#loadStep);
    const offset = this.#offsets[number % this.#offsets.length];
    pushSum(this.#f, pointer, distance - offset);
    this.#emitLoad(row, offset);
  }
}
