// Scalar functions that take over the rare lanes which vector code cannot do exactly: trigonometric functions of
// huge arguments, whose reduction modulo pi needs more than a thousand bits of pi.

import type { ModuleBuilder } from "../assembler/mod.ts";

/** Indices of the functions, each from float64 to float64. */
export interface MathHelpers {
  readonly sin: number;
  readonly cos: number;
  readonly tan: number;
}

/** The module name of the imports. */
export const mathImportModule: string = "math";

/** What to give an instance under {@linkcode mathImportModule}. */
export const mathImports: Readonly<Record<keyof MathHelpers, (x: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
};

/** Declares the imports in a module (before its functions) and returns their indices. */
export function importMathHelpers(module: ModuleBuilder): MathHelpers {
  const declare = (name: keyof MathHelpers): number =>
    module.importFunction({ module: mathImportModule, name }, { params: ["f64"], results: ["f64"] });
  return { sin: declare("sin"), cos: declare("cos"), tan: declare("tan") };
}
