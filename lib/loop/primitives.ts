/** The primitives of this folder. */
import type { Primitive } from "../trace/primitive.ts";
import { stackLimit } from "./stack_limit.ts";
import { loopPrimitive } from "./loop_primitive.ts";
import { switchPrimitive } from "./switch_primitive.ts";

export const loopPrimitives: readonly Primitive[] = [
  loopPrimitive,
  switchPrimitive,
  stackLimit,
] as readonly unknown[] as readonly Primitive[];
