/** effect and batch: code that runs again after what it read has changed. */
import { DamoError } from "../trace/errors.ts";
import { checkFunction } from "../trace/ops/options.ts";
import { currentTrace } from "../trace/trace.ts";
import { closeBatch, EffectNode, openBatch } from "./dependencies.ts";

/**
 * Runs `fn` now, and again after a shared or computed value it read has changed: once at the end of the
 * outermost assignment, batch or compiled call, never between. Effects made inside an effect end when it runs again.
 * What `fn` throws is thrown where it was run: here at first, later by the assignment that caused it. Gives a
 * function that ends the effect.
 *
 * @throws {DamoError} inside a trace, and when an effect keeps changing what it reads.
 * @example
 * ```ts
 * import { effect, shared } from "@damo/damo";
 * const w = shared(1);
 * const seen: number[] = [];
 * const stop = effect(() => {
 *   seen.push(Number(w.value));
 * });
 * w.value = 2;
 * stop();
 * w.value = 3;
 * console.assert(seen.join() === "1,2");
 * ```
 */
export function effect(fn: () => unknown): () => void {
  checkFunction("effect", fn);
  if (currentTrace()) {
    throw new DamoError("effect: effects cannot be made inside a traced function.", {
      operation: "effect",
      remedy: "Make it outside; it will run after calls that change what it reads. To see values, use print.",
    });
  }
  const node = new EffectNode(fn, fn.name || "(without a name)");
  openBatch();
  try {
    node.run();
  } catch (error) {
    node.dispose();
    throw error;
  } finally {
    closeBatch();
  }
  return () => node.dispose();
}

/**
 * Runs `fn` and gives its result; effects wait until it ends, so that they see all its assignments at once.
 *
 * @example
 * ```ts
 * import { batch, effect, shared } from "@damo/damo";
 * const a = shared(1), b = shared(2);
 * let runs = 0;
 * effect(() => {
 *   runs++;
 *   return Number(a.value) + Number(b.value);
 * });
 * batch(() => {
 *   a.value = 3;
 *   b.value = 4;
 * });
 * console.assert(runs === 2);
 * ```
 */
export function batch<T>(fn: () => T): T {
  checkFunction("batch", fn);
  openBatch();
  try {
    return fn();
  } finally {
    closeBatch();
  }
}
