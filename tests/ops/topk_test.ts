/** topk of long rows, where it searches and does not sort, against sorting them. */
import { assertEquals } from "@std/assert";
import { type DType, grad, type Tensor, tensor, topk, vmap } from "@damo/damo";
import { deviceTest } from "../support/devices.ts";
import { TestRandom } from "../support/random.ts";

function reference(row: readonly number[], k: number): { values: number[]; indices: number[] } {
  const order = row.map((_, i) => i).sort((i, j) => {
    const a = row[i], b = row[j];
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a === b ? 0 : a < b ? 1 : -1;
  }).slice(0, k);
  return { values: order.map((i) => row[i]), indices: order };
}

function check(rows: readonly (readonly number[])[], k: number, dtype: DType, label: string): void {
  const { values, indices } = topk(tensor(rows.map((row) => [...row]), { dtype }), k);
  const expected = rows.map((row) => reference(row, k));
  assertEquals([...indices.shape], [rows.length, k], label);
  assertEquals([...indices.dataSync()], expected.flatMap((row) => row.indices), label);
  assertEquals([...values.dataSync()], expected.flatMap((row) => row.values), label);
}

deviceTest("topk of rows of every length finds what sorting finds, the earlier of equals first", (device) => {
  const random = new TestRandom(3);
  for (const length of [1, 2, 3, 17, 300, 1023, 4097]) {
    const rows = [0, 1, 2].map(() => Array.from({ length }, () => random.below(200) / 8 - 12));
    for (const k of [1, 2, 10, 100, 129]) {
      if (k <= length) check(rows, k, "float32", `float32 ${length} ${k}`);
    }
    if (length >= 300) {
      const integers = rows.map((row) => row.map((x) => Math.abs(Math.round(x))));
      for (const dtype of ["int32", "uint32", "int8", "uint8", "float16"] as const) {
        check(integers, 7, dtype, `${dtype} ${length}`);
      }
      if (device === "wasm") check(rows, 10, "float64", `float64 ${length}`);
    }
  }
});

deviceTest(
  "topk of rows that rise, fall, stand still or have NaN, infinities and zeros of both signs",
  () => {
    const length = 5000;
    const row = (at: (i: number) => number): number[] => Array.from({ length }, (_, i) => at(i));
    const rows = [
      row((i) => i),
      row((i) => -i),
      row(() => 7),
      row((i) => i < 4990 ? NaN : i),
      row((i) => i % 3 === 0 ? NaN : i % 7 === 0 ? Infinity : -Infinity),
      row((i) => i % 2 === 0 ? 0 : -0),
      row((i) => i > 4000 ? -Infinity : NaN),
      row(() => NaN),
    ];
    for (const k of [1, 20, 999]) {
      const { indices } = topk(tensor(rows), k);
      assertEquals([...indices.dataSync()], rows.flatMap((one) => reference(one, k).indices), `k ${k}`);
    }
  },
);

deviceTest("topk along another axis, batched, and its gradient, which goes where the elements are", () => {
  const random = new TestRandom(5);
  const x = tensor(Array.from({ length: 1000 }, () => [random.next(), random.next()]));
  const { values, indices } = topk(x, 5, { axis: 0 });
  assertEquals([...values.shape], [5, 2]);
  const again = vmap((column: Tensor) => topk(column, 5).indices)(x.transpose());
  assertEquals([...again.dataSync()], [...indices.transpose().dataSync()]);
  const g = grad((y: Tensor) => topk(y, 5, { axis: 0 }).values.square().sum())(x);
  const found = g.dataSync().filter((value) => value !== 0).length;
  assertEquals(found, 10);
  assertEquals(g.dataSync().every(Number.isFinite), true);
});
