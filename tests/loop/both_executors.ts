/** Runs a test on the reference interpreter and on each device. */
import { referenceExecutor } from "../../lib/jit/reference/executor.ts";
import { withExecutor } from "../../lib/trace/storage.ts";
import { assert, assertEquals } from "@std/assert";
import {
  checkGrads,
  type CheckGradsOptions,
  type DType,
  grad,
  jvp,
  Tensor,
  tensor,
  withDevice,
} from "@damo/damo";
import { deviceTest, wide } from "../support/devices.ts";

export interface Runner {
  /** For `jit`. */
  readonly mode: "reference" | "fast";
}

/** `promise` holds on the reference and on each device. */
export function loopTest(promise: string, body: (runner: Runner) => void): void {
  Deno.test(`${promise} (reference)`, () =>
    withExecutor(referenceExecutor, () => body({ mode: "reference" })));
  deviceTest(promise, () => body({ mode: "fast" }));
}

/** A tensor of float64, or of float32 where the device has nothing wider. */
export function f64(data: number | number[] | number[][]): Tensor {
  return tensor(data, { dtype: wide() });
}

/** The derivatives of a sum of all results, of both modes and of second order, in one list. */
// deno-lint-ignore no-explicit-any -- functions of any arguments
function derivatives(fn: (...args: any[]) => unknown, args: readonly Tensor[]): number[] {
  const total = (...xs: Tensor[]): Tensor =>
    leaves(fn(...xs)).map((leaf) => leaf.sum()).reduce((a, b) => a.add(b));
  const along = args.map((x) =>
    f64(Array.from({ length: x.size }, (_, i) => Math.cos(3 * i + 1))).reshape(x.shape)
  );
  const argnums = args.map((_, i) => i);
  const slope = (...xs: Tensor[]): Tensor =>
    (grad(total, { argnums })(...xs) as Tensor[])
      .map((g, i) => g.mul(along[i]).sum()).reduce((a, b) => a.add(b));
  const results = [
    total(...args),
    jvp(total, [...args], along)[1],
    grad(total, { argnums })(...args),
    jvp(slope, [...args], along)[1],
    grad(slope, { argnums, disconnected: "zero" })(...args),
  ];
  return results.flatMap(leaves).flatMap((leaf) => Array.from(leaf.dataSync()));
}

function leaves(tree: unknown): Tensor[] {
  return tree instanceof Tensor ? [tree] : Object.values(tree as object).flatMap(leaves);
}

/**
 * Checks derivatives by differences; where the device has no float64, whose differences are too coarse beside jumps of
 * a trip count, by comparison with the same derivatives in float64 on the other device.
 */
export function checkDerivatives(
  // deno-lint-ignore no-explicit-any -- functions of any arguments
  fn: (...args: any[]) => unknown,
  args: readonly Tensor[],
  options: CheckGradsOptions = {},
): void {
  if (wide() === "float64") {
    checkGrads(fn, args, options);
    return;
  }
  const actual = derivatives(fn, args);
  const expected = withDevice(
    "wasm",
    () => derivatives(fn, args.map((x) => tensor(x.arraySync(), { dtype: "float64" }))),
  );
  assertEquals(actual.length, expected.length);
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  actual.forEach((value, i) => {
    const near = Math.abs(value - expected[i]) <= 2e-5 * scale;
    assert(near, `derivative ${i} of ${fn.name || "the function"} is ${value}, in float64 ${expected[i]}`);
  });
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
