/** Every row of the primitive table on every device, against the primitive's own float64 evaluation. */
import { assert, assertEquals } from "@std/assert";
import { type DType, isFloat, newTypedArray } from "../../../lib/trace/dtype.ts";
import { upload } from "../../../lib/trace/ops/convert.ts";
import type { HostArray } from "../../../lib/trace/primitive.ts";
import { bind } from "../../../lib/trace/trace.ts";
import { deviceTest } from "../../support/devices.ts";
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
/** The gamma functions cross 0 between poles. */
const GAMMA = new Set(["lgamma", "digamma"]);

function typed(array: HostArray): ReturnType<typeof newTypedArray> {
  const data = newTypedArray(array.dtype, array.data.length);
  data.set(array.data);
  return data;
}

/** What is wrong with the row in this dtype on the default device; null when nothing is. */
function fault(row: PrimitiveCase, dtype: DType): string | null {
  const { inputs, params } = row.make(SEED, dtype);
  const { name } = row.primitive;
  const outputs = row.primitive.infer(inputs.map(({ shape, dtype }) => ({ shape, dtype })), params);
  const expected = row.primitive.evaluate(inputs, params, outputs);
  // Sums cancel, so an element may be much smaller than its terms: what is not elementwise goes by the greatest.
  const pointwise = row.primitive.lower(params, inputs, outputs).kind === "map";
  const results = bind(row.primitive, inputs.map((x) => upload(typed(x), x.dtype, x.shape)), params);
  for (let k = 0; k < results.length; k++) {
    const result = results[k], actual = result.dataSync(), truth = typed(expected[k]);
    const label = `${name} ${row.name} ${dtype}`;
    assertEquals([result.dtype, [...result.shape]], [outputs[k].dtype, [...outputs[k].shape]], label);
    assertEquals(actual.length, truth.length, label);
    const unit = isFloat(outputs[k].dtype) ? EPSILON[outputs[k].dtype] : 0;
    const greatest = pointwise
      ? SMALL
      : expected[k].data.reduce((most, x) => Math.max(most, Math.abs(x)), SMALL);
    for (let i = 0; i < truth.length; i++) {
      if (Object.is(actual[i], truth[i]) || actual[i] === truth[i]) continue;
      const size = Math.max(greatest, Math.abs(truth[i]));
      const allowed = GAMMA.has(name) ? unit * Math.max(8, 64 * size) : 16 * unit * size;
      if (!(Math.abs(actual[i] - truth[i]) <= allowed)) {
        return `${label}: [${i}] ${actual[i]}, not ${truth[i]}`;
      }
    }
  }
  return null;
}

const families = new Map<string, PrimitiveCase[]>();
for (const row of PRIMITIVE_TABLE) {
  const { inputs, params } = row.make(1, row.dtypes[0]);
  const avals = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const { kind } = row.primitive.lower(params, avals, row.primitive.infer(avals, params));
  families.set(kind, [...families.get(kind) ?? [], row]);
}

for (const [kind, rows] of families) {
  deviceTest(`primitives of kind ${kind} compute what they mean in every dtype`, (device) => {
    const wrong: string[] = [];
    for (const row of rows) {
      for (const dtype of row.dtypes) {
        const { inputs, params } = row.make(SEED, dtype);
        const avals = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
        const types = [...avals, ...row.primitive.infer(avals, params)];
        if (device === "webgpu" && types.some((aval) => aval.dtype === "float64")) continue;
        const found = fault(row, dtype);
        if (found !== null) wrong.push(found);
      }
    }
    assert(wrong.length === 0, wrong.join("\n"));
  });
}
