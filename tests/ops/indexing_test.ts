/** at, with and withAdded for every mix of integers, slices, "...", null, index tensors and masks, as in NumPy. */
import { assertEquals, assertThrows } from "@std/assert";
import { DamoError, defaultDevice, grad, type IndexItem, jit, slice, type Tensor, tensor } from "@damo/damo";
import golden from "../golden/indexing.json" with { type: "json" };
import { widest } from "../support/devices.ts";
import { testEverywhere } from "../support/operands.ts";

type Written =
  | readonly ["new"]
  | readonly ["rest"]
  | readonly ["integer", number]
  | readonly ["slice", number | null, number | null, number | null]
  | readonly ["tensor" | "mask", number[], number[]];
type Values = readonly [shape: number[], data: number[]];
type Row = readonly [
  shape: number[],
  items: readonly Written[],
  part: Values | "error",
  gradient: number[],
  value: Values,
  added: number[],
  replaced: number[] | null,
];

const rows = golden as unknown as readonly Row[];

function itemOf(written: Written): IndexItem {
  switch (written[0]) {
    case "new":
      return null;
    case "rest":
      return "...";
    case "integer":
      return written[1];
    case "slice":
      return slice(written[1] ?? undefined, written[2] ?? undefined, written[3] ?? undefined);
    case "tensor":
      return tensor(written[2], { shape: written[1], dtype: "int32" });
    case "mask":
      return tensor(written[2].map(Boolean), { shape: written[1], dtype: "bool" });
  }
}

function valuesOf([shape, data]: Values): Tensor {
  return widest(data, shape);
}

/** 1, 2, 3 ... in a shape. */
function counted(shape: readonly number[]): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return widest(Array.from({ length: size }, (_, i) => i + 1), shape);
}

function everyRow(body: (x: Tensor, items: readonly IndexItem[], row: Row, what: string) => void): void {
  // Each row is some new shaders on WebGPU.
  const chosen = defaultDevice() === "webgpu" ? rows.filter((_, i) => i % 12 === 0) : rows;
  for (const row of chosen) {
    if (row[2] === "error") continue;
    body(counted(row[0]), row[1].map(itemOf), row, `[${row[0]}] at ${JSON.stringify(row[1])}`);
  }
}

function hasMask([, items]: Row): boolean {
  return items.some(([kind]) => kind === "mask");
}

testEverywhere("at reads what NumPy reads", () => {
  everyRow((x, items, [, , part], what) => {
    const read = x.at(...items);
    assertEquals([[...read.shape], [...read.dataSync()]], [...part as Values], what);
  });
});

testEverywhere("with and withAdded write what NumPy writes", () => {
  everyRow((x, items, [, , , , value, added, replaced], what) => {
    assertEquals([...x.withAdded(items, valuesOf(value)).dataSync()], added, what);
    if (replaced) assertEquals([...x.with(items, valuesOf(value)).dataSync()], replaced, what);
  });
});

testEverywhere("the gradient of what is read goes to the places it came from", () => {
  everyRow((x, items, row, what) => {
    // Inside a trace the number of true elements is not known.
    if (hasMask(row)) return;
    const weights = counted((row[2] as Values)[0]);
    const gradient = grad((y: Tensor) => y.at(...items).mul(weights).sum(), { disconnected: "zero" })(x);
    assertEquals([...(gradient as Tensor).dataSync()], row[3], what);
  });
});

testEverywhere("the gradient of a write is that of what was left and of what was written", () => {
  everyRow((x, items, row, what) => {
    const [, , part, , value, , replaced] = row;
    if (hasMask(row) || replaced === null || (part as Values)[1].length === 0) return;
    const weights = counted(x.shape), written = valuesOf(value);
    const cost = (y: Tensor, v: Tensor) => y.with(items, v).mul(weights).sum();
    const [kept, given] = grad(cost, { argnums: [0, 1], disconnected: "zero" })(x, written) as Tensor[];
    const places = [...x.with(items, 0).mul(weights).dataSync()].map((w, i) => w === 0 ? 0 : i + 1);
    assertEquals([...kept.dataSync()], places, what);
    const read = weights.at(...items);
    const expected = written.ndim === 0 ? [read.sum().itemSync()] : [...read.dataSync()];
    if (written.ndim === 0) {
      // An element that is written twice with the same number counts once.
      const once = [...x.dataSync()].reduce((sum, _, i) => sum + (places[i] === 0 ? i + 1 : 0), 0);
      assertEquals([...given.dataSync()], [once], what);
    } else assertEquals([...given.dataSync()], expected, what);
  });
});

Deno.test("indices mean the same inside jit", () => {
  everyRow((x, items, row, what) => {
    if (hasMask(row)) return;
    const [, , part, , value, added] = row;
    const both = jit((y: Tensor, v: Tensor) => [y.at(...items), y.withAdded(items, v)]);
    const [read, written] = both(x, valuesOf(value)) as Tensor[];
    assertEquals([[...read.shape], [...read.dataSync()]], [...part as Values], what);
    assertEquals([...written.dataSync()], added, what);
  });
});

testEverywhere("one value for all true elements is written inside jit too, beside numbers and ranges", () => {
  const x = counted([3, 4]), mask = tensor([true, false, true, false]), rowMask = tensor([true, false, true]);
  const written = jit((y: Tensor, m: Tensor, r: Tensor) => [
    y.with([1, m], 0),
    y.withAdded([slice(0, 2), m], 10),
    y.with([r, slice(1, 3)], [7, 8]),
    y.with([r, null, -1], 0),
  ]);
  const outside = [
    x.with([1, mask], 0),
    x.withAdded([slice(0, 2), mask], 10),
    x.with([rowMask, slice(1, 3)], [7, 8]),
    x.with([rowMask, null, -1], 0),
  ];
  (written(x, mask, rowMask) as Tensor[]).forEach((inside, i) =>
    assertEquals([...inside.dataSync()], [...outside[i].dataSync()], `${i}`)
  );
  assertEquals([...outside[0].dataSync()], [1, 2, 3, 4, 0, 6, 0, 8, 9, 10, 11, 12]);
});

Deno.test("what NumPy refuses is refused in words", () => {
  for (const row of rows) {
    if (row[2] !== "error") continue;
    assertThrows(
      () => counted(row[0]).at(...row[1].map(itemOf)),
      DamoError,
      undefined,
      JSON.stringify(row[1]),
    );
  }
});
