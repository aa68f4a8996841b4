/** Contractions: matrix products with elementwise work on their results. */
import { contractionNest } from "../kernel/contraction_nest.ts";
import type { Contraction } from "../kernel/kernel.ts";
import { emitNest, type KernelFunction, type ModuleContext } from "./nest/mod.ts";
import { emitProduct } from "./product.ts";

export function emitContraction(context: ModuleContext, kernel: Contraction): KernelFunction {
  return emitProduct(context, kernel) ?? emitNest(context, contractionNest(kernel));
}
