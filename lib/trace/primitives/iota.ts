/** iota: counts along one axis. */
import { type DType, isFloat, wrapInteger } from "../dtype.ts";
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";

export interface IotaParams {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly axis: number;
}

/** out[..., i, ...] = i, where i is the position on `axis`. */
export const iotaPrimitive: Primitive<IotaParams> = {
  name: "iota",
  infer(_inputs, { shape, dtype }) {
    return [{ shape, dtype }];
  },
  derivative: notDifferentiable("It depends on nothing."),
  linear: NOT_LINEAR,
  batch() {
    throw new Error("iota has no inputs and is never batched.");
  },
  evaluate(_inputs, { shape, dtype, axis }) {
    const data = new Float64Array(sizeOf(shape));
    const stride = stridesOf(shape)[axis], size = shape[axis];
    for (let i = 0; i < data.length; i++) {
      const position = Math.floor(i / stride) % size;
      data[i] = isFloat(dtype) ? position : wrapInteger(position, dtype);
    }
    return [{ shape, dtype, data }];
  },
  lower({ axis }) {
    return { kind: "iota", axis };
  },
  print({ shape, dtype, axis }) {
    return `${dtype}[${shape.join(", ")}] axis=${axis}`;
  },
};
