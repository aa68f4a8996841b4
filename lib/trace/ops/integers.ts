/** Labels, counts and rows as users write them: plain integers in arrays are integers there, not floats. */
import type { Tensor } from "../tensor.ts";
import { strong, type TensorLike, toTensor } from "./convert.ts";
import { plainNumbers } from "./nested_data.ts";

/** A number or nested arrays of integers as int32; all else as it is, plain floats as the default float. */
export function integersOf(x: TensorLike, operation: string): Tensor {
  return plainNumbers(x, "int32") ? toTensor(x, { dtype: "int32", operation }) : strong(x, operation);
}
