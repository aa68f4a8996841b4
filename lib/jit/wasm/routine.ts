/** Irregular algorithms by name: each is a generator of one function. */
import type { Routine } from "../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";
import { routines } from "./routines/mod.ts";

/** Emits `(pointers of the operands..., begin, end)` for a routine. */
export type RoutineGenerator = (context: ModuleContext, kernel: Routine) => KernelFunction;

const generators: Map<string, RoutineGenerator> = new Map(Object.entries(routines));

/** The names that {@linkcode emitRoutine} knows. */
export function knowsRoutine(name: string): boolean {
  return generators.has(name);
}

export function emitRoutine(context: ModuleContext, kernel: Routine): KernelFunction {
  const generator = generators.get(kernel.routine);
  if (generator === undefined) {
    throw new Error(`There is no WebAssembly code for the routine "${kernel.routine}".`);
  }
  return generator(context, kernel);
}
