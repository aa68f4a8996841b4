/** Every primitive of the table on the WebAssembly device, against its own float64 evaluation. */
import { assert, assertEquals } from "@std/assert";
import "@damo/damo";
import { installBackend } from "../../../lib/jit/devices.ts";
import { WasmBackend } from "../../../lib/jit/wasm/backend.ts";
import { type DType, isFloat, newTypedArray } from "../../../lib/trace/dtype.ts";
import { upload } from "../../../lib/trace/ops/convert.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { bind } from "../../../lib/trace/trace.ts";
import type { PrimitiveCase } from "../../trace/primitive_case.ts";
import { PRIMITIVE_TABLE } from "../../trace/primitive_table.ts";

const SEED = 7;
const EPSILON: { readonly [d: string]: number } = {
  float16: 2 ** -10,
  float32: 2 ** -23,
  float64: 2 ** -52,
};

/** Results nearer to 0 than this are compared absolutely: they are where functions cross 0. */
const SMALL = 1e-3;

/**
 * Allowed error in units of the last place; of the greatest magnitude of the result for what is not elementwise: sums
 * cancel, so an element may be much smaller than its terms. The gamma functions cross 0 between poles.
 */
function allowed(name: string): number {
  return name === "lgamma" || name === "digamma" ? 64 : 16;
}

function typed(array: HostArray): ReturnType<typeof newTypedArray> {
  const data = newTypedArray(array.dtype, array.data.length);
  data.set(array.data);
  return data;
}

function check(row: PrimitiveCase, dtype: DType): void {
  const { inputs, params } = row.make(SEED, dtype);
  const outputs = row.primitive.infer(inputs.map(({ shape, dtype }) => ({ shape, dtype })), params);
  const expected = row.primitive.evaluate(inputs, params, outputs);
  const pointwise = row.primitive.lower(params, inputs, outputs).kind === "map";
  const results = bind(row.primitive, inputs.map((x) => upload(typed(x), x.dtype, x.shape)), params);
  results.forEach((result, k) => {
    const actual = result.dataSync(), truth = typed(expected[k]);
    const label = `${row.primitive.name} ${row.name} ${dtype}`;
    assertEquals([result.dtype, [...result.shape]], [outputs[k].dtype, [...outputs[k].shape]], label);
    assertEquals(actual.length, truth.length, label);
    const unit = isFloat(outputs[k].dtype) ? allowed(row.primitive.name) * EPSILON[outputs[k].dtype] : 0;
    const greatest = pointwise
      ? SMALL
      : expected[k].data.reduce((most, x) => Math.max(most, Math.abs(x)), SMALL);
    for (let i = 0; i < truth.length; i++) {
      const same = Object.is(actual[i], truth[i]) || actual[i] === truth[i];
      const near = Math.abs(actual[i] - truth[i]) <= unit * Math.max(greatest, Math.abs(truth[i]));
      assert(same || near, `${label}: [${i}] ${actual[i]}, not ${truth[i]}`);
    }
  });
}

Deno.test("primitives on WebAssembly agree with their float64 evaluation in every dtype", () => {
  const restore = installBackend("wasm", () => new WasmBackend());
  try {
    let count = 0;
    for (const row of PRIMITIVE_TABLE) {
      for (const dtype of row.dtypes) {
        check(row, dtype);
        count++;
      }
    }
    console.log(`${count} cells (primitive x shapes x dtype) on WebAssembly, seed ${SEED}`);
  } finally {
    restore();
  }
});
