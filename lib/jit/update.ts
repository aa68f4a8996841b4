/** update: changing several shared variables at once. */
import { DamoError } from "../trace/errors.ts";
import type { TensorLike } from "../trace/ops/convert.ts";
import { Shared } from "../trace/shared.ts";
import { currentTrace } from "../trace/trace.ts";
import { batch } from "./effect.ts";

/**
 * Assigns several shared variables at once: every right side reads the old values. All are assigned, or, when one value
 * does not fit, none.
 *
 * @throws {DamoError} when a variable occurs twice.
 * @throws {ShapeError} when a value has another shape than its variable.
 * @throws {DTypeError} when a value has another dtype than its variable.
 * @example
 * ```ts
 * import { shared, update } from "@damo/damo";
 * const a = shared(1), b = shared(2);
 * update([[a, b.value], [b, a.value]]);
 * console.assert(a.value.itemSync() === 2 && b.value.itemSync() === 1);
 * ```
 */
export function update(pairs: readonly (readonly [Shared, TensorLike])[]): void {
  const seen = new Set<Shared>();
  if (!Array.isArray(pairs)) throw notPaired("the argument is no list of pairs");
  pairs.forEach((pair, i) => {
    const [target] = Array.isArray(pair) ? pair : [];
    if (!(target instanceof Shared)) {
      throw notPaired(`pair ${i} does not start with a shared variable`);
    }
    if (seen.has(target)) {
      throw new DamoError(`update: the shared variable ${target.name} is given two new values.`, {
        operation: "update",
        arguments: [{ name: target.name, shape: target.shape, dtype: target.dtype }],
        remedy: "Name each variable once.",
      });
    }
    seen.add(target);
  });
  // A Shared on the right side means its value before any assignment.
  const values = pairs.map(([, value]) => value instanceof Shared ? value.value : value);
  const before = snapshot([...seen]);
  batch(() => {
    try {
      pairs.forEach(([target], i) => target.value = values[i] as Shared["value"]);
    } catch (error) {
      before();
      throw error;
    }
  });
}

/** Remembers the values of variables; the function given back restores them. */
function snapshot(variables: readonly Shared[]): () => void {
  const trace = currentTrace();
  if (trace) {
    const writes = new Map(trace.sharedWrites);
    return () => {
      trace.sharedWrites.clear();
      for (const [variable, value] of writes) trace.sharedWrites.set(variable, value);
    };
  }
  const tensors = variables.map((variable) => variable.current());
  return () => variables.forEach((variable, i) => variable.replace(tensors[i]));
}

function notPaired(problem: string): DamoError {
  return new DamoError(`update: ${problem}.`, {
    operation: "update",
    remedy: "Write update([[w, newW], ...]) with variables made by shared().",
  });
}
