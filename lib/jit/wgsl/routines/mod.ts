/** Matrix decompositions and Fourier transforms as shaders. */
import type { KernelPlan } from "../plan.ts";
import { planCholesky } from "./cholesky.ts";
import { planEigh } from "./eigh.ts";
import { planFft, planIrfft, planRfft } from "./fft.ts";
import { planLu } from "./lu.ts";
import { planQr } from "./qr.ts";
import { planSvd } from "./svd.ts";
import { planLuSolve, planTriangularSolve } from "./triangular_solve.ts";
import type { RoutineContext } from "./stage.ts";

const PLANNERS: Readonly<Record<string, (context: RoutineContext) => KernelPlan>> = {
  cholesky: planCholesky,
  triangularSolve: planTriangularSolve,
  lu: planLu,
  luSolve: planLuSolve,
  qr: planQr,
  eigh: planEigh,
  svd: planSvd,
  fft: planFft,
  rfft: planRfft,
  irfft: planIrfft,
};

/** Whether there are shaders for a routine; the host evaluates others. */
export function knowsRoutine(name: string): boolean {
  return name in PLANNERS;
}

export function planRoutine(context: RoutineContext): KernelPlan {
  const { routine, shapes, operands } = context.kernel;
  const plan = PLANNERS[routine];
  if (!plan) throw new Error(`There is no WebGPU code for the routine "${routine}".`);
  if (shapes.every((shape, i) => operands[i].access === "read" || shape.includes(0))) {
    return { dispatches: [], scratchBytes: 0 };
  }
  return plan(context);
}
