/**
 * The native code of WebAssembly modules is memory that the garbage collector does not see, and what compiling leaves
 * behind lets its heap grow to several hundred megabytes: a program that meets thousands of shapes asks for a collection
 * now and then. Where the engine's own collector cannot be had, an untouched array stands for the weight instead.
 */
import { makeBallast } from "../../memory/mod.ts";

/** Modules compiled between two collections: one takes some 20 ms, and optimised code has to warm up again after it. */
const MODULES_PER_COLLECTION = 1024;

let modules = 0;
let collect: (() => void) | undefined;

interface Engine {
  setFlagsFromString(flags: string): void;
}

interface Contexts {
  runInNewContext(code: string): unknown;
}

/** The engine's collector, which V8 hands out in a new context once asked to; a ballast elsewhere. */
function findCollector(): () => void {
  try {
    const { getBuiltinModule } = (globalThis as unknown as {
      process: { getBuiltinModule(name: string): unknown };
    }).process;
    (getBuiltinModule("node:v8") as Engine).setFlagsFromString("--expose-gc");
    const gc = (getBuiltinModule("node:vm") as Contexts).runInNewContext("gc");
    if (typeof gc === "function") return () => void gc();
  } catch {
    // A browser has none of this.
  }
  return makeBallast;
}

/** Counts one compiled module. */
export function weighModule(): void {
  if (++modules % MODULES_PER_COLLECTION === 0) (collect ??= findCollector())();
}
