import { assert, assertEquals } from "@std/assert";
import { planFilters } from "../../../lib/jit/wasm/convolve/filters_plan.ts";
import { type Geometry, geometryOf } from "../../../lib/jit/wasm/convolve/geometry.ts";
import { grainOf, planWindows } from "../../../lib/jit/wasm/convolve/windows_plan.ts";

/** Square images [number, channels, size, size] and filters [filters, channels, taps, taps]. */
function square(
  number: number,
  channels: number,
  size: number,
  filters: number,
  taps: number,
  pad: number,
): Geometry {
  const out = size + 2 * pad - taps + 1;
  return geometryOf({
    dtype: "float32",
    inputShape: [number, channels, size, size],
    kernelShape: [filters, channels, taps, taps],
    outputShape: [number, filters, out, out],
    strides: [1, 1],
    padding: [[pad, pad], [pad, pad]],
    inputDilation: [1, 1],
    kernelDilation: [1, 1],
    groups: 1,
    batchGroups: 1,
  })!;
}

Deno.test("rows of taps in the padding are left out where they are much of the work", () => {
  // The gradient with respect to images of 5x5 filters: 28 * 5 of 32 * 5 rows lie in the image.
  assertEquals(planWindows(square(32, 32, 28, 16, 5, 4))!.omitted, 1 - 28 / 32);
  // 3x3 over 7x7: 19 of 21.
  assertEquals(planWindows(square(32, 128, 7, 128, 3, 1))!.omitted, 1 - 19 / 21);
  // 5x5 over 4x4, whose filters are larger than the images: 14 of 20.
  assertEquals(planFilters(square(64, 64, 4, 64, 5, 2)), null);
  assertEquals(planWindows(square(64, 64, 4, 64, 5, 2))!.omitted, 1 - 14 / 20);
  // The gradient with respect to 3x3 filters over 7x7: 19 of 21.
  assertEquals(planFilters(square(128, 32, 7, 128, 7, 1))!.omitted, 1 - 19 / 21);
  assertEquals(planFilters(square(16, 32, 32, 32, 28, 0))!.skips, false);
  assertEquals(planWindows(square(8, 64, 224, 64, 3, 1))!.skips, false);
  assertEquals(planWindows(square(32, 16, 32, 32, 5, 0))!.skips, false);
});

Deno.test("calls are as large as packing asks for, and not so large that a thread waits", () => {
  // 32 images on two threads: 11 calls of 3 would be 18 images for one of them.
  for (const threads of [1, 2, 3, 4, 8]) {
    const sharing = { units: 32, unitCost: 500_000, packing: 12_800, threads };
    const calls = Math.ceil(32 / grainOf(sharing));
    assert(Math.ceil(calls / threads) * grainOf(sharing) <= 1.1 * 32 / threads + 1, `${threads} threads`);
  }
  const packing = grainOf({ units: 10_000, unitCost: 1000, packing: 1_000_000, threads: 2 });
  assert(packing > 1000 && packing <= 2500, `${packing} units`);
});
