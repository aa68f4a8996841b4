/**
 * Optimisers over shared parameters, and their pure forms.
 *
 * @module
 */
import "../jit/install.ts";
import "../trace/ops/mod.ts";

export { adam, type AdamOptions, adamW, type AdamWOptions } from "./adam.ts";
export {
  adaDelta,
  type AdaDeltaOptions,
  adaGrad,
  type AdaGradOptions,
  rmsProp,
  type RmsPropOptions,
} from "./adaptive.ts";
export { clipByGlobalNorm, globalNorm } from "./clip.ts";
export { Optimizer, type OptimizerState, type Rate, type StepOptions, type Tree } from "./optimizer.ts";
/** Learning rates that change with the number of steps. */
export * as schedule from "./schedule.ts";
export type { CosineOptions, Schedule, StepScheduleOptions } from "./schedule.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
