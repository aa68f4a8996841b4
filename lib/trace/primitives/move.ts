/** broadcastTo, reshape and transpose: the same elements in another arrangement. */
import { ShapeError } from "../errors.ts";
import type { IndexMap } from "../lowering.ts";
import type { Primitive } from "../primitive.ts";
import { broadcastShapes, describe, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bindOne } from "../trace.ts";
import { evaluateIndexMap } from "./index_map.ts";
import { sumPrimitive } from "./reduce.ts";

export interface BroadcastToParams {
  readonly shape: Shape;
}

function broadcastMap(from: Shape, to: Shape): IndexMap {
  const added = to.length - from.length;
  return {
    axis: to.map((size, d) => d < added || from[d - added] !== size ? -1 : d - added),
    step: to.map(() => 1),
    start: from.map(() => 0),
  };
}

/**
 * NumPy's broadcast_to. Linear: the tangent is broadcast too, and the cotangent is summed over the axes that were
 * added or stretched.
 */
export const broadcastToPrimitive: Primitive<BroadcastToParams> = {
  name: "broadcastTo",
  infer([x], { shape }) {
    const common = broadcastShapes(x.shape, shape);
    if (!common || !sameShape(common, shape)) {
      throw new ShapeError(`broadcastTo: ${describe(x)} does not broadcast to [${shape.join(", ")}].`, {
        operation: "broadcastTo",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
        remedy: "Counted from the last axis, every size must be equal to the wanted one or 1; " +
          "use reshape or expandDims to line the axes up.",
      });
    }
    return [{ shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(broadcastToPrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x], params: { shape } }) {
      if (!cotangent) return [null];
      const { axis } = broadcastMap(x.shape, shape);
      const axes = axis.flatMap((a, d) => a < 0 ? [d] : []);
      const sum = axes.length === 0 ? cotangent : bindOne(sumPrimitive, [cotangent], { axes });
      return [reshapeTo(sum, x.shape)];
    },
  },
  batch({ inputs: [x], params: { shape }, size }) {
    // Sizes 1 make up for the axes that the batched input lacks between the batch axis and its own.
    const own = x.shape.slice(1);
    const added = new Array<number>(shape.length - own.length).fill(1);
    return [bindOne(broadcastToPrimitive, [reshapeTo(x, [size, ...added, ...own])], {
      shape: [size, ...shape],
    })];
  },
  evaluate([x], { shape }) {
    return [{ shape, dtype: x.dtype, data: evaluateIndexMap(x, broadcastMap(x.shape, shape), shape) }];
  },
  lower({ shape }, [x]) {
    return { kind: "index", map: broadcastMap(x.shape, shape) };
  },
  print({ shape }) {
    return `shape=[${shape.join(", ")}]`;
  },
};

/** `reshape` that adds no node when the shape is right already. */
export function reshapeTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : bindOne(reshapePrimitive, [x], { shape });
}

/** `transpose` that adds no node for the identity. */
export function transposeTo(x: Tensor, permutation: readonly number[]): Tensor {
  return permutation.every((axis, d) => axis === d) ? x : bindOne(transposePrimitive, [x], { permutation });
}

export interface ReshapeParams {
  readonly shape: Shape;
}

/** The same row-major sequence of elements in another shape. Linear: tangents and cotangents are reshaped. */
export const reshapePrimitive: Primitive<ReshapeParams> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      throw new ShapeError(
        `reshape: ${describe(x)} has ${sizeOf(x.shape)} elements and [${shape.join(", ")}] takes ${
          sizeOf(shape)
        }.`,
        {
          operation: "reshape",
          arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "shape", value: shape }],
          remedy: "The number of elements must stay the same; one size may be -1 to be computed.",
        },
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(reshapePrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals: [x] }) {
      return [cotangent && reshapeTo(cotangent, x.shape)];
    },
  },
  batch({ inputs: [x], params: { shape }, size }) {
    return [reshapeTo(x, [size, ...shape])];
  },
  evaluate([x], { shape }) {
    return [{ shape, dtype: x.dtype, data: x.data }];
  },
  lower() {
    return { kind: "reshape" };
  },
  print({ shape }) {
    return `shape=[${shape.join(", ")}]`;
  },
};

export interface TransposeParams {
  /** Output axis d is input axis permutation[d]. */
  readonly permutation: readonly number[];
}

function transposeMap(permutation: readonly number[]): IndexMap {
  return { axis: permutation, step: permutation.map(() => 1), start: permutation.map(() => 0) };
}

/** `inverse[permutation[d]] = d`. */
export function inversePermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, d) => inverse[axis] = d);
  return inverse;
}

/** The axes in another order. Linear: the cotangent is permuted back. */
export const transposePrimitive: Primitive<TransposeParams> = {
  name: "transpose",
  infer([x], { permutation }) {
    const rank = x.shape.length;
    const seen = new Set(permutation.filter((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank));
    if (permutation.length !== rank || seen.size !== rank) {
      throw new ShapeError(
        `transpose: [${permutation.join(", ")}] is not an order of the ${rank} axes of ${describe(x)}.`,
        {
          operation: "transpose",
          arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "axes", value: permutation }],
          remedy: "Name every axis exactly once.",
        },
      );
    }
    return [{ shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && bindOne(transposePrimitive, [tangent], params)];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], params }) {
      return [
        cotangent &&
        bindOne(transposePrimitive, [cotangent], { permutation: inversePermutation(params.permutation) }),
      ];
    },
  },
  batch({ inputs, params: { permutation } }) {
    return [
      bindOne(transposePrimitive, inputs, { permutation: [0, ...permutation.map((axis) => axis + 1)] }),
    ];
  },
  evaluate([x], { permutation }, [{ shape }]) {
    return [{ shape, dtype: x.dtype, data: evaluateIndexMap(x, transposeMap(permutation), shape) }];
  },
  lower({ permutation }) {
    return { kind: "index", map: transposeMap(permutation) };
  },
  print({ permutation }) {
    return `[${permutation.join(", ")}]`;
  },
};
