/** The primitives of this folder. */
import type { Primitive } from "../trace/primitive.ts";
import { incompleteBetaPrimitives } from "./incomplete_beta.ts";
import { incompleteGammaPrimitives } from "./incomplete_gamma.ts";

export const specialPrimitives: readonly Primitive[] = [
  ...incompleteGammaPrimitives,
  ...incompleteBetaPrimitives,
] as readonly unknown[] as readonly Primitive[];
