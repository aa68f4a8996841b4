/**
 * The native code of WebAssembly modules is memory that the garbage collector does not see: dropped programs wait for
 * a collection that nothing asks for. An untouched array, dropped at once, stands for a number of modules.
 */
import { makeBallast } from "./block_cache.ts";

/** Modules compiled between two ballasts: at up to 1 MB each with what compiling left behind. */
const MODULES_PER_BALLAST = 64;

let modules = 0;

/** Counts one compiled module. */
export function weighModule(): void {
  if (++modules % MODULES_PER_BALLAST === 0) makeBallast();
}
