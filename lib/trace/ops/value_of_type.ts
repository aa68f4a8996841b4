/** Values that go into a tensor of a given dtype: updates, fills. */
import { otherDefault, promote } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { describe } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { castTo, checkRange, isIntegral, type TensorLike, toTensorFor } from "./convert.ts";

/** The value in the dtype of x: a plain number converts, anything wider is refused. */
export function valueOfType(operation: string, x: Tensor, value: TensorLike): Tensor {
  const tensor = toTensorFor(value, x.dtype, operation);
  const integral = !tensor.aval.weak || x.dtype.startsWith("float") || isIntegral(tensor);
  if (tensor.aval.weak && integral && x.dtype !== "bool") {
    if (!x.dtype.startsWith("float")) checkRange(operation, tensor, x.dtype, [x, tensor]);
    return tensor.convertWeak(x.dtype);
  }
  if (!tensor.aval.weak && promote(x.dtype, tensor.dtype) === x.dtype) return castTo(tensor, x.dtype);
  throw new DTypeError(
    `${operation}: a value ${tensor.literal ?? describe(tensor.aval)} does not go into ${describe(x.aval)}.`,
    {
      operation,
      arguments: [
        { name: "x", shape: x.shape, dtype: x.dtype },
        { name: "value", shape: tensor.shape, dtype: tensor.dtype },
      ],
      remedy: `Write value.cast("${x.dtype}") or x.cast("${tensor.dtype}")${
        otherDefault(tensor.dtype, x.dtype)
      }.`,
    },
  );
}
