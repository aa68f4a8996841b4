/** Loads the library. */
import "../../mod.ts";
