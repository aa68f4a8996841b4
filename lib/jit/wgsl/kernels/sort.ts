/** Sorting. */
import type { Sort } from "../../kernel/kernel.ts";
import type { Place } from "../access.ts";
import type { KernelPlan } from "../plan.ts";
import type { Tuning } from "../tuning.ts";

export function planSort(_kernel: Sort, _places: readonly Place[], _tuning: Tuning): KernelPlan {
  throw new Error("sort");
}
