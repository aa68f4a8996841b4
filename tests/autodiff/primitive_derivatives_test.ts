/** Every primitive, every argument, every transform, every dtype: against finite differences and the reference. */
import { assert, assertEquals } from "@std/assert";
import { autodiffPrimitives } from "../../lib/autodiff/primitives.ts";
import { loopPrimitives } from "../../lib/loop/primitives.ts";
import { specialPrimitives } from "../../lib/special/primitives.ts";
import { allPrimitives } from "../../lib/trace/primitives/all.ts";
import { isFloat } from "../../lib/trace/dtype.ts";
import { PRIMITIVE_TABLE, primitivesWithoutRow } from "../trace/primitive_table.ts";
import {
  type Cell,
  cellName,
  checkBatch,
  differenceError,
  type Mode,
  precisionError,
} from "./primitive_cells.ts";

const SEED = 20260723;

const ORDERS: readonly (readonly Mode[])[] = [
  ["jvp"],
  ["vjp"],
  ["vjp", "jvp"],
  ["vjp", "vjp"],
  ["jvp", "jvp"],
  ["jvp", "vjp"],
];

function cells(): Cell[] {
  return PRIMITIVE_TABLE.flatMap((row) =>
    row.differentiable.flatMap((position) => ORDERS.map((modes): Cell => ({ row, position, modes })))
  );
}

Deno.test("every primitive has a row in the table", () => {
  assertEquals(
    primitivesWithoutRow([...allPrimitives, ...autodiffPrimitives, ...loopPrimitives, ...specialPrimitives]),
    [],
  );
});

Deno.test("derivatives of first and second order agree with finite differences in float64", () => {
  const failures: string[] = [];
  let checked = 0;
  for (const cell of cells()) {
    if (!cell.row.dtypes.includes("float64") || cell.row.rounds) continue;
    checked++;
    let error: number | string;
    try {
      error = differenceError(cell, SEED);
    } catch (thrown) {
      error = String(thrown).split("\n")[0];
    }
    if (!(typeof error === "number" && error < 1e-8)) failures.push(`${cellName(cell)}: ${error}`);
  }
  console.log(`${checked} cells (primitive x argument x transform) against finite differences, seed ${SEED}`);
  assert(failures.length === 0, failures.join("\n"));
});

Deno.test("derivatives in float32 and float16 agree with those in float64", () => {
  const failures: string[] = [];
  let checked = 0;
  for (const cell of cells()) {
    const { row } = cell;
    if (!row.dtypes.includes("float64") || row.rounds) continue;
    for (const dtype of row.dtypes) {
      if (!isFloat(dtype) || dtype === "float64") continue;
      checked++;
      const allowed = dtype === "float32" ? 1e-6 : 5e-3;
      let error: number | string;
      try {
        error = precisionError(cell, dtype, SEED);
      } catch (thrown) {
        error = String(thrown).split("\n")[0];
      }
      if (!(typeof error === "number" && error < allowed)) {
        failures.push(`${cellName(cell)} ${dtype}: ${error}`);
      }
    }
  }
  console.log(`${checked} cells (primitive x argument x transform x dtype) against float64, seed ${SEED}`);
  assert(failures.length === 0, failures.join("\n"));
});

Deno.test("vmap over every axis of every argument, and of the gradient", () => {
  const failures: string[] = [];
  let checked = 0;
  for (const row of PRIMITIVE_TABLE) {
    for (const dtype of row.dtypes) {
      if (isFloat(dtype) && dtype !== "float64" && row.dtypes.includes("float64")) continue;
      const { inputs } = row.make(SEED, dtype);
      inputs.forEach((input, position) => {
        for (let axis = 0; axis <= input.shape.length; axis++) {
          for (const derivative of [false, true]) {
            if (derivative && !(row.differentiable.includes(position) && isFloat(input.dtype))) continue;
            checked++;
            try {
              checkBatch(row, position, axis, dtype, SEED, derivative);
            } catch (thrown) {
              failures.push(
                `${row.primitive.name} ${row.name} ${position} ${axis} ${dtype} ${derivative}: ${
                  String(thrown).split("\n")[0]
                }`,
              );
            }
          }
        }
      });
    }
  }
  console.log(`${checked} cells (primitive x argument x axis x dtype) of vmap, seed ${SEED}`);
  assert(failures.length === 0, failures.join("\n"));
});
