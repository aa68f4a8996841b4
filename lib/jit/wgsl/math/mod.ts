/** Functions of WGSL that kernels call, all together. */
import { besselHelpers } from "./bessel.ts";
import { errorFunctionHelpers } from "./error_function.ts";
import { exponentialHelpers } from "./exponential.ts";
import { gammaHelpers } from "./gamma.ts";
import type { HelperTable } from "./helper.ts";
import { integerHelpers } from "./integer.ts";
import { logarithmHelpers } from "./logarithm.ts";
import { trigonometricHelpers } from "./trigonometric.ts";
import { twoFloatsHelpers } from "./two_floats.ts";

let table: HelperTable | undefined;

/** All helpers by name; made when the first shader is written, since there are programs without any. */
export function helpers(): HelperTable {
  return table ??= {
    ...integerHelpers(),
    ...exponentialHelpers(),
    ...logarithmHelpers(),
    ...trigonometricHelpers(),
    ...twoFloatsHelpers(),
    ...errorFunctionHelpers(),
    ...gammaHelpers(),
    ...besselHelpers(),
  };
}
