/** Runs a test on the reference interpreter and on the compiled device. */
import { referenceExecutor } from "../../lib/jit/reference/executor.ts";
import { withExecutor } from "../../lib/trace/storage.ts";
import { type DType, Tensor, tensor } from "@damo/damo";

export interface Runner {
  /** For `jit`. */
  readonly mode: "reference" | "fast";
}

/** `promise` holds on the reference and on the device. */
export function loopTest(promise: string, body: (runner: Runner) => void): void {
  Deno.test(`${promise} (reference)`, () =>
    withExecutor(referenceExecutor, () => body({ mode: "reference" })));
  Deno.test(`${promise} (device)`, () => body({ mode: "fast" }));
}

export function f64(data: number | number[] | number[][]): Tensor {
  return tensor(data, { dtype: "float64" });
}

export function typed(data: number | number[], dtype: DType): Tensor {
  return tensor(data, { dtype });
}

/** Nested arrays of the values of a tree of tensors. */
export function values(tree: unknown): unknown {
  if (tree instanceof Tensor) return tree.arraySync();
  if (Array.isArray(tree)) return tree.map(values);
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, values(value)]));
}
