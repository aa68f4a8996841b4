/** Derivatives of every primitive, compiled for every device, against the same in float64. */
import { assert } from "@std/assert";
import { backendFor } from "../../../lib/jit/devices.ts";
import { deviceTest } from "../../support/devices.ts";
import { runGraph } from "../../support/run_graph.ts";
import { type Cell, cellName, type Mode, precisionError } from "../../autodiff/primitive_cells.ts";
import { PRIMITIVE_TABLE } from "../../trace/primitive_table.ts";

const SEED = 20260723;

/** Of second order every how many-th cell is run: all of them take minutes on a software adapter. */
const SAMPLE = 6;

function cells(orders: readonly (readonly Mode[])[]): Cell[] {
  return PRIMITIVE_TABLE.flatMap((row) =>
    row.rounds || row.name.includes("float64") || !row.dtypes.includes("float32")
      ? []
      : row.differentiable.flatMap((position) => orders.map((modes): Cell => ({ row, position, modes })))
  );
}

function check(device: "wasm" | "webgpu", list: readonly Cell[]): void {
  const backend = backendFor(device);
  const failures: string[] = [];
  for (const cell of list) {
    let error: number | string;
    try {
      error = precisionError(cell, "float32", SEED, (graph, inputs) => runGraph(backend, graph, inputs));
    } catch (thrown) {
      error = String(thrown).split("\n")[0];
    }
    if (!(typeof error === "number" && error < 1e-5)) failures.push(`${cellName(cell)}: ${error}`);
  }
  console.log(`${list.length} cells (primitive x argument x transform) on ${device}`);
  assert(failures.length === 0, failures.join("\n"));
}

deviceTest("forward derivatives in float32 agree with the reference", (device) => {
  check(device, cells([["jvp"]]));
});

deviceTest("reverse derivatives in float32 agree with the reference", (device) => {
  check(device, cells([["vjp"]]));
});

deviceTest("a sample of second derivatives in float32 agrees with the reference", (device) => {
  const all = cells([["vjp", "jvp"], ["vjp", "vjp"], ["jvp", "jvp"], ["jvp", "vjp"]]);
  check(device, all.filter((_, i) => i % SAMPLE === SEED % SAMPLE));
});
