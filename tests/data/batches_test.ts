/** Batches and prefetch. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DamoError, data, ShapeError, tensor } from "@damo/damo";
import { numbers } from "../support/operands.ts";

const x = tensor([[1, 10], [2, 20], [3, 30], [4, 40], [5, 50]]);
const y = new Int32Array([1, 2, 3, 4, 5]);

Deno.test("batches come in order, the last one as long as what is left", () => {
  const all = data.batches([x, y], { batchSize: 2 });
  assertEquals([all.length, all.count], [3, 5]);
  const seen = [...all].map(([a, b]) => [numbers(a), numbers(b)]);
  assertEquals(seen, [[[1, 10, 2, 20], [1, 2]], [[3, 30, 4, 40], [3, 4]], [[5, 50], [5]]]);
  assertEquals([...data.batches([x, y], { batchSize: 2, dropLast: true })].length, 2);
  assertEquals([...data.batches([y], { batchSize: 7, dropLast: true })].length, 0);
  assertEquals([...data.batches([new Int32Array(0)], { batchSize: 3 })].length, 0);
  const [labels] = [...data.batches([y], { batchSize: 5 })][0];
  assertEquals(labels.dtype, "int32");
});

Deno.test("shuffled batches hold every example once, keep pairs together, and differ from pass to pass", () => {
  const all = data.batches([x, y], { batchSize: 2, shuffle: 7 });
  const pass = () =>
    [...all].flatMap(([a, b]) => {
      assertEquals(numbers(a).filter((_, i) => i % 2 === 0), numbers(b));
      return numbers(b);
    });
  const first = pass(), second = pass();
  assertEquals(first.toSorted(), [1, 2, 3, 4, 5]);
  assertEquals(second.toSorted(), [1, 2, 3, 4, 5]);
  assert(String(first) !== String(second));
  const again = [...data.batches([x, y], { batchSize: 2, shuffle: 7 })].flatMap(([, b]) => numbers(b));
  assertEquals(again, first);
});

Deno.test("batches refuse what does not fit", () => {
  assertThrows(
    () => data.batches([x, new Int32Array(4)], { batchSize: 2 }),
    ShapeError,
    "array 1 is int32[4]",
  );
  assertThrows(() => data.batches([x], { batchSize: 0 }), ShapeError, "batchSize is 0");
  assertThrows(() => data.batches([], { batchSize: 2 }), DamoError, "no arrays");
  assertThrows(() => data.batches([x], { batchSize: 2, shuffle: 0.5 }), DamoError, "shuffle is 0.5");
  const unknown = { batchSize: 2, shufle: 1 } as unknown as { batchSize: number };
  assertThrows(() => data.batches([x], unknown), DamoError, '"shufle"');
});

Deno.test("a scalar among the arrays of batches is named as one", () => {
  assertThrows(
    () => [...data.batches([tensor([1]), tensor(3)], { batchSize: 2 })],
    ShapeError,
    "array 1 is a scalar",
  );
  assertThrows(
    () => [...data.batches([tensor(3)], { batchSize: 2 })],
    ShapeError,
    "array 0 is a scalar float32[]",
  );
});

Deno.test("prefetch asks ahead, keeps the order, and ends the source", async () => {
  const asked: number[] = [];
  let ended = false;
  async function* source() {
    try {
      for (let i = 0; i < 6; i++) {
        asked.push(i);
        yield await Promise.resolve(i);
      }
    } finally {
      ended = true;
    }
  }
  const seen: number[] = [];
  for await (const item of data.prefetch(source(), { depth: 3 })) {
    seen.push(item);
    if (item === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(asked, [0, 1, 2, 3]);
    }
    if (item === 2) break;
  }
  assertEquals(seen, [0, 1, 2]);
  assert(ended);
  const all: number[] = [];
  for await (const item of data.prefetch([1, 2, 3])) all.push(item);
  assertEquals(all, [1, 2, 3]);
  const tuples: number[] = [];
  for await (const [batch] of data.prefetch(data.batches([y], { batchSize: 2 }))) {
    tuples.push(...numbers(batch));
  }
  assertEquals(tuples, [1, 2, 3, 4, 5]);
});

Deno.test("an error of the source comes where its item would", async () => {
  function* source() {
    yield 1;
    throw new RangeError("broken");
  }
  const seen: number[] = [];
  await assertRejects(
    async () => {
      for await (const item of data.prefetch(source())) seen.push(item);
    },
    RangeError,
    "broken",
  );
  assertEquals(seen, [1]);
  assertThrows(() => data.prefetch([], { depth: 0 }), DamoError, "depth is 0");
});
