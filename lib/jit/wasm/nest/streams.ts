/** Pointers into operands that follow the loops of a nest. */
import { byteSize } from "../../../trace/dtype.ts";
import type { Index } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { NestPlan } from "./analysis.ts";

type Term = Index["dynamic"][number];

/** A pointer that several loads and stores share: same operand, same strides, constant distances. */
export interface Stream {
  readonly operand: number;
  /** Bytes of an element. */
  readonly bytes: number;
  readonly strides: readonly number[];
  /** Terms computed outside of the vector loop and added to the pointer at `anchorDepth`. */
  readonly terms: readonly Term[];
  readonly anchorDepth: number;
  /** Bytes; the offset of its first site. */
  readonly origin: number;
  /** Bytes; the least offset of its sites. */
  base: number;
  /** The local at each depth where the pointer differs from that of the depth above; -1 elsewhere. */
  readonly pointers: number[];
}

/** One load or store. */
export interface Site {
  readonly stream: Stream;
  /** Bytes from the start of the operand. */
  readonly offset: number;
  /** Elements from lane to lane. */
  readonly laneStride: number;
  /** Terms added where the access happens. */
  readonly terms: readonly Term[];
  readonly depth: number;
}

/** Sites whose offsets differ by less share a pointer: so it stays positive, since the first block lies above. */
const SHARED_REACH = 65536;

/** All pointers of one nest. */
export class Streams {
  readonly f: FunctionBuilder;
  readonly plan: NestPlan;
  readonly all: Stream[] = [];
  readonly #byKey: Map<string, Stream[]> = new Map();

  constructor(f: FunctionBuilder, plan: NestPlan) {
    this.f = f;
    this.plan = plan;
  }

  /** Declares a load or store that happens at `depth`. */
  site(operand: number, index: Index, depth: number): Site {
    const { plan } = this;
    const bytes = byteSize(plan.nest.operands[operand].dtype);
    const offset = index.offset * bytes;
    const inVector = depth === plan.vectorDepth;
    const outside = (term: Term): boolean => inVector && plan.depths[term.statement] < depth;
    const anchored = index.dynamic.filter(outside);
    const terms = index.dynamic.filter((term) => !outside(term));
    const anchorDepth = Math.max(-1, ...anchored.map((term) => plan.depths[term.statement]));
    const key = `${operand}|${index.strides.join()}|${
      anchored.map((t) => `${t.statement}*${t.stride}`).join()
    }`;
    let group = this.#byKey.get(key);
    if (group === undefined) this.#byKey.set(key, group = []);
    let stream = group.find((s) => Math.abs(s.origin - offset) < SHARED_REACH / 2);
    if (stream === undefined) {
      stream = {
        operand,
        bytes,
        strides: index.strides,
        terms: anchored,
        anchorDepth,
        origin: offset,
        base: offset,
        pointers: new Array(plan.vectorDepth + 1).fill(-1),
      };
      group.push(stream);
      this.all.push(stream);
    } else if (offset < stream.base) stream.base = offset;
    const laneStride = plan.vectorAxis < 0 ? 0 : index.strides[plan.vectorAxis];
    return { stream, offset, laneStride, terms, depth };
  }

  /** Sets the pointers outside of all loops; the operands are the first parameters. */
  begin(): void {
    for (const stream of this.all) {
      if (stream.base >= 0 && stream.base < SHARED_REACH) {
        stream.base = 0;
        stream.pointers[0] = stream.operand;
        continue;
      }
      const local = this.f.local("i32");
      this.f.localGet(stream.operand).i32Const(stream.base).i32Add().localSet(local);
      stream.pointers[0] = local;
    }
  }

  /** The local with a stream's pointer at a depth. */
  pointer(stream: Stream, depth: number): number {
    for (let d = depth; d > 0; d--) if (stream.pointers[d] >= 0) return stream.pointers[d];
    return stream.pointers[0];
  }

  /** Gives streams that move along any of the axes a pointer of their own at `depth`, equal to the one above. */
  enter(depth: number, axes: readonly number[], streams: Iterable<Stream>): void {
    for (const stream of streams) {
      if (!axes.some((axis) => stream.strides[axis] !== 0)) continue;
      const local = this.f.local("i32");
      this.f.localGet(this.pointer(stream, depth - 1)).localSet(local);
      stream.pointers[depth] = local;
    }
  }

  /** Moves the pointers of `depth` by a number of steps along an axis. */
  move(depth: number, axis: number, steps: number): void {
    for (const stream of this.all) {
      const amount = stream.strides[axis] * stream.bytes * steps;
      if (stream.pointers[depth] < 0 || amount === 0) continue;
      const local = stream.pointers[depth];
      this.f.localGet(local).i32Const(amount).i32Add().localSet(local);
    }
  }

  /** Moves the pointers of `depth` along an axis by a number that a local holds, times `step`. */
  moveBy(depth: number, axis: number, steps: number, step = 1): void {
    for (const stream of this.all) {
      const stride = stream.strides[axis] * stream.bytes * step;
      if (stream.pointers[depth] < 0 || stride === 0) continue;
      const local = stream.pointers[depth];
      this.f.localGet(steps).i32Const(stride).i32Mul().localGet(local).i32Add().localSet(local);
    }
  }

  /** Ends the pointers of `depth`. */
  leave(depth: number): void {
    for (const stream of this.all) {
      if (stream.pointers[depth] < 0) continue;
      this.f.release(stream.pointers[depth]);
      stream.pointers[depth] = -1;
    }
  }
}
