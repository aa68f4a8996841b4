/** Labels, counts and rows as users write them: plain integers in arrays are integers there, not floats. */
import { rangeOf } from "../dtype.ts";
import type { Tensor } from "../tensor.ts";
import { strong, type TensorLike, toTensor } from "./convert.ts";

const [LOWEST, HIGHEST] = rangeOf("int32");

function plainIntegers(x: unknown): boolean {
  if (Array.isArray(x)) return x.every(plainIntegers);
  return typeof x === "number" && Number.isInteger(x) && x >= LOWEST && x <= HIGHEST;
}

/** A number or nested arrays of integers as int32; all else as it is, plain floats as the default float. */
export function integersOf(x: TensorLike, operation: string): Tensor {
  return plainIntegers(x) ? toTensor(x, { dtype: "int32", operation }) : strong(x, operation);
}
