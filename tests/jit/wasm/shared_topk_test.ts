/** The largest elements of one long row, which threads search in parts. */
import { assertEquals } from "@std/assert";
import { topk } from "@damo/damo";
import { TestRandom } from "../../support/random.ts";
import { sameOnThreads } from "./thread_runner.ts";

function check(values: Float32Array | Float64Array | Int32Array, rows: number, count: number): void {
  const length = values.length / rows;
  const [found, places] = sameOnThreads((x) => {
    const { values, indices } = topk(x, count);
    return [values, indices];
  }, [{ shape: [rows, length], values }]);
  for (let row = 0; row < rows; row++) {
    const at = (i: number): number => values[row * length + i];
    // NaN comes last, and of equal elements the first one comes first.
    const order = Array.from({ length }, (_, i) => i).sort((i, j) =>
      Number(Number.isNaN(at(i))) - Number(Number.isNaN(at(j))) ||
      (at(j) > at(i) ? 1 : at(j) < at(i) ? -1 : i - j)
    );
    const expected = order.slice(0, count);
    assertEquals([...places.slice(row * count, (row + 1) * count)].map(Number), expected);
    assertEquals([...found.slice(row * count, (row + 1) * count)].map(Number), expected.map(at));
  }
}

// Sizes that do not divide into equal parts, and one of which the last part is the shortest that is allowed.
for (const [rows, length] of [[1, 300_001], [3, 140_003], [1, 262_145]]) {
  Deno.test(`the best of ${rows} rows of ${length} are found in parts: float32 with ties, NaN and infinities`, () => {
    const random = new TestRandom(1);
    const values = Float32Array.from({ length: rows * length }, () => Math.round(8 * random.normal()) / 8);
    for (const i of [5, 77_777, length - 1]) values[i] = NaN;
    values[length - 2] = Infinity;
    values[3] = -Infinity;
    check(values, rows, 1);
    check(values, rows, 31);
  });
}

Deno.test("the best of one long row are found in parts: float64, int32, ascending and all alike", () => {
  const length = 200_003, random = new TestRandom(2);
  check(Float64Array.from({ length }, () => random.normal()), 1, 17);
  check(Int32Array.from({ length }, (_, i) => (i * 7919) % 100_003 - 50_000), 1, 17);
  check(Int32Array.from({ length }, (_, i) => i), 1, 29);
  check(new Float32Array(length), 1, 29);
});
