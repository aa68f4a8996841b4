/** The functions of a program's kernels; equal kernels share one. */
import type { Contraction, Kernel } from "../../kernel/kernel.ts";
import type { PanelOperand } from "../contract/mod.ts";
import { emitContraction } from "../contraction.ts";
import { emitConvolution } from "../convolution.ts";
import { emitCopy } from "../copy.ts";
import { emitCumulative } from "../cumulative.ts";
import {
  emitPartialReduction,
  emitPieces,
  emitRows,
  emitScatterCopies,
  emitScatterOfRows,
  emitScatterParts,
  type KernelFunction,
  type ModuleContext,
} from "../nest/mod.ts";
import { emitRoutine } from "../routine.ts";
import { emitSort } from "../sort/sort.ts";
import { emitTopk } from "../sort/topk.ts";

/** A text that is equal for equal kernels. Plain JSON has no -0, infinities and NaN: those are listed behind it. */
function kernelKey(kernel: Kernel): string {
  const special: string[] = [];
  const note = (value: number | undefined, i: number): void => {
    if (value !== undefined && (!Number.isFinite(value) || Object.is(value, -0))) {
      special.push(`${i}:${Object.is(value, -0) ? "-0" : value}`);
    }
  };
  const statements = kernel.kind === "nest"
    ? kernel.statements
    : kernel.kind === "contraction" || kernel.kind === "convolution"
    ? kernel.epilogue.statements
    : [];
  statements.forEach((s, i) => {
    if (s.kind === "constant") note(s.value, i);
    else if (s.kind === "load") note(s.fill, i);
  });
  return JSON.stringify(kernel) + special.join();
}

export function emitKernel(context: ModuleContext, kernel: Kernel): KernelFunction {
  switch (kernel.kind) {
    case "nest":
      return emitPartialReduction(context, kernel) ?? emitScatterOfRows(context, kernel) ??
        emitScatterParts(context, kernel) ?? emitScatterCopies(context, kernel) ??
        emitPieces(context, kernel) ?? emitRows(context, kernel);
    case "contraction":
      return emitContraction(context, kernel);
    case "copy":
      return emitCopy(context, kernel);
    case "cumulative":
      return emitCumulative(context, kernel);
    case "sort":
      return emitSort(context, kernel);
    case "topk":
      return emitTopk(context, kernel);
    case "convolution":
      return emitConvolution(context, kernel);
    case "routine":
      return emitRoutine(context, kernel);
    case "shader":
      throw new Error("A shader of the user's was scheduled for WebAssembly.");
  }
}

/** Emits each different kernel once. */
export class KernelTable {
  readonly context: ModuleContext;
  readonly #byKey: Map<string, KernelFunction> = new Map();
  readonly #byKernel: Map<Kernel, KernelFunction> = new Map();

  constructor(context: ModuleContext) {
    this.context = context;
  }

  get(kernel: Kernel): KernelFunction {
    let found = this.#byKernel.get(kernel);
    if (found !== undefined) return found;
    found = this.#once(kernelKey(kernel), () => emitKernel(this.context, kernel));
    this.#byKernel.set(kernel, found);
    return found;
  }

  /** The function of a product that takes one more pointer, that of an operand in panels. */
  withPanels(kernel: Contraction, panels: PanelOperand): KernelFunction {
    return this.#once(
      `panels ${panels} ${kernelKey(kernel)}`,
      () => emitContraction(this.context, kernel, { panels }),
    );
  }

  #once(key: string, emit: () => KernelFunction): KernelFunction {
    let found = this.#byKey.get(key);
    if (found === undefined) this.#byKey.set(key, found = emit());
    return found;
  }
}
