/** bitcast: the same bits read as another dtype of the same width. */
import { byteSize, type DType, newTypedArray, viewTypedArray } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { describe } from "../shape.ts";
import { bindOne } from "../trace.ts";

export interface BitcastParams {
  readonly dtype: DType;
}

export const bitcastPrimitive: Primitive<BitcastParams> = {
  name: "bitcast",
  infer([x], { dtype }) {
    if (byteSize(x.dtype) !== byteSize(dtype) || dtype === "bool") {
      throw new DTypeError(`bitcast: ${describe(x)} cannot be read as ${dtype}.`, {
        operation: "bitcast",
        arguments: [{ name: "x", shape: x.shape, dtype: x.dtype }, { name: "dtype", value: dtype }],
        remedy: "Take a dtype of the same number of bytes that is not bool.",
      });
    }
    return [{ shape: x.shape, dtype }];
  },
  derivative: notDifferentiable("Bits have no derivative.", "error"),
  linear: NOT_LINEAR,
  batch({ inputs, params }) {
    return [bindOne(bitcastPrimitive, inputs, params)];
  },
  evaluate([x], { dtype }) {
    const from = newTypedArray(x.dtype, x.data.length);
    from.set(x.data);
    const data = Float64Array.from(viewTypedArray(dtype, from.buffer, 0, x.data.length));
    return [{ shape: x.shape, dtype, data }];
  },
  lower() {
    return { kind: "bitcast" };
  },
  print({ dtype }) {
    return dtype;
  },
};
