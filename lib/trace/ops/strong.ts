/** Operands of operations that join or multiply: one definite dtype for all. */
import type { Tensor } from "../tensor.ts";
import { promoteOperands, strong, type TensorLike } from "./convert.ts";

/** All of `xs` in the dtype they meet at; plain numbers among themselves are the default float. */
export function strongAll(operation: string, xs: readonly TensorLike[]): Tensor[] {
  return promoteOperands(operation, xs).map((x) => strong(x));
}
