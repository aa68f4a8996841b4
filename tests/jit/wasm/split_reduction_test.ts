import { assert, assertEquals } from "@std/assert";
import type { Nest, Statement } from "../../../lib/jit/kernel/kernel.ts";
import { cutReduction, splitReduction } from "../../../lib/jit/wasm/nest/split_reduction.ts";
import { type DType, newTypedArray, type TypedArray } from "../../../lib/trace/dtype.ts";
import { runCompiled, samples } from "./nest_runner.ts";
import { runNest } from "./nest_truth.ts";

type Combiner = Nest["reductions"][number]["combiner"];

interface Shape {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly dtype: DType;
  readonly combiner: Combiner;
}

/**
 * Over [...rows, ...columns]: stores 2 x + coordinates per point, and per row the reduction of that beside its double
 * plus what a second operand has for the row.
 */
function makeNest({ rows, columns, dtype, combiner }: Shape): Nest {
  const domain = [...rows, ...columns];
  const strides = domain.map((_, i) => domain.slice(i + 1).reduce((a, b) => a * b, 1));
  const perRow = rows.map((_, i) => rows.slice(i + 1).reduce((a, b) => a * b, 1));
  const rowIndex = { offset: 0, strides: [...perRow, ...columns.map(() => 0)], dynamic: [] };
  const statements: Statement[] = [
    { kind: "load", dtype, operand: 0, index: { offset: 0, strides, dynamic: [] } },
    { kind: "op", op: "add", dtype, args: [0, 0] },
  ];
  let value = 1;
  domain.forEach((_, axis) => {
    statements.push({ kind: "coordinate", dtype: "int32", axis });
    const place = statements.push({ kind: "cast", dtype, from: "int32", arg: statements.length - 1 }) - 1;
    value = statements.push({ kind: "op", op: "add", dtype, args: [value, place] }) - 1;
  });
  const reduced = statements.push({ kind: "reduced", dtype, reduction: 0 }) - 1;
  const twice = statements.push({ kind: "op", op: "add", dtype, args: [reduced, reduced] }) - 1;
  const other = statements.push({ kind: "load", dtype, operand: 1, index: rowIndex }) - 1;
  const sum = statements.push({ kind: "op", op: "add", dtype, args: [twice, other] }) - 1;
  return {
    kind: "nest",
    domain,
    rowRank: rows.length,
    operands: [
      { dtype, access: "read" },
      { dtype, access: "read" },
      { dtype, access: "write" },
      { dtype, access: "write" },
      { dtype, access: "write" },
    ],
    statements,
    reductions: [{ combiner, value, dtype, pass: 0 }],
    stores: [
      { operand: 2, index: { offset: 0, strides, dynamic: [] }, value, mode: "set", perRow: false, pass: 0 },
      { operand: 3, index: rowIndex, value: reduced, mode: "set", perRow: true, pass: 0 },
      { operand: 4, index: rowIndex, value: sum, mode: "set", perRow: true, pass: 0 },
    ],
    passes: 1,
  };
}

function makeArrays(nest: Nest, dtype: DType): TypedArray[] {
  const all = nest.domain.reduce((a, b) => a * b, 1);
  const rows = nest.domain.slice(0, nest.rowRank).reduce((a, b) => a * b, 1);
  return [all, rows, all, rows, rows].map((length, i) => {
    const array = newTypedArray(dtype, length);
    // Sums of multiples of a quarter are exact in any order.
    if (i < 2) array.set(samples(dtype, length, length + i, false) as unknown as Float32Array);
    return array;
  });
}

const SHAPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], [1023]],
  [[], [17, 5]],
  [[3], [70]],
  [[70], [33]],
  [[5, 9], [7, 3]],
  [[2], [3, 65]],
];

Deno.test("a reduction in parts is the whole one: every axis, parts of every size, what is left over", () => {
  for (const [rows, columns] of SHAPES) {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      for (const combiner of ["sum", "max", "min"] as const) {
        const nest = makeNest({ rows, columns, dtype, combiner });
        const expected = makeArrays(nest, dtype);
        runNest(nest, expected);
        columns.forEach((extent, column) => {
          for (const size of new Set([1, 2, 5, extent >> 1, extent - 1])) {
            if (size < 1 || size >= extent) continue;
            const split = cutReduction(nest, rows.length + column, size);
            const arrays = makeArrays(nest, dtype);
            const all = [
              ...arrays,
              ...split.temporaries.map((t) => newTypedArray(t.dtype, t.length)),
            ];
            for (const part of [split.partial, split.rest, split.final]) {
              if (part !== null) runCompiled(part, all);
            }
            assertEquals(arrays, expected, `${rows} | ${columns} ${dtype} ${combiner}, ${size} of ${extent}`);
          }
        });
      }
    }
  }
});

Deno.test("long reductions with few rows are split, and only those", () => {
  const of = (rows: number[], columns: number[]): Nest =>
    makeNest({ rows, columns, dtype: "float32", combiner: "sum" });
  const long = splitReduction(of([], [4_000_000]), 1);
  assert(long !== null && long.parts > 8);
  assertEquals(splitReduction(of([], [10_000]), 1), null);
  assertEquals(splitReduction(of([64], [100_000]), 64), null);
  const position = makePosition([], [4_000_000], "float32", "argmax");
  assert(splitReduction(position, 1) !== null);
});

/** Per row the position of the greatest or least element in the order of the columns. */
function makePosition(
  rows: readonly number[],
  columns: readonly number[],
  dtype: DType,
  combiner: "argmax" | "argmin",
): Nest {
  const domain = [...rows, ...columns];
  const strides = domain.map((_, i) => domain.slice(i + 1).reduce((a, b) => a * b, 1));
  const perRow = rows.map((_, i) => rows.slice(i + 1).reduce((a, b) => a * b, 1));
  const statements: Statement[] = [
    { kind: "load", dtype, operand: 0, index: { offset: 0, strides, dynamic: [] } },
    { kind: "constant", dtype: "int32", value: 0 },
  ];
  let position = 1;
  columns.forEach((_, i) => {
    const axis = rows.length + i;
    const place = statements.push({ kind: "coordinate", dtype: "int32", axis }) - 1;
    const long = statements.push({ kind: "constant", dtype: "int32", value: strides[axis] }) - 1;
    const distance = statements.push({ kind: "op", op: "mul", dtype: "int32", args: [place, long] }) - 1;
    position = statements.push({ kind: "op", op: "add", dtype: "int32", args: [position, distance] }) - 1;
  });
  const value = statements.push({ kind: "reduced", dtype: "int32", reduction: 0 }) - 1;
  const index = { offset: 0, strides: [...perRow, ...columns.map(() => 0)], dynamic: [] };
  return {
    kind: "nest",
    domain,
    rowRank: rows.length,
    operands: [{ dtype, access: "read" }, { dtype: "int32", access: "write" }],
    statements,
    reductions: [{ combiner, value: 0, dtype, position, pass: 0 }],
    stores: [{ operand: 1, index, value, mode: "set", perRow: true, pass: 0 }],
    passes: 1,
  };
}

Deno.test("the first of the greatest and of the least is found in parts: equal ones in all of them, NaN", () => {
  for (const [rows, columns] of SHAPES) {
    for (const dtype of ["float32", "float64", "int32"] as const) {
      for (const combiner of ["argmax", "argmin"] as const) {
        const nest = makePosition(rows, columns, dtype, combiner);
        const count = nest.domain.reduce((a, b) => a * b, 1), rowCount = rows.reduce((a, b) => a * b, 1);
        for (const kind of ["many equal", "all equal", "NaN"]) {
          if (kind === "NaN" && dtype === "int32") continue;
          const x = newTypedArray(dtype, count) as Float32Array;
          if (kind !== "all equal") { for (let i = 0; i < count; i++) x[i] = (i * 7919) % 5 - (i % 3); }
          if (kind === "NaN") { for (let i = count >> 1; i < count; i += 3) x[i] = NaN; }
          const expected = [x, newTypedArray("int32", rowCount)];
          runNest(nest, expected);
          const extent = columns[0];
          for (const size of new Set([1, 2, 5, extent >> 1, extent - 1])) {
            if (size < 1 || size >= extent) continue;
            const split = cutReduction(nest, rows.length, size);
            const arrays = [x.slice(), newTypedArray("int32", rowCount)];
            const all = [...arrays, ...split.temporaries.map((t) => newTypedArray(t.dtype, t.length))];
            for (const part of [split.partial, split.rest, split.final]) {
              if (part !== null) runCompiled(part, all);
            }
            assertEquals(
              arrays[1],
              expected[1],
              `${rows} | ${columns} ${dtype} ${combiner} ${kind}, ${size} of ${extent}`,
            );
          }
        }
      }
    }
  }
});
