/** Contractions: matrix products with elementwise work on their results. */
import { contractionNest } from "../kernel/contraction_nest.ts";
import type { Contraction } from "../kernel/kernel.ts";
import { emitDeepProduct } from "./deep_product.ts";
import { emitNest, type KernelFunction, type ModuleContext } from "./nest/mod.ts";
import { emitProduct, type ProductOptions } from "./product.ts";

export function emitContraction(
  context: ModuleContext,
  kernel: Contraction,
  options: ProductOptions = {},
): KernelFunction {
  return (options.panels ? null : emitDeepProduct(context, kernel)) ??
    emitProduct(context, kernel, options) ?? emitNest(context, contractionNest(kernel));
}
