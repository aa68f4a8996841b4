/** Convolutions without a matrix of windows. */
import type { Convolution } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { type ConvolutionSizes, geometryOf } from "./geometry.ts";
import { emitWindows, planWindows } from "./windows_form.ts";

/** The function of a convolution in the form that fits it; null where none does. */
export function emitDirectConvolution(context: ModuleContext, kernel: Convolution): KernelFunction | null {
  const geometry = geometryOf(kernel);
  if (geometry === null) return null;
  const plan = planWindows(geometry);
  return plan === null ? null : emitWindows(context, geometry, plan);
}

/** Whether a convolution is best left to {@linkcode emitDirectConvolution}. */
export function isDirect(sizes: ConvolutionSizes): boolean {
  const geometry = geometryOf(sizes);
  return geometry !== null && planWindows(geometry) !== null;
}
