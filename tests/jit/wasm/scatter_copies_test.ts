/** Many updates added to few places: in parts, each to a copy of its own. */
import { assert, assertEquals } from "@std/assert";
import { TestRandom } from "../../support/random.ts";
import { sameOnThreads } from "./thread_runner.ts";

/** `rows` updates of `columns` elements for `places` places, some of which do not exist. */
function updatesFor(rows: number, places: number): Int32Array {
  const random = new TestRandom(rows);
  return Int32Array.from({ length: rows }, () => Math.floor(random.next() * (places + 2)) - 1);
}

function noise(length: number, seed: number): number[] {
  const random = new TestRandom(seed);
  return Array.from({ length }, () => random.normal());
}

// One element for each update, a few, more rows than divide evenly, and so few places that there are many for each.
for (
  const [rows, columns, places] of [[131_075, 1, 1000], [40_001, 5, 100], [70_000, 3, 2], [140_003, 1, 4001]]
) {
  Deno.test(`${rows} updates of ${columns} elements for ${places} places are added in parts`, () => {
    const index = updatesFor(rows, places);
    const updates = Float32Array.from(noise(rows * columns, 1)),
      target = Float32Array.from(noise(places * columns, 2));
    const [sums] = sameOnThreads((target, index, updates) => [target.withAdded([index], updates)], [
      { shape: [places, columns], values: target },
      { shape: [rows], values: index },
      { shape: [rows, columns], values: updates },
    ]);
    const expected = Float64Array.from(target), size = Float64Array.from(target, Math.abs);
    index.forEach((named, row) => {
      // A negative index counts from the end.
      const place = named < 0 ? named + places : named;
      if (place >= places) return;
      for (let c = 0; c < columns; c++) {
        expected[place * columns + c] += updates[row * columns + c];
        size[place * columns + c] += Math.abs(updates[row * columns + c]);
      }
    });
    expected.forEach((value, i) => assert(Math.abs(value - Number(sums[i])) < 1e-5 * size[i], `${i}`));
  });
}

Deno.test("integers are added exactly, computed updates too, and what no update names keeps its bits", () => {
  const rows = 200_001, places = 301;
  const index = updatesFor(rows, 300);
  const counts = new Int32Array(places), sums = new Float64Array(places);
  index.forEach((named, i) => {
    const place = named < 0 ? named + places : named;
    counts[place] += 1;
    sums[place] += i % 8 + 1;
  });
  const updates = Float32Array.from({ length: rows }, (_, i) => i % 8);
  const target = new Float32Array(places).fill(-0), zeros = new Int32Array(places);
  const [counted, added, last] = sameOnThreads((zeros, target, index, updates) => [
    zeros.withAdded([index], 1),
    target.withAdded([index], updates.add(1)),
    target.withAdded([index.mul(0)], updates.mul(0).sub(0)),
  ], [
    { shape: [places], values: zeros },
    { shape: [places], values: target },
    { shape: [rows], values: index },
    { shape: [rows], values: updates },
  ]);
  assertEquals([...counted].map(Number), [...counts]);
  assertEquals([...added].map(Number), [...sums].map((sum, i) => counts[i] === 0 ? -0 : sum));
  assertEquals(Number(last[1]), -0);
});
