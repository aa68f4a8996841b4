/** Products in register tiles. */
import type { Contraction } from "../../kernel/kernel.ts";
import type { Place } from "../access.ts";
import type { KernelPlan } from "../plan.ts";
import type { Tuning } from "../tuning.ts";

export function planContraction(
  _kernel: Contraction,
  _places: readonly Place[],
  _tuning: Tuning,
): KernelPlan | null {
  return null;
}
