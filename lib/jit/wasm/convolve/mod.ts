/** Convolutions without a matrix of windows. */
import type { Convolution } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import { emitFilters } from "./filters_form.ts";
import { planFilters } from "./filters_plan.ts";
import { type ConvolutionSizes, type Geometry, geometryOf } from "./geometry.ts";
import { type Results, resultsOf } from "./results.ts";
import { emitWindows } from "./windows_form.ts";
import { planWindows } from "./windows_plan.ts";

/** How the function of a convolution is emitted; null where no form fits. */
function formOf(geometry: Geometry): ((context: ModuleContext, results: Results) => KernelFunction) | null {
  const filters = planFilters(geometry);
  if (filters !== null) return (context, results) => emitFilters(context, geometry, filters, results);
  const windows = planWindows(geometry);
  return windows === null ? null : (context, results) => emitWindows(context, geometry, windows, results);
}

/** The function of a convolution in the form that fits it; null where none does. */
export function emitDirectConvolution(context: ModuleContext, kernel: Convolution): KernelFunction | null {
  const geometry = geometryOf(kernel);
  const emit = geometry && formOf(geometry);
  const results = emit && resultsOf(context, kernel);
  return results ? emit(context, results) : null;
}

/** Whether a convolution is best left to {@linkcode emitDirectConvolution}. */
export function isDirect(sizes: ConvolutionSizes): boolean {
  const geometry = geometryOf(sizes);
  return geometry !== null && formOf(geometry) !== null;
}
