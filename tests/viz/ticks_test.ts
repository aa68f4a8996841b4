import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { minorTicks, placeOn, type Scale, scaleFor, ticksFor } from "../../lib/viz/ticks.ts";

function labels(scale: Scale, count = 5): string[] {
  return ticksFor(scale, count).map(({ label }) => label);
}

Deno.test("Linear marks stand at round numbers and say them briefly", () => {
  assertEquals(labels({ kind: "linear", low: 0, high: 1 }), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assertEquals(labels({ kind: "linear", low: -1, high: 1 }, 4), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
  assertEquals(labels({ kind: "linear", low: 3, high: 11 }, 4), ["4", "6", "8", "10"]);
  assertEquals(labels({ kind: "linear", low: 0, high: 60000 }, 3), [
    "0",
    "20\u2009000",
    "40\u2009000",
    "60\u2009000",
  ]);
  assertEquals(labels({ kind: "linear", low: 0, high: 4e-7 }, 2), ["0", "2×10⁻⁷", "4×10⁻⁷"]);
  assertEquals(labels({ kind: "linear", low: 0, high: 3e9 }, 3), ["0", "10⁹", "2×10⁹", "3×10⁹"]);
  assertEquals(labels({ kind: "linear", low: 0.97, high: 0.99 }, 2), ["0.97", "0.98", "0.99"]);
});

Deno.test("Where only whole numbers have a meaning no mark stands between them", () => {
  const values = ticksFor({ kind: "linear", low: 0, high: 2 }, 8, 1).map(({ value }) => value);
  assertEquals(values, [0, 1, 2]);
});

Deno.test("Logarithmic marks stand at powers of ten, or at parts of them when there are few", () => {
  assertEquals(labels({ kind: "log", low: 1e-5, high: 1 }), ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]);
  assertEquals(labels({ kind: "log", low: 0.01, high: 1 }), ["0.01", "0.03", "0.1", "0.3", "1"]);
  assertEquals(labels({ kind: "log", low: 1, high: 10 }), ["1", "2", "5", "10"]);
  assertEquals(labels({ kind: "log", low: 0.9, high: 1 }, 2), ["0.90", "0.95", "1.00"]);
  assertEquals(minorTicks({ kind: "log", low: 1, high: 10 }), [2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(minorTicks({ kind: "linear", low: 1, high: 10 }), []);
});

Deno.test("For any range there are a few marks inside it, evenly spaced, each with its own label", () => {
  let seed = 12345;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let trial = 0; trial < 2000; trial++) {
    const size = 10 ** (random() * 16 - 8);
    const low = (random() * 4 - 2) * size;
    const scale: Scale = { kind: "linear", low, high: low + size * (random() + 0.01) };
    const ticks = ticksFor(scale, 6);
    assert(ticks.length >= 2 && ticks.length <= 8, `${ticks.length} marks for ${JSON.stringify(scale)}`);
    assertEquals(new Set(ticks.map(({ label }) => label)).size, ticks.length, JSON.stringify(scale));
    const step = ticks[1].value - ticks[0].value;
    ticks.forEach(({ value }, i) => {
      assertAlmostEquals(value, ticks[0].value + i * step, Math.abs(step) * 1e-6);
      const place = placeOn(scale, value);
      assert(place >= -1e-6 && place <= 1 + 1e-6);
    });
  }
});

Deno.test("A scale holds its values with a margin, and a constant gets a range", () => {
  assertEquals(scaleFor("linear", [0, 10], [undefined, undefined], 0.1), {
    kind: "linear",
    low: -1,
    high: 11,
  });
  assertEquals(scaleFor("linear", [0, 10], [0, undefined], 0.1), { kind: "linear", low: 0, high: 11 });
  const constant = scaleFor("linear", [5, 5], [undefined, undefined], 0.1);
  assert(constant.low < 5 && constant.high > 5);
  const zero = scaleFor("linear", [0, 0], [undefined, undefined], 0.1);
  assert(zero.low < 0 && zero.high > 0);
  const beyond = scaleFor("linear", [0, 1], [5, undefined], 0);
  assert(beyond.low === 5 && beyond.high > 5);
  const below = scaleFor("log", [10, 100], [undefined, 1], 0);
  assert(below.high === 1 && below.low < 1 && below.low > 0);
  const log = scaleFor("log", [1, 100], [undefined, undefined], 0.5);
  assertAlmostEquals(log.low, 0.1, 1e-12);
  assertAlmostEquals(log.high, 1000, 1e-9);
  assertAlmostEquals(placeOn(log, 10), 0.5, 1e-12);
});
