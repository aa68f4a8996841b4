/** gather and scatter: reading and writing at places given by integer tensors. */
import { isFloat, wrapInteger } from "../dtype.ts";
import { DTypeError, IndexError, ShapeError } from "../errors.ts";
import type { HostArray, Primitive } from "../primitive.ts";
import { type Aval, describe, sameShape, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { apply } from "./elementwise_rules.ts";
import { iotaPrimitive } from "./iota.ts";
import { reshapeTo, transposeTo } from "./move.ts";
import { broadcastFront, filled, instantiate } from "./zeros.ts";

export interface GatherParams {
  /** The indexed axes of x, one index tensor each. */
  readonly axes: readonly number[];
}

/** The axes that are not indexed. */
export function restAxes(rank: number, axes: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, a) => a).filter((a) => !axes.includes(a));
}

function checkIndices(operation: string, x: Aval, axes: readonly number[], indices: readonly Aval[]): Shape {
  if (axes.length === 0 || axes.length !== indices.length || axes.some((axis) => !(x.shape[axis] >= 0))) {
    throw new ShapeError(
      `${operation}: ${indices.length} index tensors for axes [${axes.join(", ")}] of ${describe(x)}.`,
      { operation, remedy: "Give one index tensor for each of one or more axes." },
    );
  }
  const places = indices[0].shape;
  for (const index of indices) {
    if (index.dtype !== "int32") {
      throw new DTypeError(`${operation}: an index tensor is ${describe(index)}.`, {
        operation,
        arguments: [{ name: "index", shape: index.shape, dtype: index.dtype }],
        remedy: `Indices must be int32: write index.cast("int32").`,
      });
    }
    if (!sameShape(index.shape, places)) {
      throw new ShapeError(
        `${operation}: index tensors ${indices.map(describe).join(", ")} differ in shape.`,
        {
          operation,
          remedy: "Broadcast them to one shape first.",
        },
      );
    }
  }
  return places;
}

/** `index` limited to 0 .. size - 1. */
function clampIndex(index: Tensor, size: number): Tensor {
  const low = apply("maximum", index, Tensor.literal(0, "int32"));
  return apply("minimum", low, Tensor.literal(size - 1, "int32"));
}

/** bool[places]: whether every index lies in its axis. */
function insideMask(indices: readonly Tensor[], x: Shape, axes: readonly number[]): Tensor {
  let mask: Tensor | null = null;
  indices.forEach((index, i) => {
    const size = Tensor.literal(x[axes[i]], "int32");
    for (
      const test of [
        apply("ge", index, Tensor.literal(0, "int32")),
        apply("lt", index, size),
      ]
    ) mask = mask ? apply("and", mask, test) : test;
  });
  return mask!;
}

/** bool[places] with as many trailing axes of size 1 as `rank` asks for. */
function maskOver(mask: Tensor, rank: number): Tensor {
  return reshapeTo(mask, [...mask.shape, ...new Array<number>(rank - mask.ndim).fill(1)]);
}

/** For each place, the flat offset of the element of x that the (clamped) indices point at, or -1 outside. */
function placeOffsets(
  x: Shape,
  axes: readonly number[],
  indices: readonly HostArray[],
  clamp: boolean,
): number[] {
  const strides = stridesOf(x);
  return Array.from({ length: indices[0].data.length }, (_, place) => {
    let offset = 0;
    for (let i = 0; i < axes.length; i++) {
      const size = x[axes[i]];
      let index = indices[i].data[place];
      if (clamp) index = Math.max(0, Math.min(size - 1, index));
      else if (index < 0 || index >= size) return -1;
      offset += index * strides[axes[i]];
    }
    return offset;
  });
}

/** Flat offsets of all combinations of the coordinates of the axes that are not indexed. */
function restOffsets(x: Shape, axes: readonly number[]): number[] {
  const strides = stridesOf(x);
  let offsets = [0];
  for (const axis of restAxes(x.length, axes)) {
    const next: number[] = [];
    for (const base of offsets) for (let i = 0; i < x[axis]; i++) next.push(base + i * strides[axis]);
    offsets = next;
  }
  return offsets;
}

/** iota over axis 0 of [size, ...places]: the index of the batch axis in batched gathers and scatters. */
function batchIndex(places: Shape): Tensor {
  return bindOne(iotaPrimitive, [], { shape: places, dtype: "int32", axis: 0 });
}

/**
 * out[places, rest] = x[.. clamp(indices) at `axes` .., rest]. Linear in x: the cotangent is added up at the clamped
 * places.
 */
export const gatherPrimitive: Primitive<GatherParams> = {
  name: "gather",
  infer([x, ...indices], { axes }) {
    const places = checkIndices("gather", x, axes, indices);
    const empty = axes.find((axis) => x.shape[axis] === 0);
    if (empty !== undefined && sizeOf(places) > 0) {
      throw new IndexError(`gather: axis ${empty} of ${describe(x)} has no elements to take.`, {
        operation: "gather",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: "Index an axis that is not empty, or pass no indices.",
      });
    }
    return [{ shape: [...places, ...restAxes(x.shape.length, axes).map((a) => x.shape[a])], dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [, ...indices], tangents: [tangent], params }) {
      return [tangent && bindOne(gatherPrimitive, [tangent, ...indices], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [, ...indices], avals: [x], params: { axes } }) {
      const none = indices.map(() => null);
      if (!cotangent) return [null, ...none];
      const clamped = indices.map((index, i) => clampIndex(index!, x.shape[axes[i]]));
      const base = filled(0, x);
      return [bindOne(scatterPrimitive, [base, cotangent, ...clamped], { axes, combiner: "add" }), ...none];
    },
  },
  batch({ inputs: [x, ...indices], batched: [batchedX, ...batchedIndices], params: { axes }, size }) {
    const shifted = axes.map((axis) => axis + 1);
    if (!batchedIndices.includes(true)) {
      const result = bindOne(gatherPrimitive, [x, ...indices], { axes: shifted });
      const places = indices[0].ndim;
      const order = Array.from({ length: result.ndim }, (_, d) => d).filter((d) => d !== places);
      return [transposeTo(result, [places, ...order])];
    }
    const all = indices.map((index, i) => batchedIndices[i] ? index : broadcastFront(index, size));
    if (!batchedX) return [bindOne(gatherPrimitive, [x, ...all], { axes })];
    return [bindOne(gatherPrimitive, [x, batchIndex(all[0].shape), ...all], { axes: [0, ...shifted] })];
  },
  evaluate([x, ...indices], { axes }, [{ shape, dtype }]) {
    const rest = restOffsets(x.shape, axes);
    const data = new Float64Array(sizeOf(shape));
    let next = 0;
    for (const base of placeOffsets(x.shape, axes, indices, true)) {
      for (const offset of rest) data[next++] = x.data[base + offset];
    }
    return [{ shape, dtype, data }];
  },
  lower({ axes }) {
    return { kind: "gather", axes };
  },
  print({ axes }) {
    return `axes=[${axes.join(", ")}]`;
  },
};

export interface ScatterParams {
  readonly axes: readonly number[];
  readonly combiner: "set" | "add";
}

/**
 * bool[places]: the place that has the last word where several write to the same element. Each place writes its own
 * number, and reads back who won.
 */
function winners(base: Aval, indices: readonly Tensor[], axes: readonly number[]): Tensor {
  const places = indices[0].shape;
  const count = sizeOf(places);
  const numbers = reshapeTo(bindOne(iotaPrimitive, [], { shape: [count], dtype: "int32", axis: 0 }), places);
  const indexed = axes.map((axis) => base.shape[axis]);
  const own = axes.map((_, i) => i);
  const board = bindOne(
    scatterPrimitive,
    [filled(-1, { shape: indexed, dtype: "int32" }), numbers, ...indices],
    { axes: own, combiner: "set" },
  );
  const winner = bindOne(gatherPrimitive, [board, ...indices], { axes: own });
  return apply("eq", winner, numbers);
}

/**
 * A copy of the base with the updates written (the last one wins) or added at the places of the indices; those
 * outside are dropped. Linear in base and updates together. With `add`, base' = c and updates' = gather(c); with `set`
 * the base gets c with zeros at the places, and of several updates of one element only the last gets its part.
 */
export const scatterPrimitive: Primitive<ScatterParams> = {
  name: "scatter",
  infer([base, updates, ...indices], { axes }) {
    const places = checkIndices("scatter", base, axes, indices);
    const expected = [...places, ...restAxes(base.shape.length, axes).map((a) => base.shape[a])];
    if (!sameShape(updates.shape, expected) || updates.dtype !== base.dtype) {
      throw new ShapeError(
        `scatter: updates are ${describe(updates)}; ${describe(base)} at [${
          places.join(", ")
        }] places takes ${describe({ shape: expected, dtype: base.dtype })}.`,
        {
          operation: "scatter",
          arguments: [
            { name: "base", shape: base.shape, dtype: base.dtype },
            { name: "updates", shape: updates.shape, dtype: updates.dtype },
          ],
          remedy: "Broadcast and cast the updates to that type.",
        },
      );
    }
    return [{ shape: base.shape, dtype: base.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [base, updates, ...indices], tangents: [tangentBase, tangentUpdates], params }) {
      if (!tangentBase && !tangentUpdates) return [null];
      if (!tangentUpdates && params.combiner === "add") return [tangentBase];
      const left = instantiate(tangentBase, base.aval), right = instantiate(tangentUpdates, updates.aval);
      return [bindOne(scatterPrimitive, [left, right, ...indices], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs, avals: [base, updates], params: { axes, combiner } }) {
      if (!cotangent) return inputs.map(() => null);
      const [linearBase, linearUpdates] = [inputs[0] === null, inputs[1] === null];
      const indices = inputs.slice(2).map((index) => index!);
      let toBase = linearBase ? cotangent : null;
      if (linearBase && combiner === "set") {
        toBase = bindOne(scatterPrimitive, [cotangent, filled(0, updates), ...indices], { axes, combiner });
      }
      let toUpdates: Tensor | null = null;
      if (linearUpdates && sizeOf(updates.shape) > 0 && sizeOf(base.shape) > 0) {
        let mask = insideMask(indices, base.shape, axes);
        if (combiner === "set" && sizeOf(indices[0].shape) > 1) {
          mask = apply("and", mask, winners(base, indices, axes));
        }
        const part = bindOne(gatherPrimitive, [cotangent, ...indices], { axes });
        const zero = Tensor.literal(0, base.dtype);
        toUpdates = apply("select", maskOver(mask, part.ndim), part, zero);
      }
      return [toBase, toUpdates, ...indices.map(() => null)];
    },
  },
  batch({ inputs, batched, params: { axes, combiner }, size }) {
    const front = inputs.map((x, i) => batched[i] || i > 1 ? x : broadcastFront(x, size));
    const [base, updates] = front;
    const shifted = axes.map((axis) => axis + 1);
    if (!batched.slice(2).includes(true)) {
      // [size, places, rest] to [places, size, rest]: the batch axis is then one of the axes not indexed.
      const places = inputs[2].ndim;
      const order = Array.from({ length: updates.ndim }, (_, d) => d);
      const moved = transposeTo(updates, [...order.slice(1, places + 1), 0, ...order.slice(places + 1)]);
      return [bindOne(scatterPrimitive, [base, moved, ...inputs.slice(2)], { axes: shifted, combiner })];
    }
    const indices = inputs.slice(2).map((index, i) => batched[i + 2] ? index : broadcastFront(index, size));
    return [
      bindOne(scatterPrimitive, [base, updates, batchIndex(indices[0].shape), ...indices], {
        axes: [0, ...shifted],
        combiner,
      }),
    ];
  },
  evaluate([base, updates, ...indices], { axes, combiner }) {
    const rest = restOffsets(base.shape, axes);
    const data = base.data.slice();
    placeOffsets(base.shape, axes, indices, false).forEach((place, i) => {
      if (place < 0) return;
      rest.forEach((offset, j) => {
        const value = updates.data[i * rest.length + j];
        const at = place + offset;
        data[at] = combiner === "set"
          ? value
          : isFloat(base.dtype)
          ? data[at] + value
          : wrapInteger(data[at] + value, base.dtype);
      });
    });
    return [{ shape: base.shape, dtype: base.dtype, data }];
  },
  lower({ axes, combiner }) {
    return { kind: "scatter", axes, combiner };
  },
  print({ axes, combiner }) {
    return `${combiner} axes=[${axes.join(", ")}]`;
  },
};
