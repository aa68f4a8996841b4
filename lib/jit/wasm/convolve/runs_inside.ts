/** Which taps do not lie beyond the image: padding that need not be multiplied. */
import type { FunctionBuilder } from "../assembler/mod.ts";
import { span, type SpatialAxis } from "./geometry.ts";

/** Leaving padding out is worth its bookkeeping for such a part of the products. */
export const WORTH_SKIPPING = 0.03;

/** The runs of taps, some for each tap along an axis, that any of some outputs along it has inside of the image. */
export class RunsInside {
  /** Locals: the number of the first of them, and how many they are. */
  readonly first: number;
  readonly count: number;
  readonly #f: FunctionBuilder;
  readonly #axis: SpatialAxis;
  readonly #runsOfTap: number;

  constructor(f: FunctionBuilder, axis: SpatialAxis, runsOfTap: number) {
    this.#f = f;
    this.#axis = axis;
    this.#runsOfTap = runsOfTap;
    this.first = f.local("i32");
    this.count = f.local("i32");
  }

  /**
   * Finds those among `count` runs from `from` on (locals), for the outputs from one that is pushed to another. Output p
   * has tap t where 0 <= p stride + t dilation - low < span.
   */
  find(pushFirst: () => void, pushLast: () => void, [from, count]: readonly [number, number]): void {
    const f = this.#f, first = this.first, end = this.count;
    const { low, stride, dilation, taps } = this.#axis;
    f.i32Const(low + dilation - 1);
    pushLast();
    f.i32Const(stride).i32Mul().i32Sub().localSet(first);
    this.#atLeast(first, () => f.i32Const(0));
    f.localGet(first).i32Const(dilation).i32DivU().i32Const(this.#runsOfTap).i32Mul().localSet(first);
    this.#atLeast(first, () => f.localGet(from));
    f.i32Const(span(this.#axis) - 1 + low + dilation);
    pushFirst();
    f.i32Const(stride).i32Mul().i32Sub().localSet(end);
    this.#atLeast(end, () => f.i32Const(0));
    f.localGet(end).i32Const(dilation).i32DivU().localSet(end);
    this.#atMost(end, () => f.i32Const(taps));
    f.localGet(end).i32Const(this.#runsOfTap).i32Mul().localSet(end);
    this.#atMost(end, () => f.localGet(from).localGet(count).i32Add());
    f.localGet(end).localGet(first).i32Sub().localSet(this.count);
    this.#atLeast(this.count, () => f.i32Const(0));
  }

  #atLeast(local: number, push: () => void): void {
    const f = this.#f, other = f.local("i32");
    push();
    f.localTee(other).localGet(local).localGet(other).localGet(local).i32GtS().select().localSet(local);
    f.release(other);
  }

  #atMost(local: number, push: () => void): void {
    const f = this.#f, other = f.local("i32");
    push();
    f.localTee(other).localGet(local).localGet(other).localGet(local).i32LtS().select().localSet(local);
    f.release(other);
  }
}
