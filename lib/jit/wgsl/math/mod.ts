/** All helpers by name. */
import { BESSEL } from "./bessel.ts";
import { ERROR_FUNCTION } from "./error_function.ts";
import { EXPONENTIAL } from "./exponential.ts";
import { GAMMA } from "./gamma.ts";
import type { HelperTable } from "./helper.ts";
import { INTEGER } from "./integer.ts";
import { LOGARITHM } from "./logarithm.ts";
import { TRIGONOMETRIC } from "./trigonometric.ts";
import { TWO_FLOATS } from "./two_floats.ts";

export const HELPERS: HelperTable = {
  ...INTEGER,
  ...EXPONENTIAL,
  ...LOGARITHM,
  ...TRIGONOMETRIC,
  ...TWO_FLOATS,
  ...ERROR_FUNCTION,
  ...GAMMA,
  ...BESSEL,
};
