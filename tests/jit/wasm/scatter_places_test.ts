/** Scatters of rows whose updates are put in the order of their places. */
import { assert, assertEquals } from "@std/assert";
import { arange } from "@damo/damo";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";
import { findScatterOfRows } from "../../../lib/jit/wasm/nest/scatter_places.ts";
import { TestRandom } from "../../support/random.ts";
import { sameOnThreads } from "./thread_runner.ts";

function noise(length: number, seed: number): Float32Array {
  const random = new TestRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
}

/** Adds rows one after the other as float32; a negative index counts from the end, one outside names no row. */
function added(
  target: Float32Array,
  index: Int32Array,
  columns: number,
  update: (row: number, column: number) => number,
): Float32Array {
  const places = target.length / columns, result = target.slice();
  index.forEach((named, row) => {
    const place = named < 0 ? named + places : named;
    if (place < 0 || place >= places) return;
    for (let c = 0; c < columns; c++) result[place * columns + c] += update(row, c);
  });
  return result;
}

function indices(rows: number, places: number, crowd: number): Int32Array {
  const random = new TestRandom(rows + places);
  return Int32Array.from({ length: rows }, () => {
    if (random.next() < crowd) return places >> 1;
    return Math.floor(random.next() * (2 * places + 4)) - places - 2;
  });
}

// Columns that are whole vectors and such as are not; few places, nearly all of the updates for one place, and as many as allowed.
for (
  const [rows, columns, places, crowd] of [
    [2051, 64, 100, 0],
    [1025, 131, 300, 0],
    [2049, 68, 3, 0],
    [1501, 128, 40, 0.9],
    [1600, 96, 800, 0.2],
  ]
) {
  const share = crowd > 0 ? `, ${100 * crowd} % of them for one` : "";
  Deno.test(`${rows} rows of ${columns} are added to ${places} places in their order${share}`, () => {
    const index = indices(rows, places, crowd);
    const target = noise(places * columns, 1), updates = noise(rows * columns, 2);
    const inputs = [
      { shape: [places, columns], values: target },
      { shape: [rows], values: index },
      { shape: [rows, columns], values: updates },
    ];
    const [plain, computed, counted] = sameOnThreads((target, index, updates) => [
      target.withAdded([index], updates),
      target.withAdded([index], updates.mul(2).add(arange(columns, { dtype: "float32" }))),
      target.withAdded([index], arange(rows, { dtype: "float32" }).reshape([rows, 1]).mul(updates)),
    ], inputs);
    const at = (row: number, c: number): number => updates[row * columns + c];
    assertEquals(plain, added(target, index, columns, at));
    assertEquals(
      computed,
      added(target, index, columns, (row, c) => Math.fround(Math.fround(2 * at(row, c)) + c)),
    );
    assertEquals(counted, added(target, index, columns, (row, c) => Math.fround(row * at(row, c))));
  });
}

Deno.test("integers and float64 are added place by place, too, and a row that no update names keeps its bits", () => {
  const rows = 1400, columns = 100, places = 30;
  const index = indices(rows, places - 1, 0).map((place) => Math.abs(place) % (places - 1));
  const target = new Float64Array(places * columns).fill(-0);
  const updates = Float64Array.from(noise(rows * columns, 3));
  const whole = Int32Array.from(updates, (value) => Math.round(1e9 * value));
  const [sums, wrapped] = sameOnThreads((target, index, updates, whole, first) => [
    target.withAdded([index], updates),
    first.withAdded([index], whole),
  ], [
    { shape: [places, columns], values: target },
    { shape: [rows], values: index },
    { shape: [rows, columns], values: updates },
    { shape: [rows, columns], values: whole },
    { shape: [places, columns], values: whole.slice(0, places * columns) },
  ]);
  const expected = target.slice(), integers = whole.slice(0, places * columns);
  index.forEach((place, row) => {
    for (let c = 0; c < columns; c++) {
      expected[place * columns + c] += updates[row * columns + c];
      integers[place * columns + c] += whole[row * columns + c];
    }
  });
  assertEquals(sums, expected);
  assertEquals(wrapped, integers);
  assert(Object.is(Number(sums[(places - 1) * columns]), -0));
});

Deno.test("only rows at one place for each update are put in order", () => {
  const nest = (change: Partial<Nest["stores"][number]> = {}, rows = 1000, columns = 256): Nest => ({
    kind: "nest",
    domain: [rows, columns],
    rowRank: 2,
    operands: [
      { dtype: "int32", access: "read" },
      { dtype: "float32", access: "read" },
      { dtype: "float32", access: "readwrite" },
    ],
    statements: [
      { kind: "load", dtype: "int32", operand: 0, index: { offset: 0, strides: [1, 0], dynamic: [] } },
      {
        kind: "load",
        dtype: "float32",
        operand: 1,
        index: { offset: 0, strides: [columns, 1], dynamic: [] },
      },
    ],
    reductions: [],
    stores: [{
      operand: 2,
      index: { offset: 0, strides: [0, 1], dynamic: [{ statement: 0, stride: columns }] },
      value: 1,
      mode: "add",
      extent: 100 * columns,
      perRow: false,
      pass: 0,
      ...change,
    }],
    passes: 1,
  });
  const found = findScatterOfRows(nest());
  assertEquals([found?.updates, found?.places, found?.place], [1000, 100, 0]);
  assertEquals(findScatterOfRows(nest({}, 100)), null, "little work");
  assertEquals(findScatterOfRows(nest({}, 10_000, 32)), null, "short rows");
  assertEquals(findScatterOfRows(nest({ extent: 600 * 256 })), null, "few updates for each place");
  assertEquals(findScatterOfRows(nest({ mode: "set" })), null, "the last one wins");
  const dynamic = [{ statement: 0, stride: 256 }];
  assertEquals(findScatterOfRows(nest({ index: { offset: 0, strides: [1, 1], dynamic } })), null);
  const overlapping = [{ statement: 0, stride: 128 }];
  assertEquals(
    findScatterOfRows(nest({ index: { offset: 0, strides: [0, 1], dynamic: overlapping } })),
    null,
  );
});
