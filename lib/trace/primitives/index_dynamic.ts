/** dynamicSlice and dynamicUpdate: a block whose size is known and whose place is computed. */
import { DTypeError, ShapeError } from "../errors.ts";
import type { HostArray, Primitive } from "../primitive.ts";
import { type Aval, describe, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { apply, NO_PARAMS, type NoParams } from "./elementwise_rules.ts";
import { advance } from "./index_map.ts";
import { gatherPrimitive, restAxes, scatterPrimitive } from "./index_gather.ts";
import { iotaPrimitive } from "./iota.ts";
import { inversePermutation, reshapeTo, transposeTo } from "./move.ts";
import { broadcastFront, filled, instantiate } from "./zeros.ts";

export interface DynamicSliceParams {
  readonly sizes: readonly number[];
}

function checkStarts(operation: string, x: Aval, sizes: Shape, starts: readonly Aval[]): void {
  const fits = sizes.length === x.shape.length && sizes.every((size, a) => size >= 0 && size <= x.shape[a]);
  if (!fits || starts.length !== sizes.length || starts.some((start) => start.shape.length > 0)) {
    throw new ShapeError(
      `${operation}: a block [${sizes.join(", ")}] at ${starts.length} starts does not fit into ${
        describe(x)
      }.`,
      {
        operation,
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }],
        remedy: "The block must not be larger than the tensor, with one scalar start per axis.",
      },
    );
  }
  for (const start of starts) {
    if (start.dtype !== "int32") {
      throw new DTypeError(`${operation}: a start is ${describe(start)}.`, {
        operation,
        remedy: `Starts must be int32: write start.cast("int32").`,
      });
    }
  }
}

/** The flat offset of the block, with every start clamped so that the block fits. */
function blockOffset(x: Shape, sizes: Shape, starts: readonly HostArray[]): number {
  const strides = stridesOf(x);
  return starts.reduce(
    (sum, start, a) => sum + Math.max(0, Math.min(x[a] - sizes[a], start.data[0])) * strides[a],
    0,
  );
}

/** The flat offsets of a block relative to its first element, row-major. */
function blockElements(x: Shape, sizes: Shape): number[] {
  const strides = stridesOf(x);
  const position = sizes.map(() => 0);
  return Array.from({ length: sizeOf(sizes) }, () => {
    const offset = position.reduce((sum, i, a) => sum + i * strides[a], 0);
    advance(position, sizes);
    return offset;
  });
}

/**
 * For starts that differ from batch entry to batch entry: the axes along which the block is smaller than the tensor
 * (elsewhere the clamped start is 0), and for each an index tensor [size, ...block sizes of those axes].
 */
function blockIndices(
  x: Shape,
  sizes: Shape,
  starts: readonly Tensor[],
  batched: readonly boolean[],
  size: number,
): { axes: number[]; indices: Tensor[] } {
  const axes = sizes.map((_, a) => a).filter((a) => sizes[a] !== x[a]);
  const places = [size, ...axes.map((a) => sizes[a])];
  const indices = axes.map((a, i) => {
    const low = apply("maximum", starts[a], Tensor.literal(0, "int32"));
    const start = apply("minimum", low, Tensor.literal(x[a] - sizes[a], "int32"));
    const column = reshapeTo(start, [batched[a] ? size : 1, ...axes.map(() => 1)]);
    const steps = bindOne(iotaPrimitive, [], { shape: places, dtype: "int32", axis: i + 1 });
    return apply("add", column, steps);
  });
  return { axes, indices };
}

/** The places and rest axes of the gathered block, in the order [size, ...axes of x]. */
function blockOrder(rank: number, axes: readonly number[]): number[] {
  const order = [0, ...axes.map((a) => a + 1), ...restAxes(rank, axes).map((a) => a + 1)];
  return inversePermutation(order);
}

/** out = x[start .. start + sizes], the start clamped. Linear in x: the cotangent is written into zeros. */
export const dynamicSlicePrimitive: Primitive<DynamicSliceParams> = {
  name: "dynamicSlice",
  infer([x, ...starts], { sizes }) {
    checkStarts("dynamicSlice", x, sizes, starts);
    return [{ shape: sizes, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [, ...starts], tangents: [tangent], params }) {
      return [tangent && bindOne(dynamicSlicePrimitive, [tangent, ...starts], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs: [, ...starts], avals: [x] }) {
      const none = starts.map(() => null);
      if (!cotangent) return [null, ...none];
      const all = starts.map((start) => start!);
      return [bindOne(dynamicUpdatePrimitive, [filled(0, x), cotangent, ...all], NO_PARAMS), ...none];
    },
  },
  batch({ inputs: [x, ...starts], batched: [batchedX, ...batchedStarts], params: { sizes }, size }) {
    if (!batchedStarts.includes(true)) {
      const all = [x, Tensor.literal(0, "int32"), ...starts];
      return [bindOne(dynamicSlicePrimitive, all, { sizes: [size, ...sizes] })];
    }
    const shape = batchedX ? x.shape.slice(1) : x.shape;
    const { axes, indices } = blockIndices(shape, sizes, starts, batchedStarts, size);
    if (axes.length === 0) return [batchedX ? x : broadcastFront(x, size)];
    let block: Tensor;
    if (batchedX) {
      const own = bindOne(iotaPrimitive, [], { shape: indices[0].shape, dtype: "int32", axis: 0 });
      block = bindOne(gatherPrimitive, [x, own, ...indices], { axes: [0, ...axes.map((a) => a + 1)] });
    } else {
      block = bindOne(gatherPrimitive, [x, ...indices], { axes });
    }
    return [transposeTo(block, blockOrder(sizes.length, axes))];
  },
  evaluate([x, ...starts], { sizes }) {
    const base = blockOffset(x.shape, sizes, starts);
    const data = Float64Array.from(blockElements(x.shape, sizes), (offset) => x.data[base + offset]);
    return [{ shape: sizes, dtype: x.dtype, data }];
  },
  lower({ sizes }) {
    return { kind: "dynamicSlice", sizes };
  },
  print({ sizes }) {
    return `sizes=[${sizes.join(", ")}]`;
  },
};

/**
 * A copy of x with a block overwritten, its start clamped. Linear in both: x gets the cotangent with zeros in the
 * block, the update gets the block.
 */
export const dynamicUpdatePrimitive: Primitive<NoParams> = {
  name: "dynamicUpdate",
  infer([x, update, ...starts]) {
    if (x.dtype !== update.dtype) {
      throw new DTypeError(`dynamicUpdate: an update ${describe(update)} does not go into ${describe(x)}.`, {
        operation: "dynamicUpdate",
        remedy: "Cast the update to the dtype of the tensor.",
      });
    }
    checkStarts("dynamicUpdate", x, update.shape, starts);
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [x, update, ...starts], tangents: [tangentX, tangentUpdate] }) {
      if (!tangentX && !tangentUpdate) return [null];
      const left = instantiate(tangentX, x.aval), right = instantiate(tangentUpdate, update.aval);
      return [bindOne(dynamicUpdatePrimitive, [left, right, ...starts], NO_PARAMS)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], inputs, avals: [, update] }) {
      if (!cotangent) return inputs.map(() => null);
      const starts = inputs.slice(2).map((start) => start!);
      const zeros = () => filled(0, update);
      return [
        inputs[0] === null
          ? bindOne(dynamicUpdatePrimitive, [cotangent, zeros(), ...starts], NO_PARAMS)
          : null,
        inputs[1] === null
          ? bindOne(dynamicSlicePrimitive, [cotangent, ...starts], { sizes: update.shape })
          : null,
        ...starts.map(() => null),
      ];
    },
  },
  batch(args) {
    const { inputs, batched, size } = args;
    const starts = inputs.slice(2), batchedStarts = batched.slice(2);
    const [x, update] = [0, 1].map((i) => batched[i] ? inputs[i] : broadcastFront(inputs[i], size));
    if (!batchedStarts.includes(true)) {
      return [bindOne(dynamicUpdatePrimitive, [x, update, Tensor.literal(0, "int32"), ...starts], NO_PARAMS)];
    }
    const shape = x.shape.slice(1), sizes = update.shape.slice(1);
    const { axes, indices } = blockIndices(shape, sizes, starts, batchedStarts, size);
    if (axes.length === 0) return [update];
    const own = bindOne(iotaPrimitive, [], { shape: indices[0].shape, dtype: "int32", axis: 0 });
    const updates = transposeTo(update, inversePermutation(blockOrder(sizes.length, axes)));
    return [
      bindOne(scatterPrimitive, [x, updates, own, ...indices], {
        axes: [0, ...axes.map((a) => a + 1)],
        combiner: "set",
      }),
    ];
  },
  evaluate([x, update, ...starts]) {
    const base = blockOffset(x.shape, update.shape, starts);
    const data = x.data.slice();
    blockElements(x.shape, update.shape).forEach((offset, i) => data[base + offset] = update.data[i]);
    return [{ shape: x.shape, dtype: x.dtype, data }];
  },
  lower() {
    return { kind: "dynamicUpdate" };
  },
  print() {
    return "";
  },
};
