/** Running sums, products and extrema. */
import type { Cumulative } from "../../kernel/kernel.ts";
import type { Place } from "../access.ts";
import type { KernelPlan } from "../plan.ts";
import type { Tuning } from "../tuning.ts";

export function planCumulative(
  _kernel: Cumulative,
  _places: readonly Place[],
  _tuning: Tuning,
): KernelPlan {
  throw new Error("cumulative");
}
