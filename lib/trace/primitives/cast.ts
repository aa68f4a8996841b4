/** cast: the same values in another dtype. */
import { castValue, type DType, isFloat } from "../dtype.ts";
import type { Primitive } from "../primitive.ts";
import { bindOne } from "../trace.ts";

export interface CastParams {
  readonly dtype: DType;
}

/**
 * Linear between floats: jvp casts the tangent, the transpose casts the cotangent back. Casting to or from an
 * integer is locally constant.
 */
export const castPrimitive: Primitive<CastParams> = {
  name: "cast",
  infer([x], { dtype }) {
    return [{ shape: x.shape, dtype }];
  },
  derivative: {
    kind: "derivative",
    jvp({ tangents: [tangent], params }) {
      return [tangent && isFloat(params.dtype) ? bindOne(castPrimitive, [tangent], params) : null];
    },
  },
  linear: {
    kind: "linear",
    transpose({ cotangents: [cotangent], avals }) {
      return [cotangent && bindOne(castPrimitive, [cotangent], { dtype: avals[0].dtype })];
    },
  },
  batch({ inputs, params }) {
    return [bindOne(castPrimitive, inputs, params)];
  },
  evaluate([x], { dtype }) {
    return [{ shape: x.shape, dtype, data: x.data.map((value) => castValue(value, x.dtype, dtype)) }];
  },
  lower() {
    return { kind: "cast" };
  },
  print({ dtype }) {
    return dtype;
  },
};
