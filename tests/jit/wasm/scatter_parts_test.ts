import { assertEquals } from "@std/assert";
import type { Nest } from "../../../lib/jit/kernel/kernel.ts";
import { findScatterParts } from "../../../lib/jit/wasm/nest/scatter_parts.ts";
import { partOf } from "../../../lib/jit/wasm/nest/split_reduction.ts";
import { runCompiled } from "./nest_runner.ts";

/** Adds updates [rows, columns] to the rows of a table that an index per row names. */
function scatter(rows: number, columns: number, change: Partial<Nest["stores"][number]> = {}): Nest {
  return {
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
      perRow: false,
      pass: 0,
      ...change,
    }],
    passes: 1,
  };
}

Deno.test("columns of a scatter are shared where no index can bring two of them together", () => {
  for (const [threads, parts] of [[1, 2], [2, 2], [3, 4], [16, 16], [32, 16]]) {
    assertEquals(findScatterParts(scatter(1000, 512), threads), { axis: 1, parts });
  }
  assertEquals(findScatterParts(scatter(1000, 96), 8), { axis: 1, parts: 2 });
  assertEquals(findScatterParts(scatter(1000, 30), 2), null);
  // Rows that overlap.
  const overlapping = { offset: 0, strides: [0, 1], dynamic: [{ statement: 0, stride: 256 }] };
  assertEquals(findScatterParts(scatter(1000, 512, { index: overlapping }), 2), null);
  // Every column to the same place.
  const same = { offset: 0, strides: [0, 0], dynamic: [{ statement: 0, stride: 512 }] };
  assertEquals(findScatterParts(scatter(1000, 512, { index: same }), 2), null);
  // What is read could have been written by another thread.
  assertEquals(findScatterParts(scatter(1000, 512, { operand: 1 }), 2), null);
  // Nothing to do where every point has a place of its own.
  const own = { offset: 0, strides: [512, 1], dynamic: [] };
  assertEquals(findScatterParts(scatter(1000, 512, { index: own, mode: "set" }), 2), null);
});

Deno.test("a scatter of values that know their column goes to the same rows in parts as in whole", () => {
  const rows = 5, columns = 64, table = 7;
  const plain = scatter(rows, columns);
  const nest: Nest = {
    ...plain,
    // The column comes before the index of the row, which a part then has at another place.
    statements: [
      { kind: "coordinate", dtype: "int32", axis: 1 },
      { kind: "cast", dtype: "float32", from: "int32", arg: 0 },
      ...plain.statements,
      { kind: "op", op: "mul", dtype: "float32", args: [1, 3] },
    ],
    stores: plain.stores.map((store) => ({
      ...store,
      value: 4,
      index: { ...store.index, dynamic: [{ statement: 2, stride: columns }] },
    })),
  };
  const index = Int32Array.of(3, 0, 6, 3, 1);
  const updates = Float32Array.from({ length: rows * columns }, (_, i) => i % 13 - 6);
  const expected = new Float32Array(table * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      expected[index[row] * columns + column] += column * updates[row * columns + column];
    }
  }
  const parts = { first: 0, parts: 2, size: columns / 2 };
  for (const variant of [nest, partOf(nest, 1, parts)]) {
    const result = new Float32Array(table * columns);
    runCompiled(variant, [index, updates, result]);
    assertEquals(result, expected);
  }
});
