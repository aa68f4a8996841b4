/** Tests of operations as users write them: run at once, on the reference interpreter and on each device. */
import { assertEquals } from "@std/assert";
import { type DType, type Tensor, tensor } from "@damo/damo";
import { referenceExecutor } from "../../lib/jit/reference/executor.ts";
import { deviceTest, wide } from "./devices.ts";
import { withExecutor } from "../../lib/trace/storage.ts";
import { sizeOf } from "../../lib/trace/shape.ts";
import { type GoldenNumber, goldenNumbers } from "./traced.ts";

/** Registers a test for the reference interpreter and for each device. */
export function testEverywhere(promise: string, body: () => void): void {
  Deno.test(`${promise} (reference)`, () => withExecutor(referenceExecutor, body));
  deviceTest(promise, body);
}

/** The k-th operand of a case of tests/golden/arrays.py: small integers that follow a rule. */
export function goldenOperand(shape: readonly number[], k = 0, dtype: DType = wide()): Tensor {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + 3 * k) % 23) - 11);
  return tensor(data, { shape: [...shape], dtype });
}

/** What NumPy gave. */
export interface GoldenArray {
  readonly shape: readonly number[];
  readonly data: readonly GoldenNumber[];
}

export function assertGolden(actual: Tensor, expected: GoldenArray, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], what);
  // The file holds integers, and so no negative zeros.
  assertEquals(Array.from(actual.dataSync(), (value) => value + 0), goldenNumbers(expected.data), what);
}

/** The elements of a tensor as plain numbers. */
export function numbers(x: Tensor): number[] {
  return Array.from(x.dataSync());
}
