/** Contractions by the generator of matrix products. */
import type { Contraction } from "../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";

/** The function of a contraction, or null when its operands or results are not ones that products work with. */
export function emitProduct(_context: ModuleContext, _kernel: Contraction): KernelFunction | null {
  return null;
}
