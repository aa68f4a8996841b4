/** Index maps as plain functions: how they are made, and their evaluation by the reference interpreter. */
import type { IndexMap } from "../lowering.ts";
import type { HostArray } from "../primitive.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";

/** The identity on `rank` axes with given steps and starts, the building block of slice, flip and pad. */
export function axiswiseMap(
  start: readonly number[],
  step: readonly number[],
  extra: Pick<IndexMap, "fill" | "every"> = {},
): IndexMap {
  return { axis: start.map((_, d) => d), step, start, ...extra };
}

/** `out[i] = x[map(i)]`, or the fill where a coordinate is outside. */
export function evaluateIndexMap(x: HostArray, map: IndexMap, shape: Shape): Float64Array<ArrayBuffer> {
  const out = new Float64Array(sizeOf(shape));
  const rank = x.shape.length, strides = stridesOf(x.shape);
  const position = new Array<number>(shape.length).fill(0);
  const source = new Array<number>(rank);
  for (let i = 0; i < out.length; i++) {
    for (let a = 0; a < rank; a++) source[a] = map.start[a];
    for (let d = 0; d < shape.length; d++) {
      if (map.axis[d] >= 0) source[map.axis[d]] += map.step[d] * position[d];
    }
    let offset = 0, inside = true;
    for (let a = 0; a < rank && inside; a++) {
      const every = map.every?.[a] ?? 1;
      const coordinate = source[a] / every;
      inside = Number.isInteger(coordinate) && coordinate >= 0 && coordinate < x.shape[a];
      offset += coordinate * strides[a];
    }
    out[i] = inside ? x.data[offset] : map.fill!;
    advance(position, shape);
  }
  return out;
}

/** Steps a row-major multi-index to its successor. */
export function advance(position: number[], shape: Shape): void {
  for (let d = shape.length - 1; d >= 0; d--) {
    if (++position[d] < shape[d]) return;
    position[d] = 0;
  }
}
