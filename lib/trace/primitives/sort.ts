/** sort: keys along the last axis, with payloads that follow them. */
import { ShapeError } from "../errors.ts";
import { NOT_LINEAR, type Primitive } from "../primitive.ts";
import { describe, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { bind, bindOne } from "../trace.ts";
import { gatherPrimitive } from "./index_gather.ts";
import { iotaPrimitive } from "./iota.ts";
import { reshapeTo } from "./move.ts";
import { batchAll } from "./zeros.ts";

export interface SortParams {
  readonly descending: boolean;
}

/** out[.., i] = x[.., permutation[.., i]] along the last axis. */
export function takeAlongLast(x: Tensor, permutation: Tensor): Tensor {
  const length = x.shape[x.ndim - 1], count = permutation.shape[permutation.ndim - 1];
  if (x.ndim === 1) return bindOne(gatherPrimitive, [x, permutation], { axes: [0] });
  const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const columns = reshapeTo(permutation, [rows, count]);
  const row = bindOne(iotaPrimitive, [], { shape: [rows, count], dtype: "int32", axis: 0 });
  const taken = bindOne(gatherPrimitive, [reshapeTo(x, [rows, length]), row, columns], { axes: [0, 1] });
  return reshapeTo(taken, permutation.shape);
}

function positionsIn(x: Tensor): Tensor {
  return bindOne(iotaPrimitive, [], { shape: x.shape, dtype: "int32", axis: x.ndim - 1 });
}

/** The positions in the order of the elements: equal ones as they stand, NaN last. */
export function orderOf(row: Float64Array, descending: boolean): number[] {
  const compare = (a: number, b: number): number => {
    const nanA = Number.isNaN(a), nanB = Number.isNaN(b);
    if (nanA || nanB) return Number(nanA) - Number(nanB);
    return a === b ? 0 : (a < b) === descending ? 1 : -1;
  };
  return Array.from(row, (_, i) => i).sort((i, j) => compare(row[i], row[j]));
}

/**
 * The permutation p that sorts the keys is locally constant, so tangents are moved as their primals: t[p]. It comes from
 * sorting positions along with the keys; the transpose of that gather adds each cotangent up at its old place.
 */
export const sortPrimitive: Primitive<SortParams> = {
  name: "sort",
  infer(inputs) {
    const [keys] = inputs;
    inputs.forEach((x, i) => {
      if (keys.shape.length > 0 && sameShape(x.shape, keys.shape)) return;
      throw new ShapeError(
        keys.shape.length === 0
          ? `sort: a scalar ${describe(keys)} has no axis to sort.`
          : `sort: payload ${i} is ${describe(x)} and the keys are ${describe(keys)}.`,
        {
          operation: "sort",
          arguments: inputs.map((y, k) => ({
            name: k === 0 ? "keys" : `payload ${k}`,
            shape: y.shape,
            dtype: y.dtype,
          })),
          remedy: "Keys and payloads must have one shape with at least one axis.",
        },
      );
    });
    return inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  },
  derivative: {
    kind: "derivative",
    jvp({ primals: [keys], tangents, params }) {
      const [, permutation] = bind(sortPrimitive, [keys, positionsIn(keys)], params);
      return tangents.map((tangent) => tangent && takeAlongLast(tangent, permutation));
    },
    linearize({ primals, tangents, params }) {
      const [keys] = primals;
      const sorted = bind(sortPrimitive, [...primals, positionsIn(keys)], params);
      const permutation = sorted[primals.length];
      return {
        outputs: sorted.slice(0, primals.length),
        tangents: tangents.map((tangent) => tangent && takeAlongLast(tangent, permutation)),
      };
    },
  },
  linear: NOT_LINEAR,
  batch(args) {
    return bind(sortPrimitive, batchAll(args), args.params);
  },
  evaluate(inputs, { descending }) {
    const [keys] = inputs;
    const length = keys.shape[keys.shape.length - 1];
    const outputs = inputs.map(({ shape, dtype, data }) => ({
      shape,
      dtype,
      data: new Float64Array(data.length),
    }));
    for (let start = 0; start < keys.data.length; start += length) {
      const order = orderOf(keys.data.subarray(start, start + length), descending);
      outputs.forEach((output, k) =>
        order.forEach((from, i) => output.data[start + i] = inputs[k].data[start + from])
      );
    }
    return outputs;
  },
  lower({ descending }) {
    return { kind: "sort", descending };
  },
  print({ descending }) {
    return descending ? "descending" : "";
  },
};
