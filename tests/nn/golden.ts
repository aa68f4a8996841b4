/** The cases of tests/golden/nn.py and their operands. */
import { assert, assertEquals } from "@std/assert";
import type { Tensor } from "@damo/damo";
import { widest, within } from "../support/devices.ts";
import { sizeOf } from "../../lib/trace/shape.ts";

/** One case: what a function gives for operands of a rule, and its gradient with respect to each. */
export interface NnCase {
  readonly fn: string;
  readonly shapes: readonly (readonly number[])[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly extra: readonly unknown[];
  readonly shape: readonly number[];
  readonly out: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

export function nnCases(): NnCase[] {
  return JSON.parse(Deno.readTextFileSync(new URL("../golden/nn.json", import.meta.url)));
}

function byRule(shape: readonly number[], rule: (i: number) => number): Tensor {
  return widest(Array.from({ length: sizeOf(shape) }, (_, i) => rule(i)), shape);
}

/** The k-th operand of a case. */
export function nnOperand(shape: readonly number[], k: number): Tensor {
  return byRule(shape, (i) => ((i * 37 + 11 * k) % 101 - 50) / 31);
}

/** What the result is multiplied by before it is summed and differentiated. */
export function nnWeights(shape: readonly number[]): Tensor {
  return byRule(shape, (i) => ((i * 13 + 5) % 17 - 8) / 5);
}

export function assertResult(test: NnCase, out: Tensor, tolerance = 1e-10): void {
  assertEquals([...out.shape], [...test.shape], test.fn);
  const scale = Math.max(1, ...test.out.map(Math.abs));
  assertClose(out, test.out, tolerance * scale, test.fn);
}

/** Gradients by differences are exact to about 1e-8 of their size. */
export function assertGradients(test: NnCase, gradients: readonly Tensor[], tolerance = 2e-8): void {
  assertEquals(gradients.length, test.gradients.length, test.fn);
  gradients.forEach((gradient, k) => {
    const scale = Math.max(1, ...test.gradients[k].map(Math.abs), ...test.out.map(Math.abs));
    assertClose(gradient, test.gradients[k], tolerance * scale, `gradient ${k} of ${test.fn}`);
  });
}

/** What float32 loses in a layer. */
const SINGLE = 2e-5;

function assertClose(actual: Tensor, expected: readonly number[], tolerance: number, what: string): void {
  const data = actual.dataSync();
  assertEquals(data.length, expected.length, what);
  const allowed = within(tolerance, SINGLE * Math.max(1, ...expected.map(Math.abs)));
  data.forEach((value, i) => {
    const near = Math.abs(value - expected[i]) <= allowed;
    assert(near, `${what}: element ${i} is ${value}, expected ${expected[i]}`);
  });
}
