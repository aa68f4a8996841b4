/** Types in messages of layers. */
import { describeType } from "../trace/errors.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";

/** `float32[2, 3]` of a tensor. */
export function describe(x: Tensor): string {
  return describeType(x.dtype, x.shape);
}

/** `float32[2, 3]` of a shared variable. */
export function describeShared(x: Shared): string {
  return describeType(x.dtype, x.shape);
}
