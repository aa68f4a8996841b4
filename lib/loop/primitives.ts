/** The primitives of this folder. */
import type { Primitive } from "../trace/primitive.ts";
import { loopPrimitive } from "./loop_primitive.ts";
import { switchPrimitive } from "./switch_primitive.ts";

export const loopPrimitives: readonly Primitive[] = [
  loopPrimitive,
  switchPrimitive,
] as readonly unknown[] as readonly Primitive[];
