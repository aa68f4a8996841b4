/** Schedules: learning rates as functions of the number of steps taken before. */
import { defaultFloat } from "../trace/dtype.ts";
import { DamoError } from "../trace/errors.ts";
import { pow } from "../trace/ops/arithmetic.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import type { Tensor } from "../trace/tensor.ts";
import { checkNumber } from "./optimizer.ts";

/** The rate at a step; steps count from 0. It computes with tensors, so that a compiled function need not be traced again. */
export type Schedule = (step: TensorLike) => Tensor;

/** Options of cosine. */
export interface CosineOptions {
  /** The rate at the end and from then on; 0 by default. */
  readonly final?: number;
}

/** Options of step. */
export interface StepScheduleOptions {
  /** What the rate is multiplied by; 0.1 by default. */
  readonly factor?: number;
}

function count(step: TensorLike): Tensor {
  return strong(step, "optim.schedule").cast(defaultFloat());
}

function checkSteps(operation: string, name: string, steps: number): number {
  if (Number.isInteger(steps) && steps >= 1) return steps;
  throw new DamoError(`${operation}: ${name} is ${String(steps)}.`, {
    operation,
    arguments: [{ name, value: steps }],
    remedy: "Pass a positive integer number of steps.",
  });
}

/**
 * Always the same rate.
 *
 * @example
 * ```ts
 * import { optim } from "@damo/damo";
 * console.assert(optim.schedule.constant(0.5)(7).itemSync() === 0.5);
 * ```
 */
export function constant(lr: number): Schedule {
  checkNumber("optim.schedule.constant", "lr", lr);
  return (step) => count(step).mul(0).add(lr);
}

/**
 * Falls from `lr` along half a period of the cosine, and stays at the end (Loshchilov and Hutter, ICLR 2017).
 *
 * @example
 * ```ts
 * import { optim } from "@damo/damo";
 * const rate = optim.schedule.cosine(0.2, 100);
 * console.assert(Math.abs(rate(50).itemSync() - 0.1) < 1e-6 && Math.abs(rate(1000).itemSync()) < 1e-6);
 * ```
 */
export function cosine(lr: number, steps: number, options: CosineOptions = {}): Schedule {
  const operation = "optim.schedule.cosine";
  checkOptions(operation, options, ["final"]);
  checkNumber(operation, "lr", lr);
  checkSteps(operation, "steps", steps);
  const { final = 0 } = options;
  checkNumber(operation, "final", final);
  return (step) => {
    const t = count(step).minimum(steps);
    return t.mul(Math.PI / steps).cos().add(1).mul((lr - final) / 2).add(final);
  };
}

/**
 * Multiplied by `factor` after every so many steps.
 *
 * @example
 * ```ts
 * import { optim } from "@damo/damo";
 * const rate = optim.schedule.step(1, 10, { factor: 0.5 });
 * console.assert(rate(9).itemSync() === 1 && rate(20).itemSync() === 0.25);
 * ```
 */
export function step(lr: number, every: number, options: StepScheduleOptions = {}): Schedule {
  const operation = "optim.schedule.step";
  checkOptions(operation, options, ["factor"]);
  checkNumber(operation, "lr", lr);
  checkSteps(operation, "every", every);
  const { factor = 0.1 } = options;
  checkNumber(operation, "factor", factor);
  return (step) => pow(factor, count(step).div(every).floor()).mul(lr);
}

/**
 * Rises in equal parts to another schedule, or a rate, over so many steps; then the schedule begins.
 *
 * @example
 * ```ts
 * import { optim } from "@damo/damo";
 * const rate = optim.schedule.warmup(1, 4);
 * console.assert(rate(0).itemSync() === 0.25 && rate(3).itemSync() === 1 && rate(9).itemSync() === 1);
 * ```
 */
export function warmup(schedule: number | Schedule, steps: number): Schedule {
  const operation = "optim.schedule.warmup";
  checkSteps(operation, "steps", steps);
  const inner = typeof schedule === "number" ? constant(schedule) : schedule;
  return (step) => {
    const t = count(step);
    return inner(t.sub(steps).maximum(0)).mul(t.add(1).div(steps).minimum(1));
  };
}
