/** topk: the largest elements along the last axis, and where they are. */
import { ShapeError } from "../errors.ts";
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { describe } from "../shape.ts";
import { bind } from "../trace.ts";
import { orderOf, takeAlongLast } from "./sort.ts";

export interface TopkParams {
  readonly count: number;
}

/** Positions are locally constant, so tangents are taken from where the elements are: see sort. */
export const topkPrimitive: Primitive<TopkParams> = {
  name: "topk",
  infer([x], { count }) {
    const length = x.shape.at(-1);
    if (length === undefined || !Number.isInteger(count) || count < 0 || count > length) {
      throw new ShapeError(`topk: ${count} elements of the last axis of ${describe(x)}.`, {
        operation: "topk",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "k", value: count }],
        remedy: "There must be an axis, with at least as many elements.",
      });
    }
    const shape = [...x.shape.slice(0, -1), count];
    return [{ shape, dtype: x.dtype }, { shape, dtype: "int32" }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], outputs: [, indices] }) {
      return [tangent && takeAlongLast(tangent, indices), null];
    },
  },
  linear: NOT_LINEAR,
  batch({ inputs, params }) {
    return bind(topkPrimitive, inputs, params);
  },
  evaluate([{ shape, dtype, data }], { count }, [values, indices]) {
    const length = shape[shape.length - 1], size = values.shape.reduce((product, n) => product * n, 1);
    const largest = new Float64Array(size), places = new Float64Array(size);
    for (let row = 0; row * count < size; row++) {
      const from = data.subarray(row * length, (row + 1) * length);
      orderOf(from, true).slice(0, count).forEach((place, i) => {
        largest[row * count + i] = from[place];
        places[row * count + i] = place;
      });
    }
    return [{ shape: values.shape, dtype, data: largest }, {
      shape: indices.shape,
      dtype: "int32",
      data: places,
    }];
  },
  lower(_params, _inputs, [values]) {
    return { kind: "topk", count: values.shape[values.shape.length - 1] };
  },
  print: ({ count }) => `count=${count}`,
};
