/** The primitives of this folder: what the table of primitives must have rows for. */
import type { Primitive } from "../trace/primitive.ts";
import { checkpointPrimitive } from "./checkpoint.ts";
import { customCallPrimitive } from "./custom_call.ts";
import { linearCallPrimitive } from "./linear_call.ts";
import { recomputeBarrierPrimitive } from "./recompute_barrier.ts";

export const autodiffPrimitives: readonly Primitive[] = [
  checkpointPrimitive,
  customCallPrimitive,
  linearCallPrimitive,
  recomputeBarrierPrimitive,
] as readonly unknown[] as readonly Primitive[];
