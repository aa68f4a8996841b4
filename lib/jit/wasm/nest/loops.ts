/** Loops of generated code. */
import type { FunctionBuilder } from "../assembler/mod.ts";
import type { NestWriter } from "./nest_writer.ts";
import type { Stream } from "./streams.ts";

/** Runs `body` while at least `step` are left in a local, which it lowers by `step` each time. */
export function whileAtLeast(f: FunctionBuilder, remaining: number, step: number, body: () => void): void {
  f.localGet(remaining).i32Const(step).i32GeU().if().loop();
  body();
  f.localGet(remaining).i32Const(step).i32Sub().localTee(remaining).i32Const(step).i32GeU().brIf(0);
  f.end().end();
}

/** Runs `body` a known number of times, at least once. */
export function repeat(f: FunctionBuilder, times: number, body: () => void): void {
  if (times === 1) return body();
  const left = f.local("i32");
  f.i32Const(times).localSet(left).loop();
  body();
  f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  f.release(left);
}

/** What the loop along the vector axis writes at each place. */
export interface VectorBody {
  /** Writes the vector `unrolled` places after the current one, or one element when the writer is `single`. */
  emit(unrolled: number): void;
  /** Emitted after each step, which went `elements` further. */
  advance?(elements: number): void;
}

/** How a loop along the vector axis goes. */
export interface VectorLoop {
  /** The local with the number of elements to go; it is used up. */
  readonly remaining: number;
  /** That number, where it is known; -1 otherwise. */
  readonly count: number;
  readonly unroll: number;
  readonly streams: Iterable<Stream>;
}

/** Sweeps the vector axis: unrolled vectors, single vectors, then single elements by the same code. */
export function sweepVector(w: NestWriter, loop: VectorLoop, body: VectorBody): void {
  const { f, lanes } = w;
  const { vectorAxis, vectorDepth } = w.plan;
  const { remaining, count, unroll } = loop;
  const step = (places: number, single: boolean): void => {
    const elements = single ? 1 : places * lanes;
    w.single = single;
    w.shiftAxis = vectorAxis;
    for (let u = 0; u < places; u++) {
      w.shift = u * lanes;
      body.emit(u);
    }
    w.single = false;
    w.shiftAxis = -1;
    w.shift = 0;
    w.streams.move(vectorDepth, vectorAxis, elements);
    const coordinate = w.coordinates[vectorAxis];
    if (coordinate >= 0) f.localGet(coordinate).i32Const(elements).i32Add().localSet(coordinate);
    body.advance?.(elements);
  };
  w.streams.enter(vectorDepth, [vectorAxis], loop.streams);
  const wide = unroll * lanes;
  if (unroll > 1 && (count < 0 || count >= wide)) {
    whileAtLeast(f, remaining, wide, () => step(unroll, false));
  }
  const left = count < 0 ? -1 : unroll > 1 ? count % wide : count;
  if (left < 0 || left >= lanes) whileAtLeast(f, remaining, lanes, () => step(1, false));
  if (count < 0 || count % lanes !== 0) whileAtLeast(f, remaining, 1, () => step(1, true));
  w.streams.leave(vectorDepth);
}
