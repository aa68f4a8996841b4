/** What the tests of the passes over loops share. */
import { assert, assertEquals } from "@std/assert";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { type Aval, sizeOf } from "../../../lib/trace/shape.ts";
import { TestRandom } from "../../support/random.ts";

export const avalsOf = (...shapes: number[][]): Aval[] =>
  shapes.map((shape) => ({ shape, dtype: "float64" }));

export function hostInputs(avals: readonly Aval[], seed: number): HostArray[] {
  const random = new TestRandom(seed);
  return avals.map(({ shape, dtype }) => ({
    shape,
    dtype,
    data: Float64Array.from({ length: sizeOf(shape) }, () => random.next() * 2 - 1),
  }));
}

export function assertSame(actual: readonly HostArray[], expected: readonly HostArray[], what: string): void {
  expected.forEach((e, k) => {
    assertEquals(actual[k].shape, e.shape, `${what}, output ${k}`);
    e.data.forEach((value, i) => {
      const difference = Math.abs(actual[k].data[i] - value);
      assert(
        difference <= 1e-10 * (1 + Math.abs(value)),
        `${what}, output ${k}[${i}]: ${actual[k].data[i]}, not ${value}`,
      );
    });
  });
}
