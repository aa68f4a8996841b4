/**
 * Slabs: the part of some channels that a piece of work reads, copied with its padding, so that the inner loops need
 * not ask where an image ends. Where places are some steps apart, every row is sorted by the remainder of its positions:
 * neighbouring places then read neighbours.
 */
import type { FunctionBuilder, ModuleBuilder } from "../assembler/mod.ts";
import { type Element, elements } from "../contract/mod.ts";
import { contiguous, type Geometry, leaves, product, reach, span, type SpatialAxis } from "./geometry.ts";

/** Where the positions of a convolution lie, in elements. */
export interface Places {
  /** From one channel to the next. */
  readonly channel: number;
  /** The positions of a channel. */
  readonly size: number;
  /** Whether channels follow one another within each position of the first axis, and not the other way round. */
  readonly channelsInside: boolean;
  /** From one position to the next along each axis but the last. */
  readonly pitches: readonly number[];
  /** The elements of a row; of each remainder, where rows are sorted. */
  readonly row: number;
  /** Whether a copy is made. */
  readonly copied: boolean;
}

/**
 * Where the positions are when `first` outputs along the first axis are computed at a time; `channelsInside` is how a
 * copy should be made.
 */
export function placesOf(geometry: Geometry, first: number, channelsInside = false): Places {
  const { axes, channels } = geometry;
  const last = axes[axes.length - 1];
  const copied = last.stride > 1 || axes.some(leaves);
  if (!copied) {
    const sizes = axes.map(({ size }) => size);
    const size = product(sizes), pitches = contiguous(sizes).slice(0, -1);
    return { channel: size, size, channelsInside: false, pitches, row: last.size, copied };
  }
  const row = last.stride === 1
    ? reach(last)
    : last.out + Math.floor((last.taps - 1) * last.dilation / last.stride);
  const sizes = axes.map((axis, i) =>
    i === axes.length - 1 ? row * last.stride : i === 0 ? reach(axis, first) : reach(axis)
  );
  const size = product(sizes), pitches = contiguous(sizes).slice(0, -1);
  if (!channelsInside) return { channel: size, size, channelsInside, pitches, row, copied };
  const [inside] = pitches;
  pitches[0] *= channels;
  return { channel: inside, size, channelsInside, pitches, row, copied };
}

/** The distance of a tap from the place that it belongs to, in elements. */
export function tapOffset(geometry: Geometry, places: Places, taps: readonly number[]): number {
  const { axes } = geometry;
  let offset = 0;
  axes.forEach(({ dilation, stride, low }, i) => {
    const at = taps[i] * dilation;
    if (i < axes.length - 1) offset += (at - (places.copied ? 0 : low)) * places.pitches[i];
    else if (places.copied) offset += (at % stride) * places.row + Math.floor(at / stride);
    else offset += at - low;
  });
  return offset;
}

/** The distance from one output to the next along an axis, in elements. */
export function placeStep(geometry: Geometry, places: Places, axis: number): number {
  return axis === geometry.axes.length - 1 ? 1 : geometry.axes[axis].stride * places.pitches[axis];
}

/**
 * Emits `copy(source, target, channels, sourceStep, targetStep, first, count)`: for each channel `count` rows from position
 * `first` of the (padded) first axis on; a single axis is one row, which is copied whole. Steps are bytes from channel to
 * channel; the target's says nothing where channels follow one another within positions.
 */
export function emitSlabCopy(module: ModuleBuilder, geometry: Geometry, places: Places): number {
  const { axes } = geometry;
  const element = elements[geometry.dtype];
  const f = module.addFunction({ params: ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], results: [] });
  const [source, target, channels, sourceStep, targetStep, first, count] = [0, 1, 2, 3, 4, 5, 6];
  const row = emitRowCopy(module, element, axes[axes.length - 1], places.row);
  const steps = contiguous(axes.map(({ size }) => size)).map((step) => step * element.bytes);
  const at = f.local("i32");
  const level = (axis: number, from: number, inside: number): void => {
    if (axis === axes.length - 1) {
      f.localGet(from).localGet(at).localGet(inside).call(row);
      const length = places.row * axes[axis].stride * element.bytes;
      f.localGet(at).i32Const(length).i32Add().localSet(at);
      return;
    }
    const position = f.local("i32"), end = f.local("i32"), here = f.local("i32"), within = f.local("i32");
    const { low, every } = axes[axis];
    if (axis === 0) {
      f.localGet(first).i32Const(low).i32Sub().localTee(position).localGet(count).i32Add().localSet(end);
    } else f.i32Const(-low).localSet(position).i32Const(reach(axes[axis]) - low).localSet(end);
    f.loop();
    // Unsigned: positions before the beginning are large.
    f.localGet(position).i32Const(span(axes[axis])).i32LtU().localGet(inside).i32And();
    if (every > 1) f.localGet(position).i32Const(every).i32RemS().i32Eqz().i32And();
    f.localSet(within);
    f.localGet(from).localGet(position);
    if (every > 1) f.i32Const(every).i32DivS();
    f.i32Const(steps[axis]).i32Mul().i32Add().localSet(here);
    if (axis === 0 && places.channelsInside) {
      const left = f.local("i32");
      f.localGet(channels).localSet(left).loop();
      level(axis + 1, here, within);
      f.localGet(here).localGet(sourceStep).i32Add().localSet(here);
      f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end().release(left);
    } else level(axis + 1, here, within);
    f.localGet(position).i32Const(1).i32Add().localTee(position).localGet(end).i32LtS().brIf(0).end();
    f.release(position, end, here, within);
  };
  const yes = f.local("i32");
  f.i32Const(1).localSet(yes);
  if (places.channelsInside) {
    f.localGet(target).localSet(at);
    level(0, source, yes);
    return f.index;
  }
  f.loop();
  f.localGet(target).localSet(at);
  level(0, source, yes);
  f.localGet(source).localGet(sourceStep).i32Add().localSet(source);
  f.localGet(target).localGet(targetStep).i32Add().localSet(target);
  f.localGet(channels).i32Const(1).i32Sub().localTee(channels).brIf(0).end();
  return f.index;
}

/** Emits `row(source, target, inside)`; a row that is not inside is zero. May write 12 bytes too many, of the next row. */
function emitRowCopy(module: ModuleBuilder, element: Element, axis: SpatialAxis, width: number): number {
  const f = module.addFunction({ params: ["i32", "i32", "i32"], results: [] });
  const [source, target, inside] = [0, 1, 2];
  const { low, size, stride, every } = axis;
  const zero = f.local("v128");
  f.localGet(inside).i32Eqz().if();
  emitRun(f, element, target, width * stride, () => f.localGet(zero));
  f.return().end();
  if (every > 1) {
    // Zeros first, and the elements between them.
    const first = Math.max(0, Math.ceil(-low / every));
    const count = Math.min(size, Math.floor((width - 1 - low) / every) + 1) - first;
    const at = f.local("i32"), left = f.local("i32");
    f.localGet(target).i32Const((first * every + low) * element.bytes).i32Add().localSet(at);
    emitRun(f, element, target, width, () => f.localGet(zero));
    if (count <= 0) return f.index;
    f.localGet(source).i32Const(first * element.bytes).i32Add().localSet(source);
    f.i32Const(count).localSet(left).loop();
    f.localGet(at).localGet(source);
    element.loadZero(f);
    element.storeLane(f, 0);
    f.localGet(source).i32Const(element.bytes).i32Add().localSet(source);
    f.localGet(at).i32Const(every * element.bytes).i32Add().localSet(at);
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
    return f.index;
  }
  if (stride === 1) {
    const before = Math.min(Math.max(0, low), width);
    const there = Math.max(0, Math.min(size + Math.min(0, low), width - before));
    emitRun(f, element, target, before, () => f.localGet(zero));
    if (low < 0) f.localGet(source).i32Const(-low * element.bytes).i32Add().localSet(source);
    emitRun(f, element, target, there, () => {
      f.localGet(source).v128Load().localGet(source).i32Const(16).i32Add().localSet(source);
    });
    emitRun(f, element, target, width - before - there, () => f.localGet(zero));
    return f.index;
  }
  const position = f.local("i32"), left = f.local("i32");
  for (let remainder = 0; remainder < stride; remainder++) {
    f.i32Const(remainder - low).localSet(position).i32Const(width).localSet(left);
    f.loop();
    f.localGet(target);
    f.localGet(position).i32Const(size).i32LtU().if("v128");
    f.localGet(source).localGet(position).i32Const(element.bytes).i32Mul().i32Add();
    element.loadZero(f);
    f.else().localGet(zero).end();
    element.storeLane(f, 0);
    f.localGet(target).i32Const(element.bytes).i32Add().localSet(target);
    f.localGet(position).i32Const(stride).i32Add().localSet(position);
    f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  }
  return f.index;
}

/** Stores vectors over some elements from `target` on, which then points behind them. */
function emitRun(
  f: FunctionBuilder,
  element: Element,
  target: number,
  count: number,
  value: () => void,
): void {
  if (count <= 0) return;
  const left = f.local("i32"), at = f.local("i32");
  f.i32Const(Math.ceil(count / element.lanes)).localSet(left).localGet(target).localSet(at);
  f.loop();
  f.localGet(at);
  value();
  f.v128Store();
  f.localGet(at).i32Const(16).i32Add().localSet(at);
  f.localGet(left).i32Const(1).i32Sub().localTee(left).brIf(0).end();
  f.localGet(target).i32Const(count * element.bytes).i32Add().localSet(target);
  f.release(left, at);
}
