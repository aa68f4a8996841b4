/** Convolutions: read where images lie, or as nests. */
import { convolutionNest } from "../kernel/convolution_nest.ts";
import type { Convolution } from "../kernel/kernel.ts";
import { emitDirectConvolution } from "./convolve/mod.ts";
import { emitNest, type KernelFunction, type ModuleContext } from "./nest/mod.ts";

export function emitConvolution(context: ModuleContext, kernel: Convolution): KernelFunction {
  return emitDirectConvolution(context, kernel) ?? emitNest(context, convolutionNest(kernel));
}
