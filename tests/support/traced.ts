/** Runs operations without a device: traced into a graph, which the reference interpreter evaluates in float64. */
import { assert } from "@std/assert";
import type { DType } from "../../lib/trace/dtype.ts";
import { interpretGraph } from "../../lib/trace/interpret.ts";
import type { HostArray } from "../../lib/trace/primitive.ts";
import type { Shape } from "../../lib/trace/shape.ts";
import type { Tensor } from "../../lib/trace/tensor.ts";
import { traceFunction } from "../../lib/trace/trace.ts";

/** An input of the interpreter. */
export function hostArray(data: Iterable<number>, shape: Shape, dtype: DType = "float64"): HostArray {
  return { shape, dtype, data: Float64Array.from(data) };
}

/** The results of `build` on the given values. It must not capture concrete tensors. */
export function runTraced(
  build: (inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly HostArray[],
): HostArray[] {
  const traced = traceFunction(build, inputs.map(({ shape, dtype }) => ({ shape, dtype })));
  assert(traced.captured.length === 0, "the function captures concrete tensors");
  return interpretGraph(traced.graph, inputs);
}

/** Golden files write what JSON has no number for as text. */
export type GoldenNumber = number | "NaN" | "Infinity" | "-Infinity" | "-0";

export function goldenNumbers(values: readonly GoldenNumber[]): number[] {
  return values.map(Number);
}

/** Compares with a relative tolerance; NaN, infinities and (when asked) the sign of zeros exactly. */
export function assertNumbersClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: (index: number) => string,
  signedZeros = false,
): void {
  assert(actual.length === expected.length, `${actual.length} elements, expected ${expected.length}`);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i], e = expected[i];
    const same = signedZeros ? Object.is(a, e) : a === e || (a !== a && e !== e);
    const near = !(signedZeros && e === 0) && Math.abs(a - e) <= tolerance * Math.abs(e);
    assert(same || near, `${what(i)} is ${a}, expected ${e}`);
  }
}
