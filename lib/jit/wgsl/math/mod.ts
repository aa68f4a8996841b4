/** All helpers by name. */
import { EXPONENTIAL } from "./exponential.ts";
import type { HelperTable } from "./helper.ts";
import { INTEGER } from "./integer.ts";
import { LOGARITHM } from "./logarithm.ts";
import { SPECIAL } from "./special.ts";
import { TRIGONOMETRIC } from "./trigonometric.ts";

export const HELPERS: HelperTable = {
  ...INTEGER,
  ...EXPONENTIAL,
  ...LOGARITHM,
  ...TRIGONOMETRIC,
  ...SPECIAL,
};
